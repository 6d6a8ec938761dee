"""Visits in a small Heyuan, asked for and settled in few words."""

from datetime import UTC, date, datetime
from decimal import Decimal

from accounts.models import Entry, Journal
from bureau.models import AuditEntry
from settlement.models import Visit
from settlement.queries.proofs.books import check_books
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.settling import settle_visit

NOW = datetime(2026, 3, 2, 2, tzinfo=UTC)
DAY = date(2026, 3, 1)


def request(where, person, **changes):
    facts = {
        "institution_id": where.pk,
        "key": "S1",
        "member_id": person.pk,
        "encounter": "E1",
        "care_on": DAY,
        "total": Decimal("100.00"),
    }
    return VisitRequest(**(facts | changes))


def settle(city, *args, **changes):
    return settle_visit(request(*args, **changes), actor=city.clerk, now=NOW)


def moved():
    return (Visit.objects.count(), Journal.objects.count(), Entry.objects.count(), AuditEntry.objects.count())


def entries(visit):
    rows = Entry.objects.filter(journal__source=f"visit:{visit.pk}")
    return sorted((e.fund, e.subject, e.holder, str(e.amount)) for e in rows)


def assert_clean(city):
    for proof in check_books(city.area.pk):
        # What factories write on connections of their own, no act tells of.
        assert proof.code == "changes_told" or not proof.wrong, (proof.code, proof.shown)
