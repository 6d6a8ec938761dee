"""韶关 · 韶医保规〔2023〕2号 (居民), in force from 2023-03-07 for five years (条16)."""

from datetime import date
from fractions import Fraction

from tests.recompute.cities.case import DIRECT, QUOTA, Case, Paid, Past, Refused, at_most, capped, level_of
from tests.recompute.money import half_up

CODE, SCHEME, FUND = "440299", "390", "residents_outpatient"
FIRST, LAST = date(2023, 3, 7), date(2028, 3, 6)
FUNDS = (FUND,)

# 条8(二)1: the general consultation fee by the kind of institution; above it, and elsewhere, outside the policy (SG-3).
FEES = {"station": 5_00, "centre": 10_00}


def charge(case: Case) -> tuple[str, str]:
    """条6, 8, 9: the two selected institutions; newborns, emergencies and care elsewhere are the fund's (SG-15)."""
    if case.arrears:
        raise Refused("条3 arrears")
    place = case.place
    if place.emergency and case.treated_at == "pharmacy" and not place.prescription:
        raise Refused("a pharmacy treats no emergencies")
    if place.newborn or place.emergency or (not place.local and place.filed):
        return DIRECT, "treating"
    if not place.local:
        raise Refused("条8 not registered elsewhere")
    if not place.designated:
        raise Refused("条6 not designated")
    if place.prescription:
        raise Refused("条6 not selected")
    if place.selected:
        return QUOTA, "treating"
    if place.referral:
        return QUOTA, "selected"  # the patient pays, and the contracted institution pays it back (条9(一)2)
    raise Refused("条6 not selected, no referral")


def in_policy(case: Case) -> dict[str, int]:
    costs = {"ordinary": case.costs.get("ordinary", 0)}
    if "general_fee" in case.costs:
        costs["general_fee"] = min(case.costs["general_fee"], FEES.get(case.kind, 0))
    return costs


def pay(case: Case, past: Past) -> Paid:
    level_of(case)
    year = past.of_year(case)
    limits = [300_00 - capped(year)]
    if not case.place.local:
        limits.append(50_00 - capped(row for row in year if not row.local))  # inside the 300 (SG-1)
    return Paid(pooled=at_most(Fraction(sum(in_policy(case).values()) * 70, 100), *limits))


# Residents have no personal account.

RELATIONS = ()
PURPOSES: dict[str, tuple[str, ...]] = {}
CREDITS_FROM = None


def has_account(person: str, plan: str) -> bool:
    return False


# Payment of institutions (条7, 9)

MONTHLY = ""
HEAD = 50_00  # a person and year


def month_settled(fund: int, heads: int) -> dict[str, int]:
    """条9(二)2: 95 % of the month's fund, at most the prepayment of last month's heads; 5 % is kept (SG-5)."""
    prepay = half_up(Fraction(HEAD * heads, 12) * 80 / 100)
    presettle = half_up(Fraction(fund * 95, 100))
    paid, deposit = min(presettle, prepay), fund - presettle
    return {
        "prepay": prepay,
        "presettle": presettle,
        "paid": paid,
        "deposit": deposit,
        "deferred": fund - paid - deposit,
    }


def quota_of(person_months: int) -> int:
    return half_up(Fraction(HEAD * person_months, 12))


def year_end(*, quota: int, use: int, others: int, paid: int, deposit: int, score: Fraction) -> dict[str, int]:
    """条9(二)3–5 (SG-6, SG-8, SG-14): T less what the assessment forfeits, less what was paid."""
    total = quota if use * 100 >= 80 * quota else use
    deposit = min(deposit, half_up(Fraction(quota * 5, 100)))
    returned = half_up(deposit * score / 100)
    due = total - (deposit - returned)
    return {
        "quota": quota,
        "award": max(total - use, 0),
        "deposit_paid": returned,
        "deposit_forfeited": deposit - returned,
        "due": due,
        "clearing": due - paid - others,
        "borne_by_institution": max(use - quota, 0),
    }


def extracted(insured: int) -> int:
    """条7."""
    return insured * HEAD
