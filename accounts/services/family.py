"""家庭共济: whom the holder of an account lets use it."""

import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, FamilyGrant
from accounts.services.holders import edition_of
from accounts.services.standing import refuse_without_account
from bureau import audit
from bureau.errors import DomainError, RefusedError
from bureau.models import Staff
from bureau.rules.accounts import use as account_use
from bureau.rules.errors import Refusal
from bureau.staff import reach
from members.models import Member, Relative


def grant(
    *,
    account: Account,
    beneficiary: Member,
    starts_on: datetime.date,
    ends_on: datetime.date | None = None,
    actor: Staff,
    now: datetime.datetime,
) -> FamilyGrant:
    """Let a relative use an account from a day on. The same grant again returns the one that is there.

    Refused: a person who is not on the roster of relatives on that day, a relation that the edition does not list,
    days that another grant covers, days after the holder's death; a holder who can have no account.
    """
    reach.require(actor.reach, account)
    if ends_on is not None and ends_on < starts_on:
        raise DomainError(_("The last day lies before the first."), field="ends_on")
    same = {"account": account, "beneficiary": beneficiary, "starts_on": starts_on, "ends_on": ends_on}
    if (known := FamilyGrant.objects.filter(**same).first()) is not None:
        return known
    died_on = account.member.died_on
    if died_on is not None and died_on < starts_on:
        raise DomainError(_("The member died on %(day)s."), field="starts_on", day=died_on)
    refuse_without_account(account.area_id, [account.member_id], on=starts_on, field="account")
    relative = relative_on(account, beneficiary, starts_on)
    if relative is None:
        raise DomainError(
            _("%(name)s is not on the roster of the holder's relatives on this day; load the relative first."),
            field="beneficiary",
            name=beneficiary.name,
        )
    edition = edition_of(account, starts_on)
    if relative.relation not in account_use.relations(edition, starts_on):
        article = edition.part("account", starts_on)["article"]
        raise RefusedError(Refusal("relation_not_allowed", article), field="beneficiary")
    try:
        with transaction.atomic():
            made = FamilyGrant.objects.create(**same, relative=relative, granted_by=actor)
            audit.record("family.grant", actor=actor, now=now, subject=made, relation=relative.relation)
    except IntegrityError as error:
        if error.__cause__.diag.constraint_name != "family_grant_one_a_day":
            raise
        raise DomainError(
            _("The relative may use the account on some of these days already."), field="starts_on"
        ) from error
    return made


def revoke(*, grant: FamilyGrant, last_day: datetime.date, actor: Staff, now: datetime.datetime) -> FamilyGrant:
    """End a grant; `last_day` is the last on which the relative may use the account."""
    reach.require(actor.reach, grant)
    with transaction.atomic():
        grant = FamilyGrant.objects.select_for_update(no_key=True).select_related("account").get(pk=grant.pk)
        if grant.ends_on == last_day:
            return grant
        if last_day < grant.starts_on:
            raise DomainError(_("The last day lies before the first."), field="last_day")
        if grant.ends_on is not None and grant.ends_on < last_day:
            raise DomainError(_("The grant ends on %(day)s already."), field="last_day", day=grant.ends_on.isoformat())
        grant.ends_on = last_day
        grant.save(update_fields=["ends_on"])
        audit.record(
            "family.revoke",
            actor=actor,
            now=now,
            subject=grant,
            last_day=last_day.isoformat(),
        )
    return grant


def relative_on(account: Account, person: Member, on: datetime.date) -> Relative | None:
    """The roster's row for a relative of an account's holder on a day."""
    return Relative.objects.filter(_in_force(on), member=account.member_id, relative=person).first()


def granted_on(account: Account, person: Member, on: datetime.date) -> bool:
    """Whether the holder lets this person use the account on a day."""
    return FamilyGrant.objects.filter(_in_force(on), account=account, beneficiary=person).exists()


def _in_force(on: datetime.date) -> Q:
    return Q(starts_on__lte=on) & (Q(ends_on__isnull=True) | Q(ends_on__gte=on))
