"""Differences put before a reviewer: looked for, shown with what is known now, confirmed or dropped."""

import datetime
from decimal import Decimal

from django import forms
from django.contrib import admin
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts.admin.labels import refusal_label
from accounts.admin.ledger import journals_of
from accounts.models import Fund
from bureau import clock
from bureau.models import Area, Job, Staff
from bureau.rules.benefits.places import FLAGS
from bureau.rules.money import yuan
from bureau.site import Act, ActForm, Answer, Panel, Section, link, pick, year_field
from institutions.models import Institution
from members.admin import OfMember
from members.models import Enrolment, Member
from settlement.admin.traces import trace
from settlement.models import AccountRecovery, Proposal, Visit
from settlement.queries.explain import explain
from settlement.services.replays.differences import LEARNT_LATE, REPLAYED
from settlement.services.replays.late_facts import search_late_facts
from settlement.services.replays.proposals import decide_proposal, propose_late_facts, propose_replay


class DecisionForm(ActForm):
    confirm = forms.TypedChoiceField(
        label=_("decision"),
        coerce=lambda text: text == "confirm",
        choices=[("confirm", _("confirm: the difference is booked")), ("drop", _("drop: nothing is booked"))],
        widget=forms.RadioSelect,
    )
    note = forms.CharField(label=_("note"), max_length=200, required=False, help_text=_("Needed to drop it."))


def decide(*, proposal: Proposal, **asked) -> Proposal:
    return decide_proposal(proposal.pk, **asked)


class LateForm(ActForm):
    area = pick(Visit._meta.get_field("area"))
    year = year_field(_("year"), initial=lambda: clock.today().year)
    month = forms.TypedChoiceField(
        label=_("month of care"),
        coerce=int,
        empty_value=None,
        required=False,
        choices=[("", _("the whole year, as a job"))] + [(month, str(month)) for month in range(1, 13)],
    )


def look(*, area: Area, year: int, month: int | None, actor: Staff, now: datetime.datetime) -> Answer | Job:
    if month is None:
        return search_late_facts(area=area, year=year, actor=actor, now=now)
    return proposed(propose_late_facts(area_id=area.pk, year=year, month=month, actor=actor, now=now))


def proposed(proposals: list[Proposal]) -> Answer:
    return Answer(
        [
            Panel(
                _("New proposals"),
                [
                    _("visit"),
                    _("settled fund amount"),
                    _("fund amount by replay"),
                    _("difference by fund"),
                    _("difference of the deductible"),
                    _("difference of the account money"),
                ],
                [
                    [link(p, str(p.visit)), p.settled, p.proposed, in_words(p.parts), p.deductible, p.accounts]
                    for p in proposals
                ],
            )
        ],
        gettext("%(count)d differences were found and put before a reviewer.") % {"count": len(proposals)},
    )


def fund_name(fund: str) -> str:
    return str(Fund(fund).label) if fund in Fund.values else fund


def in_words(parts: dict[str, Decimal]) -> str:
    return "、".join(f"{fund_name(fund)} {amount:+,.2f}" for fund, amount in parts.items())


def known_otherwise(request, proposal: Proposal) -> Panel | None:
    """What was known when the visit was settled and what is known now, where the two differ."""
    visit = proposal.visit
    then, now = visit.receipt.get("care", {}), proposal.receipt.get("care", {})
    rows = [[_("refusal"), refusal_label(visit.refusal, ""), refusal_label(refusal_of(proposal), "")]]
    if then and now:
        rows += [
            [label, said(name, then.get(name)), said(name, now.get(name))]
            for name, label in FACTS.items()
            if then.get(name) != now.get(name)
        ]
    return Panel(_("What is known"), [_("fact"), _("when it was settled"), _("for this proposal")], rows)


FACTS = {
    "place": _("place of care"),
    "standing": _("standing of the member"),
    "person_class": _("person class"),
    "plan": _("plan"),
    "level": _("settlement level"),
    "selected_level": _("level of the selected institution"),
    "kind": _("kind"),
    "birth": _("date of birth"),
    "figures": _("published figures"),
}


def said(name: str, value) -> str:
    """A fact of a receipt in words."""
    if name in ("place", "standing"):
        return "、".join(gettext(FLAGS[code]) if code in FLAGS else refusal_label(code, "") for code in value or ())
    if name == "person_class":
        return str(dict(Enrolment.PersonClass.choices).get(value, value or ""))
    if name == "kind":
        return str(dict(Institution.Kind.choices).get(value, value or ""))
    if name == "figures":
        return "、".join(f"{code} {yuan(amount)}" for code, amount in sorted((value or {}).items()))
    return "" if value is None else str(value)


def refusal_of(proposal: Proposal) -> str:
    return "" if proposal.reason in (LEARNT_LATE, REPLAYED) else proposal.reason


def trace_of(request, proposal: Proposal) -> Panel:
    return trace(_("How it is computed"), explain(Visit(receipt=proposal.receipt)))


@admin.register(AccountRecovery)
class AccountRecoveryAdmin(OfMember):
    hidden = True
    list_display = ["account", "proposal", "amount", "short"]
    list_select_related = ["account__member", "proposal"]
    member_path = "proposal__visit__member"
    fields = ["proposal", "account", "amount", "short"]


@admin.register(Proposal)
class ProposalAdmin(OfMember):
    list_display = [
        "visit", "member", "cause", "settled", "proposed", "difference_amount", "funds", "deductible", "accounts",
        "status", "proposed_by", "decided_by",
    ]  # fmt: skip
    list_filter = ["status", "cause"]
    list_select_related = ["visit__member", "proposed_by", "decided_by"]
    member_path = "visit__member"
    fields = [
        "visit", "member", "cause", "why", "pool_name", "settled", "proposed", "difference_amount", "funds",
        "counted", "deductible", "fixed", "accounts", "accounts_again", "status", "proposed_by", "proposed_at",
        "decided_by", "decided_at", "note",
    ]  # fmt: skip
    list_acts = [
        Act(
            code="proposal.late",
            label=_("Look for facts learnt late"),
            do=look,
            form=LateForm,
            follow=True,
            help=_("Visits that would be paid less, more, at all or by another fund by what the rosters say now."),
        ),
    ]
    acts = [
        Act(
            code="proposal.decide",
            label=_("Decide"),
            do=decide,
            record="proposal",
            form=DecisionForm,
            help=_("By someone other than who made it."),
            offered=lambda proposal: proposal.steps.leads(proposal, "proposal.confirm"),
        ),
    ]
    sections = [known_otherwise, trace_of, Section(AccountRecovery, "proposal"), journals_of("proposal")]

    @admin.display(description=_("member"))
    def member(self, proposal):
        return link(proposal.visit.member)

    @admin.display(description=pgettext_lazy("amount", "difference"))
    def difference_amount(self, proposal):
        return f"{proposal.proposed - proposal.settled:+,.2f}"

    @admin.display(description=_("reason"))
    def why(self, proposal):
        if proposal.reason == LEARNT_LATE:
            return gettext("fact learnt late")
        return gettext("adjudicated again") if proposal.reason == REPLAYED else refusal_label(proposal.reason, "")

    @admin.display(description=_("which pooled fund"))
    def pool_name(self, proposal):
        return fund_name(proposal.pool)

    @admin.display(description=_("difference by fund"))
    def funds(self, proposal):
        return in_words(proposal.parts)


class ReplayForm(ActForm):
    year = year_field(_("year"), initial=lambda: clock.today().year)


def replay(*, member: Member, year: int, actor: Staff, now: datetime.datetime) -> Answer:
    return proposed(propose_replay(member_id=member.pk, year=year, actor=actor, now=now))
