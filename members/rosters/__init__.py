"""The rosters of people and of what is known of them, each declared once."""

from members.rosters.changes import Changes
from members.rosters.facts import BenefitPeriods, Contributions, Employers, Suspensions
from members.rosters.people import Members
from members.rosters.persons import DocumentColumn, PersonRoster
from members.rosters.relatives import Relatives

ROSTERS = (Employers, Members, Changes, Contributions, BenefitPeriods, Suspensions, Relatives)

__all__ = ["ROSTERS", "DocumentColumn", "PersonRoster", *(roster.__name__ for roster in ROSTERS)]
