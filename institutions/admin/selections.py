"""What members chose, and the windows in which they may."""

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from bureau import clock
from bureau.models import Area, Scheme, Staff
from bureau.rules.periods import month_of
from bureau.site import (
    Act,
    ActForm,
    Panel,
    ReasonForm,
    Records,
    Report,
    YearFilter,
    link,
    pick,
    reason_field,
    when,
    year_field,
)
from bureau.staff import reach
from institutions.models import Institution, Selection, SelectionWindow
from institutions.queries import double_funded_heads
from institutions.services.selection import choose, end_selections, end_selections_of_departed, withdraw
from institutions.services.windows import close_window, open_window
from members.admin import OfMember
from members.models import Member


class WindowForm(ActForm):
    area = pick(SelectionWindow._meta.get_field("area"))
    scheme = forms.ChoiceField(label=_("scheme"), choices=Scheme.choices)
    year = year_field(_("for the year"))


def open_today(*, actor, now, **asked) -> SelectionWindow:
    return open_window(**asked, on=clock.today(), actor=actor, now=now)


def close_today(*, window, actor, now) -> SelectionWindow:
    return close_window(window=window, on=clock.today(), actor=actor, now=now)


@admin.register(SelectionWindow)
class SelectionWindowAdmin(Records):
    ordering = ("-year", "area", "scheme")
    list_display = ["year", "area", "scheme", "opens_on", "closes_on", "opened_at", "closed_at"]
    list_filter = ["scheme", "year"]
    list_select_related = ["area"]
    list_acts = [
        Act(
            code="window.open",
            label=_("Open the selection window"),
            do=open_today,
            form=WindowForm,
            help=_("Its days come from the edition. The schedule opens and closes it by itself, too."),
        ),
    ]
    acts = [
        Act(
            code="window.close",
            label=_("Close the window"),
            do=close_today,
            record="window",
            offered=lambda window: window.closed_at is None,
        ),
    ]


class DepartedForm(ActForm):
    area = pick(Selection._meta.get_field("area"))


def end_departed(*, area: Area, actor: Staff, now) -> None:
    end_selections_of_departed(area_id=area.pk, on=clock.today(), actor=actor, now=now)


class DoubleForm(ActForm):
    area = pick(Selection._meta.get_field("area"))
    scheme = forms.ChoiceField(label=_("scheme"), choices=Scheme.choices)
    year = year_field(_("year"), initial=lambda: clock.today().year)


def double_funded(request, record, data) -> list[Panel]:
    """By institution, and member by member: heads that count here while care elsewhere is paid as well."""
    heads = double_funded_heads(data["area"].pk, data["scheme"], data["year"])
    own = reach.visible(Institution, request.user.reach, own=True)
    places = own.in_bulk({head.institution_id for head in heads})
    heads = [head for head in heads if head.institution_id in places]
    title = f"{data['area'].name} · {data['year']}"
    if not heads:
        return [Panel(title, note=_("No member who counts here is registered out of the area in the year."))]
    members = Member.objects.in_bulk({head.member_id for head in heads})
    ordered = sorted(heads, key=lambda head: (places[head.institution_id].code, head.member_id, head.first_month))
    by_place: dict[int, list[int]] = {}
    for head in ordered:
        by_place.setdefault(head.institution_id, []).append(head.months)
    return [
        Panel(
            title,
            [_("institution"), _("institution code"), _("heads"), _("months")],
            [[link(places[key]), places[key].code, len(months), sum(months)] for key, months in by_place.items()],
            note=_("They count: the text counts who has chosen. Whether a registration ends it, the bureau says."),
        ),
        Panel(
            _("Members"),
            [_("member"), _("institution"), _("first month"), _("last month"), _("months")],
            [
                [
                    link(members[head.member_id]),
                    link(places[head.institution_id]),
                    month_of(head.first_month),
                    month_of(head.last_month),
                    head.months,
                ]
                for head in ordered
            ],
        ),
    ]


@admin.register(Selection)
class SelectionAdmin(OfMember):
    list_display = [
        "member", "year", "role", "institution", "route", "requested_on", "starts_on", "ends_on", "counted_months",
    ]  # fmt: skip
    list_filter = [YearFilter, "role", "route", "scheme"]
    list_select_related = ["member", "institution"]
    institution_path = "institution"
    list_acts = [
        Act(
            code="selection.end_departed",
            label=_("End the selections of who died or left"),
            do=end_departed,
            form=DepartedForm,
            help=_("As the rosters of members say by today. It may be done as often as one likes."),
        ),
        Report(
            code="selection.double",
            label=_("Heads paid for twice"),
            form=DoubleForm,
            show=double_funded,
            help=_("Heads that count at an institution here in months in which care elsewhere is paid as well."),
        ),
    ]
    acts = [
        Act(
            code="selection.take_back",
            label=_("Take back"),
            do=lambda **asked: withdraw(**asked, on=clock.today()),
            record="selection",
            form=ReasonForm,
            help=_("A mistaken choice, before its first day."),
            offered=lambda selection: selection.starts_on > clock.today(),
        ),
    ]

    @admin.display(description=_("counted months"), ordering="counts_from")
    def counted_months(self, selection):
        if selection.counts_from is None:
            return None
        return f"{selection.counts_from:%Y-%m} – {selection.counts_to:%Y-%m}"


class ChoiceForm(ActForm):
    year = year_field(_("for the year"))
    institution = pick(Selection._meta.get_field("institution"))
    station = pick(
        Selection._meta.get_field("institution"),
        label=_("and a station of it"),
        required=False,
        help_text=_("Only where the edition lets members choose a station as well."),
    )
    requested_on = when(_("requested on"))
    reason = reason_field(_("reason for the change"), required=False)


def choose_for(*, member, institution, station, actor, now, **asked) -> None:
    chosen = [institution, station] if station is not None else [institution]
    choose(member=member, institutions=chosen, **asked, actor=actor, now=now)


class ExitForm(ActForm):
    area = pick(Selection._meta.get_field("area"))
    scheme = forms.ChoiceField(label=_("scheme"), choices=Scheme.choices)
    last_day = when(_("last day"))
    reason = reason_field()


def end_on_exit(*, member, area, actor, now, **asked) -> None:
    end_selections(member=member, area_id=area.pk, event="exit", **asked, actor=actor, now=now)
