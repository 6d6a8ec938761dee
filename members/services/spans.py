"""Dated facts about a member: enrolment, benefit periods, suspensions. Days include both ends."""

import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
from bureau.models import Area, Scheme, Staff
from bureau.rules.enrolment import POOLED_ONLY
from bureau.rules.periods import ONE_DAY
from bureau.saving import locked, require_days, save
from bureau.staff import reach
from members.insured import WITH_ACCOUNT
from members.models import BenefitPeriod, Employer, Enrolment, Member, Suspension

Span = Enrolment | BenefitPeriod | Suspension


def enrol(
    *,
    member: Member,
    area: Area,
    scheme: str,
    person_class: str,
    starts_on: datetime.date,
    ends_on: datetime.date | None = None,
    person_type: str = "",
    plan: str = "",
    large_claims: bool = False,
    by_hand_elsewhere: bool = False,
    paid_on: datetime.date | None = None,
    employer: Employer | None = None,
    actor: Staff,
    now: datetime.datetime,
) -> Enrolment:
    """Enrol a member from a day on. The same enrolment again is the one that is there.

    Refused: days on which the person is enrolled already, in any scheme or area, and days after a death.
    """
    reach.require(actor.reach, member)
    enrolment = Enrolment(
        member=member, area=area, scheme=scheme, person_class=person_class, person_type=person_type,
        plan=plan, large_claims=large_claims, by_hand_elsewhere=by_hand_elsewhere, paid_on=paid_on, employer=employer,
        listed_on=timezone.localdate(now) if paid_on else None, starts_on=starts_on, ends_on=ends_on,
    )  # fmt: skip
    return _add(enrolment, "enrolment.start", actor=actor, now=now)


def end_enrolment(*, enrolment: Enrolment, ends_on: datetime.date, actor: Staff, now: datetime.datetime) -> Enrolment:
    """Let an enrolment end with a day, earlier or later than it said before."""
    reach.require(actor.reach, enrolment)
    return _end(enrolment, ends_on, "enrolment.end", actor=actor, now=now)


def change_class(
    *,
    member: Member,
    on: datetime.date,
    person_class: str,
    person_type: str = "",
    actor: Staff,
    now: datetime.datetime,
) -> Enrolment:
    """Give a member another person class from a day on: retirement in mid-year, say.

    The enrolment of that day ends the day before, and one with the new class runs on to its end; an enrolment
    that starts on the day itself is corrected. Returns the enrolment with the new class. Refused where the
    member is not enrolled on the day.
    """
    terms = {"person_class": person_class}
    return _change(member, on, terms, "enrolment.change_class", actor=actor, now=now, person_type=person_type)


def change_plan(
    *,
    member: Member,
    on: datetime.date,
    plan: str | None = None,
    large_claims: bool | None = None,
    by_hand_elsewhere: bool | None = None,
    actor: Staff,
    now: datetime.datetime,
) -> Enrolment:
    """Give a member another plan from a day on, take them into large-claims insurance or out of it, or say whether
    care elsewhere is claimed by hand.

    What is None stays; the plan `WITH_ACCOUNT` (统账结合) ends 单建统筹 and leaves a level of contribution as it is.
    Otherwise as `change_class`.
    """
    said = {"plan": plan, "large_claims": large_claims, "by_hand_elsewhere": by_hand_elsewhere}
    terms = {name: value for name, value in said.items() if value is not None}
    return _change(member, on, terms, "enrolment.change_plan", actor=actor, now=now)


# What an enrolment keeps that goes on with other terms.
_KEPT = (
    "area_id", "scheme", "person_class", "person_type", "plan", "large_claims", "by_hand_elsewhere", "employer_id",
    "ends_on",
)  # fmt: skip


def _change(
    member: Member, on: datetime.date, terms: dict, action: str, *, actor: Staff, now: datetime.datetime, **codes: str
) -> Enrolment:
    """`terms` are what changes; `codes` are set beside them and make no change by themselves."""
    reach.require(actor.reach, member)
    with transaction.atomic():
        member = locked(member)
        current = member.enrolments.filter(starts_on__lte=on).exclude(ends_on__lt=on).first()
        if current is None:
            raise DomainError(_("The member is not enrolled on %(day)s."), field="on", day=on)
        if terms.get("plan") == WITH_ACCOUNT and current.plan != POOLED_ONLY:
            terms = {name: value for name, value in terms.items() if name != "plan"}  # as `plan_after`
        before = {name: getattr(current, name) for name in terms}
        if before == terms:
            return current
        changed = current
        if current.starts_on != on:
            changed = Enrolment(member=member, starts_on=on, **{name: getattr(current, name) for name in _KEPT})
            current.ends_on = on - ONE_DAY
            save(current)
        for name, value in (terms | codes).items():
            setattr(changed, name, value)
        _require_plan(changed)
        save(changed)
        audit.record(
            action,
            actor=actor,
            now=now,
            subject=current,
            successor=changed.pk,
            member=member.pk,
            on=on.isoformat(),
            before=before,
            after=terms,
        )
    return changed


def _require_plan(enrolment: Enrolment) -> None:
    if enrolment.scheme == Scheme.RESIDENTS and enrolment.plan == POOLED_ONLY:
        raise DomainError(_("Pooled fund only is a plan of the employees' scheme."), field="plan")


def add_benefit_period(
    *,
    member: Member,
    area: Area,
    scheme: str,
    starts_on: datetime.date,
    ends_on: datetime.date | None = None,
    actor: Staff,
    now: datetime.datetime,
) -> BenefitPeriod:
    """Record days on which a member may draw on the fund. The same days again are the ones that are there."""
    reach.require(actor.reach, member)
    period = BenefitPeriod(member=member, area=area, scheme=scheme, starts_on=starts_on, ends_on=ends_on)
    return _add(period, "benefit_period.start", actor=actor, now=now)


def end_benefit_period(
    *, period: BenefitPeriod, ends_on: datetime.date, actor: Staff, now: datetime.datetime
) -> BenefitPeriod:
    reach.require(actor.reach, period)
    return _end(period, ends_on, "benefit_period.end", actor=actor, now=now)


def suspend(
    *,
    member: Member,
    area: Area,
    kind: str,
    starts_on: datetime.date,
    ends_on: datetime.date | None = None,
    reason: str = "",
    actor: Staff,
    now: datetime.datetime,
) -> Suspension:
    """Record days on which the fund does not pay, suspended or in arrears."""
    reach.require(actor.reach, member)
    suspension = Suspension(member=member, area=area, kind=kind, starts_on=starts_on, ends_on=ends_on, reason=reason)
    return _add(suspension, "suspension.start", actor=actor, now=now)


def end_suspension(
    *, suspension: Suspension, ends_on: datetime.date, actor: Staff, now: datetime.datetime
) -> Suspension:
    reach.require(actor.reach, suspension)
    return _end(suspension, ends_on, "suspension.end", actor=actor, now=now)


def _add(span: Span, action: str, *, actor: Staff, now: datetime.datetime) -> Span:
    require_days(span.starts_on, span.ends_on)
    if isinstance(span, Enrolment):
        _require_plan(span)
    with transaction.atomic():
        member = locked(span.member)
        said = _said(span)
        same = type(span)._default_manager.filter(member=member, area=span.area, starts_on=span.starts_on).first()
        if same is not None and _said(same) == said:
            return same
        if member.died_on is not None and (span.ends_on is None or span.ends_on > member.died_on):
            raise DomainError(_("The member died on %(day)s."), field="ends_on", day=member.died_on)
        save(span)
        audit.record(action, actor=actor, now=now, subject=span, **said)
    return span


def _end(span: Span, ends_on: datetime.date, action: str, *, actor: Staff, now: datetime.datetime) -> Span:
    require_days(span.starts_on, ends_on)
    with transaction.atomic():
        member = locked(span.member)
        span = locked(span)
        if span.ends_on == ends_on:
            return span
        if member.died_on is not None and ends_on > member.died_on:
            raise DomainError(_("The member died on %(day)s."), field="ends_on", day=member.died_on)
        before, span.ends_on = span.ends_on, ends_on
        save(span)
        audit.record(
            action,
            actor=actor,
            now=now,
            subject=span,
            member=member.pk,
            before=before and before.isoformat(),
            after=ends_on.isoformat(),
        )
    return span


def _said(span: Span) -> dict[str, str | None]:
    """What a span says, apart from where it is stored, since when, and which upload it came from."""
    return {
        field.name: None if (value := field.value_from_object(span)) is None else str(value)
        for field in span._meta.concrete_fields
        if field.name not in ("id", "upload", "listed_on")
    }
