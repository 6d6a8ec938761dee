"""What every room shares, by subject: the models of the house, for Django and for other rooms to import."""

from bureau.areas.models import Area, County, Scheme
from bureau.audit.models import AuditEntry
from bureau.editions.models import Edition, PublishedFigure
from bureau.history.models import Change
from bureau.jobs.models import Chunk, Job
from bureau.rosters.models import RejectedRow, Upload
from bureau.staff.models import Staff

__all__ = [
    "Area",
    "AuditEntry",
    "Change",
    "Chunk",
    "County",
    "Edition",
    "Job",
    "PublishedFigure",
    "RejectedRow",
    "Scheme",
    "Staff",
    "Upload",
]
