"""河源 · 河府〔2025〕27号, in force from 2025-08-01 for five years (条21); caps and credits from January (HY-14)."""

from datetime import date
from fractions import Fraction

from tests.recompute.cities.case import BY_ITEM, QUOTA, Case, Paid, Past, Refused, at_most, capped, level_of
from tests.recompute.days import months_later
from tests.recompute.money import half_up

CODE, SCHEME, FUND = "441699", "310", "employees_pool"
FIRST, LAST = date(2025, 8, 1), date(2030, 7, 31)
FUNDS = (FUND,)
COSTS = ("ordinary", "general_fee", "consultation_fee")  # 含一般诊疗费及门诊诊查费 (条4)


def charge(case: Case) -> tuple[str, str]:
    """条12, 13, 15: the selected institution's quota; referrals and their prescriptions use it too (HY-5)."""
    if case.arrears:
        raise Refused("arrears")
    place = case.place
    if place.emergency and case.treated_at == "pharmacy" and not place.prescription:
        raise Refused("a pharmacy treats no emergencies")
    if place.emergency and not place.selected:
        return BY_ITEM, "treating"  # HY-7
    if not place.local:
        if not place.filed:
            raise Refused("条4 not registered elsewhere")
        return BY_ITEM, "treating"  # 条13(6)
    if not place.designated:
        raise Refused("条15 not designated")
    if place.selected or place.referral:
        return QUOTA, "treating"
    raise Refused("条15 not selected, no referral")


def in_policy(case: Case) -> dict[str, int]:
    return {name: amount for name, amount in case.costs.items() if name in COSTS}


def pay(case: Case, past: Past) -> Paid:
    level = level_of(case)
    # 条4: 70/60/55 in service, five points more when retired (HY-1); at most 60/120/150 an encounter (HY-3, HY-18).
    percent = {0: 70, 1: 70, 2: 60, 3: 55}[level] + (5 if case.retired else 0)
    visit = {0: 60_00, 1: 60_00, 2: 120_00, 3: 150_00}[level]
    fund = at_most(
        Fraction(sum(in_policy(case).values()) * percent, 100),
        visit - capped(past.of_encounter(case)),
        case.figure("yearly_cap") - capped(past.of_year(case)),
    )
    return Paid(pooled=fund)


# Personal accounts

RELATIONS = ("self", "spouse", "parent", "child", "sibling", "grandparent", "grandchild")
PURPOSES = {
    "hospital_selfpay": RELATIONS,
    "pharmacy_drug": RELATIONS,
    "pharmacy_device": RELATIONS,
    "pharmacy_consumable": RELATIONS,
    "resident_premium": RELATIONS,
    "retirement_shortfall_premium": ("self",),
    "tcm_preventive": RELATIONS,
}
CREDITS_FROM = date(2025, 1, 1)


def has_account(person: str, plan: str) -> bool:
    """统账结合 (条7): not who is in the pooled fund alone."""
    return person != "pooled_only" and plan != "pooled_only"


def credit(
    month, *, person: str, who, base: int | None, in_benefit: bool, paid_late: bool, **_other
) -> tuple[Fraction, str]:
    """条7, 8: 2 % of the base, or 102.79 to the retired.

    Who pays monthly past the age gets the own share (HY-15), unless the age was reached before June 2023.
    """
    reached = person == "retired_paying_monthly" and reached_before(who, date(2023, 6, 1))
    if reached is None:
        return Fraction(0), ""  # nobody knows which of the two
    if person == "retired" or reached:
        return (Fraction(102_79), "pool") if in_benefit else (Fraction(0), "")
    if base is None or not (in_benefit or paid_late):
        return Fraction(0), ""  # HY-20: of months whose arrears were paid later, the own share
    return Fraction(base * 2, 100), "contribution"


def reached_before(who, day: date) -> bool | None:
    """Whether the retirement age was reached before a day: as recorded, else as birth and sex leave no doubt of it."""
    if who.reached_age_on is not None:
        return who.reached_age_on < day
    if who.birth is None:
        return None
    # 国发〔1978〕104号: men at 60, women at 50 or 55 by their post.
    youngest, oldest = {"1": (60, 60), "2": (50, 55)}.get(who.sex, (50, 60))
    if months_later(who.birth, youngest * 12) >= day:
        return False
    return True if months_later(who.birth, oldest * 12) < day else None


# Payment of institutions (条13)

MONTHLY = ""
HEAD = 320_00  # a person and year


def advance(month: date, heads: int, used: int) -> int:
    """条13(1): 80 % of the month's quota; from February of the smaller of it and last month's use (HY-11, HY-12)."""
    quota = Fraction(HEAD * heads, 12)
    base = quota if month.month == 1 else min(quota, Fraction(max(used, 0)))
    return half_up(base * 80 / 100)


def quota_of(person_months: int) -> int:
    return half_up(Fraction(HEAD * person_months, 12))


def year_end(*, quota: int, use: int, others: int, advanced: int) -> dict[str, int]:
    """条13(2), (3): exact thresholds (HY-13), from the quota as it is printed (G-20)."""
    if use > quota:
        bonus, due = 0, quota
    else:
        percent = 80 if use * 100 >= 80 * quota else 20 if use * 100 >= 60 * quota else 0
        bonus = half_up(Fraction((quota - use) * percent, 100))
        due = use + bonus
    return {
        "quota": quota,
        "bonus": bonus,
        "due": due,
        "clearing": due - advanced - others,
        "borne_by_institution": max(use - quota, 0),
    }
