"""开封 · 汴政办〔2022〕33号, in force from 2022-07-01 (条32)."""

from datetime import date
from fractions import Fraction

from tests.recompute.cities.case import BY_ITEM, Case, Paid, Past, Refused, at_most, capped, level_of

CODE, SCHEME, FUND = "410299", "310", "employees_pool"
FIRST, LAST = date(2022, 7, 1), None
FUNDS = (FUND,)
COSTS = ("ordinary", "general_fee", "consultation_fee")

# 一级及基层(指乡镇卫生院和社区卫生服务中心), 条9 (KF-10); their stations are theirs.
BASIC = ("centre", "station")


def charge(case: Case) -> tuple[str, str]:
    """What the fund part is charged to, and who is paid. Raises Refused."""
    if case.arrears:
        raise Refused("条13 欠费期内发生的门诊费用")
    if case.inpatient:
        raise Refused("条10 住院期间")
    place = case.place
    if place.pharmacy:
        raise Refused("条23 without a prescription")
    if not place.local:
        # 条22: three kinds of people who live elsewhere, at an institution on the network (KF-6).
        if not place.filed or place.temporary:
            raise Refused("条22 not registered as living elsewhere")
        if not place.networked:
            raise Refused("条22 not settled over the network")
        return BY_ITEM, "treating"
    if not place.designated:
        raise Refused("条19 not designated")
    return BY_ITEM, "treating"


def in_policy(case: Case) -> dict[str, int]:
    return {name: amount for name, amount in case.costs.items() if name in COSTS}


def pay(case: Case, past: Past) -> Paid:
    level = level_of(case)
    basic = level <= 1 or case.kind in BASIC
    cost = sum(in_policy(case).values())
    # 条9: a deductible by level, once a day at one institution (KF-1: one amount a day, not one occasion).
    standard = 0 if basic else {2: 40_00, 3: 50_00}[level]
    borne = sum(row.deductible for row in past.of_day_there(case))
    deductible = min(max(standard - borne, 0), cost)
    percent = (60 if basic else {2: 55, 3: 50}[level]) + (10 if case.retired else 0)
    month = 200_00 if case.retired else 150_00
    year = 1500_00 if case.retired else 1000_00
    if case.on.year == 2022:
        year //= 2  # 2022年度最高支付限额减半; the month's is not (KF-4)
    fund = at_most(
        Fraction((cost - deductible) * percent, 100),
        month - capped(past.of_month(case)),
        year - capped(past.of_year(case)),
    )
    return Paid(pooled=fund, deductible=deductible)


# Personal accounts

RELATIONS = ("self", "spouse", "parent", "child")
# 条17; residents' premiums for relatives, large-claims insurance for oneself.
PURPOSES = {
    "hospital_selfpay": RELATIONS,
    "pharmacy_drug": RELATIONS,
    "pharmacy_device": RELATIONS,
    "pharmacy_consumable": RELATIONS,
    "resident_premium": RELATIONS[1:],
    "large_claims_premium": ("self",),
}
CREDITS_FROM = FIRST


def has_account(person: str, plan: str) -> bool:
    """单建统筹人员不建立个人账户 (条16)."""
    return person != "pooled_only" and plan != "pooled_only"


def credit(
    month, *, person: str, base: int | None, in_benefit: bool, paid_late: bool, **_other
) -> tuple[Fraction, str]:
    """条16: 2 % of the base, or 60 yuan to the retired; while benefits last, or of arrears that were paid up."""
    if person == "retired":
        return (Fraction(60_00), "pool") if in_benefit else (Fraction(0), "")
    if base is None or not (in_benefit or paid_late):
        return Fraction(0), ""
    return Fraction(base * 2, 100), "contribution"


# Payment of institutions (条24): what was accounted, month by month

MONTHLY = BY_ITEM
