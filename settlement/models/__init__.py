from settlement.models.claims import Claim, ClaimPayment, Invoice
from settlement.models.returns import MonthlyReturn
from settlement.models.runs import Adjustment, Line, Payment, Run
from settlement.models.visits import OpeningUse, OtherUse, Proposal, Visit, VisitPayment

__all__ = [
    "Adjustment",
    "Claim",
    "ClaimPayment",
    "Invoice",
    "Line",
    "MonthlyReturn",
    "OpeningUse",
    "OtherUse",
    "Payment",
    "Proposal",
    "Run",
    "Visit",
    "VisitPayment",
]
