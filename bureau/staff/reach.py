"""How far a member of staff reaches: everywhere, an area, or a county's agency within it. No act goes beyond it."""

from django.utils.translation import gettext_lazy as _

from bureau.errors import DomainError
from bureau.staff.models import Staff


def require_area(actor: Staff, area_id: str | None) -> None:
    """Refuse an act on another area than the actor's. `area_id` None: an act on every area at once."""
    if actor.area_id is not None and area_id != actor.area_id:
        raise DomainError(_("This belongs to another area, which your account does not reach."))


def require_agency(actor: Staff, area_id: str | None, county_id: str | None) -> None:
    """Refuse an act on another agency than the actor's. `county_id` None: an act on the whole area."""
    require_area(actor, area_id)
    if actor.county_id is None or county_id == actor.county_id:
        return
    if county_id is None:
        raise DomainError(_("This concerns the whole area; your account is that of one agency."), field="county")
    raise DomainError(_("This belongs to another agency, which your account does not reach."), field="county")


def reaches(actor: Staff, area_id: str | None, county_id: str | None) -> bool:
    """Whether require_agency would let the act pass."""
    try:
        require_agency(actor, area_id, county_id)
    except DomainError:
        return False
    return True
