"""One reach: how far somebody sees and acts, by area, agency and institution.

Each room says once, in its module `reach`, how the rows of each of its models are tied to an area, to the agency that
owns them and to an institution. Everything asks that: lists and searches, the choices of filters, pickers and forms,
record pages, files, and the services, which let nobody act on what they cannot see. The table of all models and the
reasons stand in docs/decisions/reach.md.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import ForeignKey, Model, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from bureau.errors import DomainError


@dataclass(frozen=True)
class Principal:
    """Who asks: the code of an area (None: of every area), of an agency within it, or the number of an institution.

    Staff yield one. An institution's own clerk reaches what is that institution's, whichever area pays for it.
    """

    area: str | None = None
    county: str | None = None
    institution: int | None = None


Rows = Callable[[Principal, str], Q]


@dataclass(frozen=True)
class Tie:
    """How a model's rows are tied to places: paths from the row to an area, an agency, an institution.

    house: rows belong to the whole house, everybody reads them. outside: a row without an area is nobody's, everybody
    reaches it. above: a row without an area or agency belongs to who stands above, and is read by those below.
    neighbours: the agencies of an area read each other's rows. rows: what an area reads where no path says it, of the
    record at a path; `answering` then tells the area that answers for it on a day, by its key at the path `root`.
    """

    area: str = ""
    county: str = ""
    institution: str = ""
    house: bool = False
    outside: bool = False
    above: bool = False
    neighbours: bool = False
    rows: Rows | None = None
    answering: Callable[[Any, datetime.date], str | None] | None = None
    root: str = ""

    def below(self, name: str) -> Tie:
        """The same, of a row that a foreign key of this name leads from."""
        paths = {one: getattr(self, one) and f"{name}__{getattr(self, one)}" for one in PLACES}
        rows = self.rows
        return replace(
            self,
            **paths,
            rows=rows and (lambda who, path: rows(who, _joined(path, name))),
            root=_joined(name, self.root),
        )


PLACES = ("area", "county", "institution")
_ties: dict[type[Model], Tie] = {}


def of(model: type[Model], *, via: str = "", **said: Any) -> None:
    """Say how a model's rows are tied; `via`: as the record is to which this foreign key points, but for what is said.

    Said once, and for every model: a model of which nothing was said is shown to nobody.
    """
    if model in _ties:
        raise LookupError(f"the reach of {model.__name__} has been said already")
    _ties[model] = replace(tie(_target(model, via)).below(via), **said) if via else Tie(**said)


def tie(model: type[Model]) -> Tie:
    try:
        return _ties[model]
    except KeyError:
        raise LookupError(f"nobody has said how far {model._meta.label} is reached: docs/decisions/reach.md") from None


def ties() -> Mapping[type[Model], Tie]:
    """Everything that the rooms have said."""
    return _ties


def limits(model: type[Model], who: Principal, path: str = "", *, own: bool = False) -> Q:
    """What a principal sees of a model, as a condition; `path` leads to the record from where it is asked.

    own: only what the principal's place owns itself, as acts of an agency ask it.
    """
    tied = tie(model)
    if tied.house or who == Principal():
        return Q()
    if who.institution is not None:
        mine = {_joined(path, tied.institution): who.institution} if tied.institution else {_joined(path, "pk__in"): []}
        return Q(**mine)
    if tied.rows is not None:
        return tied.rows(who, path)
    without = (tied.outside or tied.above) and not own
    found = _at(_joined(path, tied.area), who.area, without)
    if who.county is not None and tied.county and (own or not tied.neighbours):
        found &= _at(_joined(path, tied.county), who.county, without)
    return found


def visible(model: type[Model], who: Principal, *, own: bool = False) -> QuerySet:
    """The records of a model that a principal sees."""
    return model._default_manager.filter(limits(model, who, own=own))


@dataclass(frozen=True)
class Place:
    """Where a record belongs: None where no area has it, or no agency."""

    area: str | None = None
    county: str | None = None


def place_of(record: Model, day: datetime.date | None = None) -> Place:
    """The area and the agency that own a record; of a member's, the area that answers for them on a day."""
    tied = tie(type(record))
    if tied.answering is not None:
        return Place(tied.answering(_follow(record, tied.root or "pk"), day) if day else None)
    return Place(_follow(record, tied.area), _follow(record, tied.county))


def require(who: Principal, record: Model) -> None:
    """Refuse an act on a record that a principal does not reach."""
    tied = tie(type(record))
    if tied.house or who == Principal():
        return
    if tied.rows is not None or who.institution is not None:
        if not visible(type(record), who).filter(pk=record.pk).exists():
            raise DomainError(ELSEWHERE)
        return
    area = _follow(record, tied.area)
    if area is None and tied.outside:
        return
    require_area(who, area)
    if tied.county:
        require_county(who, _follow(record, tied.county))


def reaches(who: Principal, record: Model) -> bool:
    """Whether require would let an act pass."""
    try:
        require(who, record)
    except DomainError:
        return False
    return True


ELSEWHERE = _("This belongs to another area, which your account does not reach.")
ANOTHER = _("This belongs to another agency, which your account does not reach.")
WHOLE = _("This concerns the whole area; your account is that of one agency.")


def require_area(who: Principal, area: str | None) -> None:
    """Refuse an act in another area; `area` None: on every area at once. For acts that any agency of an area does."""
    if who.area is not None and area != who.area:
        raise DomainError(ELSEWHERE)


def require_whole(who: Principal, area: str | None) -> None:
    """Refuse an act on a whole area by somebody of another one, or of one of its agencies."""
    require_area(who, area)
    require_county(who, None)


def require_county(who: Principal, county: str | None) -> None:
    """Refuse an agency's act on what another owns; `county` None: on what the whole area owns."""
    if who.county is None or county == who.county:
        return
    if county is None:
        raise DomainError(WHOLE, field="county")
    raise DomainError(ANOTHER, field="county")


def _at(path: str, place: str | None, without: bool) -> Q:
    if place is None:
        return Q()
    return Q(**{path: place}) | Q(**{f"{path}__isnull": True}) if without else Q(**{path: place})


def _joined(path: str, name: str) -> str:
    return f"{path}__{name}" if path and name else path or name


def _follow(record: Model | None, path: str) -> Any:
    """What a path leads to from a record; nothing where it ends on the way."""
    *steps, last = path.split("__") if path else [""]
    for step in steps:
        if record is None:
            return None
        record = getattr(record, step)
    if record is None or not last:
        return None
    return record.pk if last == "pk" else getattr(record, record._meta.get_field(last).attname)


def _target(model: type[Model], name: str) -> type[Model]:
    field = model._meta.get_field(name)
    assert isinstance(field, ForeignKey)
    return field.related_model
