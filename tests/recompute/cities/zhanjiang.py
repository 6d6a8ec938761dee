"""湛江 · 湛府规〔2022〕12号, in force from 2022-11-01 for three years (条28)."""

from datetime import date
from fractions import Fraction

from tests.recompute.cities.case import BY_ITEM, POOL, Case, Paid, Past, Refused, at_most, capped, level_of
from tests.recompute.money import half_up, in_proportion

CODE, SCHEME, FUND = "440899", "310", "employees_pool"
FIRST, LAST = date(2022, 11, 1), date(2025, 10, 31)
FUNDS = (FUND,)
COSTS = ("ordinary", "general_fee", "consultation_fee")


def charge(case: Case) -> tuple[str, str]:
    if case.arrears:
        raise Refused("条10 arrears")
    if case.inpatient:
        raise Refused("条12 住院期间")
    place = case.place
    if place.pharmacy:
        raise Refused("条11 pharmacies are not among the designated hospitals")
    if place.emergency:
        return BY_ITEM, "treating"
    if not place.local:
        if not (place.filed and place.remote_selected):
            raise Refused("条19 not the one hospital chosen elsewhere")
        return BY_ITEM, "treating"
    if place.prescription:
        raise Refused("条11 pharmacies are not among the designated hospitals")
    if not place.designated:
        raise Refused("条19 not designated")
    return POOL, "treating"


def in_policy(case: Case) -> dict[str, int]:
    return {name: amount for name, amount in case.costs.items() if name in COSTS}


def pay(case: Case, past: Past) -> Paid:
    # ZJ-8: an emergency at a hospital without an agreement here and without a level counts as 一级及以下.
    place = case.place
    without = case.level is None and place.emergency and not (place.local and place.designated)
    level = 0 if without else level_of(case)
    percent = ({0: 63, 1: 63, 2: 58, 3: 53} if case.retired else {0: 60, 1: 60, 2: 55, 3: 50})[level]
    # 条28: November and December 2022 are a period of their own, and the only days of 2022 in force.
    limit = {2022: 326_00, 2023: 1996_00}.get(case.on.year)
    if limit is None:
        limit = case.figure("yearly_cap")
    rows = past.of_year(case)
    if case.on.year == 2022:
        rows = [row for row in rows if row.on.month >= 11 or row.span == "year"]
    fund = at_most(Fraction(sum(in_policy(case).values()) * percent, 100), limit - capped(rows))
    return Paid(pooled=fund)


# Personal accounts

RELATIONS = ("self", "spouse", "parent", "child")
PURPOSES = {
    "hospital_selfpay": RELATIONS,
    "pharmacy_drug": RELATIONS,
    "pharmacy_device": RELATIONS,
    "pharmacy_consumable": RELATIONS,
    "resident_premium": RELATIONS[1:],  # 条15(三) names the relatives only (ZJ-15)
    "retirement_shortfall_premium": ("self",),
    "tcm_preventive": RELATIONS,
}
CREDITS_FROM = FIRST


def has_account(person: str, plan: str) -> bool:
    """参加统账结合职工医保的 (条13)."""
    return person != "pooled_only" and plan != "pooled_only"


def credit(
    month, *, person: str, base: int | None, in_benefit: bool, paid_late: bool, **_other
) -> tuple[Fraction, str]:
    """条13, 14: 2 % of the base of months that are paid, 107 to the retired; paid up later, the own share (ZJ-11)."""
    if person == "retired":
        return (Fraction(107_00), "pool") if in_benefit else (Fraction(0), "")
    return (Fraction(0), "") if base is None else (Fraction(base * 2, 100), "contribution")


# Payment of institutions (条4, 24)

MONTHLY = POOL


def pool(month: date, figures) -> int:
    """条4, 24: 7.6 % of the levy of the year before last, less 5 % of it and the two reserves, by twelfths (ZJ-4).

    The budget is printed, and what is taken off is taken off the printed amount (G-20).
    """
    budget = half_up(Fraction(figures["levy_y_minus_2"][month.year - 2] * 76, 1000))
    contingency = half_up(Fraction(budget * 5, 100))
    left = budget - contingency - figures["remote_reserve"][month.year] - figures["emergency_reserve"][month.year]
    twelfth = half_up(Fraction(left, 12))
    return left - 11 * twelfth if month.month == 12 else twelfth


def month_settled(used: dict[str, int], pool: int, decided: int | None = None) -> dict[str, dict[str, int]]:
    """条24(1)–(3): 105 % up to the pool, beyond it the pool by shares; 95 % is paid (ZJ-2).

    105 % is the most: where less was decided for the year (hundredths of a percent), that is paid (ZJ-1).
    """
    whole = sum(used.values())
    percent = min(Fraction(105), Fraction(105 if decided is None else decided, 1 if decided is None else 100))
    target = pool if whole > pool else min(half_up(whole * percent / 100), pool)
    settled = in_proportion(target, used)
    paid = {code: half_up(Fraction(amount * 95, 100)) for code, amount in settled.items()}
    return {
        code: {"settled": settled[code], "paid": paid[code], "retained": settled[code] - paid[code]} for code in used
    }


def released(retained: int, score: Fraction) -> int:
    """ZJ-6: in proportion to the score of a hundred."""
    return half_up(retained * score / 100)
