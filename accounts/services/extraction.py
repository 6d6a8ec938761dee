"""提取: a scheme's outpatient account is fed out of the scheme's own fund, so much a head and year, in books apart."""

import datetime
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Entry, Fund, Journal, Subject
from accounts.services.ledger import JournalRequest, control, post
from bureau import audit
from bureau.editions.rulebook import rulebook
from bureau.errors import DomainError, RefusedError
from bureau.models import Area, Staff
from bureau.rules import payment as provider
from bureau.rules.errors import Refused
from bureau.rules.money import yuan
from bureau.staff import reach

# Out of which fund a scheme's outpatient account is fed.
SOURCES = {"310": Fund.EMPLOYEES_POOL, "390": Fund.RESIDENTS}

INSURED = """
SELECT count(DISTINCT member_id) FROM members_enrolment
WHERE area_id = %s AND scheme = %s AND starts_on <= %s AND COALESCE(ends_on, 'infinity') >= %s
"""


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a year's outpatient account comes to, in yuan: heads × rate is the budget, `before` of it had been posted.

    `posted` is what is new; `fund` the account that is fed, `source` the name under which its journals stand, `edition`
    the hash of the edition that says so.
    """

    fund: Fund
    source: str
    insured: int
    rate: Decimal
    budget: Decimal
    before: Decimal
    posted: Decimal
    edition: str


def quote_extraction(*, area: Area, scheme: str, year: int, now: datetime.datetime) -> Extraction:
    """What `extract_fund` would post. Nothing moves."""
    first, last = datetime.date(year, 1, 1), datetime.date(year, 12, 31)
    until = min(timezone.localdate(now), last)
    if until < first:
        raise DomainError(_("The year %(year)s has not begun."), field="year", year=str(year))
    try:
        edition = rulebook(area.pk).on(area.pk, scheme, until, "provider")
        fund = Fund(edition.part("benefits", until)["shares"][0]["fund"])
        rule = edition.part("provider", until)
        if "per_insured" not in rule or fund == SOURCES[scheme]:
            raise DomainError(_("Under %(document)s nothing is extracted by heads."), document=edition.document)
        insured = count_insured(area.pk, scheme, first, until)
        budget = yuan(provider.compute(edition, until, "fund_budget", {"insured": insured})["budget"])
    except Refused as refused:
        raise RefusedError(refused.refusal) from refused
    source = f"extraction:{area.pk}:{scheme}:{year}"
    before = extracted(source, fund)
    new = max(budget - before, Decimal("0.00"))
    return Extraction(fund, source, insured, Decimal(rule["per_insured"]), budget, before, new, edition.content_hash)


def extract_fund(*, area: Area, scheme: str, year: int, actor: Staff, now: datetime.datetime) -> Extraction:
    """Feed a year's outpatient account with the edition's amount for everybody enrolled in the year so far.

    Who is enrolled later is added by doing it again; with nobody new it posts nothing. Never takes anything back.
    Refused: a year that has not begun, and an edition that feeds no account by heads (RefusedError, DomainError).
    """
    reach.require_whole(actor.reach, area.pk)
    with transaction.atomic():
        Area.objects.select_for_update(no_key=True).get(pk=area.pk)
        found = quote_extraction(area=area, scheme=scheme, year=year, now=now)
        if not found.posted:
            return found
        pool, today = SOURCES[scheme], timezone.localdate(now)
        journal = JournalRequest(
            key=f"{found.source}:{found.budget}",
            area_id=area.pk,
            kind=Journal.Kind.OTHER,
            posted_on=today,
            source=found.source,
            entries=[
                control(Subject.TRANSFER_EXPENDITURE, -found.posted, fund=pool, holder=found.fund),
                control(Subject.INTERFUND, found.posted, fund=pool, holder=found.fund),
                control(Subject.INTERFUND, -found.posted, fund=found.fund, holder=pool),
                control(Subject.TRANSFER_INCOME, found.posted, fund=found.fund, holder=pool),
            ],
            origin_year=year if year != today.year else None,
        )
        [journal_id] = post([journal], actor=actor, now=now)
        audit.record(
            "fund.extract",
            actor=actor,
            now=now,
            area_id=area.pk,
            journal=journal_id,
            scheme=scheme,
            year=year,
            insured=found.insured,
            rate=str(found.rate),
            edition=found.edition,
            amount=str(found.posted),
        )
    return found


def count_insured(area_id: str, scheme: str, first: datetime.date, last: datetime.date) -> int:
    """Everybody enrolled on some day of a span, once."""
    with connection.cursor() as cursor:
        cursor.execute(INSURED, [area_id, scheme, last, first])
        return cursor.fetchone()[0]


def extracted(source: str, fund: Fund) -> Decimal:
    rows = Entry.objects.filter(journal__source=source, fund=fund, subject=Subject.TRANSFER_INCOME)
    return rows.aggregate(total=Sum("amount", default=Decimal("0.00")))["total"]
