"""An institution without a settlement level on the day is not an unrated one: the fund refuses, the account pays."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from bureau.errors import RefusedError
from institutions.models import Agreement
from institutions.services.places import set_level
from members.models import Enrolment
from settlement.models import Visit
from settlement.services.claims.steps import approve_claim
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.settling import settle_visit
from tests.settlement import factories

pytestmark = pytest.mark.django_db

SINCE, NOW = date(2023, 1, 1), datetime(2026, 3, 2, 4, tzinfo=UTC)
DAYS = {
    "heyuan": date(2026, 3, 1),
    "zhanjiang": date(2023, 5, 6),
    "kaifeng": date(2024, 5, 6),
    "chongqing": date(2024, 5, 6),
    "shaoguan": date(2024, 5, 6),
}


class Desk:
    """A city, a member with 40 yuan in the account, and bills of 500 yuan."""

    def __init__(self, key: str):
        self.key, self.on = key, DAYS[key]
        self.city = factories.heyuan() if key == "heyuan" else factories.city_of(key)
        resident = key == "shaoguan"
        self.member = factories.member(
            self.city,
            starts_on=SINCE,
            person_class="resident" if resident else "active",
            account=not resident,
            balance="0" if resident else "40.00",
        )
        Enrolment.objects.filter(member=self.member).update(plan="unit")

    def institution(self, kind: str, level: int | None, parent=None):
        made = factories.institution(self.city, kind=kind, level=level, parent=parent, since=SINCE)
        if self.key in ("heyuan", "shaoguan") and kind != "pharmacy" and parent is None:
            factories.choose(self.city, self.member, made, year=self.on.year)
        return made

    def settle(self, where, number: int, total: str = "500.00", **more) -> Visit:
        facts = {"encounter": f"E{number}", "total": Decimal(total)} | more
        request = VisitRequest(
            institution_id=where.pk, key=f"S{number}", member_id=self.member.pk, care_on=self.on, **facts
        )
        return settle_visit(request, actor=self.city.clerk, now=NOW)


@pytest.mark.parametrize(
    ("key", "article", "unrated"),
    [
        ("heyuan", "4", "60.00"),
        ("zhanjiang", "8", "300.00"),
        ("kaifeng", "9", "150.00"),
        ("chongqing", "5", "180.00"),
    ],
)
def test_b4_no_level_on_the_day_is_refused_and_unrated_is_paid(key, article, unrated):
    desk = Desk(key)
    hospital = desk.institution("hospital", None)
    refused = desk.settle(hospital, 1)
    assert (refused.refusal, refused.refusal_article) == ("level_missing", article)
    assert (refused.pooled, refused.account, refused.cash) == (Decimal("0.00"), Decimal("40.00"), Decimal("460.00"))
    # What people can do about it: record the level. Unrated is one.
    set_level(institution=hospital, level=0, starts_on=desk.on, actor=desk.city.clerk, now=NOW)
    assert desk.settle(hospital, 2).pooled == Decimal(unrated)


def test_b4_a_level_that_ended_the_day_before_is_none():
    desk = Desk("heyuan")
    hospital = desk.institution("hospital", 2)
    hospital.levels.update(ends_on=date(2026, 2, 28))
    assert desk.settle(hospital, 1).refusal == "level_missing"


@pytest.mark.parametrize(("key", "fee", "fund"), [("kaifeng", "0.00", "60.00"), ("shaoguan", "10.00", "70.00")])
def test_b4_what_does_not_ask_for_a_level_needs_none(key, fee, fund):
    """Kaifeng pays primary care by its kind, Shaoguan the same at every level."""
    desk = Desk(key)
    visit = desk.settle(desk.institution("centre", None), 1, "100.00", general_fee=Decimal(fee))
    assert (visit.pooled, visit.refusal) == (Decimal(fund), "")


@pytest.mark.parametrize(("key", "fund"), [("heyuan", "60.00"), ("chongqing", "180.00")])
def test_b4_a_village_station_is_unrated_by_its_kind(key, fund):
    desk = Desk(key)
    station = desk.institution("station", None, parent=desk.institution("centre", 1))
    assert desk.settle(station, 1).pooled == Decimal(fund)


@pytest.mark.parametrize(("level", "fund", "why"), [(3, "145.00", ""), (None, "0.00", "level_missing")])
def test_b4_a_prescription_goes_by_the_level_of_who_wrote_it(level, fund, why):
    desk = Desk("chongqing")
    hospital, pharmacy = desk.institution("hospital", level), desk.institution("pharmacy", None)
    desk.settle(hospital, 1, "10.00")
    filled = desk.settle(
        pharmacy, 2, "480.00", encounter="E1", channel=Visit.Channel.PRESCRIPTION, prescriber_id=hospital.pk
    )
    assert (filled.pooled, filled.refusal) == (Decimal(fund), why)


@pytest.mark.parametrize(("designated", "fund", "why"), [(True, "0.00", "level_missing"), (False, "300.00", "")])
def test_b4_zhanjiang_an_emergency_without_agreement_or_level_is_paid_as_unrated(designated, fund, why):
    """ZJ-8: the hospital's own level, and 一级及以下 where it has none."""
    desk = Desk("zhanjiang")
    hospital = desk.institution("hospital", None)
    if not designated:
        Agreement.objects.filter(institution=hospital).delete()
    visit = desk.settle(hospital, 1, channel=Visit.Channel.EMERGENCY)
    assert (visit.pooled, visit.refusal) == (Decimal(fund), why)


def test_b4_a_claim_by_hand_for_care_far_away_needs_the_level_as_well(bureau, person):
    bureau.hospital.levels.all().delete()
    claim = bureau.checked(person)
    with pytest.raises(RefusedError) as refused:
        approve_claim(claim=claim, actor=bureau.city.reviewer, now=NOW)
    assert refused.value.refusal.code == "level_missing"
    assert Visit.objects.count() == 0
