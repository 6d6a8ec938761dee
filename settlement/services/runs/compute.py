"""Computing payment runs: one for each agency, scheme, kind and period; again while it is only computed."""

import datetime
from decimal import Decimal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.editions.rulebook import rulebook, stored_edition
from bureau.errors import DomainError, RefusedError
from bureau.jobs import services as jobs
from bureau.models import Area, County, Job, Staff
from bureau.rules import payment as provider
from bureau.rules.errors import NoEdition, Refused
from bureau.rules.format.edition import Edition
from bureau.rules.money import fen, yuan
from bureau.rules.periods import add_months, month_of, months_between
from bureau.staff import reach
from bureau.steps import mark_step
from institutions.models import Institution
from settlement.models import Line, Run
from settlement.queries.lines import Facts, Results, receipt_of, rulebook_of, work_out
from settlement.queries.totals import YearTotal, year_total
from settlement.services.runs.gathering import ByInstitution, Scope, gather, open_adjustments, shares_a_pool

JOB_KIND = "runs"
SETTLED = (Run.Status.APPROVED, Run.Status.PAID)


@transaction.atomic
def compute_run(
    *, area: Area, county: County, scheme: str, kind: str, period: datetime.date, actor: Staff, now: datetime.datetime
) -> Run:
    """Compute what an agency's institutions are paid for a period (the first day of the month or year).

    While the run is computed its lines are replaced; a submitted, approved or paid run is returned as it stands.
    Refused: a period that is not over (an advance: that has not begun), a kind that the edition's method does not
    have, a second run of its kind while an earlier one waits for approval (what that carries on enters this one),
    and a year with advances on their way.
    """
    period = check_period(kind, period)
    reach.require(actor.reach, county)
    if county.area_id != area.pk:
        raise DomainError(_("%(county)s is no agency of %(area)s."), field="county", county=county, area=area)
    # Runs of one agency are computed one after the other.
    County.objects.select_for_update(no_key=True).get(pk=county.pk)
    key = {"area": area, "county": county, "scheme": scheme, "kind": kind, "period": period}
    run = Run.objects.select_for_update(no_key=True).filter(**key).first()
    if run is not None and run.status != Run.Status.COMPUTED:
        return run
    scope = Scope.of(county, scheme, kind, period)
    check_due(scope, timezone.localdate(now))
    decided: dict[int, Facts] = {}
    if run is None:
        run = Run(**key)
    else:
        decided = {line.institution_id: decision_of(line.facts) for line in run.lines.all()}
        run.lines.all().delete()
    mark_step(run, "run.compute", actor, now, total=0, note=note_of(scope))
    run.save()
    found = {number: {**facts, **decided.get(number, {})} for number, facts in gather(scope).items()}
    lines = write_lines(run, scope, found)
    run.total = sum(line.to_pay for line in lines)
    run.save(update_fields=["total"])
    audit.record("run.compute", actor=actor, now=now, subject=run, lines=len(lines), total=str(run.total))
    return run


def write_lines(run: Run, scope: Scope, found: ByInstitution) -> list[Line]:
    """One line an institution, and the adjustments that it carries."""
    edition_id = stored_edition(scope.edition.content_hash)
    codes = Institution.objects.filter(pk__in=list(found)).values_list("pk", "code")
    lines = []
    for number, _code in sorted(codes, key=lambda row: row[1]):
        facts = found[number]
        results = outcome(scope, facts)
        amount, to_pay = by_rule(scope, facts, results), payable(scope.kind, results)
        lines.append(
            Line(
                run=run,
                institution_id=number,
                edition_id=edition_id,
                receipt=receipt_of(scope.kind, scope.book, scope.area_id, scope.scheme, facts),
                facts=facts,
                results=results,
                amount=yuan(amount),
                adjustment=yuan(to_pay - amount),
                to_pay=yuan(to_pay),
            )
        )
    Line.objects.bulk_create(lines)
    if scope.kind == Run.Kind.ITEMS:
        by_institution = {line.institution_id: line for line in lines}
        for late in open_adjustments(scope):
            late.carried_by = by_institution[late.institution_id]
            late.save(update_fields=["carried_by"])
    return lines


@transaction.atomic
def decide_advance(
    *, run: Run, institution: Institution, amount: Decimal, note: str, actor: Staff, now: datetime.datetime
) -> Line:
    """Record the decision on a lower January advance (yuan) of one institution; computing again keeps it (HY-11).

    Refused: a run that is not a computed January advance, an amount above the rule's, no reason, and an edition
    whose reading leaves nothing to decide.
    """
    reach.require(actor.reach, run)
    run = Run.objects.select_for_update(no_key=True).get(pk=run.pk)
    if run.status != Run.Status.COMPUTED or run.kind != Run.Kind.ADVANCE or run.period.month != 1:
        raise DomainError(_("Only a computed January advance is decided on."))
    if not note.strip():
        raise DomainError(_("Name the decision and its reason."), field="note")
    line = run.lines.filter(institution=institution).first()
    if line is None:
        raise DomainError(_("The run has no line of %(name)s."), field="institution", name=institution.name)
    # By the edition that the line was computed by; computing the run again takes the one of today.
    scope = Scope.by(rulebook_of(line.receipt), run.county, run.scheme, run.kind, run.period)
    if scope.edition.part("provider", scope.on)["advance"].get("january") != "decided":
        raise DomainError(_("Under %(document)s nothing is decided here."), document=scope.edition.document)
    most = outcome(scope, {**line.facts, "decided": None})["advance"]
    if not 0 <= amount <= yuan(most):
        raise DomainError(_("The amount lies between 0 and %(most)s."), field="amount", most=yuan(most))
    line.facts |= {"decided": fen(amount), "decision": note.strip()[:200]}
    line.results = outcome(scope, line.facts)
    line.amount = line.to_pay = yuan(line.results["advance"])
    line.save()
    run.total = sum(run.lines.values_list("to_pay", flat=True))
    run.save(update_fields=["total"])
    audit.record(
        "run.record_decision",
        actor=actor,
        now=now,
        subject=run,
        institution=institution.code,
        amount=str(amount),
        note=note,
    )
    return line


def decision_of(facts: Facts) -> Facts:
    return {name: facts[name] for name in ("decided", "decision") if name in facts}


def outcome(scope: Scope, facts: Facts) -> Results:
    try:
        return work_out(scope.kind, scope.book, scope.area_id, scope.scheme, facts)
    except Refused as refused:
        raise RefusedError(refused.refusal) from refused


def payable(kind: str, results: Results) -> int:
    """What a line pays in all funds, in fen; below zero where the institution owes it."""
    if kind == Run.Kind.ITEMS:
        return sum(results["paid"].values())
    return results[{"advance": "advance", "month": "paid", "year_end": "clearing"}[kind]]


def by_rule(scope: Scope, facts: Facts, results: Results) -> int:
    """What the line would pay without adjustments of earlier runs."""
    if scope.kind == Run.Kind.ITEMS and facts["adjustments"]:
        results = outcome(scope, {**facts, "adjustments": {}})
    return payable(scope.kind, results)


def check_period(kind: str, period: datetime.date) -> datetime.date:
    if kind not in Run.Kind.values:
        raise DomainError(_("There is no such kind of run: %(kind)s."), field="kind", kind=kind)
    if period.day != 1 or (kind == Run.Kind.YEAR_END and period.month != 1):
        raise DomainError(_("The period is the first day of the month, or of the year."), field="period")
    return period


def check_due(scope: Scope, today: datetime.date) -> None:
    """Raise DomainError where it is too early, or where another run comes first."""
    if scope.kind not in kinds_of(scope.edition, scope.on):
        raise DomainError(
            _("Under %(document)s there is no %(kind)s."),
            field="kind",
            document=scope.edition.document,
            kind=Run.Kind(scope.kind).label,
        )
    # A year is computed when all its months are paid, and none is computed beside it: none is left out.
    beside = runs_like(scope, kind=Run.Kind.YEAR_END, period=scope.period.replace(month=1))
    if scope.kind in MONTHLY and beside.exists():
        raise DomainError(_("The year-end settlement has been computed; discard it first."), field="period")
    if scope.kind == Run.Kind.ADVANCE:
        if today < scope.period:
            raise DomainError(_("The month %(month)s has not begun."), field="period", month=month_of(scope.period))
        return
    if today <= scope.last:
        raise DomainError(_("The period is not over before %(day)s."), field="period", day=scope.last)
    if scope.kind == Run.Kind.YEAR_END:
        unpaid = months_of_year(scope).exclude(status=Run.Status.PAID)
        months = ", ".join(month_of(run.period) for run in unpaid.order_by("period"))
        if months:
            raise DomainError(_("First pay or discard the runs of %(months)s."), field="period", months=months)
        return
    alike = runs_like(scope)
    if scope.kind == Run.Kind.MONTH and shares_a_pool(scope):
        # What any agency carries on enters the pool that all of them share.
        alike = Run.objects.filter(area=scope.area_id, scheme=scope.scheme, kind=scope.kind)
    waiting = alike.exclude(period=scope.period).exclude(status__in=SETTLED).order_by("period").first()
    if waiting is not None:
        raise DomainError(
            _("First approve the run of %(month)s: what it carries on enters this one."),
            field="period",
            month=month_of(waiting.period),
        )


def kinds_of(edition: Edition, on: datetime.date) -> set[str]:
    """Which runs a method has. Where a month is settled, its prepayment is a bound and not a payment of its own; a
    year is settled where there is a quota or a retention."""
    known = set(provider.kinds(edition, on))
    kinds = {Run.Kind.ITEMS}
    if "month_settlement" in known:
        kinds.add(Run.Kind.MONTH)
    elif "advance" in known:
        kinds.add(Run.Kind.ADVANCE)
    if known & {"quota", "retention_release"}:
        kinds.add(Run.Kind.YEAR_END)
    return kinds


def runs_like(scope: Scope, **other):
    key = {"area_id": scope.area_id, "county_id": scope.county_id, "scheme": scope.scheme}
    key |= {} if "kind__in" in other else {"kind": scope.kind}
    return Run.objects.filter(**(key | other))


MONTHLY = (Run.Kind.ADVANCE, Run.Kind.MONTH)  # what a year-end settlement takes into account


def months_of_year(scope: Scope):
    return runs_like(scope, kind__in=MONTHLY, period__year=scope.period.year)


def note_of(scope: Scope) -> str:
    """Of a year, which months have no run: their institutions are cleared for what was not paid too. Of a month's
    payments under a yearly total, what the year has come to."""
    if scope.kind in (Run.Kind.MONTH, Run.Kind.ITEMS):
        return total_note(year_total(scope.edition, scope.on, until=scope.last))
    if scope.kind != Run.Kind.YEAR_END:
        return ""
    there = {month_of(period) for period in months_of_year(scope).values_list("period", flat=True)}
    missing = [m for m in months_between(f"{scope.period.year}-01", f"{scope.period.year}-12") if m not in there]
    return gettext("Nothing was paid monthly for %(months)s.") % {"months": ", ".join(missing)} if missing else ""


def total_note(total: YearTotal | None) -> str:
    if total is None:
        return ""
    said = {"used": yuan(total.used), "figure": total.label, "year": total.year}
    if total.total is None:
        return gettext("The year has used %(used)s; “%(figure)s” of %(year)d is not published and confirmed.") % said
    said |= {"total": yuan(total.total), "share": total.share, "overrun": yuan(total.overrun)}
    if total.overrun:
        return gettext("The year has used %(used)s of its total of %(total)s, %(share)s: %(overrun)s over it.") % said
    return gettext("The year has used %(used)s of its total of %(total)s, %(share)s.") % said


def compute_runs(
    *, area: Area, scheme: str, kind: str, period: datetime.date, actor: Staff, now: datetime.datetime
) -> Job:
    """Compute a run for every agency of an area, as a job with one part an agency. Asked again: the same job."""
    reach.require_whole(actor.reach, area.pk)
    period = check_period(kind, period)
    counties = County.objects.filter(area=area).order_by("code").values_list("pk", flat=True)
    return jobs.create_job(
        kind=JOB_KIND,
        key=f"runs {area.pk} {scheme} {kind} {period}",
        area_id=area.pk,
        params={"scheme": scheme, "kind": kind, "period": period.isoformat()},
        chunks=[{"county": code} for code in counties],
        actor=actor,
        now=now,
    )


def compute_due(*, actor: Staff, now: datetime.datetime) -> list[Job]:
    """What a new month asks for in every area: its advances, and the last month's payments. Submits nothing."""
    today = timezone.localdate(now)
    month = today.replace(day=1)
    last = add_months(month, -1)
    started = []
    for area in Area.objects.order_by("pk"):
        book = rulebook(area.pk)
        for scheme in sorted({edition.scheme for edition in book.editions}):
            for kind, period in ((Run.Kind.ADVANCE, month), (Run.Kind.ITEMS, last), (Run.Kind.MONTH, last)):
                try:
                    edition = book.on(area.pk, scheme, period, "provider")
                except NoEdition:
                    continue
                if kind in kinds_of(edition, period):
                    started.append(
                        compute_runs(area=area, scheme=scheme, kind=kind, period=period, actor=actor, now=now)
                    )
    return started


def compute_as_job(params: dict, *, job: Job, actor: Staff, now: datetime.datetime) -> dict:
    """One agency's run, as a part of a job."""
    county = County.objects.select_related("area").get(pk=params["county"])
    run = compute_run(
        area=county.area,
        county=county,
        scheme=job.params["scheme"],
        kind=job.params["kind"],
        period=datetime.date.fromisoformat(job.params["period"]),
        actor=actor,
        now=now,
    )
    return {"runs": 1, "lines": run.lines.count()}
