"""新生儿: enrolled by a premium paid after birth, which may cover days before it."""

import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from bureau.editions.rulebook import rulebook
from bureau.errors import DomainError, RefusedError
from bureau.models import Area, Staff
from bureau.rules.enrolment import newborn_cover
from bureau.rules.errors import Refused
from bureau.rules.periods import Span
from bureau.staff import reach
from members.models import BenefitPeriod, Enrolment, Member
from members.services.spans import add_benefit_period, enrol


def newborn_days(*, area_id: str, scheme: str, birth: datetime.date, paid_on: datetime.date) -> Span | None:
    """The days that a newborn's first premium covers; None where none are left of its year.

    Raises RefusedError where no edition is in force or the edition has no such rule, DomainError for a premium paid
    before birth.
    """
    if paid_on < birth:
        raise DomainError(_("The premium is paid before birth; correct one of the days."), field="paid_on")
    try:
        edition = rulebook(area_id).on(area_id, scheme, paid_on)
        return newborn_cover(edition, birth=birth, paid_on=paid_on).span
    except Refused as refused:
        raise RefusedError(refused.refusal, field="paid_on") from refused


def enrol_newborn(
    *, member: Member, area: Area, scheme: str, paid_on: datetime.date, actor: Staff, now: datetime.datetime
) -> tuple[Enrolment, BenefitPeriod]:
    """Enrol a newborn for the days that the first premium covers: from birth, where it was paid in time.

    Care before the premium can then be claimed by hand. The same again is what is there.
    """
    reach.require(actor.reach, member)
    if member.birth is None:
        raise DomainError(_("Record the date of birth first."), field="member")
    days = newborn_days(area_id=area.pk, scheme=scheme, birth=member.birth, paid_on=paid_on)
    if days is None:
        raise DomainError(_("The premium covers no day of its year."), field="paid_on")
    with transaction.atomic():
        enrolment = enrol(
            member=member,
            area=area,
            scheme=scheme,
            person_class=Enrolment.PersonClass.RESIDENT,
            person_type="1401",
            starts_on=days.starts_on,
            ends_on=days.ends_on,
            paid_on=paid_on,
            actor=actor,
            now=now,
        )
        period = add_benefit_period(
            member=member,
            area=area,
            scheme=scheme,
            starts_on=days.starts_on,
            ends_on=days.ends_on,
            actor=actor,
            now=now,
        )
    return enrolment, period
