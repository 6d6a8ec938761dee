"""A claim by hand through the screens, each step by the role whose step it is."""

import re

import pytest
from django.core.cache import cache
from django.urls import reverse

from bureau.errors import wording
from bureau.models import Staff
from bureau.rules.errors import Refusal
from bureau.staff.roles import assign_roles
from institutions.models import Institution
from settlement.models import Claim
from settlement.services.claims.steps import approve_claim, check_claim, return_claim
from settlement.services.visits.invoices import InvoiceNumber
from tests.settlement.claims import NOW, moved


@pytest.fixture(autouse=True)
def march(monkeypatch):
    monkeypatch.setenv("GONGJI_TODAY", "2024-03-01")
    cache.clear()


@pytest.fixture
def desk(bureau, client):
    """Sends a form as somebody; the second time from the page that showed what would happen."""
    roles = {"clerk": "clerk", "second": "reviewer", "reviewer": "reviewer", "finance": "finance"}
    staff = {"second": bureau.second} | {name: getattr(bureau.city, name) for name in ("clerk", "reviewer", "finance")}
    installer = Staff.objects.create(username="installer")
    for name, one in staff.items():
        one.is_staff = True
        one.save()
        assign_roles(staff=one, roles=[roles[name]], actor=installer, now=NOW)

    def act(name, url, data=None, preview=False):
        client.force_login(staff[name])
        data = dict(data or {})
        if preview:
            shown = client.post(url, data)
            assert shown.status_code == 200
            data["_shown"] = re.search(r'name="_shown" value="(\w+)"', shown.content.decode())[1]
        return client.post(url, data)

    def read(name, url, data=None):
        client.force_login(staff[name])
        return client.get(url, data or {})

    act.read = read
    return act


def page(claim, code=""):
    if not code:
        return reverse("admin:settlement_claim_change", args=[claim.pk])
    return reverse("admin:settlement_claim_act", args=[claim.pk, code])


def in_list(code):
    return reverse("admin:settlement_claim_list_act", args=[code])


def form(bureau, person, **changes):
    return {
        "area": bureau.city.area.pk,
        "member": person.pk,
        "key": "desk-1",
        "institution": bureau.hospital.pk,
        "encounter": "M1",
        "care_on": "2024-02-01",
        "channel": "ordinary",
        "invoices": "50060124 0012345678\n24502000000012345678\n",
        "total": "1200.00",
        "own_expense": "0.00",
        "over_limit": "0.00",
        "first_self": "0.00",
        "general_fee": "0.00",
        "other_funds": "0.00",
        "other_remainder": "0.00",
        "received_on": "2024-02-20",
        "papers": ["identity", "receipt", "items", "record", "bank"],
        "credential": "03",
        "proxy_document_kind": "01",
        "pay_to": "member",
        "bank_name": "中国工商银行",
        "bank_account": "6222 0212 3456 7890 123",
        **changes,
    }


def test_claim_goes_from_the_counter_to_the_bank(bureau, person, desk):
    shown = desk("clerk", in_list("claim.enter"), form(bureau, person))
    assert "500.00" in shown.content.decode()
    assert not Claim.objects.exists()
    entered = desk("clerk", in_list("claim.enter"), form(bureau, person), preview=True)
    [claim] = Claim.objects.all()
    assert entered.headers["Location"] == page(claim)
    assert {str(invoice) for invoice in claim.invoices.all()} == {"50060124 0012345678", "24502000000012345678"}
    assert "500.00" in desk.read("second", page(claim)).content.decode()
    desk("second", page(claim, "claim.check"), preview=True)
    desk("reviewer", page(claim, "claim.approve"), preview=True)
    desk("finance", page(claim, "claim.pay"))
    claim.refresh_from_db()
    assert (claim.status, str(claim.visit.pooled)) == ("paid", "500.00")
    for code in ("", "claim.notice"):
        text = desk.read("clerk", page(claim, code)).content.decode()
        assert "500.00" in text
    assert "700.00" in text
    assert "6222021234567890123" not in desk.read("clerk", page(claim, "claim.notice")).content.decode()
    table = desk.read(
        "clerk", in_list("claim.list"), {"area": "500000", "first": "2024-02-01", "last": "2024-02-29", "status": ""}
    )
    assert "1,200.00" in table.content.decode()
    asked = {"area": "500000", "on": "2024-03-01", "format": "csv", "_file": "1"}
    orders = desk.read("finance", in_list("claim.file"), asked).content.decode("utf-8-sig")
    assert "6222021234567890123" in orders and "500.00" in orders
    assert bureau.books_are_clean()


def test_list_of_claims_is_a_workbook(bureau, person, desk):
    bureau.paid(person)
    asked = {"area": "500000", "first": "2024-02-01", "last": "2024-02-29", "status": "paid", "_file": "1"}
    answer = desk.read("reviewer", in_list("claim.list"), asked)
    assert answer.content.startswith(b"PK")


def test_clerk_is_told_at_the_field_what_cannot_be_claimed(bureau, person, desk):
    bureau.enter(person)
    before = moved()
    for changes, says in (
        ({"encounter": "M2"}, "000"),
        ({"invoices": "12"}, "12"),
        ({"bank_account": "62"}, "62"),
        ({"pay_to": "proxy", "invoices": "50060124 0099"}, "pay_to"),
    ):
        answer = desk("clerk", in_list("claim.enter"), form(bureau, person, **changes))
        text = answer.content.decode()
        assert answer.status_code == 200 and "errorlist" in text and says in text
        assert "_shown" not in text
    assert moved() == before


def test_claim_is_corrected_from_its_own_form(bureau, person, desk):
    claim = bureau.enter(person, papers=["receipt"])
    desk("second", page(claim, "claim.return"), {"note": "缺材料"})
    initial = desk.read("clerk", page(claim, "claim.correct")).context["form"].initial
    assert (initial["papers"], initial["invoices"]) == (["receipt"], "50060124 0012345678")
    changed = form(bureau, person, invoices=initial["invoices"])
    for name in ("area", "member", "key"):
        del changed[name]
    desk("clerk", page(claim, "claim.correct"), changed, preview=True)
    claim.refresh_from_db()
    assert (claim.status, claim.papers_missing) == ("received", [])


def test_refusal_begins_with_the_reason_of_the_rules(bureau, person, desk):
    Institution.objects.filter(pk=bureau.hospital.pk).update(area=bureau.city.area, county=bureau.city.county)
    bureau.hospital.agreements.all().delete()
    claim = bureau.checked(person)
    initial = desk.read("reviewer", page(claim, "claim.refuse")).context["form"].initial
    assert initial["reason"] == wording(Refusal("not_designated", "2"))
    desk("reviewer", page(claim, "claim.refuse"), initial)
    claim.refresh_from_db()
    assert claim.status == "refused"
    assert desk.read("clerk", page(claim, "claim.notice")).status_code == 200


def test_roles_do_their_own_steps_only(bureau, person, desk):
    claim = bureau.enter(person)
    before = moved()
    for name, code in (
        ("clerk", "claim.check"),
        ("clerk", "claim.refuse"),
        ("finance", "claim.check"),
        ("reviewer", "claim.correct"),
        ("reviewer", "claim.pay"),
        ("clerk", "claim.pay"),
    ):
        assert desk(name, page(claim, code)).status_code == 403
    assert moved() == before


def test_returned_payment_is_ordered_again_on_the_screens(bureau, person, desk):
    claim = bureau.paid(person)
    [order] = claim.payments.all()

    def act(code):
        return reverse("admin:settlement_claimpayment_act", args=[order.pk, code])

    desk("finance", act("claim_payment.return"), {"note": "户名不符"})
    account = {"pay_to": "member", "bank_name": "中国银行", "bank_account": "6216610000012345678"}
    desk("clerk", page(claim, "claim.account"), account)
    desk("reviewer", page(claim, "claim.account_confirm"))
    desk("finance", act("claim_payment.reissue"))
    assert [(o.status, o.bank_account) for o in claim.payments.order_by("id")] == [
        ("returned", "6222021234567890123"),
        ("reissued", "6216610000012345678"),
    ]
    assert bureau.books_are_clean()


def test_claim_after_another_fund_has_paid_says_so_on_form_page_and_notice(bureau, person, desk):
    offered = desk.read("clerk", in_list("claim.enter")).content.decode()
    assert 'name="other_funds"' in offered and 'name="other_remainder"' in offered
    assert 'name="consultation_fee"' not in offered  # this city's edition pays none by a fixed amount
    bill = form(bureau, person, total="1000.00", other_funds="600.00", other_remainder="400.00")
    desk("clerk", in_list("claim.enter"), bill, preview=True)
    claim = Claim.objects.get()
    assert (str(claim.other_funds), str(claim.other_remainder)) == ("600.00", "400.00")
    assert 'value="600.00"' in desk.read("clerk", page(claim, "claim.correct")).content.decode()
    desk("second", page(claim, "claim.check"), preview=True)
    desk("reviewer", page(claim, "claim.approve"), preview=True)
    claim.refresh_from_db()
    visit = reverse("admin:settlement_visit_change", args=[claim.visit_id])
    for url in (page(claim), page(claim, "claim.notice"), visit):
        text = desk.read("clerk", url).content.decode()
        assert "600.00" in text and "400.00" in text, url
        assert str(Claim._meta.get_field("consultation_fee").verbose_name) not in text, url


def test_start_page_names_the_claims_that_wait_for_each_role(bureau, person, desk):
    claims = {"received": bureau.enter(person)}
    for number, step in enumerate(("checked", "approved", "returned"), start=2):
        bill = InvoiceNumber("50060124", f"000000000{number}")
        more = {"key": f"K{number}", "encounter": f"M{number}", "invoices": [bill]}
        claims[step] = claim = bureau.enter(person, **more)
        if step == "returned":
            return_claim(claim=claim, note="缺材料", actor=bureau.second, now=NOW)
            continue
        check_claim(claim=claim, actor=bureau.second, now=NOW)
        if step == "approved":
            approve_claim(claim=claim, actor=bureau.city.reviewer, now=NOW)
    mine = {
        name: {task.url: task.count for task in desk.read(name, "/admin/").context["tasks"] if task.mine}
        for name in ("clerk", "reviewer", "finance")
    }
    page = "/admin/settlement/claim/?status__exact="
    assert mine["clerk"] == {page + "returned": 1}
    assert mine["reviewer"] == {page + "received": 1, page + "checked": 1}
    assert mine["finance"] == {page + "checked": 1, page + "approved&visit__pooled__gt=0": 1}
    [shown] = desk.read("finance", page + "approved&visit__pooled__gt=0").context["cl"].queryset
    assert shown == claims["approved"]
