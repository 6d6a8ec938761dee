"""Visits, payment runs, and what the other rooms' pages show of them."""

from settlement.admin import members, runs, visits  # noqa: F401  registers them
