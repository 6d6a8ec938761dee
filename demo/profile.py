"""What each city of the demonstration is like: its counties, institutions, people, bills and invented figures.

The rules come from the rulebook of the same name; what they ask for (accounts, a choice of institution, monthly
runs) is done, what they do not know is left out. Everything else about a city stands in `cities/NAME.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from bureau.rules import payment as provider
from bureau.rules.format import edition as rules
from bureau.rules.format.edition import Edition

CITIES = Path(__file__).parent / "cities"


@dataclass(frozen=True, slots=True)
class County:
    """A county with its agency: how many of the members live there, in parts, and its invented towns."""

    code: str
    name: str
    people: int
    towns: list[str]
    urban: bool = False
    hospitals: int = 1  # of level 2


@dataclass(frozen=True, slots=True)
class Figure:
    """An invented figure, entered and confirmed on a day."""

    code: str
    year: int
    value: Decimal
    on: date
    grows: bool = False  # with the city: the value is for as many members as live there unless told otherwise


@dataclass(frozen=True)
class Profile:
    """One city. Shares are of all members or bills; amounts in yuan unless said otherwise."""

    name: str
    members: int  # how many live there unless told otherwise
    seed: int
    year: int  # the year that is lived
    opening: date  # the first day of the story
    counties: list[County]
    large_hospitals: list[dict[str, Any]]  # of level 3, in the first county
    villages: list[str]
    pharmacies: int
    elsewhere: dict[str, str]  # cities where members live or are posted: code → a hospital there
    clearing: str  # the clearing body's name
    classes: dict[str, int]  # person class → parts
    figures: list[Figure]
    bills: dict[int, tuple[float, float]]  # level → mean bill and its spread
    fees: dict[int, int]  # level → general consultation fee (fen)
    illness: float = 1.0  # how often people fall ill, against the first city
    plans: dict[str, dict[str, int]] = field(default_factory=dict)  # person class → plan as a roster writes it → parts
    large_claims: float = 0.0  # how many are enrolled in large-claims insurance
    consultation_fee: int = 0  # at hospitals, paid by a fixed amount (fen)
    chronic: float = 0.0  # bills of which another fund has paid a part before
    inpatient_use: float = 0.0  # members for whom the pooled fund pays in hospital
    elsewhere_visits: float = 0.04  # bills at another institution than the usual one
    pharmacy_visits: float = 0.04  # purchases at a pharmacy without a prescription
    filled_outside: float = 0.045  # prescriptions that a pharmacy fills
    newborns: float = 0.0  # members born in the year
    claims: int = 3  # claims by hand a month
    opening_use: bool = False  # whether an old system had counted what the fund paid
    left: str = "items"  # the kind of the last runs, which are left at every step
    year_end_reversals: bool = False  # whether an institution takes visits back after the settlement

    @property
    def new_year(self) -> date:
        return date(self.year, 1, 1)

    @property
    def next_year(self) -> date:
        return date(self.year + 1, 1, 1)

    # What the rules ask for

    @cached_property
    def texts(self) -> dict[str, str]:
        """The rulebook's files, by name."""
        return {path.name: path.read_text("utf-8") for path in sorted((rules.RULEBOOKS / self.name).glob("*.toml"))}

    @cached_property
    def edition(self) -> Edition:
        return rules.load(self.texts)

    @property
    def area(self) -> str:
        return self.edition.area

    @property
    def scheme(self) -> str:
        return self.edition.scheme

    @property
    def rules(self) -> Mapping[str, Any]:
        return self.edition.at(self.new_year)

    @property
    def has_accounts(self) -> bool:
        return "credits" in self.rules

    @property
    def relations(self) -> set[str]:
        return set(self.rules.get("account", {}).get("relations", []))

    @cached_property
    def roles(self) -> dict[str, dict[str, Any]]:
        """What members choose, by role."""
        return {role["role"]: role for role in self.rules.get("selection", {}).get("roles", [])}

    @property
    def chooses(self) -> bool:
        """Whether members choose an institution at home."""
        return bool(self.roles.keys() - {"remote"})

    @property
    def chooses_stations(self) -> bool:
        """Whether a station is chosen besides its centre."""
        return "station" in self.roles

    @property
    def selectable_levels(self) -> set[int]:
        """Levels of the institutions among which members choose; where nobody chooses, all of them."""
        return {1} if self.chooses_stations else {0, 1, 2, 3}

    @property
    def suspension(self) -> str:
        """What the roster of suspensions calls arrears: what the rules refuse for."""
        arrears = any(rule["standing"] == "arrears" for rule in self.rules.get("entitlement", []))
        return "欠费" if arrears else "暂停"

    @cached_property
    def runs(self) -> set[str]:
        return set(provider.kinds(self.edition, self.new_year))

    @property
    def returns_due(self) -> bool:
        return "returns" in self.rules.get("provider", {})

    @property
    def prefix(self) -> str:
        """What numbers that the city gives out begin with."""
        return self.area[:4]


def names() -> list[str]:
    """The cities, the largest first."""
    return sorted((path.stem for path in CITIES.glob("*.toml")), key=lambda name: (-load(name).members, name))


def load(name: str) -> Profile:
    """A city by the name of its rulebook. Raises FileNotFoundError for one that is not there."""
    told = tomllib.loads((CITIES / f"{name}.toml").read_text("utf-8"), parse_float=float)
    told["counties"] = [County(**county) for county in told["counties"]]
    told["figures"] = [Figure(**figure | {"value": Decimal(str(figure["value"]))}) for figure in told["figures"]]
    told["bills"] = {int(level): tuple(bill) for level, bill in told["bills"].items()}
    told["fees"] = {int(level): fee for level, fee in told.get("fees", {}).items()}
    known = {one.name for one in fields(Profile)}
    if unknown := told.keys() - known:
        raise ValueError(f"{name}.toml: {', '.join(sorted(unknown))}")
    return Profile(name=name, **told)
