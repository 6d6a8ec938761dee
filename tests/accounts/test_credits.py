"""The monthly credit: who gets what, each month once, whatever is delivered twice or killed."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection

from accounts.models import Account, Credit, Entry, Journal
from accounts.queries import balances_agree, trial_balance
from accounts.services import credits
from accounts.services.credits import credit_month
from accounts.services.standing import close, freeze, open_accounts, reopen
from bureau.errors import DomainError
from bureau.jobs import services as jobs
from bureau.models import Area, Chunk, Job
from tests.accounts import factories
from tests.accounts.factories import benefits, enrol, member, premium, suspend

JANUARY, FEBRUARY, MARCH, APRIL = (date(2026, month, 1) for month in (1, 2, 3, 4))


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 2, 0, tzinfo=UTC)


def run(city, month: date, *, number: int = 1, on: date | None = None) -> Job:
    now = at(on or month.replace(day=20))
    job = credit_month(area=city.area, month=month, run=number, actor=city.clerk, now=now)
    jobs.work(job.pk, clock=lambda: now)
    job.refresh_from_db()
    assert job.status == "done", list(job.chunks.values_list("problem", flat=True))
    return job


def credited(person) -> list[tuple]:
    rows = Credit.objects.filter(account__member=person).order_by("month", "number")
    return [(row.month.month, row.kind, str(row.amount)) for row in rows]


def insured(person_class: str = "active", plan: str = "", **facts):
    person = member(**facts)
    enrol(person, person_class, JANUARY, plan=plan)
    benefits(person, JANUARY)
    return person


def test_credit_explains_itself_and_is_booked_in_both_funds(city):
    active, retired = insured(), insured("retired")
    premium(active, JANUARY, "6543.21")
    job = run(city, JANUARY)
    assert job.result == {"credited": 2, "fen": 23365, "too_much": 0}

    one = Credit.objects.get(account__member=active)
    assert (one.amount, one.base, one.person_class, one.source) == (
        Decimal("130.86"),
        Decimal("6543.21"),
        "active",
        "contribution",
    )
    assert (one.article, one.edition, one.kind) == ("7", city.edition, "normal")
    other = Credit.objects.get(account__member=retired)
    assert (other.amount, other.base, other.source) == (Decimal("102.79"), Decimal("0.00"), "pool")
    assert [(line.fund, line.subject, line.holder, str(line.balance)) for line in books(city)] == [
        ("employees_pool", "account_credits", "", "-102.79"),
        ("employees_pool", "interfund", "personal_accounts", "102.79"),
        ("personal_accounts", "contribution_income", "", "-130.86"),
        ("personal_accounts", "interfund", "employees_pool", "-102.79"),
        ("personal_accounts", "member_accounts", "", "233.65"),
    ]
    journal = Journal.objects.get()
    assert (journal.kind, journal.posted_on, journal.source, journal.origin_year) == (
        "credit",
        date(2026, 1, 20),
        f"job:{job.pk}",
        None,
    )
    assert not [proof.code for proof in balances_agree() if proof.wrong]


def books(city):
    return trial_balance(area_id=city.area.pk, on=date(2026, 12, 31), by_holder=True)


def test_same_run_again_returns_its_job(city):
    premium(insured(), JANUARY, "5000.00")
    job = run(city, JANUARY)
    before = factories.standing()
    assert run(city, JANUARY) == job
    assert factories.standing() == before


def test_chunk_delivered_twice_credits_once(city):
    premium(insured(), JANUARY, "5000.00")
    job = run(city, JANUARY)
    before = factories.standing()
    again = credits.credit_chunk(job.chunks.get().params, job=job, actor=city.clerk, now=at(JANUARY))
    assert again == {"credited": 0, "fen": 0, "too_much": 0}
    assert factories.standing() == before


def test_another_chunking_credits_nothing_twice(city, monkeypatch):
    people = [insured() for _ in range(7)]
    for person in people:
        premium(person, JANUARY, "5000.00")
    run(city, JANUARY)
    monkeypatch.setattr(credits, "CHUNK", 3)
    job = run(city, JANUARY, number=2)
    assert job.chunks.count() == 3
    assert job.result == {"credited": 0, "fen": 0, "too_much": 0}
    assert [credited(person) for person in people] == [[(1, "normal", "100.00")]] * 7


def test_chunk_killed_in_the_middle_leaves_nothing_and_is_done_later(city, monkeypatch):
    people = [insured() for _ in range(4)]
    for person in people:
        premium(person, JANUARY, "5000.00")
    monkeypatch.setattr(credits, "CHUNK", 2)
    job = credit_month(area=city.area, month=JANUARY, actor=city.clerk, now=at(JANUARY))
    insert, calls = credits._insert, []

    def killed_once(lines, journal_id):
        calls.append(journal_id)
        if len(calls) == 2:
            raise ConnectionError("the worker was killed")
        insert(lines, journal_id)

    monkeypatch.setattr(credits, "_insert", killed_once)
    jobs.work(job.pk, clock=lambda: at(JANUARY), limit=2)
    assert list(job.chunks.order_by("number").values_list("status", flat=True)) == ["done", "waiting"]
    assert (Credit.objects.count(), Journal.objects.count()) == (2, 1)
    assert sorted(Account.objects.values_list("balance", flat=True)) == [0, 0, 100, 100]

    jobs.work(job.pk, clock=lambda: at(JANUARY))
    job.refresh_from_db()
    assert (job.status, job.result["credited"]) == ("done", 4)
    assert [credited(person) for person in people] == [[(1, "normal", "100.00")]] * 4


def test_premium_that_came_late_is_credited_by_the_next_run(city):
    late, punctual = insured(), insured()
    for month in (JANUARY, FEBRUARY):
        premium(punctual, month, "5000.00")
    job = run(city, JANUARY)
    assert job.result["none: fact_missing"] == 1
    premium(late, JANUARY, "4000.00", paid_on=date(2026, 2, 10))
    premium(late, FEBRUARY, "4000.00")
    run(city, FEBRUARY)
    assert credited(late) == [(1, "normal", "80.00"), (2, "normal", "80.00")]
    assert credited(punctual) == [(1, "normal", "100.00"), (2, "normal", "100.00")]
    assert list(
        Entry.objects.filter(account__member=late).order_by("number").values_list("balance_after", flat=True)
    ) == [
        80,
        160,
    ]


def test_premium_that_came_late_is_credited_by_a_second_run_of_the_month(city):
    late = insured()
    run(city, JANUARY)
    premium(late, JANUARY, "4000.00", paid_on=date(2026, 1, 25))
    job = run(city, JANUARY, number=2)
    assert job.key == "credit:441699:2026-01:2"
    assert credited(late) == [(1, "normal", "80.00")]


def test_arrears_paid_later_give_the_own_share_and_nothing_else(city):
    person, pensioner = insured(), insured("retired")
    for month in (JANUARY, APRIL):
        premium(person, month, "5000.00")
    for each in (person, pensioner):
        suspend(each, FEBRUARY, date(2026, 3, 31))
    run(city, JANUARY)
    run(city, FEBRUARY)
    run(city, MARCH)
    assert credited(person) == [(1, "normal", "100.00")]
    for month in (FEBRUARY, MARCH):
        premium(person, month, "5000.00", kind="back", paid_on=date(2026, 4, 8))
    job = run(city, APRIL)
    assert job.result["none: benefit_stopped"] == 2
    assert credited(person) == [
        (1, "normal", "100.00"),
        (2, "back", "100.00"),
        (3, "back", "100.00"),
        (4, "normal", "100.00"),
    ]
    assert credited(pensioner) == [(1, "normal", "102.79"), (4, "normal", "102.79")]


def test_member_without_benefits_gets_nothing(city):
    person = member()
    enrol(person, "active", JANUARY)
    premium(person, JANUARY, "5000.00")
    job = run(city, JANUARY)
    assert job.result == {"none: benefit_stopped": 1, "credited": 0, "fen": 0, "too_much": 0}
    assert Journal.objects.count() == 0


def test_class_of_the_first_of_the_month_decides(city):
    """Retiring on the 16th: that month is still the premium's (G-12)."""
    person = member()
    enrol(person, "active", JANUARY, date(2026, 2, 15))
    enrol(person, "retired", date(2026, 2, 16))
    benefits(person, JANUARY)
    for month in (JANUARY, FEBRUARY):
        premium(person, month, "5000.00")
    for month in (JANUARY, FEBRUARY, MARCH):
        run(city, month)
    assert credited(person) == [(1, "normal", "100.00"), (2, "normal", "100.00"), (3, "normal", "102.79")]


def test_member_who_comes_within_the_month_needs_a_premium_for_it(city):
    worker, pensioner = member(), member()
    enrol(worker, "active", date(2026, 1, 12))
    benefits(worker, date(2026, 1, 12))
    premium(worker, JANUARY, "5000.00")
    enrol(pensioner, "retired", date(2026, 1, 12))
    benefits(pensioner, date(2026, 1, 12))
    run(city, JANUARY)
    run(city, FEBRUARY)
    assert credited(worker) == [(1, "normal", "100.00")]
    assert credited(pensioner) == [(2, "normal", "102.79")]


def test_monthly_payer_of_retirement_age_gets_two_percent_of_what_is_paid(city):
    paying, waiting = insured("retired_paying_monthly"), insured("retired_paying_monthly")
    premium(paying, JANUARY, "4000.00")
    premium(waiting, JANUARY, "4000.00", own="0.00")
    run(city, JANUARY)
    assert credited(paying) == [(1, "normal", "80.00")]
    assert credited(waiting) == []


def test_member_is_credited_for_the_month_of_death_and_no_later(city):
    person = insured("retired", died_on=date(2026, 2, 1))
    for month in (JANUARY, FEBRUARY, MARCH):
        run(city, month)
    assert credited(person) == [(1, "normal", "102.79"), (2, "normal", "102.79")]


def test_frozen_account_is_credited_and_a_closed_one_is_not(city):
    frozen, closed = insured("retired"), insured("retired")
    open_accounts(area_id=city.area.pk, on=JANUARY, actor=city.clerk, now=at(JANUARY))
    freeze(account=frozen.accounts.get(), reason="inquiry", actor=city.clerk, now=at(JANUARY))
    close(account=closed.accounts.get(), reason="moved", actor=city.clerk, now=at(JANUARY))
    job = run(city, JANUARY)
    assert job.result == {"credited": 1, "fen": 10279, "closed": 1, "too_much": 0}
    assert credited(frozen) == [(1, "normal", "102.79")]
    assert credited(closed) == []
    reopen(account=closed.accounts.get(), reason="came back", actor=city.clerk, now=at(JANUARY))
    run(city, JANUARY, number=2)
    assert credited(closed) == [(1, "normal", "102.79")]


def test_base_raised_afterwards_is_credited_with_the_difference(city):
    person = insured()
    premium(person, JANUARY, "5000.00")
    run(city, JANUARY)
    premium(person, JANUARY, "1000.00", kind="difference", paid_on=date(2026, 2, 3))
    premium(person, FEBRUARY, "6000.00")
    run(city, FEBRUARY)
    run(city, FEBRUARY, number=2)
    assert credited(person) == [(1, "normal", "100.00"), (1, "difference", "20.00"), (2, "normal", "120.00")]


def test_base_lowered_afterwards_takes_nothing_back_by_itself(city):
    person = insured()
    first = premium(person, JANUARY, "5000.00")
    run(city, JANUARY)
    first.base = Decimal("4000.00")
    first.save()
    job = run(city, JANUARY, number=2)
    assert (job.result["too_much"], job.result["credited"]) == (1, 0)
    assert credited(person) == [(1, "normal", "100.00")]


def test_december_paid_in_january_is_credited_and_the_old_year_is_otherwise_closed(city):
    late, pensioner = member(), member()
    for person, person_class in ((late, "active"), (pensioner, "retired")):
        enrol(person, person_class, date(2025, 11, 1))
        benefits(person, date(2025, 11, 1))
        factories.account(city, person, opened_on=date(2025, 11, 1))
    premium(late, date(2025, 12, 1), "5000.00", paid_on=date(2026, 1, 5))
    run(city, JANUARY)
    assert credited(late) == [(12, "normal", "100.00")]
    assert credited(pensioner) == [(1, "normal", "102.79")]


def test_months_before_an_account_was_opened_are_not_credited(city):
    person = insured("retired")
    factories.account(city, person, balance="500.00", opened_on=MARCH)
    run(city, MARCH)
    assert credited(person) == [(3, "normal", "102.79")]
    assert person.accounts.get().balance == Decimal("602.79")


def test_b1_plans_and_classes_without_an_account_are_given_none(city):
    insured("active", "pooled_only"), insured("retired", "pooled_only"), insured("resident")
    active = insured()
    job = run(city, JANUARY)
    assert list(Account.objects.values_list("member", flat=True)) == [active.pk]
    assert job.result["credited"] == 0


def test_b1_who_changes_to_pooled_only_keeps_the_account_and_is_credited_no_more(city):
    person = member()
    enrol(person, "retired", JANUARY, date(2026, 2, 28))
    enrol(person, "retired", MARCH, plan="pooled_only")
    benefits(person, JANUARY)
    for month in (JANUARY, FEBRUARY, MARCH):
        run(city, month)
    assert credited(person) == [(1, "normal", "102.79"), (2, "normal", "102.79")]
    assert person.accounts.get().balance == Decimal("205.58")


def test_open_accounts_twice_opens_once(city):
    insured()
    act = {"area_id": city.area.pk, "on": date(2026, 1, 31), "actor": city.clerk, "now": at(JANUARY)}
    assert [open_accounts(**act), open_accounts(**act)] == [1, 0]


def test_month_that_has_not_begun_is_refused(city):
    with pytest.raises(DomainError, match="2026-02"):
        credit_month(area=city.area, month=FEBRUARY, actor=city.clerk, now=at(date(2026, 1, 31)))
    assert Job.objects.count() == 0


def test_month_without_an_edition_is_refused(city):
    with pytest.raises(DomainError, match="2024-12"):
        credit_month(area=city.area, month=date(2024, 12, 1), actor=city.clerk, now=at(JANUARY))
    assert Chunk.objects.count() == 0


def test_chunk_takes_the_same_queries_for_any_number_of_members(city, django_assert_max_num_queries):
    for _ in range(30):
        premium(insured(), JANUARY, "5000.00")
    job = credit_month(area=city.area, month=JANUARY, actor=city.clerk, now=at(JANUARY))
    with django_assert_max_num_queries(10):
        credits.credit_chunk(job.chunks.get().params, job=job, actor=city.clerk, now=at(JANUARY))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_entry WHERE account_id IS NOT NULL")
        assert cursor.fetchone() == (30,)


def test_scheduled_credit_starts_the_month_in_each_area_with_accounts(city):
    Area.objects.create(code="449999", name="没有办法的地方")
    premium(insured(), MARCH, "5000.00")
    now = at(MARCH)
    [job] = credits.credit_areas(actor=city.clerk, now=now)
    assert (job.key, job.status) == ("credit:441699:2026-03", "waiting")
    assert credits.credit_areas(actor=city.clerk, now=now) == [job]
