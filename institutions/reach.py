"""How the records of institutions are tied to places: what an agency pays is its own, who treats whom is the area's."""

from bureau.staff.reach import of
from institutions.models import (
    AccountChange,
    Agreement,
    Assessment,
    HospitalStay,
    Institution,
    Level,
    OutOfAreaRegistration,
    Referral,
    Selection,
    SelectionWindow,
)

of(Institution, area="area", county="county", institution="pk", outside=True, neighbours=True)
for dated in (AccountChange, Agreement, Level, Assessment):
    of(dated, via="institution", neighbours=False)
of(SelectionWindow, area="area")
of(Selection, area="area", institution="institution")
of(Referral, via="member")
of(OutOfAreaRegistration, via="member")
of(HospitalStay, via="member", institution="institution")
