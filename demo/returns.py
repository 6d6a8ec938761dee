"""What institutions report of each month, and what the bureau does with it; the heads that feed the year's fund."""

from __future__ import annotations

from datetime import date, timedelta

from django.utils.translation import gettext as _

from accounts.services.extraction import extract_fund
from bureau.rules.periods import next_month_start
from demo.acts import Stage
from demo.places import Places
from institutions.models import Institution
from settlement.models import MonthlyReturn
from settlement.queries.returns import late_returns, workload
from settlement.services.returns import review_return, submit_return


def submit(stage: Stage, places: Places, first: date, *, late: bool) -> None:
    """Centres report what they have settled; some only after the day on which it is due, one with a slip of the pen."""
    count = 0
    for number, place in enumerate(_reporting(places)):
        if ((number + first.month) % 11 == 0) != late or _never(number, first):
            continue
        institution = Institution.objects.get(pk=stage.institution_id(place.code))
        done = workload(institution, stage.profile.scheme, first).total
        submit_return(
            institution=institution,
            scheme=stage.profile.scheme,
            month=first,
            visits=done.visits + (1 if number % 13 == first.month else 0),
            total=done.total,
            fund=done.fund,
            submitted_on=stage.day,
            actor=stage.office.clerk,
            now=stage.at(10),
        )
        count += 1
    if count:
        stage.say(_("Monthly returns of %(month)s received: %(count)d"), month=f"{first:%Y-%m}", count=count)


def review(stage: Stage, first: date) -> None:
    """The reviewer accepts what agrees with the visits settled, and notes what does not."""
    accepted = noted = 0
    waiting = MonthlyReturn.objects.filter(
        institution__area=stage.area, month=first, status=MonthlyReturn.Status.SUBMITTED
    )
    for row in waiting.select_related("institution").order_by("institution__code"):
        differs = workload(row.institution, row.scheme, first).total.visits != row.visits
        review_return(
            monthly_return=row,
            accept=True,
            note="电话核实，机构笔误多报一人次" if differs else "",
            actor=stage.office.reviewer,
            now=stage.at(15),
        )
        accepted += 1
        noted += differs
    missing = late_returns(area=stage.area, scheme=stage.profile.scheme, month=first, today=stage.day)
    stage.say(
        _(
            "Monthly returns of %(month)s: %(accepted)d accepted, %(noted)d of them with a note;"
            " %(late)d late or missing"
        ),
        month=f"{first:%Y-%m}",
        accepted=accepted,
        noted=noted,
        late=len(missing),
    )


def extract(stage: Stage) -> None:
    """So much a head, out of the scheme's fund into the outpatient account."""
    year = stage.profile.year
    done = extract_fund(
        area=stage.area, scheme=stage.profile.scheme, year=year, actor=stage.office.finance, now=stage.at(10)
    )
    stage.say(
        _("Outpatient account of %(year)d: %(heads)d heads, %(amount)s yuan extracted"),
        year=year,
        heads=done.insured,
        amount=f"{done.posted:,.2f}",
    )


def due_days(first: date) -> tuple[date, date, date]:
    """When a month's returns come in time, when they come late, and when they are reviewed."""
    following = next_month_start(first)
    return following.replace(day=4), following.replace(day=8), following.replace(day=8) + timedelta(days=1)


def _reporting(places: Places):
    return [place for place in places.selectable if place.parent is None]


def _never(number: int, first: date) -> bool:
    """One centre forgets its November."""
    return number == 2 and first.month == 11
