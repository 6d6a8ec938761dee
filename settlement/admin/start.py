"""What settlement shows on the start page, and what the ledger and the audit trail call its acts."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from urllib.parse import urlencode

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import TruncMonth
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.ledger import SOURCES
from accounts.models import AccountUse, Credit
from bureau import clock
from bureau.models import Area
from bureau.rules.periods import add_months, month_of
from bureau.site import start
from bureau.site.acts import call_acts
from bureau.site.start import Chart, Series, Task, Waiting
from bureau.staff import roles
from settlement.models import Adjustment, Claim, Line, MonthlyReturn, Payment, Proposal, Run, Visit
from settlement.queries.returns import due_in, late_returns, schemes_reporting

NOTHING = Decimal("0.00")

call_acts({
    "visit.settle_file": _("Settle the visits of a file"),
    "proposal.make": _("Make a proposal"),
    "proposal.outdate": _("Close a proposal that is outdated"),
    "proposal.confirm": _("Confirm a proposal"),
    "proposal.drop": _("Drop a proposal"),
})  # fmt: skip

SOURCES.update(visit=Visit, line=Line, payment=Payment, claim=Claim, proposal=Proposal, adjustment=Adjustment)

start.waits(
    Task("runs_computed", _("payment runs to submit"), Run, {"status__exact": "computed"}, "run.submit"),
    Task("runs_submitted", _("payment runs to approve"), Run, {"status__exact": "submitted"}, "run.approve"),
    Task("runs_approved", _("payment runs to pay"), Run, {"status__exact": "approved"}, "run.pay"),
    Task("payments_returned", _("payments that the bank returned"), Payment, {"status__exact": "returned"},
         "payment.reissue"),
    Task("claims_received", _("claims by hand to check"), Claim, {"status__exact": "received"}, "claim.check"),
    Task("claims_checked", _("claims by hand to approve"), Claim, {"status__exact": "checked"}, "claim.approve"),
    Task("claims_approved", _("claims by hand to pay"), Claim,
         {"status__exact": "approved", "visit__pooled__gt": 0}, "claim.pay"),
    Task("claims_returned", _("claims by hand to correct"), Claim, {"status__exact": "returned"}, "claim.correct"),
    Task("proposals", _("proposals to decide"), Proposal, {"status__exact": "open"}, "proposal.decide"),
    Task("returns_submitted", _("monthly returns to review"), MonthlyReturn, {"status__exact": "submitted"},
         "return.accept"),
)  # fmt: skip


@start.waiting(reads="settlement.monthlyreturn")
def late(request: HttpRequest) -> Iterable[Waiting]:
    """Monthly returns that were due and have not come, of the last month that was: one line for each scheme."""
    today = clock.today()
    page = reverse("admin:settlement_monthlyreturn_list_act", args=["return.late"])
    if not roles.may(request.user, "return.late"):
        return
    for area in start.seen(request, Area):
        for back in (1, 2):
            month = add_months(today.replace(day=1), -back)
            schemes = [one for one in schemes_reporting(area.pk, month) if due_in(area.pk, one, month) < today]
            for scheme in schemes:
                asked = {"area": area, "scheme": scheme, "month": month, "today": today}
                rows = late_returns(**asked, county=request.user.county)
                if count := sum(row.submitted_on is None for row in rows):
                    yield Waiting(
                        gettext("monthly returns of %(month)s that have not come (%(area)s)")
                        % {"month": month_of(month), "area": area.name},
                        count,
                        f"{page}?{urlencode({'area': area.pk, 'scheme': scheme, 'month': month_of(month)})}",
                        mine=roles.may(request.user, "return.enter"),
                    )
            if schemes:
                break


@start.charts(reads="settlement.visit")
def by_month(request: HttpRequest, months: Sequence[datetime.date]) -> Iterable[Chart]:
    """What the fund paid, and what personal accounts took in and gave, which is visits too: read once for both."""
    figures: dict[str, dict[datetime.date, Decimal]] = defaultdict(dict)
    rows = _sums(
        start.seen(request, Visit),
        "settled_on",
        months[0],
        fund=Sum(F("pooled") + F("large_claims")),
        used=Sum(F("account") + F("family")),
        visits=Count("pk", filter=Q(reverses__isnull=True)) - Count("pk", filter=Q(reverses__isnull=False)),
    )
    for row in rows:
        for name in ("fund", "used", "visits"):
            figures[name][row["in_month"]] = row[name]
    for row in _sums(start.seen(request, AccountUse), "used_on", months[0], total=Sum("paid")):
        figures["used"][row["in_month"]] = figures["used"].get(row["in_month"], NOTHING) + row["total"]
    for row in _sums(start.seen(request, Credit), "month", months[0], total=Sum("amount")):
        figures["credited"][row["in_month"]] = row["total"]
    fund, used, credited = ([figures[name].get(month, NOTHING) for month in months] for name in
                            ("fund", "used", "credited"))  # fmt: skip
    visits = [int(figures["visits"].get(month, 0)) for month in months]
    return [
        Chart(
            "fund-chart",
            gettext("Paid by the fund, and visits"),
            [Series(gettext("paid by the fund"), "bar", fund), Series(gettext("visits"), "line", visits)],
        ),
        Chart(
            "accounts-chart",
            gettext("Personal accounts: credited and used"),
            [Series(gettext("credited"), "bar", credited), Series(gettext("used"), "bar", used)],
        ),
    ]


def _sums(rows, day: str, first: datetime.date, **sums):
    asked = rows.order_by().filter(**{f"{day}__gte": first}).annotate(in_month=TruncMonth(day))
    return asked.values("in_month").annotate(**sums)
