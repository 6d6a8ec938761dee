"""Settling and quoting a visit: what moves, what is refused, and that nothing moves then."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from bureau.errors import DomainError, RefusedError
from bureau.models import AuditEntry, PublishedFigure
from institutions.models import Agreement, HospitalStay, OutOfAreaRegistration
from members.models import BenefitPeriod, Enrolment, Suspension
from settlement.admin.visits import SplitCareFilter
from settlement.models import Visit
from settlement.queries.explain import explain
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import KeyReused, quote_visit, settle_visit
from tests.settlement import factories
from tests.settlement.visits import DAY, NOW, entries, moved, request, settle


@pytest.fixture
def where(city):
    return factories.institution(city, "源城社区")


@pytest.fixture
def person(city, where):
    return factories.member(city, selected=where, balance="25.00")


def test_settle_visit_splits_between_fund_account_and_cash(city, where, person):
    visit = settle(city, where, person, own_expense=Decimal("10.00"))
    assert (visit.pooled, visit.account, visit.family, visit.cash) == (
        Decimal("60.00"),
        Decimal("25.00"),
        Decimal("0.00"),
        Decimal("15.00"),
    )
    assert (visit.charge, visit.charged_institution, visit.payee) == ("selected_capitation", where, where)
    assert entries(visit) == [
        ("employees_pool", "benefit_expenditure", "", "-60.00"),
        ("employees_pool", "payable_quota", where.code, "60.00"),
        ("personal_accounts", "member_accounts", "", "-25.00"),
        ("personal_accounts", "payable_items", where.code, "25.00"),
    ]
    [line] = visit.payments.all()
    assert (line.relation, line.amount) == ("self", Decimal("25.00"))
    assert AuditEntry.objects.get(action="visit.settle").record_id == str(visit.pk)


def test_settle_visit_again_returns_the_first_answer(city, where, person):
    first = settle(city, where, person)
    before = moved()
    assert settle(city, where, person) == first
    assert moved() == before


def test_settle_visit_with_a_used_key_is_refused(city, where, person):
    settle(city, where, person)
    before = moved()
    with pytest.raises(KeyReused):
        settle(city, where, person, total=Decimal("100.01"))
    assert moved() == before


def test_quote_moves_nothing_and_tells_what_settling_gives(city, where, person):
    before = moved()
    quote = quote_visit(request(where, person), now=NOW)
    assert moved() == before
    visit = settle(city, where, person)
    assert (quote.row["pooled"], quote.row["account"], quote.row["cash"]) == (
        str(visit.pooled),
        str(visit.account),
        str(visit.cash),
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"total": Decimal("-1.00")}, "total"),
        ({"total": Decimal("1.001")}, "total"),
        ({"total": Decimal("NaN")}, "total"),
        ({"total": Decimal("1000000000.00")}, "total"),
        ({"own_expense": Decimal("100.01")}, "total"),
        ({"general_fee": Decimal("100.01")}, "general_fee"),
        ({"care_on": date(2026, 3, 3)}, "care_on"),
        ({"key": " "}, "key"),
        ({"encounter": ""}, "encounter"),
        ({"channel": "prescription"}, "prescriber"),
        ({"channel": "helicopter"}, "channel"),
        ({"credential": "99"}, "credential"),
        ({"pay_from": "neighbour"}, "pay_from"),
        ({"settled_on": date(2026, 2, 28)}, "settled_on"),
    ],
)
def test_settle_visit_refuses_a_request_that_makes_no_sense(city, where, person, changes, field):
    before = moved()
    with pytest.raises(DomainError) as refused:
        settle(city, where, person, **changes)
    assert refused.value.field == field
    assert str(refused.value)
    assert moved() == before


def test_settle_visit_without_the_yearly_cap_is_refused(city, where, person):
    other = factories.member(city, selected=None)
    factories.choose(city, other, where, year=2028)
    assert not PublishedFigure.objects.filter(year=2028).exists()
    before = moved()
    with pytest.raises(RefusedError) as refused:
        settle_visit(
            request(where, other, care_on=date(2028, 3, 1)), actor=city.clerk, now=datetime(2028, 3, 2, tzinfo=UTC)
        )
    assert refused.value.refusal.code == "figure_missing"
    cap = city.rules.figures["yearly_cap"]
    assert cap.label in str(refused.value) and "2028" in str(refused.value) and cap.code not in str(refused.value)
    assert moved() == before


def refusal_of(visit):
    return (visit.refusal, visit.pooled, visit.account, visit.cash)


def test_refusal_of_the_fund_does_not_block_the_account(city, where, person):
    elsewhere = factories.institution(city, "别处")
    visit = settle(city, elsewhere, person)
    assert refusal_of(visit) == ("not_selected", 0, Decimal("25.00"), Decimal("75.00"))
    assert visit.refusal_article == "15"
    assert [line.article for line in explain(visit)][-1] == "15"


def test_institution_without_agreement_is_paid_in_cash(city, where, person):
    Agreement.objects.filter(institution=where).delete()
    visit = settle(city, where, person)
    assert refusal_of(visit) == ("not_designated", 0, 0, Decimal("100.00"))
    assert entries(visit) == []


@pytest.mark.parametrize(
    ("arrange", "code"),
    [
        (lambda p, c: BenefitPeriod.objects.filter(member=p).delete(), "no_benefit_period"),
        (
            lambda p, c: Suspension.objects.create(
                member=p, area=c.area, kind="suspended", starts_on=DAY, ends_on=DAY
            ),
            "suspended",
        ),
        (lambda p, c: Enrolment.objects.filter(member=p).delete(), "not_enrolled"),
    ],
)
def test_standing_against_a_member_refuses_the_fund(city, where, person, arrange, code):
    arrange(person, city)
    assert settle(city, where, person).refusal == code


def test_death_before_the_day_of_care_refuses_the_fund(city, where, person):
    person.died_on = date(2026, 2, 28)
    person.save()
    assert settle(city, where, person).refusal == "not_enrolled"


def test_stay_in_hospital_is_no_bar_in_heyuan(city, where, person):
    HospitalStay.objects.create(member=person, admitted_on=DAY)
    assert settle(city, where, person).pooled == Decimal("60.00")


def test_day_without_an_edition_is_refused_and_says_so(city, where):
    person = factories.member(city, starts_on=date(2025, 1, 1))
    factories.choose(city, person, where, year=2025)
    visit = settle(city, where, person, care_on=date(2025, 7, 31))
    assert (visit.refusal, visit.edition, visit.pooled) == ("no_edition", None, 0)


def test_station_of_the_selected_centre_is_paid_through_it(city, where, person):
    station = factories.institution(city, kind="station", level=None, parent=where)
    visit = settle(city, station, person)
    assert (visit.pooled, visit.payee, visit.charged_institution) == (Decimal("60.00"), where, where)
    assert ("employees_pool", "payable_quota", where.code, "60.00") in entries(visit)


def test_referral_is_owed_to_who_treated_and_uses_the_selected_quota(city, where, person):
    hospital = factories.institution(city, kind="hospital", level=3)
    factories.refer(person, where, hospital, DAY, DAY)
    visit = settle(city, hospital, person)
    assert (visit.pooled, visit.payee, visit.charged_institution) == (Decimal("55.00"), hospital, where)
    assert ("employees_pool", "payable_items", hospital.code, "55.00") in entries(visit)


def test_registered_care_out_of_the_area_is_owed_to_the_clearing_body(city, where, person):
    clearing = factories.institution(city, kind="clearing", level=None)
    away = factories.institution(city, kind="hospital", level=3, local=False, code="H44010000001")
    assert settle(city, away, person).refusal == "remote_not_filed"
    OutOfAreaRegistration.objects.create(
        member=person, kind="posted_worker", destination="440100", starts_on=date(2026, 1, 1)
    )
    visit = settle(city, away, person, key="S2", encounter="E2")
    assert (visit.pooled, visit.payee, visit.charge) == (Decimal("55.00"), clearing, "fee_for_service")


@pytest.mark.parametrize(
    ("kind", "paid", "refusal"),
    [("long_term_resident", "25.00", ""), ("posted_worker", "25.00", ""), ("temporary", "0.00", "remote_not_filed")],
)
def test_kaifeng_pays_who_lives_elsewhere_not_who_travels(db, kind, paid, refusal):
    city = factories.city_of("kaifeng")
    factories.institution(city, kind="clearing", level=None)
    away = factories.institution(city, kind="hospital", level=3, local=False, code="H44010000001")
    person = factories.member(city)
    OutOfAreaRegistration.objects.create(member=person, kind=kind, destination="440100", starts_on=date(2026, 1, 1))
    visit = settle(city, away, person)
    assert (visit.pooled, visit.refusal) == (Decimal(paid), refusal)


def test_two_encounters_of_a_day_at_one_institution_are_listed_for_review(city, where, person):
    """Not two bills of one encounter, another day, a visit that was reversed, or a prescription filled elsewhere."""
    first = settle(city, where, person, key="S1", encounter="E1")
    bill = settle(city, where, person, key="S2", encounter="E1")
    settle(city, where, person, key="S3", encounter="E3", care_on=DAY - timedelta(days=1))

    def listed() -> set[int]:
        shown = SplitCareFilter(None, {"split": ["yes"]}, Visit, None).queryset(None, Visit.objects.all())
        return set(shown.values_list("pk", flat=True))

    assert listed() == set()
    second = settle(city, where, person, key="S4", encounter="E4")
    assert listed() == {first.pk, bill.pk, second.pk}
    reverse_visit(second.pk, key="R4", reason="重复", actor=city.clerk, now=NOW)
    assert listed() == set()


def test_account_money_out_of_the_area_without_a_clearing_body_is_refused(city, where, person):
    away = factories.institution(city, kind="hospital", level=3, local=False, code="H44010000001")
    before = moved()
    with pytest.raises(DomainError):
        settle(city, away, person)
    assert moved() == before


def test_selected_station_uses_the_quota_of_its_centre(city, where):
    station = factories.institution(city, kind="station", level=None, parent=where)
    person = factories.member(city, selected=station)
    visit = settle(city, station, person)
    assert (visit.pooled, visit.payee, visit.charged_institution) == (Decimal("60.00"), where, where)


def test_registration_for_another_province_does_not_cover(city, where, person):
    factories.institution(city, kind="clearing", level=None)
    away = factories.institution(city, kind="hospital", level=3, local=False, code="H11010100001")
    OutOfAreaRegistration.objects.create(
        member=person, kind="posted_worker", destination="440000", starts_on=date(2026, 1, 1)
    )
    assert settle(city, away, person).refusal == "remote_not_filed"


def test_emergency_at_the_selected_institution_uses_its_quota(city, where, person):
    visit = settle(city, where, person, channel="emergency")
    assert (visit.charge, visit.charged_institution) == ("selected_capitation", where)
