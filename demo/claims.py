"""Claims by hand: bills that members have paid themselves and bring to the counter some days later."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from bureau.errors import RefusedError
from bureau.rules.periods import last_day
from demo.acts import Stage
from demo.desk import told
from demo.visits import Bill, Month
from institutions.models import Institution
from members.models import Member
from settlement.models import Claim
from settlement.services.claims.payment import pay_claim
from settlement.services.claims.requests import BankAccount, ClaimRequest
from settlement.services.claims.steps import approve_claim, check_claim, enter_claim, refuse_claim, return_claim
from settlement.services.visits.invoices import InvoiceNumber

PAPERS = ("identity", "receipt", "items", "record", "bank")


def brought(months: list[Month], first: date) -> list[Bill]:
    """The bills that are brought in during a month: the next one, or when a newborn's premium has been paid.

    Those of the dead would be their heirs' to bring, as proxies.
    """
    end = last_day(first.year, first.month)
    claimed = [bill for month in months for bill in month.claimed if month.first < first]
    bills = [bill for bill in claimed if bill.person.dies_on is None or bill.person.dies_on > end]
    return [bill for bill in bills if (day := _brought_on(bill)) and (day.year, day.month) == (first.year, first.month)]


def _brought_on(bill: Bill) -> date:
    end = last_day(bill.care_on.year, bill.care_on.month)
    return max(end, bill.person.listed_on) + timedelta(days=9)


def handle(stage: Stage, bills: list[Bill]) -> None:
    """Entered by the clerk, checked by the reviewer, approved by finance, and paid the next day."""
    office = stage.office
    paid, count, refused = Decimal(0), 0, 0
    for bill in bills:
        asked = _asked(stage, bill)
        claim = enter_claim(
            key=f"{stage.area.pk}:{bill.key}", area=stage.area, asked=asked, actor=office.clerk, now=stage.at(9)
        )
        check_claim(claim=claim, actor=office.reviewer, now=stage.at(11))
        try:
            claim = approve_claim(claim=claim, actor=office.finance, now=stage.at(15))
        except RefusedError as refusal:
            refuse_claim(claim=claim, reason=str(refusal)[:200], actor=office.reviewer, now=stage.at(15))
            refused += 1
            continue
        if claim.visit.pooled or claim.visit.large_claims:
            claim = pay_claim(claim=claim, actor=office.finance, now=stage.at(16))
        paid += claim.visit.pooled + claim.visit.large_claims
        count += 1
    if bills:
        stage.say(
            _("Claims by hand: %(count)d settled, %(paid)s yuan; %(refused)d refused"),
            count=count,
            paid=f"{paid:,.2f}",
            refused=refused,
        )


def leave_for_staff(stage: Stage, bills: list[Bill]) -> None:
    """Claims at each of their steps, for whoever signs in: received, checked, approved, returned for papers."""
    office = stage.office
    steps = ["received", "checked", "returned", "approved"]
    for bill in bills:
        if not steps:
            return
        step = steps[0]
        claim = enter_claim(
            key=f"{stage.area.pk}:{bill.key}",
            area=stage.area,
            asked=_asked(stage, bill),
            actor=office.clerk,
            now=stage.at(13),
        )
        if step == "returned":
            claim = return_claim(claim=claim, note="发票缺少费用明细清单", actor=office.reviewer, now=stage.at(14))
        elif step != "received":
            claim = check_claim(claim=claim, actor=office.reviewer, now=stage.at(14))
        if step == "approved":
            try:
                claim = approve_claim(claim=claim, actor=office.finance, now=stage.at(16))
            except RefusedError as refusal:
                claim = refuse_claim(claim=claim, reason=str(refusal)[:200], actor=office.reviewer, now=stage.at(16))
        if claim.status == step:
            steps.pop(0)
        stage.say(_("A claim by hand is left as %(status)s"), status=claim.get_status_display())


def _asked(stage: Stage, bill: Bill) -> ClaimRequest:
    person = bill.person
    return ClaimRequest(
        member=Member.objects.get(pk=stage.member_ids([person.document])[person.document]),
        institution=Institution.objects.get(pk=stage.institution_id(bill.place.code)),
        **told(bill),
        invoices=[InvoiceNumber(f"{stage.profile.prefix}0126", bill.key.removeprefix("JS"))],
        papers=PAPERS,
        account=BankAccount(Claim.PayTo.MEMBER, "建设银行演示支行", f"6217{person.number[-12:]}"),
        received_on=stage.day,
    )
