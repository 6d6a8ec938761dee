from settlement.models.claims import Claim, ClaimPayment, Invoice
from settlement.models.proposals import AccountRecovery, Proposal
from settlement.models.returns import MonthlyReturn
from settlement.models.runs import Adjustment, Line, Payment, Run
from settlement.models.visits import OpeningUse, OtherUse, Visit, VisitPayment

__all__ = [
    "AccountRecovery",
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
