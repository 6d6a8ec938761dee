"""The rosters of people and of what is known of them, each declared once."""

from members.rosters.facts import BenefitPeriods, Employers, Suspensions
from members.rosters.persons import PersonRoster

__all__ = ["BenefitPeriods", "Employers", "PersonRoster", "Suspensions"]
