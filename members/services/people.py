"""One person once: registered by a document, corrected, and recorded as dead."""

import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
from bureau.identifiers.identity import (
    DOCUMENT_MESSAGES,
    IDENTITY_CARD,
    birth_and_sex,
    document_number_problem,
    kind_of,
    same_kinds,
    states_birth,
)
from bureau.models import Area, Staff
from bureau.saving import locked, require_name, save
from bureau.staff import reach
from members import identity
from members.models import Employer, Member
from members.queries import same_name
from members.services.matching import OTHER_NAME_ELSEWHERE

_DETAILS = ("number", "name", "sex", "birth", "reached_age_on", "phone")


def register_employer(*, area: Area, code: str, name: str, actor: Staff, now: datetime.datetime) -> Employer:
    """Record an employer of an area. The same again returns the first; another name for the code is refused."""
    with transaction.atomic():
        known = Employer.objects.filter(area=area, code=code).first()
        if known is not None:
            if known.name == name:
                return known
            raise DomainError(_("The number %(code)s belongs to %(name)s."), field="code", code=code, name=known.name)
        employer = Employer(area=area, code=code, name=name)
        save(employer)
        audit.record("employer.register", actor=actor, now=now, subject=employer, code=code, name=name)
    return employer


def register_member(
    *,
    name: str,
    document_number: str,
    document_kind: str = IDENTITY_CARD,
    sex: str = Member.Sex.UNKNOWN,
    birth: datetime.date | None = None,
    phone: str = "",
    actor: Staff,
    now: datetime.datetime,
) -> Member:
    """Record a person under a document. The same person again returns the first record, as it stands.

    An identity number states date of birth and sex. Refused: a number its document cannot have, a date of birth
    or sex that contradicts it, and a document that is recorded under another name.
    """
    name = require_name(name)
    number = _number(document_kind, document_number)
    document_kind = kind_of(document_kind, number)
    sex, birth = _agreeing(document_kind, number, sex, birth)
    with transaction.atomic():
        known = _holder(document_kind, number)
        if known is not None:
            if not same_name(known.name, name):
                raise _other_name(known, actor)
            return known
        member = Member(name=name, document_kind=document_kind, sex=sex, birth=birth, phone=phone)
        _give_document(member, number)
        save(member)
        audit.record(
            "member.register",
            actor=actor,
            now=now,
            subject=member,
            name=name,
            document=_masked(document_kind, number),
        )
    return member


def correct_member(
    *,
    member: Member,
    reason: str,
    actor: Staff,
    now: datetime.datetime,
    document_number: str | None = None,
    document_kind: str | None = None,
    **details,
) -> Member:
    """Correct number, name, sex, birth, retirement age, phone or the document itself; what stood there is audited.

    A changed identity number changes date of birth and sex with it. Refused: no reason, a number its document
    cannot have, and a document that another person holds.
    """
    reach.require(actor.reach, member)
    if unknown := set(details) - set(_DETAILS):
        raise TypeError(f"not a detail of a member: {', '.join(sorted(unknown))}")
    if not reason.strip():
        raise DomainError(_("A correction needs a reason."), field="reason")
    if "name" in details:
        details["name"] = require_name(details["name"])
    if "number" in details:
        details["number"] = "".join(details["number"].split())
    with transaction.atomic():
        member = locked(member)
        number = identity.decrypt(member.document_cipher)
        before = _shown(member, number)
        for detail, value in details.items():
            setattr(member, detail, value)
        if document_number is not None or document_kind is not None:
            member.document_kind = document_kind or member.document_kind
            number = _number(member.document_kind, document_number or number)
            member.document_kind = kind_of(member.document_kind, number)
            holder = _holder(member.document_kind, number, but=member)
            if holder is not None:
                raise _recorded_for(holder, actor)
            _give_document(member, number)
            if not {"sex", "birth"} & set(details):
                member.sex, member.birth = _stated(member.document_kind, number, member)
        member.sex, member.birth = _agreeing(member.document_kind, number, member.sex, member.birth)
        after = _shown(member, number)
        if after == before:
            return member
        save(member)
        changed = {name: [before[name], after[name]] for name in after if after[name] != before[name]}
        audit.record(
            "member.correct",
            actor=actor,
            now=now,
            subject=member,
            reason=reason,
            changed=changed,
        )
    return member


def record_death(*, member: Member, on: datetime.date, actor: Staff, now: datetime.datetime) -> Member:
    """Record the day of death; enrolment and benefit period end with that day. The same day again changes nothing.

    Account, grants and selections are for the rooms that keep them. Refused: a day in the future, another day
    than the one recorded, and a person who is enrolled anew after it.
    """
    reach.require(actor.reach, member)
    if on > timezone.localdate(now):
        raise DomainError(_("The day of death lies in the future."), field="on")
    with transaction.atomic():
        member = locked(member)
        if member.died_on == on:
            return member
        if member.died_on is not None:
            raise DomainError(_("The death is recorded for %(day)s."), field="on", day=member.died_on)
        if (
            member.enrolments.filter(starts_on__gt=on).exists()
            or member.benefit_periods.filter(starts_on__gt=on).exists()
        ):
            raise DomainError(_("An enrolment or benefit period begins after this day; remove it first."), field="on")
        member.died_on = on
        member.save(update_fields=["died_on"])
        running = [("enrolment.end", span) for span in _beyond(member.enrolments, on)]
        running += [("benefit_period.end", span) for span in _beyond(member.benefit_periods, on)]
        for action, span in running:
            before, span.ends_on = span.ends_on, on
            span.save(update_fields=["ends_on"])
            audit.record(
                action,
                actor=actor,
                now=now,
                subject=span,
                member=member.pk,
                before=before and before.isoformat(),
                after=on.isoformat(),
            )
        audit.record(
            "member.death",
            actor=actor,
            now=now,
            subject=member,
            died_on=on.isoformat(),
        )
    return member


def _beyond(spans, on: datetime.date):
    return spans.exclude(ends_on__lte=on)


def _number(document_kind: str, number: str) -> str:
    number = "".join(number.split()).upper()
    if not number:
        raise DomainError(_("Enter the number of the document."), field="document_number")
    problem = document_number_problem(document_kind, number)
    if problem is not None:
        raise DomainError(_(DOCUMENT_MESSAGES[problem]), field="document_number", length=len(number))
    return number


def _stated(document_kind: str, number: str, otherwise: Member) -> tuple[str, datetime.date | None]:
    if not states_birth(document_kind, number):
        return otherwise.sex, otherwise.birth
    birth, sex = birth_and_sex(number)
    return sex, birth


def _agreeing(
    document_kind: str, number: str, sex: str, birth: datetime.date | None
) -> tuple[str, datetime.date | None]:
    """Sex and date of birth, as an identity number states them."""
    if not states_birth(document_kind, number):
        return sex, birth
    stated_birth, stated_sex = birth_and_sex(number)
    if birth not in (None, stated_birth):
        raise DomainError(
            _("The identity number says %(birth)s; the date of birth differs."),
            field="birth",
            birth=stated_birth.isoformat(),
        )
    if sex in (Member.Sex.MALE, Member.Sex.FEMALE) and sex != stated_sex:
        raise DomainError(_("The identity number says another sex."), field="sex")
    return stated_sex, stated_birth


def _holder(document_kind: str, number: str, *, but: Member | None = None) -> Member | None:
    """Who has this document, under whichever of the kinds that share a number."""
    kinds = same_kinds(document_kind)
    found = Member.objects.filter(document_hash=identity.keyed_hash(number), document_kind__in=kinds)
    return found.exclude(pk=but and but.pk).first()


def _recorded_for(holder: Member, actor: Staff) -> DomainError:
    """Another person has the document. Who it is, the actor learns of people of the own area only."""
    if not reach.reaches(actor.reach, holder):
        return DomainError(_(OTHER_NAME_ELSEWHERE), field="document_number")
    return DomainError(_("This document is recorded for %(name)s."), field="document_number", name=holder.name)


def _other_name(known: Member, actor: Staff) -> DomainError:
    if not reach.reaches(actor.reach, known):
        return DomainError(_(OTHER_NAME_ELSEWHERE), field="name")
    return DomainError(
        _("This document is recorded for %(name)s; compare the card, or correct the record."),
        field="name",
        name=known.name,
    )


def _give_document(member: Member, number: str) -> None:
    member.document_cipher = identity.encrypt(number)
    member.document_hash = identity.keyed_hash(number)
    member.document_last4 = identity.last4(number)


def _masked(document_kind: str, number: str) -> str:
    return f"{document_kind} …{identity.last4(number)}"


def _shown(member: Member, number: str) -> dict[str, str]:
    details = {name: str(getattr(member, name) or "") for name in _DETAILS}
    # The keyed hash tells two numbers with the same last four apart, and gives neither away.
    fingerprint = identity.keyed_hash(number).hex()[:8]
    return details | {"document": f"{_masked(member.document_kind, number)} ({fingerprint})"}
