"""How accounts and the ledger are tied to places: to the area whose money it is."""

from accounts.models import (
    Account,
    AccountUse,
    ClosedMonth,
    Credit,
    CreditRecovery,
    Entry,
    FamilyGrant,
    Freeze,
    Journal,
    Payout,
)
from bureau.staff.reach import of

of(Account, area="area")
for move in (Credit, CreditRecovery, FamilyGrant, AccountUse, Payout, Freeze):
    of(move, via="account")
of(ClosedMonth, area="area")
of(Journal, area="area")
of(Entry, via="journal")
