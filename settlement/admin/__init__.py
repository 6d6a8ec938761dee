"""Visits, claims by hand, payment runs, and what the other rooms' pages show of them."""

from settlement.admin import claims, members, runs, visits  # noqa: F401  registers them
