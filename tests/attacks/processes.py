"""Each process with declared steps, made to stand in any of its states and asked for any of its acts.

A record is brought to a state by the services, each step by whoever's step it is; `do` asks for an act as anybody.
"""

from datetime import date
from decimal import Decimal

from django.db import models

from accounts.models import Payout
from accounts.services.payouts import Payee, approve_payout, pay_payout, return_payout, submit_payout
from bureau.editions import figures, life
from bureau.errors import DomainError
from bureau.models import Edition, PublishedFigure, Staff
from bureau.steps import NEW
from institutions.models import AccountChange, Assessment
from institutions.services import bank_accounts, places
from members.models import Suspension
from settlement.models import Claim, ClaimPayment, MonthlyReturn, Payment, Proposal, Run
from settlement.services.claims.payment import (
    change_claim_account,
    confirm_claim_account,
    pay_claim,
    reissue_claim_payment,
    return_claim_payment,
)
from settlement.services.claims.requests import BankAccount
from settlement.services.claims.steps import (
    approve_claim,
    check_claim,
    correct_claim,
    refuse_claim,
    return_claim,
    reverse_claim,
)
from settlement.services.replays.proposals import close_outdated, decide_proposal, propose_late_facts
from settlement.services.returns import review_return, submit_return
from settlement.services.runs import approval
from settlement.services.runs.compute import compute_run, decide_advance
from settlement.services.runs.payment import pay_run, reissue_payment, return_payment
from tests.accounts import factories as accounts
from tests.flow import editions
from tests.flow.editions import NOTE, NOW
from tests.settlement import claims, factories, runs, visits

ELSEWHERE = BankAccount("member", "农业银行", "6228480000000000011")
OTHER = {"account_name": "源城社区", "bank_name": "农业银行", "bank_account": "622200000002"}


class Process:
    """A town with the record on its way. `undone`: acts that no service of the process does."""

    model: type[models.Model]
    undone: frozenset[str] = frozenset()
    now = NOW
    # What a raw statement says beside people and times, by act.
    beside: dict[str, dict[str, str]] = {}

    def __init__(self) -> None:
        self.city = self.town()
        self.clerk, self.reviewer, self.finance = self.city.clerk, self.city.reviewer, self.city.finance
        self.another = Staff.objects.create(username="another", area=self.city.area)

    def town(self):
        return factories.heyuan()

    def by(self, actor: Staff) -> dict:
        return {"actor": actor, "now": self.now}

    def acts(self) -> list[str]:
        """What may be asked of a record that is there."""
        steps = self.model.steps
        there = {step.act for step in steps.steps for before in step.before if before != NEW}
        return [act for act in steps.acts if act in there - self.undone]

    def bring(self, state: str) -> models.Model:
        raise NotImplementedError

    def do(self, act: str, record: models.Model, actor: Staff) -> None:
        raise NotImplementedError


class Editions(Process):
    model = Edition

    def bring(self, state):
        edition = editions.draft(self.city, editions.successor())
        if state in ("submitted", "approved", "returned"):
            self.do("edition.submit", edition, self.clerk)
        if state == "withdrawn":
            self.do("edition.withdraw", edition, self.clerk)
        if state == "approved":
            self.do("edition.approve", edition, self.reviewer)
        if state == "returned":
            self.do("edition.return", edition, self.reviewer)
        return Edition.objects.get(pk=edition.pk)

    def do(self, act, record, actor):
        said = {"edition": record, **self.by(actor)}
        match act:
            case "edition.submit":
                life.submit_edition(**said)
            case "edition.approve":
                life.approve_edition(note=NOTE, **said)
            case "edition.return":
                life.return_edition(note="请核对", **said)
            case "edition.withdraw":
                life.withdraw_edition(note="撤回", **said)


class Figures(Process):
    model = PublishedFigure

    def bring(self, state):
        figure = self.enter("86000.00", self.clerk)
        if state == "confirmed":
            self.do("figure.confirm", figure, self.reviewer)
        return PublishedFigure.objects.get(pk=figure.pk)

    def enter(self, value, actor):
        said = {"code": "average_wage", "year": 2026, "document": "公告"}
        return figures.enter_figure(area=self.city.area, value=Decimal(value), **said, **self.by(actor))

    def do(self, act, record, actor):
        match act:
            case "figure.enter":
                self.enter("87000.00", actor)
            case "figure.confirm":
                figures.confirm_figure(figure=record, **self.by(actor))


class AccountChanges(Process):
    model = AccountChange
    undone = frozenset({"upload.undo"})

    def bring(self, state):
        self.centre = factories.institution(self.city, "源城社区")
        change = bank_accounts.change_account(institution=self.centre, **OTHER, **self.by(self.clerk))
        if state == "confirmed":
            self.do("institution.account_confirm", change, self.reviewer)
        if state == "dropped":
            self.do("institution.account_drop", change, self.reviewer)
        return AccountChange.objects.get(pk=change.pk)

    def do(self, act, record, actor):
        match act:
            case "institution.account":
                number = OTHER | {"bank_account": "622200000003"}
                bank_accounts.change_account(institution=self.centre, **number, **self.by(actor))
            case "institution.account_confirm":
                bank_accounts.confirm_account(change=record, **self.by(actor))
            case "institution.account_drop":
                bank_accounts.drop_account(change=record, note="有误", **self.by(actor))


class Assessments(Process):
    model = Assessment
    undone = frozenset({"upload.undo"})

    def bring(self, state):
        self.centre = factories.institution(self.city, "源城社区")
        score = self.enter("92.50", self.clerk)
        if state == "confirmed":
            self.do("assessment.confirm", score, self.reviewer)
        return Assessment.objects.get(pk=score.pk)

    def enter(self, score, actor):
        said = {"institution": self.centre, "year": 2025, "score": Decimal(score)}
        return places.record_assessment(**said, **self.by(actor))

    def do(self, act, record, actor):
        match act:
            case "institution.assess":
                self.enter("93.00", actor)
            case "assessment.confirm":
                places.confirm_assessment(assessment=record, **self.by(actor))


class Payouts(Process):
    model = Payout
    now = accounts.NOW

    def town(self):
        return accounts.heyuan()

    def bring(self, state):
        payout = submit_payout(
            account=accounts.account(self.city, balance="812.34"), event="emigrated", happened_on=date(2026, 6, 1),
            payees=[Payee("张三", "工商银行", "6222000000000001")], **self.by(self.clerk),
        )  # fmt: skip
        if state in ("approved", "paid"):
            self.do("payout.approve", payout, self.reviewer)
        if state == "paid":
            self.do("payout.pay", payout, self.finance)
        if state == "returned":
            self.do("payout.return", payout, self.reviewer)
        return Payout.objects.get(pk=payout.pk)

    def do(self, act, record, actor):
        said = {"payout": record, **self.by(actor)}
        match act:
            case "payout.approve":
                approve_payout(**said)
            case "payout.return":
                return_payout(note="有误", **said)
            case "payout.pay":
                pay_payout(**said)


class Returns(Process):
    model = MonthlyReturn

    def bring(self, state):
        self.centre = factories.institution(self.city)
        row = self.report(0, self.clerk)
        if state == "accepted":
            self.do("return.accept", row, self.reviewer)
        if state == "returned":
            self.do("return.send_back", row, self.reviewer)
        return MonthlyReturn.objects.get(pk=row.pk)

    def report(self, visits, actor):
        said = {"scheme": "310", "month": date(2026, 4, 1), "total": Decimal(visits), "fund": Decimal(0)}
        return submit_return(
            institution=self.centre, visits=visits, submitted_on=date(2026, 5, 4), **said, **self.by(actor)
        )

    def do(self, act, record, actor):
        match act:
            case "return.enter":
                self.report(7, actor)
            case "return.accept" | "return.send_back":
                review_return(monthly_return=record, accept=act == "return.accept", note="已核对", **self.by(actor))


class Proposals(Process):
    model = Proposal
    now = visits.NOW

    def bring(self, state):
        where = factories.institution(self.city)
        person = factories.member(self.city, selected=where)
        visits.settle(self.city, where, person)
        Suspension.objects.create(
            member=person, area=self.city.area, kind="suspended", starts_on=visits.DAY, ends_on=visits.DAY
        )
        [proposal] = propose_late_facts(area_id=self.city.area.pk, year=2026, **self.by(self.clerk))
        if state != "open":
            act = {"confirmed": "confirm", "dropped": "drop", "outdated": "outdate"}[state]
            self.do(f"proposal.{act}", proposal, self.reviewer)
        return Proposal.objects.get(pk=proposal.pk)

    def do(self, act, record, actor):
        match act:
            case "proposal.confirm" | "proposal.drop":
                decide_proposal(record.pk, confirm=act == "proposal.confirm", note="已核实", **self.by(actor))
            case "proposal.outdate":
                close_outdated(Proposal.objects.filter(pk=record.pk), **self.by(actor))


class Runs(Process):
    model = Run
    now = runs.NOW

    def town(self):
        return factories.heyuan(january_advance="decided")

    def bring(self, state):
        self.where = factories.institution(self.city)
        factories.heads(self.city, self.where, 10)
        run = self.compute(self.clerk)
        if state != "computed":
            self.do("run.submit", run, self.clerk)
        if state in ("approved", "paid"):
            self.do("run.approve", run, self.reviewer)
        if state == "paid":
            self.do("run.pay", run, self.finance)
        return Run.objects.get(pk=run.pk)

    def compute(self, actor):
        period = date(2026, 1, 1)
        return compute_run(
            area=self.city.area, county=self.city.county, scheme="310", kind="advance", period=period, **self.by(actor)
        )

    def do(self, act, record, actor):
        said = {"run": record, **self.by(actor)}
        match act:
            case "run.compute":
                self.compute(actor)
            case "run.record_decision":
                decide_advance(institution=self.where, amount=Decimal("1.00"), note="会议纪要", **said)
            case "run.discard":
                approval.discard_run(reason="重算", **said)
            case "run.submit":
                approval.submit_run(**said)
            case "run.return":
                approval.return_run(note="请核对", **said)
            case "run.approve":
                approval.approve_run(**said)
            case "run.approve_accounts":
                factories.move_account(self.city, self.where, "6222000000000099")
                approval.approve_accounts(**said)
            case "run.pay":
                pay_run(**said)


class Payments(Process):
    """Orders of a paid run, the first of which the bank returns."""

    model = Payment
    now = runs.NOW

    def bring(self, state):
        where = factories.institution(self.city)
        factories.heads(self.city, where, 10)
        runs.pay(self.city, runs.compute(self.city, "advance", date(2026, 1, 1)))
        payment = Payment.objects.get()
        if state != "ordered":
            self.do("payment.return", payment, self.finance)
        if state == "reissued":
            self.do("payment.reissue", payment, self.finance)
        return Payment.objects.get(status=state)

    def do(self, act, record, actor):
        match act:
            case "payment.return":
                return_payment(payment=record, note="账号有误", **self.by(actor))
            case "payment.reissue":
                reissue_payment(payment=record, **self.by(actor))


class Claims(Process):
    """A manual claim; a paid one has an order that the bank returned."""

    model = Claim
    now = claims.NOW
    beside = {"claim.refuse": {"reason": "'x'"}}

    def town(self):
        self.bureau = claims.chongqing()
        return self.bureau.city

    def bring(self, state):
        person = self.bureau.member()
        claim = self.bureau.enter(person)
        if state in ("checked", "approved", "paid", "reversed"):
            self.do("claim.check", claim, self.bureau.second)
        if state in ("approved", "paid", "reversed"):
            self.do("claim.approve", claim, self.reviewer)
        if state == "paid":
            self.do("claim.pay", claim, self.finance)
            return_claim_payment(payment=claim.payments.get(), note="账号有误", **self.by(self.finance))
        if state == "returned":
            self.do("claim.return", claim, self.bureau.second)
        if state == "refused":
            self.do("claim.refuse", claim, self.reviewer)
        if state == "reversed":
            self.do("claim.take_back", claim, self.reviewer)
        return Claim.objects.get(pk=claim.pk)

    def do(self, act, record, actor):
        said = {"claim": record, **self.by(actor)}
        match act:
            case "claim.correct":
                correct_claim(asked=self.bureau.asked(record.member, encounter="M2"), **said)
            case "claim.check":
                check_claim(**said)
            case "claim.approve":
                approve_claim(**said)
            case "claim.return":
                return_claim(note="缺材料", **said)
            case "claim.refuse":
                refuse_claim(reason="不予支付", **said)
            case "claim.take_back":
                reverse_claim(reason="有误", **said)
            case "claim.pay":
                pay_claim(**said)
            case "claim_payment.reissue":
                payment = record.payments.order_by("pk").first()
                if payment is None:
                    raise DomainError("nothing was paid")
                reissue_claim_payment(payment=payment, **self.by(actor))
            case "claim.account":
                change_claim_account(account=ELSEWHERE, **said)
            case "claim.account_confirm":
                other, _made = Staff.objects.get_or_create(username="other", area=self.city.area)
                person = record.account_by if actor == record.account_by else other
                change_claim_account(claim=record, account=ELSEWHERE, actor=other, now=self.now)
                if person != other:
                    Claim.objects.filter(pk=record.pk).update(account_by=person)
                confirm_claim_account(**said)


class ClaimPayments(Process):
    model = ClaimPayment
    now = claims.NOW

    def town(self):
        self.bureau = claims.chongqing()
        return self.bureau.city

    def bring(self, state):
        payment = self.bureau.paid(self.bureau.member()).payments.get()
        if state != "ordered":
            self.do("claim_payment.return", payment, self.finance)
        if state == "reissued":
            self.do("claim_payment.reissue", payment, self.finance)
        return ClaimPayment.objects.get(status=state)

    def do(self, act, record, actor):
        match act:
            case "claim_payment.return":
                return_claim_payment(payment=record, note="账号有误", **self.by(actor))
            case "claim_payment.reissue":
                reissue_claim_payment(payment=record, **self.by(actor))


ALL = (
    Editions, Figures, AccountChanges, Assessments, Payouts, Returns, Proposals, Runs, Payments, Claims, ClaimPayments,
)  # fmt: skip
PROCESSES = {process.model: process for process in ALL}
