"""The rosters of places and of who is treated where, each declared once."""

from institutions.rosters.assessments import Assessments
from institutions.rosters.care import HospitalStays, OutOfArea, Referrals
from institutions.rosters.places import Institutions
from institutions.rosters.selections import Selections

ROSTERS = (Institutions, Selections, Referrals, HospitalStays, OutOfArea, Assessments)

__all__ = ["ROSTERS", *(roster.__name__ for roster in ROSTERS)]
