"""Visits, claims by hand, payment runs, monthly returns, and what the other rooms' pages show of them."""

from settlement.admin import members, proposals, returns, runs, start, visits  # noqa: F401  registers them
from settlement.admin.claims import claims  # noqa: F401  registers them
