"""Identity numbers (GB 11643) and the other documents a member may hold. Pure Python.

Three documents carry a number of this form: the identity card of residents, the residence permit of people of Hong
Kong, Macao and Taiwan (its area is 81, 82 or 83), and the permanent residence card of foreigners since December 2023,
whose first digit is 9 (digits 2 to 6 say where and to whom it was first issued); the same check digit, date of birth
and sex in all. A number is one person's, whatever a file calls the document.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from operator import mul
from zoneinfo import ZoneInfo

IDENTITY_CARD, FOREIGNERS_CARD, RESIDENCE_PERMIT = "01", "07", "17"
CARDS = (IDENTITY_CARD, FOREIGNERS_CARD, RESIDENCE_PERMIT)
_PASSES = {"H": "04", "M": "05"}  # of people of Hong Kong and of Macao, by the first letter of the number
SAME_NUMBERS = (CARDS, tuple(_PASSES.values()))  # kinds among which one number is one person

# psn_cert_type of the national dictionary.
DOCUMENT_KINDS: dict[str, str] = {
    "01": "居民身份证（户口簿）",
    "02": "中国人民解放军军官证",
    "03": "中国人民武装警察警官证",
    "04": "香港特区护照/港澳居民来往内地通行证",
    "05": "澳门特区护照/港澳居民来往内地通行证",
    "06": "台湾居民来往大陆通行证",
    "07": "外国人永久居留身份证",
    "08": "外国人护照",
    "09": "残疾人证",
    "10": "军烈属证明",
    "11": "外国人就业证",
    "12": "外国专家证",
    "13": "外国人常驻记者证",
    "14": "台港澳人员就业证",
    "15": "回国（来华）定居专家证",
    "16": "中国护照",
    "17": "港澳台居民居住证",
    "90": "社会保障卡",
    "99": "其他身份证件",
    "990102": "扶贫人口编码",
    "990201": "医学出生证明",
}

# What people write for them besides.
OTHER_NAMES: dict[str, tuple[str, ...]] = {
    "01": (
        "居民身份证", "身份证", "二代身份证", "第二代居民身份证", "中华人民共和国居民身份证", "临时居民身份证",
        "临时身份证", "居民户口簿", "户口簿", "户口本",
    ),
    "02": ("解放军军官证", "军官证", "中国人民解放军士兵证", "士兵证", "军人证"),
    "03": ("武警警官证", "警官证", "武警证"),
    "04": (
        "港澳居民来往内地通行证", "香港居民来往内地通行证", "港澳居民通行证", "港澳通行证", "回乡证", "香港特区护照",
        "香港护照",
    ),
    "05": ("澳门居民来往内地通行证", "澳门特区护照", "澳门护照"),
    "06": ("台胞证", "台湾同胞证", "台湾通行证", "台湾居民通行证", "台湾居民来往内地通行证"),
    "07": ("外国人永久居留证", "永久居留身份证", "永久居留证", "外国人永久居留身份证（五星卡）", "永居证", "五星卡"),
    "08": ("护照", "外国护照", "外籍护照", "普通护照"),
    "09": ("残疾证", "残疾人证件"),
    "11": ("外国人工作许可证", "外国人就业许可证"),
    "14": ("港澳台人员就业证", "台港澳就业证"),
    "16": ("中华人民共和国护照", "因私护照", "中国公民护照"),
    "17": ("港澳居民居住证", "台湾居民居住证", "香港居民居住证", "澳门居民居住证", "港澳台居住证", "居住证"),
    "90": ("社保卡", "社会保障（市民）卡"),
    "99": ("其他", "其他证件", "其它", "其它证件"),
    "990201": ("出生医学证明", "出生证明", "出生证"),
}  # fmt: skip

MALE, FEMALE = "1", "2"
_HERE = ZoneInfo("Asia/Shanghai")


def _(message: str) -> str:
    """Mark a sentence for the message catalogue; whoever shows it translates it."""
    return message


# What identity_number_problem and document_number_problem return, each with the sentence to show.
DOCUMENT_MESSAGES: dict[str, str] = {
    "identity_old": _("Identity numbers of 15 digits are no longer valid; give the one of 18 characters."),
    "identity_length": _("An identity number has 18 characters; this one has %(length)d."),
    "identity_characters": _("An identity number is 17 digits followed by a digit or X."),
    "identity_birth": _("Characters 7 to 14 of the identity number are not a date of birth."),
    "identity_unborn": _("The date of birth in the identity number lies in the future."),
    "identity_checksum": _("The check digit of the identity number is wrong; compare it with the card."),
    "document_length": _("A document number has at most 40 characters; this one has %(length)d."),
    "document_characters": _("A document number contains no blanks and no control characters."),
}

_WEIGHTS = tuple(pow(2, 17 - place, 11) for place in range(17))
_CHECK_DIGITS = "10X98765432"
_ZEROS = ord("0") * sum(_WEIGHTS)
LONGEST_DOCUMENT_NUMBER = 40


def _check_digit(first17: str) -> str:
    return _CHECK_DIGITS[(sum(map(mul, first17.encode("ascii"), _WEIGHTS)) - _ZEROS) % 11]


@lru_cache(maxsize=65536)
def _born_on(digits: str) -> datetime.date | None:
    try:
        born_on = datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
    return born_on if born_on.year >= 1900 else None


_STARTED_ON = datetime.datetime.now(_HERE).date()  # whoever was born by then is born


def identity_number_problem(number: str) -> str | None:
    """The code of what is wrong with an identity number (a key of DOCUMENT_MESSAGES), or None.

    The number is taken as it would be stored: 18 characters, X in upper case, nothing around it.
    """
    problem, born_on = _examined(number)
    if born_on is not None and born_on > _STARTED_ON and born_on > datetime.datetime.now(_HERE).date():
        return "identity_unborn"
    return problem


@lru_cache(maxsize=16)  # the checks of one row ask again and again
def _examined(number: str) -> tuple[str | None, datetime.date | None]:
    """What is wrong with a number but for who is not yet born, and the day of birth in it."""
    if len(number) != 18:
        old = len(number) == 15 and number.isascii() and number.isdigit()
        return "identity_old" if old else "identity_length", None
    first17, last = number[:17], number[17]
    if not (number.isascii() and first17.isdigit() and number[0] != "0" and last in _CHECK_DIGITS):
        return "identity_characters", None
    born_on = _born_on(number[6:14])
    if born_on is None:
        return "identity_birth", None
    return None if _check_digit(first17) == last else "identity_checksum", born_on


# Eighteen characters of any width, in groups or not, that begin and end no longer row of digits.
_DIGIT = "[0-9０-９]"
_BETWEEN = r"[\s\-‐-―－.·•_\u00ad\u200b-\u200f\u2060\ufeff]{0,2}"
_INSIDE = re.compile(rf"(?<!{_DIGIT})(?=((?:{_DIGIT}{_BETWEEN}){{17}}(?:{_DIGIT}|[XxＸｘ]))(?!{_DIGIT}))")
_A_DIGIT = re.compile(_DIGIT)


def _inside(text: str) -> Iterator[tuple[int, int, str]]:
    """Where something like an identity number stands in a text: its first place, that after its last, the number."""
    if len(text) < 18 or not _A_DIGIT.search(text):
        return
    for found in _INSIDE.finditer(text):
        plain = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", found[1])))
        yield *found.span(1), plain.upper()


def numbers_in(text: str) -> list[str]:
    """The valid identity numbers that stand in a text, whatever their width and groups, as they would be stored."""
    return [number for _first, _end, number in _inside(text) if identity_number_problem(number) is None]


def without_numbers(text: str) -> str:
    """The text with the last four of each identity number in it, also of one that was typed wrongly."""
    kept, at = [], 0
    for first, end, number in _inside(text):
        if first >= at and identity_number_problem(number) in (None, "identity_checksum"):
            kept += [text[at:first], f"····{number[-4:]}"]
            at = end
    return "".join([*kept, text[at:]])


def document_number_problem(document_kind: str, number: str) -> str | None:
    """The code of what is wrong with the number of a document of this kind, or None.

    Cards and permits have an identity number, foreigners' cards of before December 2023 one of 15 characters; other
    numbers have at most 40 characters and no blanks.
    """
    if document_kind in (IDENTITY_CARD, RESIDENCE_PERMIT) or (
        document_kind == FOREIGNERS_CARD and len(number) == 18
    ):
        return identity_number_problem(number)
    if len(number) > LONGEST_DOCUMENT_NUMBER:
        return "document_length"
    if any(character.isspace() or ord(character) < 32 or ord(character) == 127 for character in number):
        return "document_characters"
    return None


def states_birth(document_kind: str, number: str) -> bool:
    """Whether the number of a document of this kind is an identity number, which says date of birth and sex."""
    return document_kind in CARDS and identity_number_problem(number) is None


def kind_of(document_kind: str, number: str) -> str:
    """The kind of document that has this number, where a file may have called it by a neighbour's name."""
    if document_kind in CARDS and identity_number_problem(number) is None:
        if number[0] == "9":
            return FOREIGNERS_CARD
        return RESIDENCE_PERMIT if number[:2] in ("81", "82", "83") else IDENTITY_CARD
    if document_kind in _PASSES.values():
        return _PASSES.get(number[:1], document_kind)
    return document_kind


def same_kinds(document_kind: str) -> tuple[str, ...]:
    """The kinds among which one number is one person."""
    return next((kinds for kinds in SAME_NUMBERS if document_kind in kinds), (document_kind,))


def birth_and_sex(identity_number: str) -> tuple[datetime.date, str]:
    """Date of birth and sex (`1` male, `2` female) in a valid identity number; ValueError otherwise."""
    problem = identity_number_problem(identity_number)
    if problem is not None:
        raise ValueError(problem)
    born_on = _born_on(identity_number[6:14])
    assert born_on is not None
    return born_on, MALE if int(identity_number[16]) % 2 else FEMALE


def with_check_digit(first17: str) -> str:
    """The identity number that begins with these 17 digits (area 6, birth 8, sequence 3)."""
    if len(first17) != 17 or not (first17.isascii() and first17.isdigit()):
        raise ValueError("an identity number begins with 17 digits")
    return first17 + _check_digit(first17)
