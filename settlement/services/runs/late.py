"""追溯变更: what approved periods would be by the facts as they are now, and the difference to what was approved.

An approved run never changes. Each institution's difference becomes an Adjustment that names its visits and is
carried by the next payments by item. Nothing is counted twice, because every visit belongs to one place only:

- Payments by item and monthly settlements count a visit, and a reversal, in the month in which it was settled. A
  reversal of an older visit is therefore no late fact there: it makes its own month smaller, and a month below zero
  pays nothing and carries on (G-17). Late is only what was recorded after the month was computed but settled in it.
- What was carried into an approved month is one of its facts and stays; only what was owed for the month itself is
  compared. The carry goes down the line of runs, the difference goes through adjustments; the two never meet before
  the run that takes both, which sets them off against each other.
- The year counts a reversal with the visit that it takes back, whenever it is made: there it is a late fact, and one
  fen at a threshold can move thousands. Advances are offset as they were paid and never computed again.
- A difference is taken against the last adjustment of the same run and institution, else against its line, so a
  second search with nothing new finds nothing.
"""

import datetime

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from bureau import audit
from bureau.errors import DomainError
from bureau.models import Area, County, Staff
from bureau.rules.money import yuan
from bureau.rules.payment.year_end import shown_usage
from bureau.rules.periods import month_of
from bureau.staff import reach
from institutions.models import Institution
from settlement.models import Adjustment, Line, Run, Visit
from settlement.queries.lines import Facts, Results, pooled_fund, receipt_of
from settlement.queries.proofs import bookings
from settlement.services.runs.compute import SETTLED, outcome, payable
from settlement.services.runs.gathering import Scope, gather, month_with, owed_for_month

Known = dict[int, tuple[Facts, Results, datetime.datetime]]


def find_adjustments(
    *, area: Area, kind: str, period: datetime.date, actor: Staff, now: datetime.datetime
) -> list[Adjustment]:
    """Search the approved runs of a kind and period, of every agency and scheme within reach, for late facts."""
    if kind == Run.Kind.ADVANCE:
        raise DomainError(_("Advances are never computed again; the year-end settlement offsets them."))
    reach.require_area(actor.reach, area.pk)
    within = reach.visible(Run, actor.reach).order_by("county_id", "scheme")
    runs = within.filter(area=area, kind=kind, period=period, status__in=SETTLED)
    return [found for run in runs for found in search_run(run=run, actor=actor, now=now)]


@transaction.atomic
def search_run(*, run: Run, actor: Staff, now: datetime.datetime) -> list[Adjustment]:
    """Compare one approved run with the facts as they are now; returns the adjustments that are new."""
    reach.require(actor.reach, run)
    # Searches and runs of one agency come one after the other.
    County.objects.select_for_update(no_key=True).get(pk=run.county_id)
    scope = Scope.of(run.county, run.scheme, run.kind, run.period)
    known = last_known(run)
    finder = items if run.kind == Run.Kind.ITEMS else settlement
    found = finder(run, scope, known)
    for adjustment in found:
        adjustment.created_by, adjustment.created_at = actor, now
        adjustment.save()
        since = known[adjustment.institution_id][2] if adjustment.institution_id in known else run.computed_at
        visits = late_visits(scope, adjustment.institution_id, since)
        adjustment.visits.set(visits)
        audit.record(
            "run.late",
            actor=actor,
            now=now,
            subject=adjustment,
            run=run.pk,
            institution=adjustment.institution.code,
            amount=str(adjustment.amount),
            visits=[visit.pk for visit in visits],
        )
    return found


def last_known(run: Run) -> Known:
    """By institution: the facts and results of its line, or of its last adjustment, and as of when."""
    known: Known = {line.institution_id: (line.facts, line.results, run.computed_at) for line in run.lines.all()}
    for late in run.late.order_by("id"):
        known[late.institution_id] = (late.facts, late.results, late.created_at)
    return known


def items(run: Run, scope: Scope, known: Known) -> list[Adjustment]:
    """What was owed for the month, fund by fund, now and then."""
    owed_now = owed_for_month(scope)
    found = []
    for place in institutions({*owed_now, *known}):
        owed = owed_now.get(place.pk, {})
        then = known[place.pk][0]["owed"] if place.pk in known else {}
        for fund in sorted({*owed, *then}):
            before, after = sum(then.get(fund, {}).values()), sum(owed.get(fund, {}).values())
            if before == after:
                continue
            reason = _("%(month)s by item: %(before)s became %(after)s.") % {
                "month": month_of(run.period),
                "before": yuan(before),
                "after": yuan(after),
            }
            found.append(
                Adjustment(
                    institution=place,
                    origin=run,
                    fund=fund,
                    amount=yuan(after - before),
                    reason=reason,
                    facts={"owed": owed},
                )
            )
    return found


def settlement(run: Run, scope: Scope, known: Known) -> list[Adjustment]:
    """A monthly or year-end settlement worked out again; the books follow even where no payment changes."""
    book = pooled_fund(scope.edition, scope.on)
    facts_now = year_facts(scope, known) if run.kind == Run.Kind.YEAR_END else month_facts(run, scope, known)
    found = []
    for place in institutions(facts_now):
        facts = facts_now[place.pk]
        results = outcome(scope, facts)
        facts_then, results_then, _since = known.get(place.pk, ({}, {}, None))
        now = bookings.booking(run.kind, place.code, book, facts, results)
        then = bookings.booking(run.kind, place.code, book, facts_then, results_then)
        if now == then:
            continue
        before = payable(run.kind, results_then) if results_then else 0
        explain = year_reason if run.kind == Run.Kind.YEAR_END else month_reason
        found.append(
            Adjustment(
                institution=place,
                origin=run,
                fund=book,
                amount=yuan(payable(run.kind, results) - before),
                reason=explain(facts_then, results_then, facts, results),
                receipt=receipt_of(run.kind, scope.book, scope.area_id, scope.scheme, facts),
                facts=facts,
                results=results,
            )
        )
    return found


def year_facts(scope: Scope, known: Known) -> dict[int, Facts]:
    """The year's facts now, with the advances as they were offset then.

    What months have paid and kept back is as it is now: their own late facts are adjustments of theirs.
    """
    nothing = {"person_months": {}, "own": 0, "others": {}}
    found = {
        number: {**facts, "spans": [span | nothing for span in facts["spans"]]} if "spans" in facts else facts
        for number, (facts, _results, _since) in known.items()
    }
    found |= {number: dict(facts) for number, facts in gather(scope).items()}
    for number, facts in found.items():
        if "spans" not in facts:
            continue
        then = known[number][0]["spans"] if number in known else []
        advanced = {span["to"]: span["advanced"] for span in then}
        facts["spans"] = [span | {"advanced": advanced.get(span["to"], 0)} for span in facts["spans"]]
    return found


def month_facts(run: Run, scope: Scope, known: Known) -> dict[int, Facts]:
    """The month's facts now, with what was carried into it then by every institution that shares in it."""
    lines = Line.objects.filter(
        run__area=run.area_id, run__scheme=run.scheme, run__kind=run.kind, run__period=run.period
    ).exclude(facts__carried={})
    return month_with(scope, {line.institution_id: line.facts["carried"] for line in lines})


def institutions(numbers) -> list[Institution]:
    return list(Institution.objects.filter(pk__in=list(numbers)).order_by("code"))


def year_reason(facts_then: Facts, then: Results, facts: Facts, now: Results) -> str:
    """The figures on both sides of a threshold, cut and not rounded, so that none shows a false edge."""
    if "spans" not in facts:
        return _("Kept back %(kept_then)s at a score of %(score_then)s became %(kept)s at %(score)s.") % {
            "kept_then": yuan(facts_then.get("retained", 0)),
            "score_then": facts_then.get("score", "-"),
            "kept": yuan(facts["retained"]),
            "score": facts["score"],
        }
    use_then, use_now = year_use(facts_then), year_use(facts)
    return _(
        "Use %(use_then)s (%(usage_then)s of quota %(quota_then)s) became %(use)s (%(usage)s of %(quota)s); "
        "due %(due_then)s became %(due)s."
    ) % {
        "use_then": yuan(use_then),
        "usage_then": shown_usage(use_then, then.get("quota", 0)),
        "quota_then": yuan(then.get("quota", 0)),
        "use": yuan(use_now),
        "usage": shown_usage(use_now, now["quota"]),
        "quota": yuan(now["quota"]),
        "due_then": yuan(then.get("due", 0)),
        "due": yuan(now["due"]),
    }


def year_use(facts: Facts) -> int:
    return sum(span["own"] + sum(span["others"].values()) for span in facts.get("spans", []))


def month_reason(facts_then: Facts, then: Results, facts: Facts, now: Results) -> str:
    return _("%(month)s: use %(use_then)s became %(use)s; paid %(paid_then)s became %(paid)s.") % {
        "month": facts["month"],
        "use_then": yuan(facts_then.get("net", 0)),
        "use": yuan(facts["net"]),
        "paid_then": yuan(then.get("paid", 0)),
        "paid": yuan(now["paid"]),
    }


def late_visits(scope: Scope, institution_id: int, since: datetime.datetime) -> list[Visit]:
    """The visits of the period that were recorded since: settled in it, or reversing what was settled in the year."""
    visits = Visit.objects.filter(area=scope.area_id, settled_at__gt=since).order_by("id")
    span = (scope.period, scope.last)
    if scope.kind == Run.Kind.YEAR_END:
        visits = visits.alias(counted_on=Coalesce("reverses__settled_on", "settled_on")).filter(
            Q(charged_institution=institution_id)
            | Q(charged_institution__parent=institution_id, charged_institution__kind="station"),
            scheme=scope.scheme,
            counted_on__range=span,
        )
    else:
        visits = visits.filter(payee=institution_id, settled_on__range=span)
    return list(visits)
