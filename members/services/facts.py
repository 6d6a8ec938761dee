"""Contributions paid for a member, and the relatives whom a member's account may pay for."""

import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
from bureau.models import Area, Staff
from bureau.saving import locked, require_days, save
from bureau.staff import reach
from members.models import Contribution, Member, Relative


def record_contribution(
    *,
    member: Member,
    area: Area,
    scheme: str,
    month: datetime.date,
    base: Decimal,
    employer_amount: Decimal,
    own_amount: Decimal,
    paid_on: datetime.date,
    kind: str = Contribution.Kind.NORMAL,
    actor: Staff,
    now: datetime.datetime,
) -> Contribution:
    """Record what was paid in (yuan) for a month, which is named by its first day.

    The same payment again is the one that is there; other amounts for it are refused, since accounts are
    credited by them: a difference is a payment of its own.
    """
    reach.require(actor.reach, member)
    if month.day != 1:
        raise DomainError(_("A month is given by its first day."), field="month")
    contribution = Contribution(
        member=member, area=area, scheme=scheme, month=month, kind=kind, base=base,
        employer_amount=employer_amount, own_amount=own_amount, paid_on=paid_on,
    )  # fmt: skip
    amounts = (base, employer_amount, own_amount)
    with transaction.atomic():
        member = locked(member)
        known = Contribution.objects.filter(
            member=member, month=month, scheme=scheme, kind=kind, paid_on=paid_on
        ).first()
        if known is not None:
            if (known.base, known.employer_amount, known.own_amount) == amounts:
                return known
            raise DomainError(
                _("This payment is recorded with other amounts; record the difference as one of its own."),
                field="base",
            )
        save(contribution)
        audit.record(
            "contribution.record",
            actor=actor,
            now=now,
            subject=contribution,
            member=member.pk,
            month=month.isoformat(),
            amounts=[str(amount) for amount in amounts],
        )
    return contribution


def add_relative(
    *,
    member: Member,
    relative: Member,
    relation: str,
    starts_on: datetime.date,
    ends_on: datetime.date | None = None,
    actor: Staff,
    now: datetime.datetime,
) -> Relative:
    """Record who a person is to a member, from a day on. The same again is the one that is there.

    Whether the account may pay for such a relative is the edition's to say, when a grant is made.
    """
    reach.require(actor.reach, member)
    require_days(starts_on, ends_on)
    with transaction.atomic():
        member = locked(member)
        known = Relative.objects.filter(
            member=member, relative=relative, relation=relation, starts_on=starts_on, ends_on=ends_on
        ).first()
        if known is not None:
            return known
        bond = Relative(member=member, relative=relative, relation=relation, starts_on=starts_on, ends_on=ends_on)
        save(bond)
        audit.record(
            "relative.add",
            actor=actor,
            now=now,
            subject=bond,
            member=member.pk,
            relative=relative.pk,
            relation=relation,
        )
    return bond


def end_relative(*, bond: Relative, ends_on: datetime.date, actor: Staff, now: datetime.datetime) -> Relative:
    """Let the record of a relative end with a day."""
    reach.require(actor.reach, bond)
    require_days(bond.starts_on, ends_on)
    with transaction.atomic():
        locked(bond.member)
        bond = locked(bond)
        if bond.ends_on == ends_on:
            return bond
        bond.ends_on = ends_on
        save(bond)
        audit.record(
            "relative.end",
            actor=actor,
            now=now,
            subject=bond,
            member=bond.member_id,
            ends_on=ends_on.isoformat(),
        )
    return bond
