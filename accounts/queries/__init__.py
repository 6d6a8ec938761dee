"""What other rooms read of the ledger."""

from accounts.queries.books import Statement, StatementLine, TrialBalanceLine, statement, trial_balance
from accounts.queries.proof import balances_agree

__all__ = ["Statement", "StatementLine", "TrialBalanceLine", "balances_agree", "statement", "trial_balance"]
