"""How what is settled and paid is tied to places: bills to the area that pays, runs to the agency that pays them."""

from django.db.models import Q

from bureau.staff.reach import Principal, of
from settlement.models import (
    AccountRecovery,
    Adjustment,
    Claim,
    ClaimPayment,
    Invoice,
    Line,
    MonthlyReturn,
    OpeningUse,
    OtherUse,
    Payment,
    Proposal,
    Run,
    Visit,
    VisitPayment,
)


def invoices_read(who: Principal, path: str) -> Q:
    """An invoice is where its visit or its claim is."""
    at = f"{path}__" if path else ""
    return Q(**{f"{at}visit__area": who.area}) | Q(**{f"{at}claim__area": who.area})


of(Visit, area="area", institution="institution")
of(VisitPayment, via="visit")
of(Proposal, via="visit")
of(AccountRecovery, via="proposal")
of(OpeningUse, area="area")
of(OtherUse, area="area")
of(Claim, area="area")
of(ClaimPayment, via="claim")
of(Invoice, rows=invoices_read)
of(Run, area="area", county="county")
of(Line, via="run", institution="institution")
of(Adjustment, area="origin__area", county="origin__county", institution="institution")
of(Payment, via="line")
of(MonthlyReturn, via="institution", outside=False, neighbours=False)
