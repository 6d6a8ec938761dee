"""The sheet of every roster by its kind, as the rooms have registered them."""

from bureau.rosters.uploads import rosters

SHEETS = {roster.kind: roster.sheet for roster in rosters()}
