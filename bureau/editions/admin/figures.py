"""Published figures: entered by one person, confirmed by another, and which are still missing."""

from collections.abc import Iterator

from django import forms
from django.contrib import admin
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from bureau import clock
from bureau.areas.models import Area, Scheme
from bureau.editions.figures import confirm_figure, enter_figure, missing_figures
from bureau.editions.models import PublishedFigure
from bureau.editions.rulebook import rulebook
from bureau.site import start
from bureau.site.acts import Act, Report
from bureau.site.forms import ActForm, pick, year_field
from bureau.site.records import Records
from bureau.site.sections import Panel
from bureau.site.start import Task

start.waits(
    Task("figures", _("figures to confirm"), PublishedFigure, {"confirmed_at__isnull": True}, "figure.confirm"),
)


def figure_label(area_id: str, code: str) -> str:
    for edition in rulebook(area_id).editions:
        if code in edition.figures:
            return edition.figures[code].label
    return code


def _figure_choices():
    found = {}
    for area in Area.objects.all():
        for edition in rulebook(area.pk).editions:
            found |= {code: figure.label for code, figure in edition.figures.items()}
    return sorted(found.items())


class FigureForm(ActForm):
    area = pick(PublishedFigure._meta.get_field("area"))
    code = forms.ChoiceField(label=_("figure"), choices=_figure_choices)
    year = year_field(_("year"))
    value = forms.DecimalField(label=_("value"), max_digits=18, decimal_places=2)
    document = forms.CharField(
        label=pgettext_lazy("published", "document"),
        max_length=200,
        help_text=_("The document by which the bureau publishes it."),
    )


def missing(request, record, data) -> list[Panel]:
    """A table for each area that the member of staff sees."""
    today = clock.today()
    areas = start.seen(request, Area).order_by("pk")
    return [
        Panel(
            area.name,
            [_("Figure"), _("Code"), _("year"), _("Article"), _("Needed for"), _("status")],
            [
                [
                    one.label,
                    one.code,
                    str(one.year),
                    one.article,
                    ", ".join(map(str, one.needed_in)),
                    _("to be confirmed") if one.entered else _("missing"),
                ]
                for one in missing_figures(area.pk, today)
            ],
        )
        for area in areas
    ]


@start.lacks(reads="bureau.edition")
def what_the_year_lacks(request) -> Iterator[str]:
    """Editions and figures that the bureau's year needs and does not have yet."""
    today = clock.today()
    for area in start.seen(request, Area):
        editions = rulebook(area.pk).editions
        if not editions:
            yield gettext("%(area)s has no policy edition.") % {"area": area}
        for scheme in sorted({edition.scheme for edition in editions}):
            label = Scheme(scheme).label
            here = [edition for edition in editions if edition.scheme == scheme]
            for day in (today, today.replace(year=today.year + 1, month=1, day=1)):
                if not any(edition.in_force(day) for edition in here):
                    yield gettext("%(area)s, %(scheme)s: no edition is in force on %(day)s.") % {
                        "area": area, "scheme": label, "day": day,
                    }  # fmt: skip
        for figure in missing_figures(area.pk, today):
            if today.year in figure.needed_in:
                sentence = (
                    gettext("%(area)s: “%(figure)s” of %(year)d waits to be confirmed.")
                    if figure.entered
                    else gettext("%(area)s: “%(figure)s” of %(year)d is not published and confirmed.")
                )
                yield sentence % {"area": area, "figure": figure.label, "year": figure.year}


@admin.register(PublishedFigure)
class PublishedFigureAdmin(Records):
    list_display = ["label", "area", "year", "value", "document", "entered_by", "confirmed_by", "confirmed_at"]
    list_filter = ["year", ("confirmed_at", admin.EmptyFieldListFilter)]
    search_fields = ["code", "document"]
    list_select_related = ["area", "entered_by", "confirmed_by"]
    fields = [
        "label", "code", "area", "year", "value", "document", "entered_by", "entered_at", "confirmed_by",
        "confirmed_at",
    ]  # fmt: skip
    list_acts = [
        Act(code="figure.enter", label=_("Enter a figure"), do=enter_figure, form=FigureForm),
        Report(
            code="figure.missing",
            label=_("Missing figures"),
            show=missing,
            help=_("What the editions of this year and the next ask for and nobody has confirmed yet."),
        ),
    ]
    acts = [
        Act(
            code="figure.confirm",
            label=_("Confirm the figure"),
            do=confirm_figure,
            record="figure",
            help=_("From then on the figure counts and cannot be changed."),
        ),
    ]

    @admin.display(description=_("figure"), ordering="code")
    def label(self, figure):
        return figure_label(figure.area_id, figure.code)
