"""提取: a year's outpatient account fed by heads, shown before anything is posted; an act on the list of journals."""

import datetime

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Entry, Fund, Journal, Subject
from accounts.services.extraction import Extraction, extract_fund, quote_extraction
from bureau import clock
from bureau.models import Area, Scheme, Staff
from bureau.site import Act, ActForm, Answer, Panel, link, pick, year_field


class ExtractionForm(ActForm):
    area = pick(Journal._meta.get_field("area"))
    scheme = forms.ChoiceField(label=_("scheme"), choices=Scheme.choices, initial=Scheme.values[-1])
    year = year_field(_("year"), initial=lambda: clock.today().year)


def preview(request, record, data) -> list[Panel]:
    found = quote_extraction(**data, now=clock.now())
    return [worked_out(found, _("To be posted now")), posted(found)]


def extract(*, area: Area, scheme: str, year: int, actor: Staff, now: datetime.datetime) -> Answer:
    found = extract_fund(area=area, scheme=scheme, year=year, actor=actor, now=now)
    said = (
        gettext("%(amount)s yuan were posted to “%(fund)s”.")
        % {"amount": f"{found.posted:,.2f}", "fund": Fund(found.fund).label}
        if found.posted
        else gettext("Nobody is new: nothing was posted.")
    )
    return Answer([worked_out(found, _("Posted now")), posted(found)], said)


def worked_out(found: Extraction, last) -> Panel:
    return Panel(
        Fund(found.fund).label,
        [_("insured persons"), _("for each"), _("the year's account"), _("posted before"), last],
        [[found.insured, found.rate, found.budget, found.before, found.posted]],
        note=_("Everybody enrolled on some day of the year so far counts once."),
    )


def posted(found: Extraction) -> Panel:
    """The journals of a year's account, by which it was fed."""
    rows = Entry.objects.filter(journal__source=found.source, fund=found.fund, subject=Subject.TRANSFER_INCOME)
    return Panel(
        _("Posted so far"),
        [_("journal"), _("posted on"), _("amount"), _("posted by")],
        [
            [link(row.journal), row.journal.posted_on, row.amount, str(row.journal.actor)]
            for row in rows.select_related("journal__actor").order_by("id")
        ],
    )


def extraction_label(source: str) -> str:
    """What a journal of an extraction says of itself; empty for any other."""
    name, _colon, where = source.partition(":")
    if name != "extraction":
        return ""
    return gettext("outpatient account of %(year)s") % {"year": where.rpartition(":")[2]}


EXTRACT = Act(
    code="fund.extract",
    label=_("Extract the outpatient fund"),
    do=extract,
    form=ExtractionForm,
    preview=preview,
    help=_("So much for each insured person, out of the scheme's fund. Done again, it adds whoever came since."),
)
