"""What institutions show on the start page, and what the audit trail calls acts without a button."""

from django.utils.translation import gettext_lazy as _

from bureau.site import start
from bureau.site.acts import call_acts
from bureau.site.start import Task
from institutions.models import AccountChange, Assessment

call_acts({"selection.renew": _("Renew the selections of a year")})

start.waits(
    Task("accounts", _("bank accounts to confirm"), AccountChange, {"status__exact": "open"},
         "institution.account_confirm"),
    Task("scores", _("scores to confirm"), Assessment, {"confirmed_at__isnull": True}, "assessment.confirm"),
)  # fmt: skip
