"""What personal accounts show on the start page, and what the audit trail calls acts without a button."""

from django.utils.translation import gettext_lazy as _

from accounts.models import AccountUse, Payout
from accounts.queries.after_death import used_after_death
from bureau.site import start
from bureau.site.acts import call_acts
from bureau.site.start import Task

call_acts({
    "account.opening": _("Take over opening balances"),
    "account.refund": _("Take a refund into a closed account"),
})  # fmt: skip

start.waits(
    Task("payouts_submitted", _("payouts to approve"), Payout, {"status__exact": "submitted"}, "payout.approve"),
    Task("payouts_approved", _("payouts to pay"), Payout, {"status__exact": "approved"}, "payout.pay"),
    Task("uses_after_death", _("account uses after a death"), AccountUse, {"after_death": "yes"},
         "account.use_reverse", narrow=used_after_death),
)  # fmt: skip
