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
from bureau.errors import DomainError, RefusedError
from bureau.models import Area, Staff
from bureau.rules import provider
from bureau.rules.errors import Refused
from bureau.rules.money import yuan
from bureau.services.editions import rulebook

# Out of which fund a scheme's outpatient account is fed.
SOURCES = {"310": Fund.EMPLOYEES_POOL, "390": Fund.RESIDENTS}

INSURED = """
SELECT count(DISTINCT member_id) FROM members_enrolment
WHERE area_id = %s AND scheme = %s AND starts_on <= %s AND COALESCE(ends_on, 'infinity') >= %s
"""


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a year's outpatient account comes to, and what of it has been posted just now; yuan."""

    insured: int
    budget: Decimal
    posted: Decimal


def extract_fund(*, area: Area, scheme: str, year: int, actor: Staff, now: datetime.datetime) -> Extraction:
    """Feed a year's outpatient account with the edition's amount for everybody enrolled in the year so far.

    Who is enrolled later is added by doing it again; with nobody new it posts nothing. Never takes anything back.
    Refused: a year that has not begun, and an edition that feeds no account by heads (RefusedError, DomainError).
    """
    first, last = datetime.date(year, 1, 1), datetime.date(year, 12, 31)
    until = min(timezone.localdate(now), last)
    if until < first:
        raise DomainError(_("The year %(year)s has not begun."), field="year", year=str(year))
    try:
        edition = rulebook(area.pk).on(area.pk, scheme, until, "provider")
        fund = Fund(edition.part("benefits", until)["shares"][0]["fund"])
        if "per_insured" not in edition.part("provider", until) or fund == SOURCES[scheme]:
            raise DomainError(_("Under %(document)s nothing is extracted by heads."), document=edition.document)
    except Refused as refused:
        raise RefusedError(refused.refusal) from refused
    with transaction.atomic():
        Area.objects.select_for_update(no_key=True).get(pk=area.pk)
        insured = count_insured(area.pk, scheme, first, until)
        budget = yuan(provider.compute(edition, until, "fund_budget", {"insured": insured})["budget"])
        key = f"extraction:{area.pk}:{scheme}:{year}"
        amount = budget - extracted(key, fund)
        if amount <= 0:
            return Extraction(insured, budget, Decimal("0.00"))
        source = SOURCES[scheme]
        today = timezone.localdate(now)
        journal = JournalRequest(
            key=f"{key}:{insured}",
            area_id=area.pk,
            kind=Journal.Kind.OTHER,
            posted_on=today,
            source=key,
            entries=[
                control(Subject.TRANSFER_EXPENDITURE, -amount, fund=source, holder=fund),
                control(Subject.INTERFUND, amount, fund=source, holder=fund),
                control(Subject.INTERFUND, -amount, fund=fund, holder=source),
                control(Subject.TRANSFER_INCOME, amount, fund=fund, holder=source),
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
            insured=insured,
            amount=str(amount),
        )
    return Extraction(insured, budget, amount)


def count_insured(area_id: str, scheme: str, first: datetime.date, last: datetime.date) -> int:
    """Everybody enrolled on some day of a span, once."""
    with connection.cursor() as cursor:
        cursor.execute(INSURED, [area_id, scheme, last, first])
        return cursor.fetchone()[0]


def extracted(source: str, fund: Fund) -> Decimal:
    rows = Entry.objects.filter(journal__source=source, fund=fund, subject=Subject.TRANSFER_INCOME)
    return rows.aggregate(total=Sum("amount", default=Decimal("0.00")))["total"]
