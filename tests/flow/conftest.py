"""An area with its clerk for the flows; those of the rosters come from the members' tests."""

from tests.members.conftest import area, clerk, english, four, load, reasons

__all__ = ["area", "clerk", "english", "four", "load", "reasons"]
