"""Who a person is to the rules: class groups, and the newborn's cover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from bureau.rules.errors import Refused, _
from bureau.rules.format.edition import Edition
from bureau.rules.periods import Span, add_months, next_month_start

POOLED_ONLY = "pooled_only"  # 单建统筹: a plan without an account, whatever the class; in case files also a status

# What editions may call people by.
CLASSES: dict[str, str] = {
    "active": _("in service"),
    "retired": _("retired"),
    "flexible": _("flexible employment"),
    "retired_paying_monthly": _("of retirement age, paying monthly"),
    "lump_sum": _("paid up by a lump sum"),
    POOLED_ONLY: _("in service, pooled fund only"),
    "resident": _("resident"),
}

# 人员类别 psn_type of the national dictionary, by its first two digits.
PERSON_TYPES: dict[str, str] = {
    "11": "active",
    "12": "retired",
    "14": "resident",
    "15": "resident",
    "16": "resident",
}


def class_of(person_type: str) -> str | None:
    """The person class of a national code; None where its first two digits are no class of ours."""
    return PERSON_TYPES.get(person_type[:2])


def insured_as(status: str, plan: str) -> tuple[str, str]:
    """Class and plan of a case's member: the status `pooled_only` is a member in service of that plan."""
    return ("active", plan or POOLED_ONLY) if status == POOLED_ONLY else (status, plan)


def names_of(person_class: str, plan: str) -> tuple[str, ...]:
    """What an edition may call a member by, the special name first."""
    pooled = plan == POOLED_ONLY and person_class in ("active", "flexible")
    return (POOLED_ONLY, person_class) if pooled else (person_class,)


def group_of(persons: Mapping[str, Any], person_class: str, plan: str = "") -> str | None:
    """The group of an edition (in service, retired, …) that a member belongs to; None if to none."""
    for name in names_of(person_class, plan):
        for group, classes in persons.items():
            if name == classes or (isinstance(classes, list) and name in classes):
                return group
    return None


ALWAYS = ("not_enrolled", "no_benefit_period", "suspended")  # refused in every city (G-18)


def bars(edition: Edition, standing: str, on: date) -> bool:
    """Whether a standing stops the benefit on a day: always, or because the edition says so (arrears, say)."""
    return standing in ALWAYS or any(row["standing"] == standing for row in edition.at(on)["entitlement"])


@dataclass(frozen=True, slots=True)
class NewbornCover:
    """`in_time`: enrolled within the months the edition allows. `span`: the days whose care is covered."""

    in_time: bool
    span: Span | None
    article: str


def newborn_cover(edition: Edition, *, birth: date, paid_on: date) -> NewbornCover:
    """From which day a newborn's care is covered.

    Paid by the corresponding day (the month's last where there is none): from birth; later: from the month
    after payment. Until 31 December of the year of payment either way; nothing if that has passed.
    """
    rule = edition.at(paid_on).get("newborn")
    if rule is None:
        raise Refused("fact_missing", fact="newborn")
    if paid_on < birth:
        raise ValueError("the premium is paid before birth; correct one of the days")
    in_time = paid_on <= add_months(birth, rule["months"])
    starts_on = birth if in_time else next_month_start(paid_on)
    ends_on = date(paid_on.year, 12, 31)
    span = Span(starts_on, ends_on) if starts_on <= ends_on else None
    return NewbornCover(in_time, span, rule["article"])


def in_hospital(on: date, admitted_on: date, discharged_on: date | None) -> bool:
    """Whether a stay bars care on a day: the admission day counts, the discharge day does not (G-8)."""
    return admitted_on <= on and (discharged_on is None or on < discharged_on)
