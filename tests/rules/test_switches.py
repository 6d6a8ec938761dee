"""Every reading of a sentence, tried as chosen and the other way."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bureau.rules import payment as provider
from bureau.rules import selection
from bureau.rules.accounts.credits import monthly_credit
from bureau.rules.accounts.use import covers_later_credits
from bureau.rules.benefits.fund import Care, Outcome, Past, adjudicate, counters
from bureau.rules.cases.visits import PLACES
from bureau.rules.format.edition import Edition, load_folder

CITY = {edition.city: edition for edition in load_folder().editions}
HEYUAN = CITY["heyuan"]
ON = date(2026, 3, 10)
HERE = Path(__file__).parent


def chosen(city: str, **choices: str) -> Edition:
    return CITY[city].with_switches(**choices)


def visit(edition: Edition, where: str, cost: int, *past: Past, **facts: Any) -> Outcome:
    care = Care(
        **{
            "on": ON,
            "encounter": "now",
            "institution": "A",
            "level": 1,
            "kind": "",
            "place": PLACES[where],
            "standing": frozenset(),
            "person_class": "active",
            "costs": {"ordinary": cost},
            "figures": {"yearly_cap": 170_000, "average_wage": 8_000_000},
            **facts,
        }
    )
    return adjudicate(edition, care, counters(edition, care, past))


def test_hy1_five_percent_as_points_or_as_a_factor() -> None:
    for level, points, factor in ((1, 5250, 5145), (2, 6500, 6300), (3, 6000, 5775)):
        cost = 7000 if level == 1 else 10_000
        facts = {"person_class": "retired", "level": level}
        assert visit(HEYUAN, "selected", cost, **facts).fund == points
        assert visit(chosen("heyuan", retired_increase="factor"), "selected", cost, **facts).fund == factor


def test_hy2_yearly_cap_published_or_the_floor() -> None:
    used = Past(on=ON, fund=158_000)
    assert visit(HEYUAN, "selected", 10_000, used, level=2).fund == 6000
    assert visit(chosen("heyuan", yearly_cap_source="floor"), "selected", 10_000, used, level=2).fund == 2000


def test_hy3_visit_cap_on_fund_on_cost_or_a_day() -> None:
    earlier = Past(on=ON, encounter="before", institution="A", place=PLACES["selected"], cost=10_000, fund=6000)
    assert visit(HEYUAN, "selected", 10_000, earlier).fund == 6000
    assert visit(chosen("heyuan", visit_cap="cost_per_encounter"), "selected", 10_000, earlier).fund == 4200
    by_day = visit(chosen("heyuan", visit_cap="fund_per_day"), "selected", 10_000, earlier)
    assert (by_day.fund, by_day.refusal and by_day.refusal.code) == (0, "day_cap")


def test_hy4_a_referral_at_the_treating_or_the_selected_level() -> None:
    facts = {"level": 3, "selected_level": 1}
    assert visit(HEYUAN, "referral", 20_000, **facts).fund == 11_000
    edition = chosen("heyuan", referral_level="selected")
    assert visit(edition, "referral", 20_000, **facts).fund == 6000
    missing = visit(edition, "referral", 20_000, level=3)
    assert (missing.fund, missing.refusal and missing.refusal.code) == (0, "fact_missing")


@pytest.mark.parametrize(
    ("where", "name", "option", "before", "after"),
    [
        ("referral", "referral_charge", "fund", "selected_capitation", "fee_for_service"),
        ("pharmacy_rx", "referral_charge", "fund", "selected_capitation", "fee_for_service"),
        ("emergency", "emergency_charge", "selected", "fee_for_service", "selected_capitation"),
    ],
)
def test_hy5_hy7_where_care_elsewhere_is_charged(where: str, name: str, option: str, before: str, after: str) -> None:
    assert visit(HEYUAN, where, 1000).charge == before
    assert visit(chosen("heyuan", **{name: option}), where, 1000).charge == after


def test_hy6_hy22_heads_filed_away_or_suspended() -> None:
    assert selection.heads_counted(HEYUAN, ON) == {"filed_remote": True, "suspended": True}
    other = chosen("heyuan", filed_remote_heads="not_counted", suspended_heads="not_counted")
    assert selection.heads_counted(other, ON) == {"filed_remote": False, "suspended": False}


@pytest.mark.parametrize(
    ("option", "months", "budget"),
    [("next_month", 9, 24_000), ("this_month", 10, 26_667), ("full_year", 12, 32_000)],
)
def test_hy8_first_choice_inside_the_year(option: str, months: int, budget: int) -> None:
    request = selection.Request(change=False, on=ON, year=2026, choices=[selection.Choice("A")])
    decision = selection.decide(chosen("heyuan", first_in_year=option), request)
    assert (decision.months, decision.budget) == ({"A": months}, {"A": budget})


def test_hy9_hy21_care_and_money_after_a_change() -> None:
    choice = selection.Choice
    request = selection.Request(
        change=True, on=ON, year=2026, choices=[choice("B")], existing=[choice("A")], reason="moved"
    )
    assert selection.decide(HEYUAN, request).benefit_from == ON
    later = chosen("heyuan", care_after_change="next_month")
    assert selection.decide(later, request).benefit_from == date(2026, 4, 1)
    assert selection.decide(later, request).months == {"A": 3, "B": 9}
    assert selection.use_counts_for_new(HEYUAN, ON)
    assert not selection.use_counts_for_new(chosen("heyuan", use_after_change="old"), ON)


def test_hy10_nobody_chose() -> None:
    assert not selection.renews(HEYUAN, ON)
    assert selection.renews(chosen("heyuan", renewal="automatic"), ON)


def advance(edition: Edition, **facts: Any) -> int:
    month = facts.get("month", "2026-03")
    amount = provider.compute(edition, date(2026, int(month[5:]), 1), "advance", {"month": month, **facts})["advance"]
    assert isinstance(amount, int)
    return amount


def test_hy11_a_lower_advance_in_january() -> None:
    facts = {"month": "2026-01", "headcount": 1000, "prev_actual": None, "decided": 2_000_000}
    assert advance(HEYUAN, **facts) == 2_133_333
    assert advance(chosen("heyuan", january_advance="decided"), **facts) == 2_000_000
    assert advance(chosen("heyuan", january_advance="decided"), **(facts | {"decided": 9_000_000})) == 2_133_333


def test_hy12_the_months_quota() -> None:
    facts = {"headcount": 1050, "january_headcount": 1000, "prev_actual": 9_999_999}
    assert advance(HEYUAN, **facts) == 2_240_000
    assert advance(chosen("heyuan", month_quota="january"), **facts) == 2_133_333


def test_hy13_usage_exact_or_as_displayed() -> None:
    facts = {"quota": 32_000, "actual": 25_599, "advanced": 0}
    assert provider.compute(HEYUAN, ON, "year_end", facts)["bonus"] == 1280
    displayed = chosen("heyuan", usage_test="displayed")
    assert provider.compute(displayed, ON, "year_end", facts)["bonus"] == 5121


def test_hy15_of_retirement_age_and_paying_monthly() -> None:
    reached = date(2025, 7, 1)
    facts: dict[str, Any] = {
        "person_class": "retired_paying_monthly", "month": "2026-03", "base": 500_000, "reached_age_on": reached,
    }  # fmt: skip
    assert monthly_credit(HEYUAN, **facts).amount == 10_000
    nothing = monthly_credit(chosen("heyuan", paying_monthly="nothing"), **facts)
    assert (nothing.amount, nothing.refusal and nothing.refusal.code) == (0, "no_account")


def test_hy16_months_of_a_member_who_died() -> None:
    assert selection.counted_until(HEYUAN, event="death", on=ON) == date(2026, 3, 31)
    before = chosen("heyuan", after_exit="before_month")
    assert selection.counted_until(before, event="death", on=ON) == date(2026, 2, 28)
    assert selection.counted_until(before, event="change", on=ON) == date(2026, 3, 31)


def test_hy18_drugs_bought_outside_share_the_visit_or_not() -> None:
    seen = Past(on=ON, encounter="now", institution="A", place=PLACES["selected"], cost=5000, fund=3500)
    assert visit(HEYUAN, "pharmacy_rx", 6000, seen).fund == 2500
    own = chosen("heyuan", outside_drug_cap="own")
    assert visit(own, "pharmacy_rx", 6000, seen).fund == 4200
    bought = Past(on=ON, encounter="now", institution="A", place=PLACES["pharmacy_rx"], fund=4200)
    assert visit(own, "pharmacy_rx", 6000, seen, bought).fund == 1800
    assert visit(own, "selected", 10_000, seen, bought).fund == 2500


def test_hy19_one_application_or_one_each_time() -> None:
    assert not covers_later_credits(HEYUAN, ON)
    assert covers_later_credits(chosen("heyuan", payout_covers="later_credits"), ON)


@pytest.mark.parametrize(
    ("option", "active", "retired"), [("own_share", 2000, 0), ("nothing", 0, 0), ("full", 2000, 10_279)]
)
def test_hy20_a_month_paid_up_later(option: str, active: int, retired: int) -> None:
    edition = chosen("heyuan", arrears_credit=option)
    facts: dict[str, Any] = {"month": "2026-03", "made_up": True, "in_benefit": False}
    assert monthly_credit(edition, person_class="active", base=100_000, **facts).amount == active
    assert monthly_credit(edition, person_class="retired", **facts).amount == retired


def test_hy5b_who_pays_others_on_the_quota() -> None:
    facts = {"quota": 32_000_000, "actual": 30_000_000, "advanced": 20_000_000, "paid_to_others": 2_000_000}
    assert provider.compute(HEYUAN, ON, "year_end", facts)["clearing"] == 9_600_000
    own = chosen("heyuan", others_paid_by="institution")
    assert provider.compute(own, ON, "year_end", facts)["clearing"] == 11_600_000


def test_sg5b_deposit_of_a_capped_month() -> None:
    on = date(2024, 5, 1)
    facts = {"fund": 1_120_000, "headcount_prev": 3000}
    assert provider.compute(CITY["shaoguan"], on, "month_settlement", facts)["deposit"] == 56_000
    paid = provider.compute(chosen("shaoguan", deposit_base="paid"), on, "month_settlement", facts)
    assert paid == {
        "prepay": 1_000_000,
        "presettle": 1_064_000,
        "paid": 1_000_000,
        "deposit": 52_632,
        "deferred": 67_368,
    }


def test_sg12_first_choice_inside_the_year() -> None:
    choice = selection.Choice("T", "township")
    request = selection.Request(change=False, on=date(2024, 3, 10), year=2024, choices=[choice])
    assert selection.decide(CITY["shaoguan"], request).months == {"T": 9}
    assert selection.decide(chosen("shaoguan", first_in_year="this_month"), request).months == {"T": 10}


@pytest.mark.parametrize(
    ("percent", "decided", "full"),
    [(None, 94_500, 94_500), (10_300, 92_700, 94_500), (10_000, 90_000, 94_500), (12_000, 94_500, 94_500)],
)
def test_zj1_a_years_decision_below_105_percent(percent: int | None, decided: int, full: int) -> None:
    facts = {"pool": 1_000_000, "actual": {"A": 90_000}} | ({} if percent is None else {"bonus_percent": percent})
    for option, total in (("decided", decided), ("full", full)):
        edition = chosen("zhanjiang", bonus=option)
        assert provider.compute(edition, date(2023, 5, 1), "month_settlement", facts)["settled"] == {"A": total}


def test_zj11_a_month_paid_up_later() -> None:
    facts: dict[str, Any] = {"person_class": "active", "base": 100_000, "month": "2023-04", "made_up": True}
    assert monthly_credit(CITY["zhanjiang"], paid=False, **facts).amount == 2000
    assert monthly_credit(chosen("zhanjiang", arrears_credit="nothing"), paid=False, **facts).amount == 0


@pytest.mark.parametrize(("city", "where", "fund"), [("heyuan", "selected", 6000), ("chongqing", "designated", 6000)])
def test_hy23_cq18_care_in_arrears(city: str, where: str, fund: int) -> None:
    facts: dict[str, Any] = {"standing": frozenset({"arrears"}), "plan": "unit"}
    cost = 10_000 if city == "heyuan" else 30_000
    refused = visit(CITY[city], where, cost, **facts)
    assert (refused.fund, refused.refusal and refused.refusal.code) == (0, "arrears")
    assert visit(chosen(city, care_in_arrears="paid"), where, cost, **facts).fund == fund


SHAOGUAN: dict[str, Any] = {"on": date(2024, 3, 5), "person_class": "resident"}


def test_sg2_care_out_of_the_city_filed_or_not() -> None:
    refused = visit(CITY["shaoguan"], "remote_unfiled", 10_000, **SHAOGUAN)
    assert (refused.fund, refused.refusal and refused.refusal.code) == (0, "remote_not_filed")
    anyone = chosen("shaoguan", out_of_city="anyone")
    paid = visit(anyone, "remote_unfiled", 10_000, **SHAOGUAN)
    assert (paid.fund, paid.charge, paid.binding) == (5000, "fund_direct", "out_of_city_cap")
    assert visit(anyone, "remote_filed", 10_000, **SHAOGUAN).fund == 5000
    # Either way emergencies are paid and stand within the 50.
    assert visit(CITY["shaoguan"], "remote_emergency", 10_000, **SHAOGUAN).fund == 5000


@pytest.mark.parametrize(
    ("flags", "any_place", "designated"),
    [
        ("local newborn hand_claim", 7000, 0),
        ("local designated newborn hand_claim", 7000, 7000),
        ("local emergency newborn hand_claim", 7000, 7000),
    ],
)
def test_sg10b_a_newborn_at_an_institution_that_is_not_designated(flags: str, any_place: int, designated: int) -> None:
    facts = SHAOGUAN | {"place": frozenset(flags.split())}
    assert visit(CITY["shaoguan"], "selected", 10_000, **facts).fund == any_place
    assert visit(chosen("shaoguan", newborn_place="designated"), "selected", 10_000, **facts).fund == designated


@pytest.mark.parametrize("where", ["emergency", "remote_filed"])
def test_sg15_which_book_pays_what_no_quota_bears(where: str) -> None:
    paid = visit(CITY["shaoguan"], where, 5000, **SHAOGUAN)
    assert (paid.shares, paid.charge) == ({"residents_outpatient": 3500}, "fund_direct")
    other = visit(chosen("shaoguan", direct_book="residents"), where, 5000, **SHAOGUAN)
    assert (other.shares, other.charge) == ({"residents": 3500}, "fund_direct")
    own = visit(chosen("shaoguan", direct_book="residents"), "selected", 5000, **SHAOGUAN)
    assert own.shares == {"residents_outpatient": 3500}


def test_sg10_hy24_what_the_desk_asks_of_newborns_and_stations() -> None:
    """Both ways through the database: tests/settlement/test_newborns.py and test_stations_and_centre.py."""
    for option in ("paid", "listed"):
        assert chosen("shaoguan", newborn_until=option).at(date(2024, 3, 5))["newborn"]["until"] == option
    for option in ("together", "apart"):
        assert chosen("heyuan", stations=option).at(ON)["selection"]["stations"] == option


def test_sg4_seventy_percent_elsewhere_or_at_primary_care_alone() -> None:
    primary = chosen("shaoguan", higher_level="primary_only")
    for where in ("referral", "emergency", "remote_filed"):
        facts = SHAOGUAN | {"level": 3, "kind": "hospital"}
        assert visit(CITY["shaoguan"], where, 5000, **facts).fund == 3500
        refused = visit(primary, where, 5000, **facts)
        assert (refused.fund, refused.refusal and refused.refusal.code) == (0, "class_not_covered")
    for kind in ("station", "centre", "school_clinic"):
        assert visit(primary, "selected", 5000, **SHAOGUAN | {"kind": kind}).fund == 3500


@pytest.mark.parametrize(("level", "by_kind", "by_level"), [(0, 6000, 6000), (1, 6000, 6000), (2, 6000, 3300)])
def test_kf10_a_village_station_as_primary_care_or_by_its_level(level: int, by_kind: int, by_level: int) -> None:
    facts = {"on": date(2024, 3, 1), "kind": "station", "level": level}
    assert visit(CITY["kaifeng"], "designated", 10_000, **facts).fund == by_kind
    edition = chosen("kaifeng", stations="by_level")
    assert visit(edition, "designated", 10_000, **facts).fund == by_level
    assert visit(edition, "designated", 10_000, **facts | {"kind": "centre"}).fund == 6000


def test_kf15_a_claim_of_who_lives_elsewhere_when_the_network_failed() -> None:
    facts = {"on": date(2024, 3, 1), "level": 1}
    refused = visit(CITY["kaifeng"], "remote_filed_manual", 10_000, **facts)
    assert (refused.fund, refused.refusal and refused.refusal.code) == (0, "not_designated")
    paid = chosen("kaifeng", remote_by_hand="paid")
    by_hand = visit(paid, "remote_filed_manual", 10_000, **facts)
    assert (by_hand.fund, by_hand.charge) == (6000, "fee_for_service")
    unfiled = visit(paid, "remote_manual", 10_000, **facts)
    assert (unfiled.fund, unfiled.refusal and unfiled.refusal.code) == (0, "remote_not_filed")


def test_cq19_paid_up_by_a_lump_sum_in_service_or_retired() -> None:
    facts: dict[str, Any] = {"on": date(2024, 3, 1), "person_class": "lump_sum", "plan": "personal_2", "level": 2}
    assert visit(CITY["chongqing"], "designated", 100_000, **facts).fund == 48_000
    retired = chosen("chongqing", lump_sum_as="retired")
    assert visit(retired, "designated", 100_000, **facts).fund == 63_000
    assert visit(retired, "designated", 100_000, **facts | {"person_class": "active"}).fund == 48_000
    # What the account is credited does not move with it (CQ-10).
    credit = {"person_class": "lump_sum", "plan": "personal_2", "month": "2024-03", "base": 385_000}
    assert monthly_credit(retired, **credit).amount == monthly_credit(CITY["chongqing"], **credit).amount == 7700


@pytest.mark.parametrize("city", ["kaifeng", "chongqing"])
def test_kf5_cq8_an_emergency_at_a_place_not_designated(city: str) -> None:
    on = {"on": date(2024, 3, 1), "plan": "unit"}
    assert visit(CITY[city], "nondesignated_emergency", 100_000, **on).fund == 0
    assert visit(chosen(city, emergency_at_nondesignated="paid"), "nondesignated_emergency", 100_000, **on).fund > 0


def test_cq2_the_month_of_the_seventieth_birthday() -> None:
    facts: dict[str, Any] = {"person_class": "retired", "plan": "unit", "birth": date(1955, 5, 20)}
    assert monthly_credit(CITY["chongqing"], month="2025-05", **facts).amount == 11_500
    later = chosen("chongqing", age_counts="next_month")
    assert monthly_credit(later, month="2025-05", **facts).amount == 10_500
    assert monthly_credit(later, month="2025-06", **facts).amount == 11_500


def test_every_switch_of_every_city_is_tried() -> None:
    source = "".join((HERE / name).read_text("utf-8") for name in ("test_switches.py", "test_provider.py"))
    tried = set(re.findall(r"(\w+)=", source)) | set(re.findall(r'"(\w+)"', source)) | {"mixed_year"}
    assert {name for edition in CITY.values() for name in edition.switches} <= tried
