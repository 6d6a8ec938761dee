"""Institutions, what members chose, and where they may be treated besides."""

from institutions.admin import assessments, care, members, places, selections, start  # noqa: F401  registers them
