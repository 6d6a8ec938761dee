"""A payout at the desk after its approval: finance is told why it is not paid, a reviewer returns it."""

import datetime
from decimal import Decimal

import pytest
from django.urls import reverse

from bureau.models import AuditEntry
from members.models import Member

pytestmark = pytest.mark.django_db


def test_a3_approved_payout_of_the_dead_is_refused_to_finance_and_returned_by_a_reviewer(full_city, staff, browse):
    payout = full_city["payout"]
    account = payout.account

    def url(act):
        return reverse("admin:accounts_payout_act", args=[payout.pk, act])

    assert browse(staff["reviewer"]).post(url("payout.approve"), {}).status_code == 302
    payout.refresh_from_db()
    assert payout.status == "approved"
    Member.objects.filter(pk=account.member_id).update(died_on=datetime.date(2026, 3, 2))
    told = browse(staff["finance"]).post(url("payout.pay"), {}, follow=True).content.decode()
    assert "账户持有人已于 2026-03-02 死亡：请退回本支取申请，余额支付给继承人。" in told
    for role in ("clerk", "finance", "inspector"):
        assert browse(staff[role]).post(url("payout.return"), {"note": "已死亡"}).status_code == 403
    payout.refresh_from_db()
    assert payout.status == "approved"
    page = browse(staff["reviewer"]).get(reverse("admin:accounts_payout_change", args=[payout.pk])).content.decode()
    assert url("payout.return") in page and url("payout.approve") not in page
    assert browse(staff["reviewer"]).post(url("payout.return"), {"note": "已死亡"}).status_code == 302
    payout.refresh_from_db()
    account.refresh_from_db()
    assert (payout.status, payout.note, payout.returned_by) == ("returned", "已死亡", staff["reviewer"])
    assert (account.status, account.balance) == ("open", Decimal("80.00"))
    assert AuditEntry.objects.filter(action="payout.return", actor=staff["reviewer"]).count() == 1
