"""Accounts of staff, and the areas and agencies they work for. Roles are assigned elsewhere, by someone else."""

import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
from bureau.models import Area, County, Staff
from bureau.services.records import locked, save


def register_area(*, code: str, name: str, actor: Staff, now: datetime.datetime) -> Area:
    """Record an area under its GB/T 2260 code. The same again returns the first."""
    _require_code(code)
    with transaction.atomic():
        known = Area.objects.filter(pk=code).first()
        if known is not None:
            return _same(known, name)
        area = Area(code=code, name=name)
        save(area)
        audit.record("area.register", actor=actor, now=now, subject=area, area_id=code, name=name)
    return area


def register_county(*, code: str, area: Area, name: str, actor: Staff, now: datetime.datetime) -> County:
    """Record a county's agency of an area. The same again returns the first."""
    _require_code(code)
    with transaction.atomic():
        known = County.objects.filter(pk=code).first()
        if known is not None:
            if known.area_id != area.pk:
                raise DomainError(_("The agency belongs to another area."), field="area")
            return _same(known, name)
        county = County(code=code, area=area, name=name)
        save(county)
        audit.record("county.register", actor=actor, now=now, subject=county, name=name)
    return county


def register_staff(
    *,
    username: str,
    name: str,
    password: str,
    area: Area | None = None,
    county: County | None = None,
    actor: Staff,
    now: datetime.datetime,
) -> Staff:
    """Open an account for a member of staff. It may do nothing until roles are assigned to it."""
    staff = Staff(username=username, first_name=name, area=area, county=county, is_staff=True)
    _require_county(staff)
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
    """Change name, area and agency, or shut an account out. Nobody shuts out themselves."""
    if staff.pk == actor.pk and not is_active:
        raise DomainError(_("Nobody shuts out themselves."), field="is_active")
    with transaction.atomic():
        staff = locked(staff)
        before = _said(staff)
        staff.first_name, staff.area, staff.county, staff.is_active = name, area, county, is_active
        _require_county(staff)
        after = _said(staff)
        if after == before:
            return staff
        save(staff)
        audit.record("staff.change", actor=actor, now=now, subject=staff, before=before, after=after)
    return staff


def set_password(*, staff: Staff, password: str, actor: Staff, now: datetime.datetime) -> Staff:
    """Give a member of staff a new password; all their sessions end."""
    with transaction.atomic():
        staff = locked(staff)
        _give_password(staff, password)
        staff.save(update_fields=["password"])
        audit.record("staff.password", actor=actor, now=now, subject=staff)
    return staff


def _give_password(staff: Staff, password: str) -> None:
    try:
        validate_password(password, staff)
    except ValidationError as error:
        raise DomainError(" ".join(error.messages), field="password") from None
    staff.set_password(password)


def _require_code(code: str) -> None:
    if len(code) != 6 or not (code.isascii() and code.isdigit()):
        raise DomainError(_("A GB/T 2260 code has six digits."), field="code")


def _require_county(staff: Staff) -> None:
    if staff.county is not None and staff.county.area_id != staff.area_id:
        raise DomainError(_("The county agency belongs to another area."), field="county")


def _same(known: Area | County, name: str) -> Area | County:
    if known.name != name:
        raise DomainError(_("The code %(code)s belongs to %(name)s."), field="code", code=known.pk, name=known.name)
    return known


def _said(staff: Staff) -> dict[str, object]:
    return {
        "name": staff.first_name,
        "area": staff.area_id,
        "county": staff.county_id,
        "is_active": staff.is_active,
    }


def scheduler() -> Staff:
    """Who acts where the schedule does: a user that nobody can sign in as."""
    nobody = {"is_active": False, "password": "!"}
    staff, _created = Staff.objects.get_or_create(username="scheduler", defaults=nobody)
    return staff
