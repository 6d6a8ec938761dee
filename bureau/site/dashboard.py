"""The start page: what waits for whom, what the year still lacks, and how the months went."""

import datetime
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from django.contrib import admin
from django.core.cache import cache
from django.db.models import Count, F, Model, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import AccountUse, Credit, Payout
from accounts.queries.after_death import used_after_death
from bureau import clock
from bureau.areas.models import Area, Scheme
from bureau.editions.figures import missing_figures
from bureau.editions.models import PublishedFigure
from bureau.editions.rulebook import rulebook
from bureau.jobs.models import Job
from bureau.rosters.models import Upload
from bureau.rules.periods import add_months, month_of
from bureau.site import Panel
from bureau.staff import roles
from bureau.staff.models import Staff
from institutions.models import AccountChange, Assessment
from settlement.models import Claim, MonthlyReturn, Payment, Proposal, Run, Visit
from settlement.queries.returns import due_in, late_returns, schemes_reporting

TASKS_KEPT = 60
CHARTS_KEPT = 600
MONTHS = 12
RECENT_DAYS = 30
MOST_COUNTED = 1000
NOTHING = Decimal("0.00")


@dataclass(frozen=True)
class Task:
    """Something that waits: which records, and which act it waits for (none: somebody should look)."""

    name: str
    label: str | Promise
    model: type[Model]
    filters: dict[str, object]
    act: str = ""
    own: bool = False  # shown to nobody but who may act
    narrow: Callable[[QuerySet], QuerySet] | None = None  # what the list's own filter does, where no lookup says it


def _tasks(today: datetime.date) -> list[Task]:
    recently = {"uploaded_at__date__gte": today - datetime.timedelta(days=RECENT_DAYS)}
    return [
        Task("jobs_open", _("jobs under way"), Job, {"status__in": ["waiting", "running"]}),
        Task("jobs_failed", _("jobs that failed"), Job, {"status__exact": "failed"}, "job.retry"),
        Task("refused", _("files refused in the last thirty days"), Upload, {"status__exact": "refused"} | recently),
        Task("rejects", _("files with rejected rows in the last thirty days"), Upload,
             {"status__exact": "loaded", "rejected__gt": 0} | recently),
        Task("runs_computed", _("payment runs to submit"), Run, {"status__exact": "computed"}, "run.submit"),
        Task("runs_submitted", _("payment runs to approve"), Run, {"status__exact": "submitted"}, "run.approve"),
        Task("runs_approved", _("payment runs to pay"), Run, {"status__exact": "approved"}, "run.pay"),
        Task("payments_returned", _("payments that the bank returned"), Payment, {"status__exact": "returned"},
             "payment.reissue"),
        Task("payouts_submitted", _("payouts to approve"), Payout, {"status__exact": "submitted"}, "payout.approve"),
        Task("payouts_approved", _("payouts to pay"), Payout, {"status__exact": "approved"}, "payout.pay"),
        Task("uses_after_death", _("account uses after a death"), AccountUse, {"after_death": "yes"},
             "account.use_reverse", narrow=used_after_death),
        Task("claims_received", _("claims by hand to check"), Claim, {"status__exact": "received"}, "claim.check"),
        Task("claims_checked", _("claims by hand to approve"), Claim, {"status__exact": "checked"}, "claim.approve"),
        Task("claims_approved", _("claims by hand to pay"), Claim,
             {"status__exact": "approved", "visit__pooled__gt": 0}, "claim.pay"),
        Task("claims_returned", _("claims by hand to correct"), Claim, {"status__exact": "returned"}, "claim.correct"),
        Task("proposals", _("proposals to decide"), Proposal, {"status__exact": "open"}, "proposal.decide"),
        Task("figures", _("figures to confirm"), PublishedFigure, {"confirmed_at__isnull": True}, "figure.confirm"),
        Task("accounts", _("bank accounts to confirm"), AccountChange, {"status__exact": "open"},
             "institution.account_confirm"),
        Task("scores", _("scores to confirm"), Assessment, {"confirmed_at__isnull": True}, "assessment.confirm"),
        Task("returns_submitted", _("monthly returns to review"), MonthlyReturn, {"status__exact": "submitted"},
             "return.accept"),
        Task("staff", _("staff without a role"), Staff, {"groups__isnull": True, "is_active__exact": 1}, "staff.roles",
             own=True),
    ]  # fmt: skip


def start_page(request):
    """The admin's index, with today's work above the list of records."""
    return admin.site.index(
        request,
        {
            "subtitle": clock.today().isoformat(),
            "title": admin.site.index_title,
            "tasks": tasks(request),
            "missing": missing(request) if roles.may_read(request.user, "bureau.edition") else [],
            "charts": charts(request) if roles.may_read(request.user, "settlement.visit") else [],
        },
    )


def tasks(request) -> list[dict]:
    """What waits in the area of a member of staff; first what waits for an act of theirs."""
    wanted = [
        task
        for task in _tasks(clock.today())
        if admin.site.get_model_admin(task.model).has_view_permission(request)
        and (not task.own or roles.may(request.user, task.act))
    ]
    counts = _kept(request, "tasks", TASKS_KEPT, lambda: {task.name: _count(request, task) for task in wanted})
    found = [
        {
            "label": task.label,
            "count": counts[task.name],
            "more": counts[task.name] >= MOST_COUNTED,
            "url": _list_of(task),
            "mine": bool(task.act) and roles.may(request.user, task.act),
        }
        for task in wanted
        if counts.get(task.name)
    ]
    return sorted([*found, *late(request)], key=lambda task: not task["mine"])


def late(request) -> list[dict]:
    """Monthly returns that were due and have not come, of the last month that was: one entry for each scheme."""
    if not roles.may(request.user, "return.late"):
        return []
    mine = roles.may(request.user, "return.enter")
    found = _kept(request, "late", CHARTS_KEPT, lambda: list(_late(request)))
    page = reverse("admin:settlement_monthlyreturn_list_act", args=["return.late"])
    return [
        {
            "label": gettext("monthly returns of %(month)s that have not come (%(area)s)")
            % {"month": month_of(month), "area": name},
            "count": count,
            "url": f"{page}?{urlencode({'area': area, 'scheme': scheme, 'month': month_of(month)})}",
            "mine": mine,
        }
        for area, name, scheme, month, count in found
    ]


def _late(request):
    """Area, its name, scheme, month, and how many have not reported it."""
    today = clock.today()
    for area in admin.site.get_model_admin(Area).get_queryset(request):
        for back in (1, 2):
            month = add_months(today.replace(day=1), -back)
            schemes = [one for one in schemes_reporting(area.pk, month) if due_in(area.pk, one, month) < today]
            for scheme in schemes:
                asked = {"area": area, "scheme": scheme, "month": month, "today": today}
                rows = late_returns(**asked, county=request.user.county)
                if count := sum(row.submitted_on is None for row in rows):
                    yield area.pk, area.name, scheme, month, count
            if schemes:
                break


def _count(request, task: Task) -> int:
    found = admin.site.get_model_admin(task.model).get_queryset(request)
    found = task.narrow(found) if task.narrow else found.filter(**task.filters)
    return found.order_by()[:MOST_COUNTED].count()


def _list_of(task: Task) -> str:
    query = {
        name: ",".join(value)
        if isinstance(value, list)
        else value.isoformat()
        if hasattr(value, "isoformat")
        else value
        for name, value in task.filters.items()
        if not name.endswith("__gte")
    }
    return (
        f"{reverse(f'admin:{task.model._meta.app_label}_{task.model._meta.model_name}_changelist')}?{urlencode(query)}"
    )


def missing(request) -> list[str]:
    """Editions and figures that the bureau's year needs and does not have yet."""
    return _kept(request, "missing", TASKS_KEPT, lambda: list(_missing(request)), language=True)


def _missing(request):
    today = clock.today()
    areas = admin.site.get_model_admin(Area).get_queryset(request)
    for area in areas:
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


def charts(request) -> list[dict]:
    """Two pictures of the last twelve months, each with its table."""
    months, figures = _kept(request, "charts", CHARTS_KEPT, lambda: _by_month(request))
    names = [f"{month:%Y-%m}" for month in months]
    fund, visits, credited, used = (
        [figures[name].get(month, NOTHING) for month in months] for name in ("fund", "visits", "credited", "used")
    )
    visits = [int(count) for count in visits]
    pictures = [
        ("fund-chart", gettext("Paid by the fund, and visits"), [
            (gettext("paid by the fund"), "bar", fund), (gettext("visits"), "line", visits),
        ]),
        ("accounts-chart", gettext("Personal accounts: credited and used"), [
            (gettext("credited"), "bar", credited), (gettext("used"), "bar", used),
        ]),
    ]  # fmt: skip
    return [
        {
            "id": name,
            "title": title,
            "data": {
                "title": title,
                "months": names,
                "series": [
                    {"name": label, "type": kind, "data": [str(v) for v in values]} for label, kind, values in series
                ],
            },
            "panel": Panel(
                title,
                [gettext("month"), *(label for label, _kind, _values in series)],
                [list(row) for row in zip(names, *(values for _label, _kind, values in series), strict=True)],
            ),
        }
        for name, title, series in pictures
    ]


def _by_month(request) -> tuple[list[datetime.date], dict[str, dict[datetime.date, Decimal]]]:
    this_month = clock.today().replace(day=1)
    months = [add_months(this_month, number - MONTHS + 1) for number in range(MONTHS)]
    desk = admin.site.get_model_admin
    figures: dict[str, dict[datetime.date, Decimal]] = defaultdict(dict)

    def by_month(rows, day: str, **sums):
        return (
            rows.order_by()
            .filter(**{f"{day}__gte": months[0]})
            .annotate(in_month=TruncMonth(day))
            .values("in_month")
            .annotate(**sums)
        )

    rows = by_month(
        desk(Visit).get_queryset(request),
        "settled_on",
        fund=Sum(F("pooled") + F("large_claims")),
        used=Sum(F("account") + F("family")),
        visits=Count("pk", filter=Q(reverses__isnull=True)) - Count("pk", filter=Q(reverses__isnull=False)),
    )
    for row in rows:
        month = row["in_month"]
        figures["fund"][month], figures["visits"][month] = row["fund"], row["visits"]
        figures["used"][month] = row["used"]
    for row in by_month(desk(AccountUse).get_queryset(request), "used_on", total=Sum("paid")):
        month = row["in_month"]
        figures["used"][month] = figures["used"].get(month, NOTHING) + row["total"]
    for row in by_month(desk(Credit).get_queryset(request), "month", total=Sum("amount")):
        figures["credited"][row["in_month"]] = row["total"]
    return months, dict(figures) | {name: figures[name] for name in ("fund", "visits", "credited", "used")}


def _kept(request, name: str, seconds: int, work: Callable, *, language: bool = False):
    """Worked out once for everybody with the same roles, area and agency, and kept for a while."""
    staff = request.user
    who = "+".join(role.code for role in roles.roles_of(staff))
    tongue = request.LANGUAGE_CODE if language else ""
    key = f"start:{name}:{clock.today()}:{staff.area_id}:{staff.county_id}:{who}:{tongue}"
    return cache.get_or_set(key, work, seconds)
