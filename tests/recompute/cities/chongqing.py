"""重庆 · 渝医保发〔2023〕32号, 渝府办发〔2022〕16号 and the leaflet, in force from 2024-01-01 (条14)."""

from datetime import date
from fractions import Fraction

from tests.recompute.cities.case import BY_ITEM, Case, Paid, Past, Refused, at_most, capped, level_of
from tests.recompute.days import last_of, months_later

CODE, SCHEME, FUND = "500000", "310", "employees_pool"
FIRST, LAST = date(2024, 1, 1), None
FUNDS = (FUND, "large_claims")
# 条6: in service and retired.
LIMITS = {"unit": (3000_00, 4000_00), "personal_2": (3000_00, 4000_00), "personal_1": (800_00, 1200_00)}
WEEKS = 12  # how long a prescription may be filled (问22)
COSTS = ("ordinary", "chronic_remainder")  # what other funds left over comes in (问14, CQ-3)
FIXED = {"consultation_fee": "consultation_fee_paid", "general_fee": "general_fee_paid"}  # 定额报销 (条6)


def charge(case: Case) -> tuple[str, str]:
    if case.arrears:
        raise Refused("条3 outside the period of benefit")
    place = case.place
    if place.by_hand_only:
        raise Refused("问12(三) claimed by hand alone")
    if place.pharmacy:
        raise Refused("条12 without a prescription")
    if place.outdated:
        raise Refused("问22 written more than twelve weeks ago")
    if not place.designated:  # at home and away; no filing is needed (条7, 问12, CQ-7)
        raise Refused("条2 not designated")
    return BY_ITEM, "treating"


def in_policy(case: Case) -> dict[str, int]:
    return {name: amount for name, amount in case.costs.items() if name in COSTS or name in FIXED}


def pay(case: Case, past: Past) -> Paid:
    level = level_of(case)
    costs = in_policy(case)
    year = past.of_year(case)
    fixed = sum(min(costs.pop(name), case.figure(figure)) for name, figure in FIXED.items() if name in costs)
    cost = sum(costs.values())
    # 条4: cumulative over the calendar year; what was borne before retiring counts (CQ-1).
    standard = 100_00 if case.retired else 200_00
    deductible = min(max(standard - sum(row.deductible for row in year), 0), cost)
    percent = (50 if level == 3 else 60) + (10 if case.retired else 0)
    limits = LIMITS.get(case.plan)
    if limits is None:
        raise Refused("条6 no limit for such a plan")
    limit = limits[1] if case.retired else limits[0]
    fund = fixed + at_most(Fraction((cost - deductible) * percent, 100), limit - capped(year))
    # 条8: out of the pooled fund as far as its yearly limit goes, the rest out of large-claims insurance (CQ-4).
    pooled = _within(fund, case.latest("pooled_limit"), sum(row.pooled for row in year))
    mutual = 0
    if case.large_claims:
        mutual = _within(fund - pooled, case.latest("mutual_limit"), sum(row.mutual for row in year))
    return Paid(pooled=pooled, mutual=mutual, fixed=min(fixed, pooled + mutual), deductible=deductible)


def _within(amount: int, limit: int | None, used: int) -> int:
    return amount if limit is None else min(amount, max(limit - used, 0))


# Personal accounts

RELATIONS = ("self", "spouse", "parent", "child")
PURPOSES = {
    "hospital_selfpay": RELATIONS,
    "pharmacy_drug": RELATIONS,
    "pharmacy_device": RELATIONS,
    "pharmacy_consumable": RELATIONS,
    "resident_premium": RELATIONS,
    "ltc_premium": RELATIONS,
    "large_claims_premium": ("self",),  # 渝府办发〔2022〕16号: the retired (CQ-14)
}
CREDITS_FROM = FIRST


def has_account(person: str, plan: str) -> bool:
    """条9 credits only who is insured by an employer or in the second tier (CQ-9)."""
    return plan in ("unit", "personal_2") and person != "pooled_only"


def credit(
    month, *, person: str, plan: str, who, base: int | None, in_benefit: bool, paid_late: bool, **_other
) -> tuple[Fraction, str]:
    """条9: 2 % of the base; the retired 105, and 115 from the month of the seventieth birthday (CQ-2)."""
    if not has_account(person, plan):
        return Fraction(0), ""
    if person == "retired":
        if not in_benefit or who.birth is None:
            return Fraction(0), ""
        seventy = months_later(who.birth, 70 * 12)
        return Fraction(115_00 if seventy <= last_of(month) else 105_00), "pool"
    if base is None or not (in_benefit or paid_late):
        return Fraction(0), ""
    return Fraction(base * 2, 100), "contribution"


# Payment of institutions (条7): what was accounted, month by month

MONTHLY = BY_ITEM
