from settlement.models.runs import Adjustment, Line, Payment, Run
from settlement.models.visits import OpeningUse, Proposal, Visit, VisitPayment

__all__ = [
    "Adjustment",
    "Line",
    "OpeningUse",
    "Payment",
    "Proposal",
    "Run",
    "Visit",
    "VisitPayment",
]
