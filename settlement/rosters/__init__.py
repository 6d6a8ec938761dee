"""The rosters of visits and of what was used elsewhere, each declared once."""

from settlement.rosters.uses import Opening, OtherUses
from settlement.rosters.visits import Visits

ROSTERS = (Visits, Opening, OtherUses)

__all__ = ["ROSTERS", *(roster.__name__ for roster in ROSTERS)]
