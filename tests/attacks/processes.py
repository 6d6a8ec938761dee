"""Each process with declared steps, made to stand in any of its states and asked for any of its acts.

A record is brought to a state by the services, each step by whoever's step it is; `do` asks for an act as anybody.
"""

from decimal import Decimal

from django.db import models

from bureau.editions import figures, life
from bureau.models import Edition, PublishedFigure, Staff
from bureau.steps import NEW
from institutions.models import AccountChange, Assessment
from institutions.services import bank_accounts, places
from tests.flow import editions
from tests.flow.editions import NOTE, NOW
from tests.settlement import factories

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
    undone = frozenset({"edition.end"})

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


PROCESSES = {process.model: process for process in (Editions, Figures, AccountChanges, Assessments)}
