"""Visits one by one at the desk, and what is put before the reviewer afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from demo.acts import Stage
from demo.people import Person
from demo.visits import EMERGENCY, Bill
from settlement.models import Proposal, Visit
from settlement.rosters.visits import PAY_FROM
from settlement.services.replays.proposals import Outdated, decide_proposal, propose_late_facts, propose_replay
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import settle_visit


def settle(stage: Stage, bill: Bill) -> None:
    """One visit, as an institution sends it to be settled at once."""
    request = VisitRequest(
        institution_id=stage.institution_id(bill.place.code),
        key=bill.key,
        member_id=stage.member_ids([bill.person.document])[bill.person.document],
        **told(bill),
        pay_from=PAY_FROM[bill.pays_with],
    )
    settle_visit(request, actor=stage.office.clerk, now=stage.at(bill.settled_at.hour, bill.settled_at.minute))


def told(bill: Bill) -> dict[str, Any]:
    """What a bill says, at the desk and on a claim by hand."""
    amounts = ("total", "own_expense", "over_limit", "first_self", "general_fee", "consultation_fee")
    return {name: _yuan(getattr(bill, name)) for name in amounts} | {
        "encounter": bill.encounter,
        "care_on": bill.care_on,
        "channel": Visit.Channel.EMERGENCY if bill.med_type == EMERGENCY else Visit.Channel.ORDINARY,
        "credential": bill.card,
    }


def take_back(stage: Stage, bill: Bill) -> None:
    """A visit of the desk, taken back the day after."""
    visit = Visit.objects.get(institution__code=bill.place.code, key=bill.key)
    reverse_visit(visit.pk, key=f"TF{bill.key[2:]}", reason="患者退费", actor=stage.office.clerk, now=stage.at(18))


def look_back(stage: Stage, people: Sequence[Person], first: date) -> None:
    """What facts learnt late and reversals would change: proposed by the clerk, decided by the reviewer."""
    clerk, reviewer = stage.office.clerk, stage.office.reviewer
    doubtful = [person for person in people if person.unpaid or person.dies_on]
    ids = stage.member_ids(person.document for person in doubtful)
    late = propose_late_facts(
        area_id=stage.area.pk,
        year=stage.profile.year,
        member_ids=[ids[person.document] for person in doubtful if person.document in ids],
        actor=clerk,
        now=stage.at(22),
    )
    again = []
    for visit in _early_visits_of_the_capped(stage):
        key = f"TF{visit.key[2:]}A"
        reverse_visit(visit.pk, key=key, reason="重复结算退费", actor=clerk, now=stage.at(21))
        again += propose_replay(member_id=visit.member_id, year=stage.profile.year, actor=clerk, now=stage.at(22))
    # The last quarter's wait for whoever signs in.
    decided = 0
    if first.month < 12:
        for number, proposal in enumerate(late + again):
            try:
                decide_proposal(
                    proposal.pk,
                    confirm=number % 4 != 3,
                    note="" if number % 4 != 3 else _why_dropped(proposal),
                    actor=reviewer,
                    now=stage.at(23),
                )
            except Outdated:
                continue  # it rested on one that was dropped, or was looked for anew
            decided += 1
    stage.say(
        _("Looked back: %(late)d visits by facts learnt late, %(again)d after reversals; %(decided)d decided"),
        late=len(late),
        again=len(again),
        decided=decided,
    )


def _why_dropped(proposal: Proposal) -> str:
    """Why a reviewer lets a difference go, by what it rests on."""
    if proposal.proposed > proposal.settled:
        return "差额已由机构退还参保人，不再补付"
    if proposal.cause == Proposal.Cause.REPLAY:
        return "差额由窗口退费引起，参保人当时已退还现金，不予追回"
    return {
        "arrears": "单位已举证当月按时缴费，欠费名单有误，待更正后再核",
        "suspended": "暂停名单的起始日期有误，待更正后再核",
        "inpatient": "病历显示就诊时尚未办理入院，入院日期待更正后再核",
        "not_enrolled": "死亡日期登记有误，待更正后再核",
    }.get(proposal.reason, "登记信息有误，待更正后再核")


def _early_visits_of_the_capped(stage: Stage) -> list[Visit]:
    """For three members whose year's money is used up this month, a visit of before that turns out to be a mistake."""
    capped = Visit.objects.filter(
        area=stage.area,
        settled_on__year=stage.profile.year,
        settled_on__month=stage.day.month,
        refusal="annual_cap",
        reverses=None,
    )
    members = capped.order_by("member").values_list("member", flat=True).distinct()[:3]
    paid = Visit.objects.filter(member__in=list(members), pooled__gt=0, reverses=None, reversal=None)
    filled = Visit.objects.filter(channel=Visit.Channel.PRESCRIPTION).values("encounter")
    return list(paid.exclude(encounter__in=filled).order_by("member_id", "id").distinct("member_id"))


def _yuan(fen: int) -> Decimal:
    return Decimal(fen).scaleb(-2)
