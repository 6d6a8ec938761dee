"""Parsers of single cells: what a clerk typed, or what Excel made of it, into a checked Python value.

A parser takes a cell that is not blank: a cleaned text (see `clean`) from CSV, or a native value (int, float,
bool, datetime) from XLSX. It returns the value or raises Refused. Parsers whose cells repeat are cached.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

from bureau.files.problems import Refused
from bureau.files.problems import noop as _
from bureau.files.writing import Words, plain
from bureau.identifiers.bank_accounts import account_number
from bureau.identifiers.identity import (
    DOCUMENT_MESSAGES,
    IDENTITY_CARD,
    LONGEST_DOCUMENT_NUMBER,
    document_number_problem,
    numbers_in,
)
from bureau.identifiers.names import is_damaged

Cell: TypeAlias = Any
Value = TypeVar("Value")
Parser: TypeAlias = Callable[[Cell], Any]

# Marks that nobody sees and that arrive with copied text: zero-width, direction and byte-order marks.
_INVISIBLE = dict.fromkeys(
    [0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF]
)
_HALF_WIDTH = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | {
    0x3000: " ", 0xA0: " ", 0x3002: ".", 0xFFE5: "¥", 0x2013: "-", 0x2014: "-", 0x2212: "-",
}  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]", re.ASCII)
_EXCEL_ERRORS = {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"}


IDENTITY_INSIDE = _("The cell contains an identity number; it belongs in the column of documents alone.")


def clean(text: str) -> str:
    """A text without invisible marks, blanks around it, and the apostrophe that keeps Excel from calculating.

    Formulas and Excel's error values are refused here, for every column.
    """
    text = text.strip() if text.isascii() else text.translate(_INVISIBLE).strip()
    if text:
        first = text[0]
        if first == "=":
            raise Refused(
                "formula",
                _("The cell contains a formula; copy the column and paste it as values."),
            )
        if first == "#" and text in _EXCEL_ERRORS:
            raise Refused("excel_error", _("The cell contains Excel's error %(value)s."), value=text)
        if first in "'’‘`":
            text = text[1:].lstrip()
    return text


def half_width(text: str) -> str:
    """Full-width letters, digits and signs as ASCII."""
    return text if text.isascii() else text.translate(_HALF_WIDTH).strip()


def shown(cell: Cell) -> str:
    """A cell as text for a message or a file of rejected rows."""
    if cell is None:
        return ""
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        cell = cell.date()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        cell = int(cell)
    return str(cell)


def short(cell: Cell) -> str:
    """A cell for a message, cut where it is long."""
    text = shown(cell)
    return text if len(text) <= 40 else text[:39] + "…"


_SCIENTIFIC = re.compile(r"[+-]?\d+(\.\d+)?[Ee]\+?\d+", re.ASCII)


def _digits_lost(cell: Cell) -> Refused:
    value = f"{Decimal(cell):.2E}" if isinstance(cell, int | float) else str(cell)
    return Refused(
        "digits_lost",
        _("Excel has turned the number into %(value)s; format the column as text and enter it again."),
        value=value,
    )


def _code_text(cell: Cell) -> str:
    """A number that is a name (identity number, account, key) as text; refused where Excel cut its digits."""
    if isinstance(cell, str):
        text = half_width(cell)
        if _SCIENTIFIC.fullmatch(text):
            raise _digits_lost(text)
        return text
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        cell = int(cell)
    # Excel keeps 15 significant digits and writes zeros for the rest.
    if isinstance(cell, float) or (isinstance(cell, int) and cell >= 10**15 and cell % 1000 == 0):
        raise _digits_lost(cell)
    return shown(cell)


def text(maximum: int, *, is_code: bool = False) -> Parser:
    """Text of at most so many characters, line breaks and runs of blanks as one blank.

    Identity numbers belong in a column of their own: a text with one in it is refused. A code may look like one.
    """

    def parse(cell: Cell) -> str:
        value = " ".join(shown(cell).split())
        if _CONTROL.search(value):
            raise Refused("control", _("The cell contains control characters."))
        if len(value) > maximum:
            raise Refused(
                "too_long",
                _("At most %(maximum)d characters; this text has %(length)d."),
                maximum=maximum,
                length=len(value),
            )
        if not is_code and numbers_in(value):
            raise Refused("identity_inside", IDENTITY_INSIDE)
        return value

    return parse


_person_text = text(60)


def person_name(cell: Cell) -> str:
    """A person's name. Blanks that align Chinese names of two characters go; those of Latin names stay."""
    value: str = _person_text(cell)
    if " " in value and not any(character.isascii() and character.isalpha() for character in value):
        value = value.replace(" ", "")
    if is_damaged(value):
        raise Refused(
            "damaged_name",
            _("“%(value)s” is a damaged name; write it as it stands on the document."),
            value=short(value),
        )
    return value


def code(maximum: int) -> Parser:
    """A key or number that is a name: no blanks inside, at most so many characters, full-width made ASCII."""
    plain = text(maximum, is_code=True)

    def parse(cell: Cell) -> str:
        value: str = plain(_code_text(cell))
        if " " in value:
            raise Refused("blank_inside", _("The value contains blanks."))
        return value

    return parse


def bank_account(cell: Cell) -> str:
    """The number of a bank account, without the blanks between its groups."""
    value = account_number(_code_text(cell))
    if value is None:
        raise Refused("bank_account", _("A bank account has 8 to 30 digits."))
    return value


def document_number(cell: Cell) -> str:
    """The number of a document of any kind, without blanks and in upper case.

    Which number is right depends on the kind of document: the sheet's check `document` looks at both.
    """
    value = "".join(_code_text(cell).split()).upper()
    if len(value) > LONGEST_DOCUMENT_NUMBER:
        raise Refused("document_length", DOCUMENT_MESSAGES["document_length"], length=len(value))
    if _CONTROL.search(value):
        raise Refused("document_characters", DOCUMENT_MESSAGES["document_characters"])
    return value


def require_document_number(document_kind: str, number: str) -> None:
    """Raise Refused unless a document of this kind can have this number."""
    problem = document_number_problem(document_kind, number)
    if problem == "identity_checksum" and number.endswith("000"):
        raise _digits_lost(int(number))
    if problem is not None:
        raise Refused(problem, DOCUMENT_MESSAGES[problem], length=len(number))


def identity_number(cell: Cell) -> str:
    """An identity number (GB 11643), X in upper case."""
    value = document_number(cell)
    require_document_number(IDENTITY_CARD, value)
    return value


_COMMON_AMOUNT = re.compile(r"\d{1,14}\.\d\d", re.ASCII)  # nothing of which has to be put right
_PLAIN_AMOUNT = re.compile(r"[+-]?\d{1,20}(\.\d*)?", re.ASCII)
_GROUPED_AMOUNT = re.compile(r"[+-]?\d{1,3}(,\d{3}){1,5}(\.\d*)?", re.ASCII)
_LARGEST_AMOUNT = Decimal("99999999999999.99")


def _decimal(cell: Cell) -> Decimal:
    if isinstance(cell, bool):
        raise Refused("number", _("“%(value)s” is not a number."), value=short(cell))
    if isinstance(cell, float):
        # The cell shows 1234.56 and the file says 1234.5599999999999: binary noise, not a third decimal.
        nearest = round(cell, 2)
        if abs(cell) < 1e12 and abs(nearest - cell) <= 1e-9 * max(1.0, abs(cell)):
            cell = nearest
    value = half_width(cell) if isinstance(cell, str) else repr(cell)
    if not value.isascii() or value[-1:] not in "0123456789.":
        value = value.removesuffix("元").strip()
        value = value.replace("¥", "", 1).strip() if value.lstrip("+-").startswith("¥") else value
    if _SCIENTIFIC.fullmatch(value) or (isinstance(cell, float) and "e" in value):
        raise Refused(
            "scientific",
            _("“%(value)s” is in scientific notation; write all digits."),
            value=short(value),
        )
    if _GROUPED_AMOUNT.fullmatch(value):
        value = value.replace(",", "")
    if not _PLAIN_AMOUNT.fullmatch(value):
        raise Refused("number", _("“%(value)s” is not a number."), value=short(cell))
    amount = Decimal(value)
    if amount.as_tuple().exponent < -2 and amount != round(amount, 2):  # type: ignore[operator]
        raise Refused("decimals", _("“%(value)s” has more than two decimals."), value=short(cell))
    if abs(amount) > _LARGEST_AMOUNT:
        raise Refused("amount_range", _("“%(value)s” is larger than any amount here."), value=short(cell))
    return amount.quantize(Decimal("0.01"))


def money(*, negative: bool = False) -> Parser:
    """An amount in yuan as Decimal with two decimals; negative amounts only where they are allowed."""

    def parse(cell: Cell) -> Decimal:
        if cell.__class__ is str and _COMMON_AMOUNT.fullmatch(cell):
            return Decimal(cell)
        amount = _decimal(cell)
        if amount < 0 and not negative:
            raise Refused("negative", _("The amount is negative."))
        return amount

    parse.write = plain  # type: ignore[attr-defined]
    return parse


def score(cell: Cell) -> Decimal:
    """A score from 0 to 100 with at most two decimals."""
    value = _decimal(cell)
    if not 0 <= value <= 100:
        raise Refused("score", _("A score lies between 0 and 100."))
    return value


score.write = plain  # type: ignore[attr-defined]


def integer(minimum: int, maximum: int) -> Parser:
    """A whole number between two bounds, both allowed."""

    def parse(cell: Cell) -> int:
        value = half_width(shown(cell)).removesuffix("年")
        if not re.fullmatch(r"[+-]?\d{1,9}(\.0*)?", value, re.ASCII) or isinstance(cell, bool):
            raise Refused("integer", _("“%(value)s” is not a whole number."), value=short(cell))
        number = int(value.partition(".")[0])
        if not minimum <= number <= maximum:
            raise Refused(
                "integer_range",
                _("The number lies between %(minimum)d and %(maximum)d."),
                minimum=minimum,
                maximum=maximum,
            )
        return number

    parse.write = plain  # type: ignore[attr-defined]
    return parse


def _spelling(cell: Cell) -> str:
    return re.sub(r"\s", "", half_width(shown(cell))).casefold()


def choice(table: Mapping[Value, tuple[str, ...]]) -> Callable[[Cell], Value]:
    """One of a table's keys, by the key itself or a label; also `310 职工医保`, and `1` for `01`."""
    spellings: dict[str, Value] = {}
    for value, labels in table.items():
        for label in (str(value), *labels):
            spellings[_spelling(label)] = value
    for value in table:
        spellings.setdefault(_spelling(str(value)).lstrip("0") or "0", value)
    names = [labels[0] if labels else str(value) for value, labels in table.items()]
    expected = "、".join(names if len(names) <= 12 else [*names[:12], "…"])

    @lru_cache(maxsize=1024, typed=True)
    def parse(cell: Cell) -> Value:
        spelling = _spelling(cell)
        if spelling in spellings:
            return spellings[spelling]
        match = re.fullmatch(r"([0-9a-z]+)[-_:|.、]?([^0-9].*)", spelling)
        if match and match[1] in spellings and spellings.get(match[2]) == spellings[match[1]]:
            return spellings[match[1]]
        raise Refused(
            "choice",
            _("“%(value)s” is unknown here; one of %(expected)s is expected."),
            value=short(cell),
            expected=expected,
        )

    # A code is written as the code, anything else as its first word.
    words = {value: str(value) if str(value).isdigit() or not labels else labels[0] for value, labels in table.items()}
    parse.write = Words(words)  # type: ignore[attr-defined]
    return parse


yes_no = choice({True: ("是", "1", "y", "yes", "有", "√"), False: ("否", "0", "n", "no", "无", "×")})


def _pattern(name: str, pattern: str, message: str) -> Parser:
    compiled = re.compile(pattern, re.ASCII)

    @lru_cache(maxsize=4096, typed=True)
    def parse(cell: Cell) -> str:
        value = "".join(_code_text(cell).split()).upper()
        if not compiled.fullmatch(value):
            raise Refused(name, message, value=short(cell))
        return value

    return parse


_phone = _pattern(
    "phone",
    r"\+?\d[\d-]{5,18}\d",
    _("“%(value)s” is not a telephone number: digits and hyphens, 7 to 20 of them."),
)


def phone(cell: Cell) -> str:
    """A telephone number, as it is written; an identity number is none."""
    value: str = _phone(cell)
    if numbers_in(value):
        raise Refused("identity_inside", IDENTITY_INSIDE)
    return value


area_code = _pattern(
    "area",
    r"[1-8]\d{5}",
    _("“%(value)s” is not an area code: six digits (GB/T 2260)."),
)
institution_code = _pattern(
    "institution",
    r"[HP]\d{11}",
    _("“%(value)s” is not an institution code: H or P followed by 11 digits."),
)
