"""How the records of members are tied to places: people and their kin by enrolment, facts to the area that recorded
them."""

from bureau.staff.reach import of
from members.models import BenefitPeriod, Contribution, Employer, Enrolment, Member, Relative, Suspension
from members.queries import area_on, seen_by

of(Employer, area="area")
of(Member, rows=seen_by, answering=area_on)
for fact in (Enrolment, BenefitPeriod, Suspension, Contribution):
    of(fact, area="area")
of(Relative, via="member")
