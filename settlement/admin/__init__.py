"""Visits, claims by hand, payment runs, monthly returns, and what the other rooms' pages show of them."""

from settlement.admin import claims, members, proposals, returns, runs, visits  # noqa: F401  registers them
