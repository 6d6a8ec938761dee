"""Rosters as text, and the people in them. No models here: Django may not be set up yet."""

from datetime import UTC, datetime

from bureau.identifiers.identity import with_check_digit

NOW = datetime(2026, 3, 10, 1, 30, tzinfo=UTC)  # 9:30 in Shanghai

LI = with_check_digit("44162119800101001")  # a man
WANG = with_check_digit("44162119850215002")  # a woman
CHEN = with_check_digit("44162119640630003")
ZHAO = with_check_digit("44162120150909004")

MEMBER_HEADINGS = (
    "姓名,证件号码,险种类型,人员类别,本次参保日期,终止日期,参保所属医保区划,单位编号,联系电话,待遇人员类别"
)


def roster(headings: str, *lines: str, encoding: str = "utf-8-sig") -> bytes:
    return "\r\n".join([headings, *lines, ""]).encode(encoding)


def members(*lines: str) -> bytes:
    """Lines of name, number, person type, first day, and optionally last day, area, employer, phone, class."""
    padded = []
    for line in lines:
        name, number, kind, first, *rest = line.split(",")
        last, area, employer, phone, person_class = [*rest, "", "", "", "", ""][:5]
        padded.append(f"{name},{number},310,{kind},{first},{last},{area or '441699'},{employer},{phone},{person_class}")
    return roster(MEMBER_HEADINGS, *padded)


FOUR = members(
    f"李明,{LI},11,2026-01-01",
    f"王芳,{WANG},11,2026-01-01",
    f"陈强,{CHEN},11,2026-01-01",
    f"赵小,{ZHAO},11,2026-01-01",
)
