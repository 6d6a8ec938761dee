"""What the facts of a run's line come to: the only place where a run meets bureau.rules.payment.

A line's facts are plain JSON with the day `on` whose rules apply; amounts are in fen. The same function computes a
line, replays it and explains it. Its receipt names the editions that it was computed by, and they explain it, whatever
edition of those days has come since.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from django.core.exceptions import ObjectDoesNotExist

from accounts.models import Fund
from bureau.editions.rulebook import edition_by_hash
from bureau.rules import payment as provider
from bureau.rules.benefits.places import CHARGE_LABELS
from bureau.rules.benefits.trace import Message, Step
from bureau.rules.errors import Refused
from bureau.rules.format.edition import Edition, Rulebook
from bureau.rules.periods import month_end
from settlement.models import Adjustment, Line, Run
from settlement.queries.run_facts import CLAIMS

Facts = Mapping[str, Any]
Results = dict[str, Any]


def noop(message: str) -> str:
    """Marks a message id for extraction; steps are translated when they are shown."""
    return message


_ = noop

# What is owed by item besides the charges that the rules know.
OTHER_LABELS = {"account": _("personal-account money"), "use": _("purchases with account money")}


Receipt = Sequence[Mapping[str, str | None]]


def receipt_of(kind: str, book: Rulebook, area_id: str, scheme: str, facts: Facts) -> Receipt:
    """The editions that decide these facts, each with the last day on which it counts. Raises NoEdition."""
    editions = {
        edition.content_hash: edition
        for edition in (book.on(area_id, scheme, day, "provider") for day in days_of(kind, facts))
    }
    return [
        {"edition": content_hash, "ends_on": edition.ends_on and edition.ends_on.isoformat()}
        for content_hash, edition in editions.items()
    ]


def days_of(kind: str, facts: Facts) -> list[datetime.date]:
    """The days whose rules are asked: one, or those of a year's spans and months."""
    days = [datetime.date.fromisoformat(facts["on"])]
    for span in facts.get("spans", []) if kind == Run.Kind.YEAR_END else []:
        days.append(datetime.date.fromisoformat(span["to"]))
        days += [month_end(month) for month in sorted(span["person_months"])]
    return days


# What computing again raises where rules or facts are not those that were there.
NO_RESULT = (Refused, ObjectDoesNotExist, LookupError, TypeError, ValueError)


def rulebook_of(receipt: Receipt) -> Rulebook:
    """The rules that a receipt names, and no others."""
    return _rulebook(tuple((one["edition"], one["ends_on"]) for one in receipt))


@lru_cache(maxsize=64)
def _rulebook(named: tuple[tuple[str, str | None], ...]) -> Rulebook:
    return Rulebook(
        replace(edition_by_hash(content_hash), ends_on=ends_on and datetime.date.fromisoformat(ends_on))
        for content_hash, ends_on in named
    )


def replay(run: Run, one: Line | Adjustment, steps: list[Step] | None = None) -> Results:
    """Compute a stored line, or what an adjustment of a run makes of one, again: from its facts by its own editions.

    With `steps`, also say how.
    """
    return work_out(run.kind, rulebook_of(one.receipt), run.area_id, run.scheme, one.facts, steps)


def replay_line(line: Line, steps: list[Step] | None = None) -> Results:
    return replay(line.run, line, steps)


def fund_of(line: Line) -> str:
    """The fund out of which a line's institution is paid, under the edition that the line was computed by."""
    run, on = line.run, datetime.date.fromisoformat(line.facts["on"])
    return pooled_fund(rulebook_of(line.receipt).on(run.area_id, run.scheme, on, "provider"), on)


def work_out(
    kind: str, book: Rulebook, area_id: str, scheme: str, facts: Facts, steps: list[Step] | None = None
) -> Results:
    """The results of one line. Raises Refused (NoEdition among them) where the rules refuse."""
    on = datetime.date.fromisoformat(facts["on"])
    edition = book.on(area_id, scheme, on, "provider")
    if kind == Run.Kind.ADVANCE:
        return provider.compute(edition, on, "advance", facts, steps)
    if kind == Run.Kind.ITEMS:
        return items(edition, on, facts, steps)
    if kind == Run.Kind.MONTH:
        return month(edition, on, facts, steps)
    return year_end(book, area_id, scheme, facts, steps)


def items(edition: Edition, on: datetime.date, facts: Facts, steps: list[Step] | None) -> Results:
    """Payments by item. Facts: owed (fund → charge → fen), carried and adjustments (fund → fen).

    Each fund pays out of its own books. What is below zero pays nothing and carries on (G-17).
    """
    article = edition.part("provider", on)["article"]
    paid, carried = {}, {}
    for fund in sorted({*facts["owed"], *facts["carried"], *facts["adjustments"]}):
        owed = facts["owed"].get(fund, {})
        before, late = facts["carried"].get(fund, 0), facts["adjustments"].get(fund, 0)
        net = sum(owed.values()) + before + late
        paid[fund], carried[fund] = max(net, 0), min(net, 0)
        if steps is None:
            continue
        name = Message(Fund(fund).label)
        for charge, amount in sorted(owed.items()):
            template = _("{fund}, {charge}: owed for the month")
            params = {"fund": name, "charge": charge_label(charge)}
            steps.append(Step(f"owed {fund}", article, template, params, amount))
        if before:
            template = _("{fund}: carried from earlier months")
            steps.append(Step(f"carried {fund}", article, template, {"fund": name}, before))
        if late:
            template = _("{fund}: adjustments of approved runs")
            steps.append(Step(f"adjusted {fund}", article, template, {"fund": name}, late))
        if net < 0:
            template = _("{fund}: below zero, nothing is paid and {rest} carries on")
            steps.append(Step(f"paid {fund}", article, template, {"fund": name, "rest": net}, 0))
        else:
            steps.append(Step(f"paid {fund}", article, _("{fund}: paid"), {"fund": name}, net))
    return {
        "paid": {fund: amount for fund, amount in paid.items() if amount},
        "carried": {fund: amount for fund, amount in carried.items() if amount},
    }


def charge_label(charge: str) -> Message:
    return Message(CHARGE_LABELS.get(charge) or OTHER_LABELS.get(charge, charge))


def month(edition: Edition, on: datetime.date, facts: Facts, steps: list[Step] | None) -> Results:
    """One institution's part of a monthly settlement. Facts: those of the method, `code`, `book` (the fund) and `net`.

    Methods that share one pool answer for every institution at once; the line takes its own part. What is below
    zero counts as zero and carries on (G-17).
    """
    answer = provider.compute(edition, on, "month_settlement", facts, steps)
    mine = {name: part[facts["code"]] if isinstance(part, dict) else part for name, part in answer.items()}
    carried = min(0, facts["net"])
    return mine | {"carried": {facts["book"]: carried} if carried else {}}


def year_end(book: Rulebook, area_id: str, scheme: str, facts: Facts, steps: list[Step] | None) -> Results:
    """The year-end settlement. Facts: spans, each with its days, person_months by month, own use, what others were
    paid by their codes, and what was advanced, paid and kept back; usually one span, the year (HY-14b). Where there
    is no quota: what was kept back in the year. Either with the score of the assessment, where the method asks it."""
    if "spans" not in facts:
        on = datetime.date.fromisoformat(facts["on"])
        answer = provider.compute(book.on(area_id, scheme, on, "provider"), on, "retention_release", facts, steps)
        return answer | {"clearing": answer["released"]}
    total: Results = {}
    for span in facts["spans"]:
        last = datetime.date.fromisoformat(span["to"])
        edition = book.on(area_id, scheme, last, "provider")
        quota = provider.year_quota(book, area=area_id, scheme=scheme, person_months=span["person_months"], steps=steps)
        others = sum(span["others"].values())
        told = {
            "quota": quota,
            "actual": span["own"] + others,
            "advanced": span["advanced"],
            "paid": span["paid"],
            "deposit": span["retained"],
            "score": facts.get("score"),
            "paid_to_others": others,
            "paid_to_members": span["others"].get(CLAIMS, 0),
        }
        answer = provider.compute(edition, last, "year_end", told, steps) | {"quota": quota}
        for name, amount in answer.items():
            total[name] = total.get(name, 0) + amount
    return total


def pooled_fund(edition: Edition, on: datetime.date) -> str:
    """The fund that pays benefits first, out of which institutions are paid."""
    shares = edition.part("benefits", on)["shares"]
    return next(share["fund"] for share in shares if share.get("role") != "mutual")


def funds_of(edition: Edition, on: datetime.date) -> list[str]:
    """Every fund whose books belong to the edition's scheme."""
    shares = [share["fund"] for share in edition.part("benefits", on)["shares"]]
    places = [place["fund"] for place in edition.at(on)["places"] if "fund" in place]
    funds = list(dict.fromkeys(shares + places))
    return [*funds, "personal_accounts"] if edition.has("account") else funds


def others_are_paid_by_fund(edition: Edition, on: datetime.date) -> bool:
    """Whether the fund pays others for what they did on a quota, or the selected institution does (a switch)."""
    return edition.part("provider", on).get("year_end", {}).get("others_paid_by", "fund") == "fund"


def charge_by_month(edition: Edition, on: datetime.date) -> str:
    """The charge that the monthly settlement pays rather than the payments by item; "" where there is none."""
    return {"fee_for_service": "fee_for_service", "pool_share": "pool"}.get(provider.method(edition, on), "")
