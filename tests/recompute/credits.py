"""What personal accounts are credited each month, and what came late is credited for the months before."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import ModuleType
from typing import Any

from tests.recompute.data.history import known_at
from tests.recompute.data.reading import Area
from tests.recompute.days import first_of, last_of, months_later
from tests.recompute.differences import Findings
from tests.recompute.money import half_up

LOOK_BACK = 11  # months before the one that is credited


@dataclass(frozen=True, slots=True)
class Credit:
    """One month of one account, credited by a job, in fen."""

    job: int
    account: int
    month: date
    amount: int
    source: str
    at: datetime


@dataclass(slots=True)
class Given:
    """What a month has been credited so far, and on which base."""

    amount: int = 0
    base: int = 0


class Credits:
    """Every credit of every monthly job of the area, in order."""

    def __init__(self, area: Area, city: ModuleType):
        self.area, self.city = area, city
        self.all: list[Credit] = []
        self.holders: dict[int, date] = {}  # member → the first month that is credited
        self._given: dict[tuple[int, date], Given] = {}
        self._opened_before = {p.account_id for p in area.postings if p.kind == "opening"}
        if city.CREDITS_FROM is None:
            return
        for job in area.credit_jobs:
            self._job(job.id, date.fromisoformat(job.params["month"]), job.created_at)

    def _job(self, job: int, month: date, at: datetime) -> None:
        self._open(month, at)
        first = max(months_later(month, -LOOK_BACK), first_of(self.city.CREDITS_FROM))
        months = []
        while first <= month:
            months.append(first)
            first = months_later(first, 1)
        for member, since in self.holders.items():
            account = self.area.account_of.get(member)
            if account is None or self.area.closed(account, at):
                continue
            self._member(job, member, account, [m for m in months if m >= since], month, at)

    def _open(self, month: date, at: datetime) -> None:
        """Who is enrolled this year with an account of the city's has one, from the month of its first day."""
        year = date(month.year, 1, 1)
        for account in self.area.accounts.values():
            if account.id in self._opened_before and account.opened_on <= month:
                self.holders.setdefault(account.member_id, first_of(account.opened_on))
        for member, versions in self.area.facts["members_enrolment"].items():
            if member in self.holders:
                continue
            days = [
                row.starts_on
                for row in known_at(versions, at)
                if row.area_id == self.area.code
                and row.starts_on <= last_of(month)
                and (row.ends_on is None or row.ends_on >= year)
                and self.city.has_account(row.person_class, row.plan)
            ]
            if days:
                self.holders[member] = first_of(max(min(days), year))

    def _member(self, job: int, member: int, account: int, months: Sequence[date], run: date, at: datetime) -> None:
        area = self.area
        who = known_at(area.members[member], at)
        if not who:
            return
        [who] = who
        enrolments = [
            row for row in known_at(area.facts["members_enrolment"].get(member, ()), at) if row.area_id == area.code
        ]
        premiums: dict[tuple[str, date], list[Any]] = defaultdict(list)
        for row in known_at(area.contributions.get(member, ()), at):
            if row.own_amount > 0:
                premiums[row.scheme, row.month].append(row)
        for month in months:
            if who.died_on is not None and month > who.died_on:
                continue
            enrolment = self._of_month(enrolments, month, premiums)
            if enrolment is None or not self.city.has_account(enrolment.person_class, enrolment.plan):
                continue
            paid = premiums.get((enrolment.scheme, month), ())
            base = sum(row.base for row in paid) if paid else None
            given = self._given.get((account, month))
            if given is not None and (base is None or base == given.base):
                continue
            # A year that is over was closed with its last month: only what was paid since comes in.
            if month.year < run.year and not any(row.paid_on.year >= run.year for row in paid):
                continue
            amount, source = self.city.credit(
                month,
                person=enrolment.person_class,
                plan=enrolment.plan,
                who=who,
                base=base,
                in_benefit=self._in_benefit(member, enrolment, month, at),
                paid_late=any(row.kind == "back" for row in paid),
            )
            due = half_up(amount) - (given.amount if given else 0)
            if due > 0:
                self.all.append(Credit(job, account, month, due, source, at))
                self._given[account, month] = Given(half_up(amount), base or 0)

    def _of_month(self, enrolments: list[Any], month: date, premiums: dict) -> Any | None:
        """The enrolment of the month's first day (G-12); who comes later in it counts where its premium was paid."""
        inside = [
            row
            for row in enrolments
            if row.starts_on <= last_of(month) and (row.ends_on is None or row.ends_on >= month)
        ]
        if not inside:
            return None
        row = min(inside, key=lambda row: row.starts_on)
        if row.starts_on <= month or premiums.get((row.scheme, month)):
            return row
        return None

    def _in_benefit(self, member: int, enrolment: Any, month: date, at: datetime) -> bool:
        """Whether a benefit period touches the rest of the month and nothing suspends its first day."""
        area, first = self.area, max(month, enrolment.starts_on)
        covered = any(
            row.area_id == area.code
            and row.scheme == enrolment.scheme
            and row.starts_on <= last_of(month)
            and (row.ends_on is None or row.ends_on >= first)
            for row in known_at(area.facts["members_benefitperiod"].get(member, ()), at)
        )
        stopped = any(
            row.area_id == area.code and row.starts_on <= first and (row.ends_on is None or first <= row.ends_on)
            for row in known_at(area.facts["members_suspension"].get(member, ()), at)
        )
        return covered and not stopped


def compare(credits: Credits, findings: Findings) -> None:
    """By job, account and month: what is credited, and out of what."""
    jobs = {p.journal_id: int(p.source.removeprefix("job:")) for p in credits.area.postings if p.kind == "credit"}
    expected: dict[tuple[int, int, date], list[int | str]] = {}
    for credit in credits.all:
        expected[credit.job, credit.account, credit.month] = [credit.amount, credit.source]
    for row in credits.area.credits:
        key = (jobs.get(row.journal_id, 0), row.account_id, row.month)
        amount, source = expected.pop(key, [0, ""])
        record = f"credit:{row.id}"
        why = f"account {row.account_id}, {row.month:%Y-%m}"
        findings.compare("credit", "amount", record, amount, row.amount, why)
        findings.compare("credit", "source", record, source, row.source, why)
    for (job, account, month), (amount, _source) in expected.items():
        findings.compare("credit", "missing", f"account:{account}", amount, 0, f"job {job}, {month:%Y-%m}")
    for member in credits.holders:
        if member not in credits.area.account_of:
            findings.compare("account", "missing", f"member:{member}", "an account", "none")
    enrolments = credits.area.facts["members_enrolment"]
    for account in credits.area.accounts.values():
        rows = [version.row for version in enrolments.get(account.member_id, ())]
        here = [row for row in rows if row.area_id == account.area_id]
        due = any(credits.city.has_account(row.person_class, row.plan) for row in here)
        findings.compare("account", "due", f"account:{account.id}", "yes" if due else "no", "yes")
