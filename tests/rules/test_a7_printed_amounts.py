"""A7, reading G-20: what is printed is carried on. An auditor with the paper alone comes to the same fen.

Each method is computed a second time here, in Decimal yuan, from what its statement prints; only what the list names is
rounded on the way.
"""

import random
import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from bureau.rules import payment as provider
from bureau.rules.benefits.trace import Step
from bureau.rules.format.edition import RULEBOOKS, Edition, load, load_folder
from bureau.rules.money import fen, yuan
from bureau.rules.payment.printed import PRINTED

RULEBOOK = load_folder()
CITY = {edition.city: edition for edition in RULEBOOK.editions}
CITY["shaoguan paid"] = CITY["shaoguan"].with_switches(deposit_base="paid")
SEED = 20
DOCUMENT = Path(__file__).parents[2] / "docs" / "decisions" / "printed-amounts.md"
# Steps with an amount that is no rounding: sums and differences of others, and facts said again.
SUMS = {"band", "over_quota", "clearing", "paid", "deferred", "retained", "overrun"}


def half_up(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def computed(edition: Edition, on: date, kind: str, facts: Mapping[str, Any]) -> tuple[dict[str, Any], list[Step]]:
    steps: list[Step] = []
    return provider.compute(edition, on, kind, facts, steps), steps


def in_yuan(results: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {key: yuan(part) for key, part in value.items()} if isinstance(value, dict) else yuan(value)
        for name, value in results.items()
    }


def test_a7_the_list_in_the_documents_is_the_list_in_code() -> None:
    named = re.findall(r"^\| `(\w+)` \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    assert named == list(PRINTED)


def test_a7_a_years_quota_is_carried_on_as_it_is_printed() -> None:
    heyuan = CITY["heyuan"]
    months = {f"2026-{month:02d}": 1213 for month in range(1, 12)} | {"2026-12": 1214}
    assert sum(months.values()) == 14_557
    quota = provider.year_quota(RULEBOOK, area="441699", scheme="310", person_months=months)
    assert yuan(quota) == Decimal("388186.67")
    facts = {"quota": quota, "actual": fen("380004.65"), "advanced": 0}
    results, _steps = computed(heyuan, date(2026, 12, 31), "year_end", facts)
    assert yuan(results["due"]) == Decimal("386550.27")
    # From the exact quota the award would be a fen less: 80 % of 8,182.01666…
    assert half_up((Decimal(14_557 * 320) / 12 - Decimal("380004.65")) * Decimal("0.8")) == Decimal("6545.61")
    assert yuan(results["bonus"]) == Decimal("6545.62")


def test_a7_what_is_taken_off_a_budget_is_a_part_of_the_printed_one() -> None:
    facts = {"levy_y_minus_2": fen("4771207161.79"), "remote_reserve": 0, "emergency_reserve": 0}
    results, _steps = computed(CITY["zhanjiang"], date(2023, 1, 1), "fund_budget", facts)
    assert in_yuan(results)["budget"] == Decimal("362611744.30")
    assert in_yuan(results)["contingency"] == Decimal("18130587.22")
    assert in_yuan(results)["distributable"] == Decimal("344481157.08")


def test_a7_a_months_quota_is_not_rounded_before_use() -> None:
    facts = {"month": "2026-01", "headcount": 1000, "prev_actual": None}
    results, steps = computed(CITY["heyuan"], date(2026, 1, 1), "advance", facts)
    assert yuan(results["advance"]) == Decimal("21333.33")
    assert half_up(Decimal("0.8") * half_up(Decimal(320_000) / 12)) == Decimal("21333.34")
    assert [step.amount for step in steps if step.term == "month_quota"] == [None]


def test_a7_a_year_of_two_documents_prints_its_parts_and_one_rounded_quota() -> None:
    newer = (RULEBOOKS / "heyuan" / "2025-27.toml").read_text("utf-8")
    dated = "quota = [{ from = 2025-08-01, value = 320 }, { from = 2026-07-01, value = 350 }] "
    book = provider.Rulebook([load({"h": newer.replace("quota = 320 ", dated)})])
    months = {f"2026-{month:02d}": 1 + 6 * (month == 1) for month in range(1, 13)}
    steps: list[Step] = []
    quota = provider.year_quota(book, area="441699", scheme="310", person_months=months, steps=steps)
    assert yuan(quota) == half_up((12 * Decimal(320) + 6 * Decimal(350)) / 12) == Decimal("495.00")
    assert [step.amount for step in steps] == [None, None, quota]
    assert steps[-1].params["parts"] == "12 × 320.00 + 6 × 350.00"


# Each method by the paper ---------------------------------------------------------------------------------------------


def capitation_year(draw: random.Random) -> tuple[str, date, str, dict[str, Any], dict[str, Any]]:
    months, used, advanced = draw.randint(1, 20_000), Decimal(draw.randint(0, 60_000_000)) / 100, Decimal(1234)
    quota = half_up(Decimal(months) * 320 / 12)
    used = min(used, quota * 2).quantize(Decimal("0.01"))
    facts = {"quota": fen(quota), "actual": fen(used), "advanced": fen(advanced), "paid_to_others": 0}
    if used > quota:
        award, due, kept, borne = Decimal(0), quota, Decimal(0), used - quota
    else:
        share = Decimal("0.8") if used >= quota * Decimal("0.8") else Decimal("0.2") if used >= quota * 6 / 10 else 0
        award = half_up((quota - used) * Decimal(share))
        due, kept, borne = used + award, quota - used - award, Decimal(0)
    told = {
        "bonus": award,
        "due": due,
        "clearing": due - advanced,
        "kept_by_fund": kept,
        "borne_by_institution": borne,
    }
    return "heyuan", date(2026, 12, 31), "year_end", facts, told


def capitation_advance(draw: random.Random) -> tuple[str, date, str, dict[str, Any], dict[str, Any]]:
    heads, used = draw.randint(0, 5000), Decimal(draw.randint(0, 20_000_000)) / 100
    facts = {"month": "2026-03", "headcount": heads, "prev_actual": fen(used)}
    base = min(Decimal(heads) * 320 / 12, used)
    return "heyuan", date(2026, 3, 1), "advance", facts, {"advance": half_up(base * Decimal("0.8"))}


def prepaid_month(draw: random.Random) -> tuple[str, date, str, dict[str, Any], dict[str, Any]]:
    heads, fund = draw.randint(1, 5000), Decimal(draw.randint(0, 3_000_000)) / 100
    prepay = half_up(Decimal(50 * heads) * Decimal("0.8") / 12)
    presettle = half_up(fund * Decimal("0.95"))
    paid, deposit = min(presettle, prepay), fund - presettle
    told = {
        "prepay": prepay,
        "presettle": presettle,
        "paid": paid,
        "deposit": deposit,
        "deferred": fund - paid - deposit,
    }
    facts = {"fund": fen(fund), "headcount_prev": heads}
    return "shaoguan", date(2024, 2, 1), "month_settlement", facts, told


def prepaid_month_by_what_is_paid(draw: random.Random) -> tuple[str, date, str, dict[str, Any], dict[str, Any]]:
    """The other reading of the retention (SG-5): in a month that meets its bound, 5/95 of what is paid as printed."""
    _city, on, kind, facts, told = prepaid_month(draw)
    if told["paid"] < told["presettle"]:
        fund = told["paid"] + told["deposit"] + told["deferred"]
        told["deposit"] = half_up(told["paid"] * 5 / 95)
        told["deferred"] = fund - told["paid"] - told["deposit"]
    return "shaoguan paid", on, kind, facts, told


def prepaid_year(draw: random.Random) -> tuple[str, date, str, dict[str, Any], dict[str, Any]]:
    months, score = draw.randint(1, 40_000), Decimal(draw.randint(0, 10_000)) / 100
    quota = half_up(Decimal(months) * 50 / 12)
    used = half_up(quota * Decimal(draw.randint(0, 130)) / 100)
    kept, paid = half_up(used * Decimal("0.055")), half_up(used / 2)
    facts = {"quota": fen(quota), "actual": fen(used), "paid": fen(paid), "deposit": fen(kept), "score": str(score)}
    total = quota if used >= quota * Decimal("0.8") else used
    deposit = min(kept, half_up(quota * Decimal("0.05")))
    released = half_up(deposit * score / 100)
    award = total - used if used <= quota else Decimal(0)
    told = {
        "award": award,
        "deposit_paid": released,
        "deposit_forfeited": deposit - released,
        "due": total - (deposit - released),
        "clearing": total - (deposit - released) - paid,
        "returned_to_fund": max(quota - used, Decimal(0)) - award + deposit - released,
        "borne_by_institution": max(used - quota, Decimal(0)),
    }
    return "shaoguan", date(2024, 12, 31), "year_end", facts, told


def pool_month(draw: random.Random) -> tuple[str, date, str, dict[str, Any], dict[str, Any]]:
    actual = {f"H{n}": Decimal(draw.randint(1, 10_000_000)) / 100 for n in range(draw.randint(1, 6))}
    total = sum(actual.values(), Decimal(0))
    pool = half_up(total * Decimal(draw.randint(60, 150)) / 100)
    target = pool if total > pool else min(half_up(total * Decimal("1.05")), pool)
    shares = {name: (target * use / total).quantize(Decimal("0.01"), "ROUND_DOWN") for name, use in actual.items()}
    rest = int((target - sum(shares.values())) * 100)
    by_remainder = sorted(actual, key=lambda name: (-(fen(target) * fen(actual[name]) % fen(total)), name))
    for name in by_remainder[:rest]:
        shares[name] += Decimal("0.01")
    paid = {name: half_up(share * Decimal("0.95")) for name, share in shares.items()}
    told = {
        "settled": shares,
        "paid": paid,
        "retained": {name: share - paid[name] for name, share in shares.items()},
        "total_settled": target,
    }
    facts = {"pool": fen(pool), "actual": {name: fen(use) for name, use in actual.items()}}
    return "zhanjiang", date(2023, 2, 1), "month_settlement", facts, told


def pool_budget(draw: random.Random) -> tuple[str, date, str, dict[str, Any], dict[str, Any]]:
    levy = Decimal(draw.randint(10**10, 10**12)) / 100
    remote = Decimal(draw.randint(0, 10**7)) / 100
    budget = half_up(levy * Decimal("0.076"))
    contingency = half_up(budget * Decimal("0.05"))
    distributable = budget - contingency - remote
    month = half_up(distributable / 12)
    told = {
        "budget": budget,
        "contingency": contingency,
        "distributable": distributable,
        "month_1_to_11": month,
        "month_12": distributable - 11 * month,
    }
    facts = {"levy_y_minus_2": fen(levy), "remote_reserve": fen(remote), "emergency_reserve": 0}
    return "zhanjiang", date(2023, 1, 1), "fund_budget", facts, told


def retention(draw: random.Random) -> tuple[str, date, str, dict[str, Any], dict[str, Any]]:
    kept, score = Decimal(draw.randint(0, 10**8)) / 100, Decimal(draw.randint(0, 10_000)) / 100
    released = half_up(kept * score / 100)
    told = {"released": released, "forfeited": kept - released}
    return "zhanjiang", date(2023, 12, 31), "retention_release", {"retained": fen(kept), "score": str(score)}, told


def by_item(draw: random.Random) -> tuple[str, date, str, dict[str, Any], dict[str, Any]]:
    actual = {f"H{n}": Decimal(draw.randint(0, 10_000_000)) / 100 for n in range(3)}
    told = {
        "settled": actual,
        "paid": actual,
        "retained": dict.fromkeys(actual, Decimal(0)),
        "total_settled": sum(actual.values(), Decimal(0)),
    }
    facts = {"actual": {name: fen(use) for name, use in actual.items()}}
    return "kaifeng", date(2024, 2, 1), "month_settlement", facts, told


PAPERS: list[Callable[[random.Random], tuple[str, date, str, dict[str, Any], dict[str, Any]]]] = [
    capitation_year,
    capitation_advance,
    prepaid_month,
    prepaid_month_by_what_is_paid,
    prepaid_year,
    pool_month,
    pool_budget,
    retention,
    by_item,
]


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.__name__)
def test_a7_the_paper_gives_the_same_fen(paper: Callable[[random.Random], Any]) -> None:
    print("seed", SEED)
    draw = random.Random(SEED)
    for _ in range(400):
        city, on, kind, facts, told = paper(draw)
        results, steps = computed(CITY[city], on, kind, facts)
        assert in_yuan(results) == told, facts
        for step in steps:
            assert step.amount is None or step.term.split()[0] in PRINTED.keys() | SUMS, step


def test_a7_every_method_is_held_against_the_list() -> None:
    asked = {paper(random.Random(SEED))[0] for paper in PAPERS}
    methods = {provider.method(CITY[city], CITY[city].starts_on) for city in asked}
    assert methods == set(provider.METHODS)
