"""Accounts of staff. Roles are assigned elsewhere, by someone else.

An administrator of an area reaches its own staff only, and nobody of the other two duties (bureau.staff.roles).
"""

import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from bureau import audit, clock
from bureau.areas.models import Area, County
from bureau.errors import DomainError
from bureau.saving import locked, save
from bureau.staff import reach
from bureau.staff.models import Staff
from bureau.staff.roles import require_reach_of_staff


def register_staff(
    *,
    username: str,
    name: str,
    password: str,
    area: Area | None = None,
    county: County | None = None,
    must_change_password: bool = True,
    actor: Staff,
    now: datetime.datetime,
) -> Staff:
    """Open an account for a member of staff. It may do nothing until roles are assigned to it.

    The password, which somebody else chose, is changed at the first log-in. Refused: an account that reaches further
    than the actor's.
    """
    staff = Staff(username=username, first_name=name, area=area, county=county, is_staff=True)
    staff.must_change_password = must_change_password
    _require_county(staff)
    _require_reach(actor, staff)
    if Staff.objects.filter(username=username).exists():
        raise DomainError(_("This user name is taken."), field="username")
    with transaction.atomic():
        _give_password(staff, password)
        save(staff)
        audit.record("staff.register", actor=actor, now=now, subject=staff, username=username, name=name)
    return staff


def change_staff(
    *,
    staff: Staff,
    name: str,
    area: Area | None,
    county: County | None,
    is_active: bool,
    actor: Staff,
    now: datetime.datetime,
) -> Staff:
    """Change name, area and agency, or shut an account out.

    Refused: shutting out oneself, and an account that lies beyond the actor's reach before or after the change.
    """
    if staff.pk == actor.pk and not is_active:
        raise DomainError(_("Nobody shuts out themselves."), field="is_active")
    with transaction.atomic():
        staff = locked(staff)
        require_reach_of_staff(actor, staff)
        before = _said(staff)
        staff.first_name, staff.area, staff.county, staff.is_active = name, area, county, is_active
        _require_county(staff)
        _require_reach(actor, staff)
        after = _said(staff)
        if after == before:
            return staff
        save(staff, fields=["first_name", "area", "county", "is_active"])
        audit.record("staff.change", actor=actor, now=now, subject=staff, before=before, after=after)
    return staff


def set_password(*, staff: Staff, password: str, actor: Staff, now: datetime.datetime) -> Staff:
    """Give a member of staff a new password, to be changed at the next log-in; all their sessions end.

    Refused: one's own, which is changed with the old one, and an account beyond the actor's reach.
    """
    if staff.pk == actor.pk:
        raise DomainError(_("Change your own password under “Change password”, with the old one."))
    with transaction.atomic():
        staff = locked(staff)
        require_reach_of_staff(actor, staff)
        _give_password(staff, password)
        staff.must_change_password = True
        staff.save(update_fields=["password", "must_change_password"])
        audit.record("staff.password", actor=actor, now=now, subject=staff)
    return staff


def change_own_password(*, staff: Staff, password: str, now: datetime.datetime) -> Staff:
    """Give oneself another password, once the form has asked for the old one. All other sessions end."""
    with transaction.atomic():
        staff = Staff.objects.select_for_update(no_key=True).get(pk=staff.pk)
        if staff.check_password(password):
            raise DomainError(_("The new password is the old one; choose another."), field="new_password1")
        _give_password(staff, password)
        staff.must_change_password = False
        staff.save(update_fields=["password", "must_change_password"])
        audit.record("staff.own_password", actor=staff, now=now, subject=staff)
    return staff


def _give_password(staff: Staff, password: str) -> None:
    try:
        validate_password(password, staff)
    except ValidationError as error:
        raise DomainError(" ".join(error.messages), field="password") from None
    staff.set_password(password)


def _require_reach(actor: Staff, staff: Staff) -> None:
    """The place of an account lies within the actor's: nobody gives a wider one than their own."""
    if not reach.reaches(actor.reach, staff):
        field = "area" if staff.area_id != actor.area_id else "county"
        raise DomainError(_("An administrator opens accounts for their own area and agency only."), field=field)


def _require_county(staff: Staff) -> None:
    if staff.county is not None and staff.county.area_id != staff.area_id:
        raise DomainError(_("The county agency belongs to another area."), field="county")


def _said(staff: Staff) -> dict[str, object]:
    return {
        "name": staff.first_name,
        "area": staff.area_id,
        "county": staff.county_id,
        "is_active": staff.is_active,
    }


def scheduler() -> Staff:
    """Who acts where the schedule does."""
    return nobody("scheduler")


def nobody(username: str, *, name: str = "") -> Staff:
    """A user that no person can sign in as: it stands for what acts by itself, and is opened by itself."""
    closed = {"first_name": name, "is_active": False, "password": "!"}
    with transaction.atomic():
        staff, is_new = Staff.objects.get_or_create(username=username, defaults=closed)
        if is_new:
            audit.record("staff.register", actor=staff, now=clock.now(), subject=staff, username=username, name=name)
    return staff
