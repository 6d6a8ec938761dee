"""The workload of a centre and its stations, the monthly return due by the 5th, its review, and who is late."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from bureau.errors import DomainError
from settlement.models import MonthlyReturn
from settlement.queries.returns import late_returns, workload
from settlement.services.returns import review_return, submit_return
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import settle_visit
from tests.settlement import factories

pytestmark = pytest.mark.django_db

SINCE, MAY = date(2024, 1, 1), date(2024, 5, 1)
NOW = datetime(2024, 6, 20, 2, tzinfo=UTC)


class Town:
    """A centre with two stations in Shaoguan, and a member of the centre and the first of them."""

    def __init__(self):
        self.city = factories.city_of("shaoguan")
        self.centre = factories.institution(self.city, "乡镇卫生院", since=SINCE)
        self.stations = [
            factories.institution(self.city, name, kind="station", level=0, parent=self.centre, since=SINCE)
            for name in ("东村", "西村")
        ]
        self.member = factories.member(self.city, person_class="resident", starts_on=SINCE, account=False)
        factories.choose(self.city, self.member, self.centre, year=2024)
        factories.choose(self.city, self.member, self.stations[0], year=2024, role="station")
        self.count = 0

    def settle(self, where, total: str, day: int = 6):
        self.count += 1
        request = VisitRequest(
            institution_id=where.pk,
            key=f"S{self.count}",
            member_id=self.member.pk,
            encounter=f"E{self.count}",
            care_on=date(2024, 5, day),
            total=Decimal(total),
        )
        return settle_visit(request, actor=self.city.clerk, now=datetime(2024, 5, day, 4, tzinfo=UTC))

    def report(self, *, visits=2, total="60.00", fund="42.00", submitted_on=date(2024, 6, 4), **more) -> MonthlyReturn:
        act = {"institution": self.centre, "scheme": "390", "month": MAY, "actor": self.city.clerk, "now": NOW}
        said = {"visits": visits, "total": Decimal(total), "fund": Decimal(fund), "submitted_on": submitted_on}
        return submit_return(**(act | said | more))

    def review(self, row, *, accept=True, note="", actor=None):
        return review_return(
            monthly_return=row,
            accept=accept,
            note=note,
            actor=actor or self.city.reviewer,
            now=NOW,
        )

    def late(self, today: date):
        found = late_returns(area=self.city.area, scheme="390", month=MAY, today=today)
        return [(late.institution, late.due_on, late.submitted_on) for late in found]


@pytest.fixture
def town():
    return Town()


def test_workload_says_what_the_centre_and_each_station_did(town):
    station, idle = town.stations
    town.settle(town.centre, "40.00")
    town.settle(station, "20.00", day=7)
    gone = town.settle(station, "10.00", day=8)
    reverse_visit(gone.pk, key="R1", reason="错", actor=town.city.clerk, now=datetime(2024, 5, 9, 4, tzinfo=UTC))
    sheet = workload(town.centre, "390", MAY)
    assert [(place.name, work.visits, work.total, work.fund) for place, work in sheet.places] == [
        ("乡镇卫生院", 1, Decimal("40.00"), Decimal("28.00")),
        ("东村", 1, Decimal("20.00"), Decimal("14.00")),
        ("西村", 0, Decimal("0.00"), Decimal("0.00")),
    ]
    assert [place for place, _work in sheet.places] == [town.centre, station, idle]
    # One member went to both places, and the centre's sheet of all its places counts them once.
    assert (sheet.total.visits, sheet.total.members, sheet.total.fund) == (2, 1, Decimal("42.00"))


def test_station_that_was_not_chosen_is_refused_though_its_centre_was(town):
    visit = town.settle(town.stations[1], "20.00")
    assert (visit.refusal, visit.pooled) == ("not_selected", Decimal("0.00"))


def test_referral_is_paid_back_by_the_selected_centre_and_is_its_work(town):
    hospital = factories.institution(town.city, kind="hospital", level=2, since=SINCE)
    factories.refer(town.member, town.centre, hospital, date(2024, 5, 1), date(2024, 5, 31))
    visit = town.settle(hospital, "100.00")
    assert (visit.pooled, visit.payee, visit.charged_institution) == (Decimal("70.00"), town.centre, town.centre)
    [(_place, centre), *_stations] = workload(town.centre, "390", MAY).places
    assert (centre.visits, centre.fund) == (1, Decimal("70.00"))
    assert workload(hospital, "390", MAY).total.visits == 0


def test_return_is_reviewed_by_another_and_held_against_the_visits(town):
    town.settle(town.centre, "40.00")
    town.settle(town.stations[0], "20.00")
    row = town.report()
    assert town.report() == row
    with pytest.raises(DomainError):
        town.report(visits=3)
    with pytest.raises(DomainError):
        town.review(row, actor=town.city.clerk)
    accepted = town.review(row)
    assert (accepted.status, accepted.reviewed_by) == ("accepted", town.city.reviewer)
    assert town.review(row) == accepted
    with pytest.raises(DomainError):
        town.review(row, accept=False, note="错")


def test_return_that_differs_is_sent_back_and_received_anew(town):
    town.settle(town.centre, "40.00")
    row = town.report()
    with pytest.raises(DomainError) as refused:
        town.review(row)
    assert "28.00" in str(refused.value)
    with pytest.raises(DomainError):
        town.review(row, accept=False)
    assert MonthlyReturn.objects.get().status == "submitted"
    town.review(row, accept=False, note="人次不符")
    again = town.report(visits=1, total="40.00", fund="28.00", submitted_on=date(2024, 6, 12))
    assert (again.pk, again.status, again.note) == (row.pk, "submitted", "")
    assert town.review(again).status == "accepted"


def test_return_is_refused_from_a_station_and_for_a_month_that_is_not_over(town):
    for wrong in (
        {"institution": town.stations[0]},
        {"submitted_on": date(2024, 5, 31)},
        {"submitted_on": date(2024, 6, 21)},
        {"month": date(2024, 5, 2)},
    ):
        with pytest.raises(DomainError):
            town.report(**wrong)
    assert not MonthlyReturn.objects.exists()


def test_late_are_those_who_reported_after_the_fifth_or_not_at_all(town):
    other = factories.institution(town.city, "另一卫生院", since=SINCE)
    factories.heads(town.city, other, 1, year=2024)
    factories.institution(town.city, "无人签约", since=SINCE)
    due = date(2024, 6, 5)
    assert town.late(due) == []
    assert town.late(date(2024, 6, 6)) == [(town.centre, due, None), (other, due, None)]
    town.report(submitted_on=due)
    town.report(institution=other, submitted_on=date(2024, 6, 6))
    assert town.late(date(2024, 6, 20)) == [(other, due, date(2024, 6, 6))]
    row = MonthlyReturn.objects.get(institution=town.centre)
    town.review(row, accept=False, note="错")
    assert (town.centre, due, None) in town.late(date(2024, 6, 20))


def test_no_return_is_due_where_the_edition_asks_for_none():
    city = factories.city_of("kaifeng")
    assert late_returns(area=city.area, scheme="310", month=date(2023, 5, 1), today=date(2023, 7, 1)) == []


def test_database_keeps_one_return_a_month_and_two_people(town):
    row = town.report()
    with pytest.raises(IntegrityError), transaction.atomic():
        MonthlyReturn.objects.filter(pk=row.pk).update(status="accepted", reviewed_by=town.city.clerk, reviewed_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        MonthlyReturn.objects.create(
            institution=town.centre,
            scheme="390",
            month=MAY,
            submitted_on=date(2024, 6, 4),
            visits=0,
            total=0,
            fund=0,
            submitted_by=town.city.clerk,
            submitted_at=NOW,
        )
