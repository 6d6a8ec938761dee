"""Personal accounts and the ledger, and what a member's page shows of them."""

from django.utils.translation import gettext_lazy as _

from accounts.admin import ledger, payouts, personal, start, uses  # noqa: F401  registers them
from accounts.models import Account, FamilyGrant
from bureau.site import Section, extend
from members.models import Member

extend(
    Member,
    sections=[
        Section(Account, "member"),
        Section(FamilyGrant, "beneficiary", title=_("Accounts of relatives that the member may use")),
    ],
)
