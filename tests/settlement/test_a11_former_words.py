"""A11: what rests on the audit trail rests on acts, by whatever word they were written down."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection

from accounts.services.recoveries import collect_recovery, recover
from bureau.audit import FORMER
from settlement.models import Adjustment
from settlement.queries.proofs.books import check_books
from settlement.services.runs.late import find_adjustments
from tests.settlement import factories, history
from tests.settlement.runs import compute, pay

pytestmark = pytest.mark.django_db

NOW = datetime(2027, 1, 10, 2, 0, tzinfo=UTC)


def wrong(city) -> list[tuple[str, list[str]]]:
    return [(proof.code, proof.shown) for proof in check_books(city.area.pk) if proof.wrong]


def test_a11_proofs_know_acts_by_their_words_of_now_and_before(city):
    person = factories.member(city, balance="5.00")
    [account] = person.accounts.all()
    said = {"account": account, "reason": "误划", "actor": city.finance, "now": NOW}
    recover(key="R", amount=Decimal("8.00"), source="contribution", **said)
    collect_recovery(key="C", amount=Decimal("3.00"), from_account=False, **said)
    where = factories.institution(city)
    factories.heads(city, where, 100)
    history.settled(city, where, person, on=date(2026, 3, 1), fund="20000.00")
    pay(city, compute(city, "year_end", date(2026, 1, 1), now=NOW), now=NOW)
    history.settled(city, where, person, on=date(2026, 3, 2), fund="100.00", at=datetime(2027, 1, 20, tzinfo=UTC))
    later = datetime(2027, 2, 1, tzinfo=UTC)
    find_adjustments(area=city.area, kind="year_end", period=date(2026, 1, 1), actor=city.clerk, now=later)
    assert Adjustment.objects.count() == 1
    before = wrong(city)
    assert not {"audit_happened", "journals_rest", "journals_as_recorded"} & {code for code, _shown in before}
    assert not any("adjustment" in one for _code, shown in before for one in shown)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE bureau_auditentry DISABLE TRIGGER USER")
        for former, now in FORMER.items():
            cursor.execute("UPDATE bureau_auditentry SET action = %s WHERE action = %s", [former, now])
        cursor.execute("ALTER TABLE bureau_auditentry ENABLE TRIGGER USER")
    assert wrong(city) == before
