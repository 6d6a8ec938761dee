"""A10: what falls into a closed accounting month is told in words, before anything is loaded or settled."""

import csv
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO

import pytest
from django.utils import translation

from accounts.models import ClosedMonth, Entry, Journal
from accounts.services.ledger import MonthClosed
from accounts.services.months import close_month, reopen_month
from accounts.services.standing import load_opening_balances
from accounts.services.uses import reverse_use, use_account
from bureau.jobs import services as jobs
from bureau.models import Job, Upload
from settlement.models import Visit
from settlement.services.rosters import visits as rosters
from settlement.services.visits.desk import Desk
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import quote_visit, settle_visit
from tests.roster_files import rejects
from tests.settlement import factories
from tests.settlement.test_visit_rosters import NOW as IN_APRIL
from tests.settlement.test_visit_rosters import bill, load, people, place, reasons  # noqa: F401  fixtures

pytestmark = pytest.mark.django_db

MARCH = date(2026, 3, 1)
TOLD = "The accounting month 2026-03 is closed: post it into an open month, or reopen that one."


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


def close(city, month: date = MARCH) -> None:
    close_month(area=city.area, month=month, actor=city.finance, now=datetime(2026, 4, 1, 2, 0, tzinfo=UTC))


def standing() -> tuple:
    return Visit.objects.count(), Journal.objects.count(), Entry.objects.count()


def test_a10_rows_of_a_closed_month_come_back_before_loading_each_with_its_line(city, place, people):  # noqa: F811
    close(city)
    april = {"结算时间": "2026-04-01 08:00:00"}
    before = standing()
    rows = [bill(people[0], place, 1), bill(people[1], place, 2) | april, bill(people[2], place, 3)]
    upload = load(city, rows)
    assert (upload.status, upload.accepted, upload.rejected) == ("loaded", 1, 2)
    assert reasons(upload) == [("结算时间", TOLD)] * 2
    text = StringIO(rejects(upload))
    assert [row[-3] for row in csv.reader(text)][1:] == ["2", "4"]
    assert standing()[0] == before[0] + 1
    upload = load(city, [bill(people[0], place, 1)])
    assert (upload.status, upload.rejected) == ("refused", 1)


def test_a10_file_that_was_settled_before_the_close_is_unchanged_and_its_reversal_told(city, place, people):  # noqa: F811
    rows = [bill(people[0], place, 1)]
    load(city, rows)
    close(city)
    back = bill(people[0], place, 2, "-100.00") | {"退费结算标志": "1", "原结算ID": "S1"}
    before = standing()
    upload = load(city, [*rows, back])
    assert (upload.accepted, upload.unchanged, upload.rejected) == (0, 1, 1)
    assert reasons(upload) == [("结算时间", TOLD)]
    assert standing() == before
    upload = load(city, [back | {"结算时间": "2026-04-01 08:00:00"}])
    assert (upload.accepted, upload.rejected) == (1, 0)


def test_a10_month_closed_between_two_parts_of_a_file_turns_the_rows_away_at_once(
    city,
    place,  # noqa: F811
    people,  # noqa: F811
    monkeypatch,
):
    monkeypatch.setattr(rosters, "ROWS_IN_A_PART", 1)
    upload = load(city, [bill(person, place, n) for n, person in enumerate(people)])
    assert upload.status == "loading"
    close(city)
    job = Job.objects.get(key=f"visits {upload.pk}")
    jobs.work(job.pk, clock=lambda: IN_APRIL)
    upload = Upload.objects.get(pk=upload.pk)
    assert (upload.status, upload.accepted, upload.rejected) == ("loaded", 0, 3)
    assert reasons(upload) == [("结算时间", TOLD)] * 3
    assert {chunk.attempts for chunk in job.chunks.all()} == {1}


def test_a10_job_whose_month_is_closed_meanwhile_fails_once_and_says_why(
    city,
    place,  # noqa: F811
    people,  # noqa: F811
    monkeypatch,
):
    """As if the month were closed between the look and the posting."""
    monkeypatch.setattr(rosters, "ROWS_IN_A_PART", 1)
    monkeypatch.setattr(Desk, "require_open_month", lambda *asked: None)
    upload = load(city, [bill(person, place, n) for n, person in enumerate(people)])
    close(city)
    before = standing()
    job = Job.objects.get(key=f"visits {upload.pk}")
    jobs.work(job.pk, clock=lambda: IN_APRIL)
    assert {(chunk.status, chunk.attempts, chunk.problem) for chunk in job.chunks.all()} == {("failed", 1, TOLD)}
    assert standing() == before


@pytest.fixture
def request_(city):
    where = factories.institution(city)
    person = factories.member(city, selected=where, balance="500.00")
    return VisitRequest(
        institution_id=where.pk,
        key="A",
        member_id=person.pk,
        encounter="E1",
        care_on=date(2026, 3, 10),
        total=Decimal("100.00"),
    )


def test_a10_desk_is_told_in_the_quote_and_when_settling(city, request_):
    late = replace(request_, settled_on=date(2026, 3, 11))
    close(city)
    before = standing()
    for act in (
        lambda: quote_visit(late, now=IN_APRIL),
        lambda: settle_visit(late, actor=city.clerk, now=IN_APRIL),
        # A clock that is behind: the database refuses what the desk did not ask.
        lambda: settle_visit(request_, actor=city.clerk, now=datetime(2026, 3, 20, 2, 0, tzinfo=UTC)),
    ):
        with pytest.raises(MonthClosed) as error:
            act()
        assert str(error.value) == TOLD
        assert standing() == before
    assert settle_visit(request_, actor=city.clerk, now=IN_APRIL).settled_on == date(2026, 4, 1)


def test_a10_reversal_into_a_closed_month_is_told_and_a_repeat_is_not(city, request_):
    visit = settle_visit(request_, actor=city.clerk, now=datetime(2026, 3, 20, 2, 0, tzinfo=UTC))
    asked = {"reason": "退费", "actor": city.clerk, "now": IN_APRIL, "settled_on": date(2026, 3, 21)}
    close(city)
    before = standing()
    with pytest.raises(MonthClosed, match="2026-03"):
        reverse_visit(visit.pk, key="R", **asked)
    assert standing() == before
    reopen_month(area=city.area, month=MARCH, reason="补录", actor=city.finance, now=IN_APRIL)
    reversal = reverse_visit(visit.pk, key="R", **asked)
    close(city)
    assert reverse_visit(visit.pk, key="R", **asked) == reversal
    assert settle_visit(request_, actor=city.clerk, now=IN_APRIL) == visit


def test_a10_every_act_of_the_accounts_says_so(city):
    person = factories.member(city, balance="500.00")
    [account] = person.accounts.all()
    in_march = datetime(2026, 3, 20, 2, 0, tzinfo=UTC)
    asked = {"account": account, "user": person, "purpose": "pharmacy_drug", "payee": "P1", "amount": Decimal("5.00")}
    use = use_account(key="U1", on=date(2026, 3, 20), actor=city.clerk, now=in_march, **asked)
    ClosedMonth.objects.create(area=city.area, month=MARCH, closed_by=city.finance, closed_at=IN_APRIL)
    empty = factories.member(city)
    before = standing()
    for act in (
        lambda: use_account(key="U2", on=date(2026, 3, 20), actor=city.clerk, now=in_march, **asked),
        lambda: reverse_use(use=use, actor=city.clerk, now=in_march),
        lambda: load_opening_balances(
            key="K", area=city.area, balances={empty.pk: Decimal("1.00")}, on=MARCH, actor=city.clerk, now=in_march
        ),
    ):
        with pytest.raises(MonthClosed) as error:
            act()
        assert str(error.value) == TOLD
        assert standing() == before

