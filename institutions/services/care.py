"""Where a member is and may be treated besides the selected institution: referrals, registrations, stays."""

import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
from bureau.models import Staff
from bureau.saving import locked, require_days, save
from institutions.models import HospitalStay, Institution, OutOfAreaRegistration, Referral
from institutions.queries import designated_on, selection_on
from members.models import Member
from members.services.reach import require_here


def refer(
    *,
    member: Member,
    from_institution: Institution,
    to_institution: Institution,
    starts_on: datetime.date,
    ends_on: datetime.date,
    reason: str = "",
    actor: Staff,
    now: datetime.datetime,
) -> Referral:
    """转诊: the selected institution sends the member to another. The same referral again returns the first.

    Refused: from an institution that is not the selected one on the first day; to one without an agreement on
    that day, unless it stands outside every area kept here; days of another referral there.
    """
    require_days(starts_on, ends_on)
    with transaction.atomic():
        member = locked(member)
        referral = Referral(
            member=member, from_institution=from_institution, to_institution=to_institution,
            starts_on=starts_on, ends_on=ends_on, reason=reason,
        )  # fmt: skip
        known = Referral.objects.filter(
            member=member, from_institution=from_institution, to_institution=to_institution,
            starts_on=starts_on, ends_on=ends_on,
        ).first()  # fmt: skip
        if known is not None:
            return known
        require_here(member, starts_on, area_id=actor.area_id)
        _require_alive(member, starts_on)
        selected = selection_on(member.pk, starts_on)
        if selected is None or selected.institution_id != from_institution.pk:
            raise DomainError(
                _("%(name)s is not the member's selected institution on %(day)s."),
                field="from_institution",
                name=from_institution.name,
                day=starts_on,
            )
        if from_institution.pk == to_institution.pk:
            raise DomainError(_("A referral leads to another institution."), field="to_institution")
        if not designated_on(to_institution, starts_on):
            raise DomainError(
                _("%(name)s is not designated on %(day)s."),
                field="to_institution",
                name=to_institution.name,
                day=starts_on,
            )
        save(referral)
        audit.record(
            "referral.record", actor=actor, now=now, subject=referral,
            member=member.pk, to=to_institution.code, reason=reason,
            starts_on=str(starts_on), ends_on=str(ends_on),
        )  # fmt: skip
    return referral


def end_referral(
    *, referral: Referral, last_day: datetime.date, reason: str, actor: Staff, now: datetime.datetime
) -> Referral:
    """Let a referral end earlier. Refused: a last day outside its days."""
    with transaction.atomic():
        member = locked(referral.member)
        referral = locked(referral)
        require_here(member, referral.starts_on, last_day, area_id=actor.area_id)
        if not referral.starts_on <= last_day <= referral.ends_on:
            raise DomainError(
                _("The referral runs from %(first)s to %(last)s."),
                field="last_day",
                first=referral.starts_on,
                last=referral.ends_on,
            )
        if last_day == referral.ends_on:
            return referral
        before, referral.ends_on = referral.ends_on, last_day
        save(referral)
        audit.record(
            "referral.end", actor=actor, now=now, subject=referral,
            before=str(before), ends_on=str(last_day), reason=reason,
        )  # fmt: skip
    return referral


def cancel_referral(
    *, referral: Referral, on: datetime.date, reason: str, actor: Staff, now: datetime.datetime
) -> None:
    """Take back a referral before its first day. From then on a visit may rest on it, and it can only end."""
    with transaction.atomic():
        locked(referral.member)
        referral = Referral.objects.select_for_update().filter(pk=referral.pk).first()
        if referral is None:
            return
        require_here(referral.member, referral.starts_on, area_id=actor.area_id)
        if referral.starts_on <= on:
            raise DomainError(_("The referral has begun; give it a last day instead."), field="on")
        audit.record(
            "referral.take_back", actor=actor, now=now, subject=referral,
            member=referral.member_id,
            to=referral.to_institution.code, reason=reason,
            starts_on=str(referral.starts_on), ends_on=str(referral.ends_on),
        )  # fmt: skip
        referral.delete()


def register_out_of_area(
    *,
    member: Member,
    kind: str,
    destination: str,
    starts_on: datetime.date,
    ends_on: datetime.date | None = None,
    actor: Staff,
    now: datetime.datetime,
) -> OutOfAreaRegistration:
    """异地就医备案 for some days, or until further notice. A local selection stays in force (HY-6).

    `destination` is a GB/T 2260 code. The same registration again returns the first; overlapping days are
    refused.
    """
    require_days(starts_on, ends_on)
    if len(destination) != 6 or not (destination.isascii() and destination.isdigit()):
        raise DomainError(_("The place of care is a GB/T 2260 code of six digits."), field="destination")
    with transaction.atomic():
        member = locked(member)
        said = {"kind": kind, "destination": destination, "starts_on": starts_on, "ends_on": ends_on}
        known = member.out_of_area_registrations.filter(**said).first()
        if known is not None:
            return known
        require_here(member, starts_on, area_id=actor.area_id)
        _require_alive(member, starts_on)
        registration = OutOfAreaRegistration(member=member, **said)
        save(registration)
        audit.record(
            "out_of_area.register", actor=actor, now=now, subject=registration, member=member.pk,
            kind=kind, destination=destination, starts_on=str(starts_on), ends_on=str(ends_on or ""),
        )  # fmt: skip
    return registration


def end_out_of_area(
    *, registration: OutOfAreaRegistration, last_day: datetime.date, actor: Staff, now: datetime.datetime
) -> OutOfAreaRegistration:
    """Give a registration its last day. Refused: a day before its first."""
    with transaction.atomic():
        member = locked(registration.member)
        registration = locked(registration)
        require_here(member, registration.starts_on, last_day, area_id=actor.area_id)
        require_days(registration.starts_on, last_day, field="last_day")
        if registration.ends_on == last_day:
            return registration
        before, registration.ends_on = registration.ends_on, last_day
        save(registration)
        audit.record(
            "out_of_area.end", actor=actor, now=now, subject=registration,
            before=str(before or ""), ends_on=str(last_day),
        )  # fmt: skip
    return registration


def record_stay(
    *,
    member: Member,
    admitted_on: datetime.date,
    discharged_on: datetime.date | None = None,
    institution: Institution | None = None,
    actor: Staff,
    now: datetime.datetime,
) -> HospitalStay:
    """住院: from the day of admission; the day of discharge is not in it (G-8).

    Refused: a stay while another lasts.
    """
    require_days(admitted_on, discharged_on, field="discharged_on")
    with transaction.atomic():
        member = locked(member)
        stay = member.hospital_stays.filter(admitted_on=admitted_on).first()
        if stay is not None:
            if (stay.institution_id, stay.discharged_on) == (institution and institution.pk, discharged_on):
                return stay
            raise DomainError(_("A stay from this day on is recorded already."), field="admitted_on")
        require_here(member, admitted_on, area_id=actor.area_id)
        _require_alive(member, admitted_on)
        stay = HospitalStay(
            member=member, institution=institution, admitted_on=admitted_on, discharged_on=discharged_on
        )
        _require_no_other_stay(stay)
        save(stay)
        audit.record(
            "hospital_stay.record", actor=actor, now=now, subject=stay, member=member.pk,
            admitted_on=str(admitted_on), discharged_on=str(discharged_on or ""),
        )  # fmt: skip
    return stay


def discharge(
    *, stay: HospitalStay, discharged_on: datetime.date, actor: Staff, now: datetime.datetime
) -> HospitalStay:
    """End a stay. Another day of discharge corrects the first, on the record."""
    with transaction.atomic():
        member = locked(stay.member)
        stay = locked(stay)
        require_here(member, stay.admitted_on, discharged_on, area_id=actor.area_id)
        require_days(stay.admitted_on, discharged_on, field="discharged_on")
        if stay.discharged_on == discharged_on:
            return stay
        before, stay.discharged_on = stay.discharged_on, discharged_on
        _require_no_other_stay(stay)
        save(stay)
        audit.record(
            "hospital_stay.discharge", actor=actor, now=now, subject=stay,
            before=str(before or ""), discharged_on=str(discharged_on),
        )  # fmt: skip
    return stay


def _require_no_other_stay(stay: HospitalStay) -> None:
    others = HospitalStay.objects.filter(member_id=stay.member_id).exclude(pk=stay.pk)
    if stay.discharged_on is not None:
        others = others.filter(admitted_on__lt=stay.discharged_on)
    if others.filter(Q(discharged_on__isnull=True) | Q(discharged_on__gt=stay.admitted_on)).exists():
        raise DomainError(_("The member is in another hospital on some of these days."), field="admitted_on")


def _require_alive(member: Member, day: datetime.date) -> None:
    if member.died_on is not None and member.died_on < day:
        raise DomainError(_("The member died on %(day)s."), field="member", day=member.died_on)
