"""What other rooms read of the ledger."""

from accounts.queries.books import Statement, StatementLine, TrialBalanceLine, statement, trial_balance
from accounts.queries.credited import credits_replay
from accounts.queries.proof import balances_agree

__all__ = [
    "Statement",
    "StatementLine",
    "TrialBalanceLine",
    "balances_agree",
    "credits_replay",
    "statement",
    "trial_balance",
]
