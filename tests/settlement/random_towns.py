"""Random people and histories of visits in a small town, drawn as plain facts."""

from dataclasses import dataclass, field, is_dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from tests.rules import literal_terms as literal
from tests.rules.random_editions import FIGURES, FIRST, LAST, PLANS, POOL, days, seldom

Days = tuple[date, date]
NOTHING = Fraction(0)
SINCE = date(2020, 1, 1)

# name → kind, in the area, has an agreement, the institution it belongs to, code
PLACES: dict[str, tuple[str, bool, bool, str, str]] = {
    "home": ("centre", True, True, "", ""),
    "station": ("station", True, True, "home", ""),
    "near": ("hospital", True, True, "", ""),
    "other": ("centre", True, True, "", ""),
    "stranger": ("hospital", True, False, "", ""),
    "filed": ("hospital", False, True, "", "H44030000001"),
    "far": ("hospital", False, True, "", "H11010100001"),
    "pharmacy": ("pharmacy", True, True, "", ""),
    "shop": ("pharmacy", True, False, "", ""),
}
PARTS = (
    "own_expense", "over_limit", "first_self", "ordinary", "general_fee", "consultation_fee", "other_funds",
    "other_remainder",
)  # fmt: skip


@dataclass
class Town:
    """Levels by place, from the first day and from another day on; figures in yuan by year."""

    levels: dict[str, tuple[int | None, date, int | None]]
    figures: dict[int, dict[str, Fraction]]

    def level(self, place: str, on: date) -> int | None:
        """A station is unrated by its kind; where another has no level, nobody knows one."""
        first, changes, later = self.levels[place]
        level = first if on < changes else later
        return 0 if level is None and PLACES[place][0] == "station" else level


@dataclass
class Purse:
    """A personal account that may pay: the patient's relation to its holder, on which days, and its balance."""

    relation: str
    lent: Days
    balance: Fraction


@dataclass
class Person:
    birth: date | None
    classes: list[tuple[date, str, str, bool]]  # from a day: class, plan, in large-claims insurance
    enrolled_until: date
    entitled: Days
    stops: list[tuple[str, Days]]
    stays: list[Days]
    chosen: list[tuple[str, Days]]
    referred: Days | None
    registered: Days | None
    purses: list[Purse]
    openings: list[tuple[int, Fraction, Fraction, Fraction]]  # year: paid by the fund, of it fixed, deductible
    elsewhere: list[tuple[str, date, Fraction]]  # paid by a fund outside outpatient care


@dataclass
class Seen:
    """A visit to settle. `prescriber`: the place whose prescription of the same encounter is filled."""

    place: str
    on: date
    encounter: str
    parts: dict[str, Fraction]
    emergency: bool = False
    prescriber: str = ""
    pay_from: str = "own"

    @property
    def total(self) -> Fraction:
        return sum(self.parts.values(), NOTHING)


@dataclass
class Answer:
    """What the literal reading says of a visit; None for what is turned away. `paid`: by account, in their order."""

    paid: literal.Paid | None
    accounts: list[Fraction] = field(default_factory=list)


Event = Seen | int  # a number takes the visit of that number back


# What is drawn


def fen(most: int) -> st.SearchStrategy[Fraction]:
    return st.integers(0, most).map(lambda amount: Fraction(amount, 100))


def spans(draw: Any, most: int) -> Days:
    first = draw(days)
    return first, first + timedelta(draw(st.integers(0, most)))


@st.composite
def towns(draw: Any) -> Town:
    level = st.integers(0, 3)
    levels = {}
    for name, (kind, *_rest) in PLACES.items():
        first = None if kind in ("pharmacy", "station") or seldom(draw, 12) else draw(level)
        changes = kind not in ("pharmacy", "station") and seldom(draw, 4)
        levels[name] = (first, draw(days), draw(level)) if changes else (first, LAST, first)
    figures = {
        year: {code: draw(fen(60_000)) * draw(st.sampled_from([1, 20])) + 1 for code in FIGURES if not seldom(draw, 12)}
        for year in range(FIRST.year - 1, LAST.year + 1)
    }
    return Town(levels, figures)


@st.composite
def people(draw: Any) -> Person:
    classes: list[tuple[date, str, str, bool]] = []
    for first in [SINCE, *sorted(draw(st.sets(days, max_size=2)))]:
        before = classes[-1] if classes else (first, "active", draw(st.sampled_from(PLANS)), draw(st.booleans()))
        kind = draw(st.sampled_from(["active", "flexible", "retired", "retired", "pooled_only"]))
        if seldom(draw, 12):
            kind = "lump_sum"  # in no group of the random editions
        plan = draw(st.sampled_from(PLANS)) if seldom(draw, 3) or before[1] == "pooled_only" else before[2]
        if kind == "pooled_only":
            plan = "pooled_only"
        classes.append((first, kind, plan, draw(st.booleans()) if seldom(draw, 3) else before[3]))
    chosen: list[tuple[str, Days]] = []
    where = st.sampled_from(["home", "home", "home", "station", "near", "other"])
    for year in range(FIRST.year, LAST.year + 1):
        month = draw(st.integers(2, 12)) if seldom(draw, 3) else 1
        if not seldom(draw, 6):
            chosen.append((draw(where), (date(year, month, 1), date(year, 12, 31))))
            if month > 1:
                first = (date(year, 1, 1), date(year, month, 1) - timedelta(1))
                chosen.append((draw(where), first))
    spouse = Purse("spouse", spans(draw, 500), draw(fen(60_000)))
    child = Purse("child", spans(draw, 500), draw(fen(60_000)))
    return Person(
        birth=draw(st.sampled_from([date(1956, 2, 29), date(1966, 7, 1), date(2020, 12, 31), None])),
        classes=classes,
        enrolled_until=draw(days) if seldom(draw, 12) else date(2030, 12, 31),
        entitled=spans(draw, 600) if seldom(draw, 12) else (SINCE, date(2030, 12, 31)),
        stops=[(draw(st.sampled_from(["suspended", "arrears"])), spans(draw, 90))] if seldom(draw, 6) else [],
        stays=[spans(draw, 30)] if seldom(draw, 6) else [],
        chosen=chosen,
        referred=spans(draw, 400) if draw(st.booleans()) else None,
        registered=spans(draw, 500) if draw(st.booleans()) else None,
        purses=[
            Purse("self", (SINCE, date(2030, 12, 31)), draw(fen(90_000))),
            *draw(st.sampled_from([[], [spouse], [child], [spouse, child]])),
        ],
        openings=[
            (year, fixed + draw(fen(40_000)), fixed, draw(fen(20_000)))
            for year in (FIRST.year, LAST.year)
            if seldom(draw)
            for fixed in [draw(st.sampled_from([NOTHING, Fraction(80)]))]
        ],
        elsewhere=[
            (draw(st.sampled_from([POOL, POOL, "large_claims"])), draw(days), draw(fen(400_000)) + 1)
            for _ in range(draw(st.sampled_from([0, 0, 1])))
        ],
    )


@st.composite
def histories(draw: Any) -> list[Event]:
    """Visits and what is taken back, in the order of settling; mostly, not always, that of care."""
    events: list[Event] = []
    standing: list[int] = []
    on = draw(days | st.integers(0, 60).map(lambda number: date(2026, 11, 20) + timedelta(number)))
    for number in range(draw(st.integers(3, 12))):
        if standing and seldom(draw):
            events.append(standing.pop(draw(st.integers(0, len(standing) - 1))))
            continue
        on = min(on + timedelta(draw(st.sampled_from([0, 0, 0, 1, 1, 3, 10, 30, 95]))), LAST)
        day = on if not seldom(draw, 8) else draw(days)
        if seldom(draw, 40):
            day = FIRST - timedelta(draw(st.integers(1, 40)))
        parts = dict.fromkeys(PARTS, NOTHING)
        for name in ("own_expense", "over_limit", "first_self"):
            if seldom(draw, 6):
                parts[name] = draw(fen(6_000))
        if seldom(draw, 6):
            parts["other_funds"], parts["other_remainder"] = draw(fen(20_000)), draw(fen(20_000))
        else:
            parts["ordinary"] = draw(fen(60_000))
        for name in ("general_fee", "consultation_fee"):
            if seldom(draw, 3):
                parts[name] = draw(fen(9_000))
        seen = Seen(
            place=draw(st.sampled_from(["home"] * 4 + ["near"] * 3 + list(PLACES)[1:])),
            on=day,
            encounter=f"E{number}",
            parts=parts,
            emergency=seldom(draw, 8),
            pay_from=draw(st.sampled_from(["own", "own", "family", "family", "none"])),
        )
        before = [event for event in events if isinstance(event, Seen)]
        # An encounter lies in one year, or runs over its end by a month.
        before = [
            one
            for one in before
            if all(about(other.on, day) for other in before if other.encounter == one.encounter)
        ]
        if before and seldom(draw, 4):
            earlier = draw(st.sampled_from([before[-1], *before]))
            seen.encounter = earlier.encounter
            if not parts["other_remainder"] and not earlier.prescriber and draw(st.booleans()):
                seen.place, seen.prescriber = draw(st.sampled_from(["pharmacy", "pharmacy", "shop"])), earlier.place
                seen.emergency = False
        standing.append(len(events))
        events.append(seen)
    return events


def moved(value: Any, years: int) -> Any:
    """The same facts some years later; births and what has begun long ago stay."""
    if isinstance(value, date):
        return value if value <= date(2020, 12, 31) else value.replace(year=value.year + years)
    if isinstance(value, list | tuple):
        return type(value)(moved(item, years) for item in value)
    if not is_dataclass(value):
        return value
    new = replace(value, **{name: moved(item, years) for name, item in vars(value).items()})
    if isinstance(new, Town):
        new.figures = {year + years: known for year, known in new.figures.items()}
    elif isinstance(new, Person):
        new.openings = [(year + years, *amounts) for year, *amounts in new.openings]
    return new


# What the literal reading is told


def about(one: date, other: date) -> bool:
    return one.year == other.year or abs(one - other) <= timedelta(31)
