"""A year's total or pool, and what of it is used: a page of its own beside the list of runs."""

import datetime

from django import forms
from django.utils.translation import gettext_lazy as _

from bureau import clock
from bureau.editions.rulebook import rulebook
from bureau.errors import RefusedError
from bureau.models import Scheme
from bureau.rules.errors import NoEdition
from bureau.rules.format.edition import Edition
from bureau.rules.money import yuan
from bureau.site import ActForm, Panel, Report, pick, year_field
from settlement.models import Run
from settlement.queries.totals import YearTotal, reserves_used, year_budget, year_total

RESERVES = {"remote": _("care out of the area"), "emergency": _("emergencies")}
BUDGET = {
    "budget": _("the year's budget"),
    "contingency": _("kept for contingencies"),
    "distributable": _("left for the months"),
    "month_1_to_11": _("each month to November"),
    "month_12": _("December"),
}


class YearForm(ActForm):
    area = pick(Run._meta.get_field("area"))
    scheme = forms.ChoiceField(label=_("scheme"), choices=Scheme.choices)
    year = year_field(_("year"), initial=lambda: clock.today().year)


def year_page(request, record, data) -> list[Panel]:
    """The total with what is used of it, or the pool with its months and reserves; else a sentence."""
    year = data["year"]
    edition, on = in_force(data["area"].pk, data["scheme"], year)
    part = edition.part("provider", on)
    if "total" in part:
        until = min(clock.today(), datetime.date(year, 12, 31))
        return [total(year_total(edition, on, until=until), until)]
    if "budget" in part:
        return [budget(edition, on), reserves(edition, on)]
    note = _("Under %(document)s the year has neither a total nor a pool.") % {"document": edition.document}
    return [Panel(str(year), note=note)]


def in_force(area_id: str, scheme: str, year: int) -> tuple[Edition, datetime.date]:
    """The edition by which a year is paid, and a day of the year on which it is: the first, else the last."""
    first, last = datetime.date(year, 1, 1), datetime.date(year, 12, 31)
    book = rulebook(area_id)
    try:
        return book.on(area_id, scheme, first, "provider"), first
    except NoEdition:
        pass
    try:
        return book.on(area_id, scheme, last, "provider"), last
    except NoEdition as missing:
        raise RefusedError(missing.refusal) from missing


def total(found: YearTotal, until: datetime.date) -> Panel:
    heads = [_("the year's total"), _("used"), _("percentage used"), _("left"), _("over it")]
    title = f"{found.label} · {found.year}"
    note = _("By day of settlement, until %(day)s, of all agencies together.") % {"day": until}
    if found.total is None:
        note = _("No total is published and confirmed for the year.")
        return Panel(title, heads, [[None, yuan(found.used), None, None, None]], note=note)
    left = max(found.total - found.used, 0)
    row = [yuan(found.total), yuan(found.used), found.share, yuan(left), yuan(found.overrun)]
    return Panel(title, heads, [row], note=note)


def budget(edition: Edition, on: datetime.date) -> Panel:
    found = year_budget(edition, on)
    return Panel(
        _("The year's pool"),
        [_("what"), _("amount")],
        [[label, yuan(found[name])] for name, label in BUDGET.items()],
        note=_("From the published figures; December takes what rounding leaves."),
    )


def reserves(edition: Edition, on: datetime.date) -> Panel:
    """What is kept apart, what of it is used, and what the contingencies come to once the two are settled (ZJ-3)."""
    found = reserves_used(edition, on.year)
    rows = [[RESERVES[name], yuan(kept), yuan(used), yuan(kept - used)] for name, (kept, used) in found.items()]
    contingency = year_budget(edition, on)["contingency"]
    drawn = sum(used - kept for kept, used in found.values())
    return Panel(
        _("Reserves"),
        [_("for"), _("reserved"), _("used"), _("left")],
        [*rows, [BUDGET["contingency"], yuan(contingency), yuan(drawn), yuan(contingency - drawn)]],
        note=_("What is over or under is settled against the contingencies at the end of the year."),
    )


YEAR = Report(
    code="run.year",
    label=_("The year's money"),
    form=YearForm,
    show=year_page,
    help=_("What the year may spend, and what of it is used."),
)
