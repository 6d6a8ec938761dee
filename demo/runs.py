"""What institutions are paid in the story: monthly runs, the assessment, the year's end and what comes after it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from django.db.models import Q
from django.utils.translation import gettext as _

from bureau.models import County
from demo import files
from demo.acts import Stage
from demo.places import Places
from institutions.services.places import confirm_assessments
from settlement.models import Line, Payment, Run, Visit
from settlement.services.runs.approval import approve_run, return_run, submit_run
from settlement.services.runs.compute import compute_run
from settlement.services.runs.late import find_adjustments
from settlement.services.runs.payment import pay_run, return_payment
from settlement.services.visits.reversals import reverse_visit

LATE_KEY = "NZ01"  # the numbers that the institution gives its late reversals


# How far the runs get that are left to whoever signs in, agency by agency.
LEFT = ("paid", "approved", "submitted", "computed", "returned")


def pay_runs(stage: Stage, kind: str, period: date, *, leave: bool = False) -> None:
    """One run an agency: computed and submitted by the clerk, approved by the reviewer, paid by finance.

    `leave` them at all steps of their way instead, and let the bank return an order of the one that is paid.
    """
    started = time.monotonic()
    office = stage.office
    total, lines = Decimal(0), 0
    paid: list[Run] = []
    for number, county in enumerate(County.objects.filter(area=office.area).select_related("area").order_by("code")):
        step = LEFT[number % len(LEFT)] if leave else "paid"
        run = compute_run(
            area=office.area,
            county=county,
            scheme=stage.profile.scheme,
            kind=kind,
            period=period,
            actor=office.clerk,
            now=stage.at(9),
        )
        if run.status == Run.Status.COMPUTED and step != "computed":
            run = submit_run(run=run, actor=office.clerk, now=stage.at(11))
        if run.status == Run.Status.SUBMITTED and step == "returned":
            run = return_run(run=run, note="请核对追溯变更后重新计算", actor=office.reviewer, now=stage.at(14))
        if run.status == Run.Status.SUBMITTED and step in ("approved", "paid"):
            run = approve_run(run=run, actor=office.reviewer, now=stage.at(15))
        if step == "paid":
            run = pay_run(run=run, actor=office.finance, now=stage.at(16))
            paid.append(run)
        total += run.total
        lines += run.lines.count()
    if leave and (order := Payment.objects.filter(line__run__in=paid).order_by("-amount", "id").first()):
        return_payment(payment=order, note="收款户名与账号不符", actor=office.finance, now=stage.at(17))
    sentence = (
        _("%(kind)s of %(period)s left at every step: %(lines)d institutions, %(total)s yuan (%(seconds).1f s)")
        if leave
        else _("%(kind)s of %(period)s paid: %(lines)d institutions, %(total)s yuan (%(seconds).1f s)")
    )
    stage.say(
        sentence,
        kind=Run.Kind(kind).label,
        period=f"{period:%Y}" if kind == Run.Kind.YEAR_END else f"{period:%Y-%m}",
        lines=lines,
        total=f"{total:,.2f}",
        seconds=time.monotonic() - started,
    )


def assess(stage: Stage, places: Places) -> None:
    """The year's scores of everybody of whom money is kept back."""
    paid = [place for place in places.all if place.parent is None and not place.away and place.level is not None]
    scores = [(place, _score(number)) for number, place in enumerate(paid)]
    stage.load("assessments", f"{stage.profile.year}年度考核得分.csv", files.assessments(scores, stage.profile).csv())
    confirm_assessments(area=stage.area, year=stage.profile.year, actor=stage.office.reviewer, now=stage.at(15))


def _score(number: int) -> int:
    """Most do well, a few do not."""
    return 100 - number * 7 % 19


def cross_a_threshold(stage: Stage) -> None:
    """A hospital takes back visits of the settled year, and falls below a band by them: an adjustment."""
    if Visit.objects.filter(institution__area=stage.area, key__startswith=LATE_KEY).exists():
        return
    line, gap, threshold = min(_gaps(stage), key=lambda found: found[1])
    place = line.institution
    visits = Visit.objects.filter(
        Q(charged_institution=place) | Q(charged_institution__parent=place),
        payee=place,
        care_on__year=stage.profile.year,
        pooled__gt=0,
        reverses=None,
        reversal=None,
    ).order_by("-pooled", "id")
    back, taken = Decimal(0), 0
    for visit in visits[:500]:
        if back * 100 >= gap:
            break
        reverse_visit(
            visit.pk,
            key=f"{LATE_KEY}{taken:06d}",
            reason="重复记账，年终自查退回",
            actor=stage.office.clerk,
            now=stage.at(10),
        )
        back += visit.pooled
        taken += 1
    stage.say(
        _("%(name)s takes back %(count)d visits of %(year)d, %(amount)s yuan, and falls below %(threshold)d %%"),
        name=place.name,
        count=taken,
        year=stage.profile.year,
        amount=f"{back:,.2f}",
        threshold=threshold,
    )
    found = find_adjustments(
        area=stage.area,
        kind=Run.Kind.YEAR_END,
        period=stage.profile.new_year,
        actor=stage.office.finance,
        now=stage.at(15),
    )
    for adjustment in found:
        stage.say(
            _("Adjustment of the year-end settlement: %(name)s %(amount)s yuan"),
            name=adjustment.institution.name,
            amount=f"{adjustment.amount:,.2f}",
        )


def look_for_late_files(stage: Stage, kinds: Iterable[str], first: date) -> None:
    """What files that came after a month's runs change in them; the next payments by item carry it."""
    found = [
        adjustment
        for kind in kinds
        for adjustment in find_adjustments(
            area=stage.area, kind=kind, period=first, actor=stage.office.finance, now=stage.at(15)
        )
    ]
    stage.say(
        _("Late files of %(month)s: %(count)d adjustments, %(amount)s yuan"),
        month=f"{first:%Y-%m}",
        count=len(found),
        amount=f"{sum(adjustment.amount for adjustment in found):,.2f}",
    )


def _gaps(stage: Stage):
    """Lines of the year-end settlement with how far (fen) their use is above the next band below, in percent."""
    runs = Run.objects.filter(area=stage.area, kind=Run.Kind.YEAR_END, period=stage.profile.new_year)
    lines = Line.objects.filter(run__in=runs).select_related("institution")
    for line in lines.order_by("institution__code"):
        quota = line.results.get("quota", 0)
        span = line.facts["spans"][0]
        use = span["own"] + sum(span["others"].values())
        for threshold in (80, 60):
            gap = use - quota * threshold // 100 + 1
            if use <= quota and 0 < gap <= span["own"]:
                yield line, gap, threshold
