"""The areas that the house is kept for, and their county agencies."""

import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.areas.models import Area, County
from bureau.errors import DomainError
from bureau.saving import save
from bureau.staff import reach
from bureau.staff.models import Staff


def register_area(*, code: str, name: str, actor: Staff, now: datetime.datetime) -> Area:
    """Record an area under its GB/T 2260 code. The same again returns the first."""
    _require_code(code)
    reach.require_whole(actor.reach, code)
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
    reach.require_whole(actor.reach, area.pk)
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


def _require_code(code: str) -> None:
    if len(code) != 6 or not (code.isascii() and code.isdigit()):
        raise DomainError(_("A GB/T 2260 code has six digits."), field="code")


def _same(known: Area | County, name: str) -> Area | County:
    if known.name != name:
        raise DomainError(_("The code %(code)s belongs to %(name)s."), field="code", code=known.pk, name=known.name)
    return known
