"""What was settled before an edition came stays as it was; readings and figures change with care."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from bureau.editions.figures import Missing, confirm_figure, enter_figure, missing_figures
from bureau.editions.life import (
    approve_edition,
    choose_readings,
    submit_edition,
    withdraw_edition,
)
from bureau.editions.rulebook import rulebook
from bureau.errors import DomainError
from bureau.jobs import services as jobs
from bureau.models import Area, Edition, Job, PublishedFigure
from bureau.rules.format.edition import RULEBOOKS
from settlement.models import Proposal, Visit
from settlement.queries.proofs.books import check_books
from tests.flow.editions import JULY, NOTE, NOW, approved, draft, settle, successor, work_in
from tests.settlement import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def city():
    return factories.heyuan()


# What was settled


@pytest.fixture
def care(city):
    where = factories.institution(city, level=3)
    return where, factories.member(city, selected=where)


def test_new_edition_in_mid_year_carries_the_years_use_on_and_changes_nothing_settled(city, care):
    where, person = care
    for day in range(1, 12):
        assert settle(city, where, person, date(2026, 3, day), "300.00").pooled == Decimal("150.00")
    before = tuple(Visit.objects.order_by("pk").values_list())
    approved(city, successor())
    assert tuple(Visit.objects.order_by("pk").values_list()) == before
    # 1700.00 a year, 1650.00 of it used under the edition before: 65 of 100 become 50.00.
    visit = settle(city, where, person, date(2026, 7, 2), "100.00")
    assert (visit.pooled, visit.edition.document) == (Decimal("50.00"), "河府〔2026〕9号")
    # Care of a day before is decided by the edition of that day, however late it is settled.
    late = settle(
        city, where, factories.member(city, selected=where), date(2026, 6, 30), "100.00", NOW.replace(month=8)
    )
    assert (late.pooled, late.edition.document) == (Decimal("55.00"), "河府〔2025〕27号")
    assert {proof.code: proof.wrong for proof in check_books(city.area.pk) if proof.wrong} == {}


def test_edition_that_reaches_settled_days_is_refused_unless_they_are_replayed(city, care):
    where, person = care
    settle(city, where, person, date(2026, 6, 30), "100.00")
    settle(city, where, person, date(2026, 7, 1), "101.00")
    settle(city, where, person, date(2026, 7, 2), "102.00")
    visits = tuple(Visit.objects.order_by("pk").values_list())
    edition = submit_edition(edition=draft(city, successor()), actor=city.clerk, now=NOW)
    with pytest.raises(DomainError) as refused:
        approve_edition(edition=edition, note=NOTE, actor=city.reviewer, now=NOW)
    assert (refused.value.field, str(refused.value)) == (
        "replay",
        "Settled already on days of this edition: Visits from 2026-07-01 on: 2."
        " Let it begin later, or have that replayed.",
    )
    edition.refresh_from_db()
    assert edition.status == "submitted"
    approve_edition(edition=edition, note=NOTE, replay=True, actor=city.reviewer, now=NOW)
    job = Job.objects.get(kind="edition_replay")
    jobs.work(job.pk, clock=lambda: NOW)
    job.refresh_from_db()
    assert (job.status, job.result) == ("done", {"members": 1, "proposals": 2})
    proposals = Proposal.objects.order_by("visit_id").values_list(
        "settled", "proposed", "status", "proposed_by__username"
    )
    assert list(proposals) == [
        (Decimal("55.55"), Decimal("65.65"), "open", "reviewer"),
        (Decimal("56.10"), Decimal("66.30"), "open", "reviewer"),
    ]
    assert tuple(Visit.objects.order_by("pk").values_list()) == visits


def test_edition_under_which_something_was_settled_is_not_withdrawn(city, care):
    where, person = care
    edition = approved(city, successor())
    settle(city, where, person, JULY)
    with pytest.raises(DomainError, match="Settled under this edition: Visits 1"):
        withdraw_edition(edition=edition, note="晚", actor=city.reviewer, now=NOW)


def test_expired_edition_settles_nothing(city, care):
    where, person = care
    factories.choose(city, person, where, year=2030)
    factories.figure(city.area, "average_wage", 2028, "85000.00", city.clerk, city.reviewer)
    factories.figure(city.area, "yearly_cap", 2030, "1700.00", city.clerk, city.reviewer)
    assert settle(city, where, person, date(2030, 7, 31)).pooled == Decimal("55.00")
    after = settle(city, where, person, date(2030, 8, 1))
    assert (after.refusal, after.pooled, after.edition) == ("no_edition", Decimal("0.00"), None)


# Readings


def test_another_reading_is_another_edition_of_the_same_texts(city, care):
    where, person = care
    before = settle(city, where, person, date(2026, 6, 1), "300.00")
    other = choose_readings(
        edition=city.edition, choices={"visit_cap": "cost_per_encounter"}, starts_on=JULY, actor=city.clerk, now=NOW
    )
    assert other.texts == city.edition.texts
    assert (other.choices, other.starts_on) == ({"visit_cap": "cost_per_encounter"}, JULY)
    assert other.content_hash != city.edition.content_hash
    approved(city, edition=other)
    visit = settle(city, where, person, date(2026, 7, 3), "300.00")
    # 150.00 of the cost count instead of 150.00 of what the fund pays.
    assert (before.pooled, visit.pooled) == (Decimal("150.00"), Decimal("82.50"))
    assert [receipt["edition"] for receipt in Visit.objects.order_by("pk").values_list("receipt", flat=True)] == [
        city.edition.content_hash,
        other.content_hash,
    ]
    assert sum(proof.wrong for proof in check_books(city.area.pk)) == 0
    # Its credits begin with it, although those of the texts begin in 2025.
    credits = rulebook(city.area.pk).on(city.area.pk, "310", date(2026, 6, 1), "credits")
    assert credits.content_hash == city.edition.content_hash


@pytest.mark.parametrize(
    ("choices", "starts_on", "said"),
    [
        ({"visit_cap": "fund_per_encounter"}, JULY, "Choose a reading that differs"),
        ({"visit_cap": "never"}, JULY, "visit_cap: has no 'never'"),
        ({"weather": "fine"}, JULY, "weather: is not a switch of this edition"),
        ({"visit_cap": "fund_per_day"}, date(2030, 8, 1), "2030-08-01 is not among its days"),
        ({"visit_cap": "fund_per_day"}, date(2025, 7, 31), "2025-07-31 is not among its days"),
    ],
)
def test_unfit_reading_is_refused(city, choices, starts_on, said):
    with pytest.raises(DomainError, match=said):
        choose_readings(edition=city.edition, choices=choices, starts_on=starts_on, actor=city.clerk, now=NOW)
    assert Edition.objects.count() == 1


def test_going_back_to_a_reading_is_an_edition_of_its_own(city):
    other = choose_readings(
        edition=city.edition, choices={"visit_cap": "fund_per_day"}, starts_on=JULY, actor=city.clerk, now=NOW
    )
    approved(city, edition=other)
    back = choose_readings(
        edition=other,
        choices={"visit_cap": "fund_per_encounter"},
        starts_on=date(2026, 10, 1),
        actor=city.clerk,
        now=NOW,
    )
    approved(city, edition=back)
    chosen = [
        rulebook(city.area.pk).on(city.area.pk, "310", day).switches["visit_cap"].chosen
        for day in (date(2026, 6, 30), date(2026, 9, 30), date(2026, 10, 1))
    ]
    assert chosen == ["fund_per_encounter", "fund_per_day", "fund_per_encounter"]
    assert len({city.edition.content_hash, other.content_hash, back.content_hash}) == 3


# Figures


def test_missing_figures_are_listed_for_this_year_and_the_next(city):
    assert missing_figures(city.area.pk, date(2026, 11, 1)) == []
    wage = Missing("average_wage", "城镇在岗职工年平均工资", "4", 2026, (2028,), False)
    cap = Missing("yearly_cap", "普通门诊统筹年度最高支付限额", "4", 2028, (2028,), False)
    assert missing_figures(city.area.pk, date(2027, 11, 1)) == [wage, cap]
    enter_figure(
        area=city.area,
        code="average_wage",
        year=2026,
        value=Decimal("90000"),
        document="统计",
        actor=city.clerk,
        now=NOW,
    )
    assert [one.entered for one in missing_figures(city.area.pk, date(2027, 11, 1))] == [True, False]
    assert PublishedFigure.objects.filter(confirmed_at=None).count() == 1
    assert missing_figures(city.area.pk, date(2031, 1, 1)) == []


def test_figure_that_must_be_equal_is_held_to_it(city):
    """Zhanjiang's cap of 2024 is 2 % of the average wage of 2022 (article 8), neither more nor less."""
    text = (RULEBOOKS / "zhanjiang" / "2022-12.toml").read_text("utf-8")
    area = Area.objects.create(code="440899", name="湛江市")
    work_in(area, city.clerk, city.reviewer)
    approved(replace(city, area=area), {"zhanjiang.toml": text})
    facts = {"area": area, "document": "湛医保〔2024〕1号", "actor": city.clerk, "now": NOW}
    wage = enter_figure(code="average_wage", year=2022, value=Decimal("99833.00"), **facts)
    confirm_figure(figure=wage, actor=city.reviewer, now=NOW)
    for value in ("1996.65", "1996.67"):
        with pytest.raises(DomainError, match=r"The figure must be equal to 1996\.66"):
            enter_figure(code="yearly_cap", year=2024, value=Decimal(value), **facts)
    assert enter_figure(code="yearly_cap", year=2024, value=Decimal("1996.66"), **facts).confirmed_at is None
