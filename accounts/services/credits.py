"""The monthly credit: every account of an area, in chunks, each month of each account once."""

import datetime
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Credit, Fund, Journal, Subject
from accounts.queries.due import Due, account_ranges, months_due
from accounts.services.ledger import EntryRequest, JournalRequest, control, post, to_account
from accounts.services.standing import open_accounts
from bureau import audit
from bureau.editions.rulebook import rulebook, stored_edition
from bureau.errors import DomainError
from bureau.jobs import services as jobs
from bureau.models import Area, Job, Scheme, Staff
from bureau.rules.accounts import credits as rules
from bureau.rules.enrolment import bars
from bureau.rules.errors import NoEdition, Refusal
from bureau.rules.format.edition import Edition, Rulebook
from bureau.rules.money import fen, yuan
from bureau.rules.periods import add_months, last_day, month_of
from bureau.staff import reach

KIND = "credit"
CHUNK = 10_000  # accounts; a spend waits for one chunk at most
LOOK_BACK = 11  # months before the run's, for premiums that came late
POOL = "pool"

COPY = """
COPY accounts_credit (
    account_id, month, number, kind, amount, base, person_class, source, article, edition_id, journal_id) FROM STDIN
"""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules say to one set of facts: the whole month's amount in yuan, or why there is none."""

    credit: rules.Credit
    amount: Decimal
    edition: Edition | None
    back: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One month of one account, with what is still to be credited in yuan; negative if too much was."""

    due: Due
    decision: Decision
    amount: Decimal

    @property
    def kind(self) -> Credit.Kind:
        if self.due.number:
            return Credit.Kind.DIFFERENCE
        return Credit.Kind.BACK if self.decision.back else Credit.Kind.NORMAL


def credit_month(*, area: Area, month: datetime.date, run: int = 1, actor: Staff, now: datetime.datetime) -> Job:
    """Start the credit of a month for all accounts of an area, opening those that are missing.

    Months before it that are still missing, or whose base has grown, are credited with it. The same run again
    returns its job; a later `run` of the same month credits only what has come in since. Raises DomainError for a
    month that has not begun and where no edition has credits.
    """
    reach.require_whole(actor.reach, area.pk)
    month = month.replace(day=1)
    if month > timezone.localdate(now):
        raise DomainError(_("The month %(month)s has not begun."), field="month", month=month_of(month))
    if not _has_credits(area, month):
        raise DomainError(
            _("No edition with personal accounts is in force in %(month)s."), field="month", month=month_of(month)
        )
    name = month_of(month) if run == 1 else f"{month_of(month)}:{run}"
    open_accounts(area_id=area.pk, on=last_day(month.year, month.month), actor=actor, now=now)
    return jobs.create_job(
        kind=KIND,
        key=f"credit:{area.pk}:{name}",
        area_id=area.pk,
        params={"area": area.pk, "month": month.isoformat()},
        chunks=account_ranges(area.pk, CHUNK),
        actor=actor,
        now=now,
    )


def credit_areas(*, actor: Staff, now: datetime.datetime) -> list[Job]:
    """Start the credit of the month that has begun in every area whose edition has personal accounts."""
    month = timezone.localdate(now).replace(day=1)
    areas = [area for area in Area.objects.order_by("pk") if _has_credits(area, month)]
    return [credit_month(area=area, month=month, actor=actor, now=now) for area in areas]


def _has_credits(area: Area, month: datetime.date) -> bool:
    book = rulebook(area.pk)
    return any(_edition(book, area.pk, scheme, month) for scheme in Scheme.values)


def credit_chunk(params: dict, *, job: Job, actor: Staff, now: datetime.datetime) -> dict:
    """Credit one range of accounts, as one journal, in the caller's transaction.

    Returns counts: accounts' months credited, the fen, months that now have too much (left as they are, for a
    recovery), months due to closed accounts (for a later run, once they are reopened), and each reason why a month
    got nothing.
    """
    area_id, month = job.params["area"], datetime.date.fromisoformat(job.params["month"])
    dues = months_due(
        area_id=area_id,
        first=params["first"],
        last=params["last"],
        starts_on=add_months(month, -LOOK_BACK),
        ends_on=month,
    )
    lines = decide(area_id, dues)
    due = [line for line in lines if line.amount > 0]
    given = [line for line in due if not line.due.closed]
    if given:
        today = timezone.localdate(now)
        journal = JournalRequest(
            key=f"{job.key}:{params['first']}",
            area_id=area_id,
            kind=Journal.Kind.CREDIT,
            posted_on=today,
            source=f"job:{job.pk}",
            entries=_entries(given),
            origin_year=month.year if month.year != today.year else None,
            fingerprint=job.key,
        )
        [journal_id] = post([journal], actor=actor, now=now)
        _insert(given, journal_id)
        audit.record("account.credit", actor=actor, now=now, area_id=area_id, month=month_of(month), journal=journal_id)
    counts = Counter(f"none: {line.decision.credit.refusal.code}" for line in lines if line.decision.credit.refusal)
    counts["credited"] = len(given)
    counts["fen"] = fen(sum(line.amount for line in given))
    if len(due) > len(given):
        counts["closed"] = len(due) - len(given)
    counts["too_much"] = sum(line.amount < 0 for line in lines)
    return dict(counts)


def decide(area_id: str, dues: Sequence[Due]) -> list[Line]:
    """Ask the rules about each month; equal facts are asked once."""
    book = rulebook(area_id)
    known: dict[tuple, Decision] = {}
    lines = []
    for due in dues:
        facts = (
            due.scheme,
            due.month,
            due.person_class,
            due.plan,
            due.birth,
            due.sex,
            due.reached_age_on,
            due.base,
            due.paid_later,
            due.has_benefit_period,
            due.stop,
        )
        decision = known.get(facts)
        if decision is None:
            decision = known[facts] = _decide(book, area_id, due)
        lines.append(Line(due, decision, decision.amount - due.credited))
    return lines


def _decide(book: Rulebook, area_id: str, due: Due) -> Decision:
    edition = _edition(book, area_id, due.scheme, due.month)
    if edition is None:
        return Decision(rules.Credit(0, "", "", Refusal("no_edition")), Decimal("0.00"), None, False)
    in_benefit = due.has_benefit_period and not (due.stop and bars(edition, due.stop, due.month))
    # HY-20: a month without benefits whose arrears came later gets the own share of what was paid.
    back = due.paid_later and not in_benefit
    credit = rules.monthly_credit(
        edition,
        person_class=due.person_class,
        plan=due.plan,
        month=month_of(due.month),
        base=None if due.base is None else fen(due.base),
        birth=due.birth,
        sex=due.sex,
        reached_age_on=due.reached_age_on,
        in_benefit=in_benefit,
        paid=due.base is not None,
        made_up=back,
    )
    return Decision(credit, yuan(credit.amount), edition, back)


def _edition(book: Rulebook, area_id: str, scheme: str, month: datetime.date) -> Edition | None:
    try:
        edition = book.on(area_id, scheme, month, "credits")
    except NoEdition:
        return None
    return edition if edition.has("credits") else None


def _entries(lines: Sequence[Line]) -> list[EntryRequest]:
    """Premiums go from income to the accounts; fixed sums cross over from the pool (two funds, each balanced)."""
    pool = sum(line.amount for line in lines if line.decision.credit.source == POOL)
    premium = sum(line.amount for line in lines) - pool
    entries = [to_account(line.due.account_id, line.amount) for line in lines]
    if premium:
        entries.append(control(Subject.CONTRIBUTION_INCOME, -premium))
    if pool:
        entries += [
            control(Subject.INTERFUND, -pool, holder=Fund.EMPLOYEES_POOL),
            control(Subject.INTERFUND, pool, fund=Fund.EMPLOYEES_POOL, holder=Fund.PERSONAL_ACCOUNTS),
            control(Subject.ACCOUNT_CREDITS, -pool, fund=Fund.EMPLOYEES_POOL),
        ]
    return entries


def _insert(lines: Sequence[Line], journal_id: int) -> None:
    hashes = {line.decision.edition.content_hash for line in lines}
    editions = {content_hash: stored_edition(content_hash) for content_hash in hashes}
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for line in lines:
            due, decision = line.due, line.decision
            copy.write_row(
                (
                    due.account_id,
                    due.month,
                    due.number + 1,
                    line.kind,
                    line.amount,
                    due.base or Decimal(0),
                    due.person_class,
                    decision.credit.source,
                    decision.credit.article,
                    editions[decision.edition.content_hash],
                    journal_id,
                )
            )
