"""What a request to choose an institution leads to: decided by the rules, kept as the selections that will be.

One clerk's request and a roster of a hundred thousand go the same way; only who writes the plan down differs.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from bureau.errors import DomainError, RefusedError
from bureau.models import Staff, Upload
from bureau.rules import selection as rules
from bureau.rules.errors import Refusal
from bureau.rules.format.edition import Edition
from bureau.rules.periods import ONE_DAY, Span, next_month_start
from institutions.models import Institution, Selection
from institutions.services.facts import Enrolled, Facts

Kind, Role, Route = Institution.Kind, Selection.Role, Selection.Route

# What a request may change on a selection that is there already.
CHANGEABLE = (
    "institution_id",
    "route",
    "reason",
    "requested_on",
    "ends_on",
    "counts_from",
    "counts_to",
    "recorded_by_id",
)
# The part of a request that a refusal of the rules is about, where it is not the institution.
_BLAMED = {"outside_window": "requested_on", "no_reason": "reason"}


@dataclass(frozen=True, slots=True)
class Ask:
    """A member's request for a year: the institutions wanted, each for the role that takes its kind.

    `area_id`, `scheme`, `route` and `starts_on` are what a roster says of the outcome: where given, they must
    agree with the facts and the rules.
    """

    member_id: int
    institution_ids: tuple[int, ...]
    year: int
    requested_on: datetime.date
    reason: str = ""
    area_id: str = ""
    scheme: str = ""
    route: str = ""
    starts_on: datetime.date | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """An institution of a request, the role it takes, and what stands in this role now."""

    institution_id: int
    choice: rules.Choice
    role: str
    current: Selection | None

    @property
    def stands(self) -> bool:
        return self.current is not None and self.current.institution_id == self.institution_id


class Plan:
    """The selections of some members as they are and will be, within one transaction that locks the members."""

    def __init__(self, facts: Facts, *, actor: Staff, upload: Upload | None = None):
        self.new: list[Selection] = []
        self.removed: list[Selection] = []
        self.steps = 0  # how often a selection has been made, ended or taken away so far
        self._facts, self._actor, self._upload = facts, actor, upload
        self._stored = {row.pk: (row, _changeable(row)) for rows in facts.selections.values() for row in rows}

    @property
    def changed(self) -> list[Selection]:
        """Stored selections that will differ from what is stored."""
        gone = {row.pk for row in self.removed}
        return [row for row, was in self._stored.values() if row.pk not in gone and _changeable(row) != was]

    def choose(self, ask: Ask) -> list[Selection]:
        """The selections that a request leads to, one for each institution; those of a request met before.

        Raises DomainError (RefusedError with the rules' code and article) and then changes nothing.
        """
        if met := self._met(ask):
            return met
        enrolled = self._enrolled(ask, ask.requested_on)
        edition = self._facts.edition(enrolled.area_id, enrolled.scheme, ask.requested_on)
        wanted = self._wanted(ask, enrolled, edition)
        request = self._request(ask, enrolled, wanted)
        decision = rules.decide(edition, request)
        if decision.refusal is not None:
            raise RefusedError(decision.refusal, field=_BLAMED.get(decision.refusal.code, "institution"))
        benefit_from = decision.benefit_from
        assert benefit_from is not None
        self._require_member(ask, enrolled, benefit_from)
        if request.change:
            route = Route.CHANGE
        else:
            route = Route.WINDOW if ask.requested_on.year < ask.year else Route.IN_YEAR
        _require_as_said(ask, route, benefit_from)
        for one in wanted:
            if not one.stands:
                self._require_designated(one, ask.requested_on, benefit_from)
                self._require_order(ask, one)
                _require_days(one, benefit_from, decision)
        self._end_elsewhere(ask.member_id, enrolled, benefit_from)
        self._end_stations(ask, wanted, benefit_from)
        return [one.current if one.stands else self._select(ask, one, enrolled, route, decision) for one in wanted]

    def leave(self, member_id: int, last_day: datetime.date, event: str, area_id: str = "", scheme: str = "") -> None:
        """End what a member has selected for later than a last day; `event` is death or exit (HY-16)."""
        for row in list(self._facts.selections[member_id]):
            if row.ends_on > last_day and (area_id or row.area_id, scheme or row.scheme) == (row.area_id, row.scheme):
                self._end(row, last_day, event)

    def depart(self, member_id: int, today: datetime.date) -> None:
        """End what a member has selected where the rosters say by now that the member died or left."""
        for row in list(self._facts.selections[member_id]):
            departure = self._facts.departure(row, today)
            if departure is not None and departure[0] < row.ends_on:
                self._end(row, *departure)

    def before(self, row: Selection) -> dict[str, str]:
        """What the plan changes on a stored selection, as it stood there."""
        pairs = zip(CHANGEABLE, self._stored[row.pk][1], _changeable(row), strict=True)
        return {name: str(was or "") for name, was, will_be in pairs if was != will_be}

    # The request in the rules' words

    def _met(self, ask: Ask) -> list[Selection]:
        """The selections of the same request, where it has been made before."""
        rows = {
            row.institution_id: row
            for row in self._facts.selections[ask.member_id]
            if (row.year, row.requested_on) == (ask.year, ask.requested_on)
        }
        found = [rows[key] for key in ask.institution_ids if key in rows]
        return found if len(found) == len(ask.institution_ids) else []

    def _enrolled(self, ask: Ask, day: datetime.date) -> Enrolled:
        enrolled = self._facts.enrolled_on(ask.member_id, day)
        if (
            enrolled is None
            or (ask.area_id or enrolled.area_id) != enrolled.area_id
            or (ask.scheme or enrolled.scheme) != enrolled.scheme
        ):
            raise RefusedError(Refusal("not_enrolled"), field="member")
        return enrolled

    def _wanted(self, ask: Ask, enrolled: Enrolled, edition: Edition) -> list[Wanted]:
        """Each institution with its role. Care out of the area is chosen by those registered for it alone."""
        if not edition.in_force(ask.requested_on, "selection"):
            raise RefusedError(Refusal("no_selection_rule"))
        article = str(edition.part("selection", ask.requested_on)["article"])
        current = self._current(ask, enrolled)
        wanted = []
        for institution_id in ask.institution_ids:
            place, choice = self._facts.places[institution_id], self._choice(institution_id)
            name = rules.role_of(edition, ask.requested_on, choice)
            role = Role(name) if name in Role.values else Role.PRIMARY
            local = place.area_id == enrolled.area_id
            if not name or place.kind in (Kind.PHARMACY, Kind.CLEARING) or local != (role != Role.REMOTE):
                raise RefusedError(Refusal("type_not_allowed", article), field="institution")
            begins_on = max(ask.requested_on, datetime.date(ask.year, 1, 1))
            if not local and not self._facts.registered_on(ask.member_id, enrolled.area_id, begins_on):
                raise RefusedError(Refusal("remote_not_filed", article), field="institution")
            wanted.append(Wanted(institution_id, choice, role, current.get(role)))
        return wanted

    def _choice(self, institution_id: int) -> rules.Choice:
        place = self._facts.places[institution_id]
        return rules.Choice(str(institution_id), place.kind, str(place.parent_id) if place.parent_id else None)

    def _current(self, ask: Ask, enrolled: Enrolled) -> dict[str, Selection]:
        """What is selected for the year on the day of the request or later, by role."""
        return {
            row.role: row
            for row in self._facts.selections[ask.member_id]
            if row.year == ask.year and enrolled.in_fund_of(row) and row.ends_on >= ask.requested_on
        }

    def _request(self, ask: Ask, enrolled: Enrolled, wanted: list[Wanted]) -> rules.Request:
        """A change where the year has begun and another institution has one of the roles; else a first choice.

        Before the year begins, a new choice takes the place of the old one. A first choice is looked at with
        what is selected in other roles, since a station belongs to the selected centre.
        """
        current = self._current(ask, enrolled)
        choices = [one.choice for one in wanted]
        begun = ask.requested_on.year >= ask.year
        replaces = any(one.current and not one.stands for one in wanted)
        repeats = bool(wanted) and all(one.stands for one in wanted)
        if ask.route == Route.CHANGE or (begun and not ask.route and (replaces or repeats)):
            primary = current.get(Role.PRIMARY)
            return rules.Request(
                change=True,
                on=ask.requested_on,
                year=ask.year,
                choices=choices,
                existing=[self._choice(row.institution_id) for row in current.values()],
                existing_from=primary.counts_from if primary else None,
                reason=ask.reason,
            )
        others = set(current) - {one.role for one in wanted}
        if any(one.role == Role.PRIMARY for one in wanted):
            others.discard(Role.STATION)
        return rules.Request(
            change=False,
            on=ask.requested_on,
            year=ask.year,
            choices=choices + [self._choice(current[role].institution_id) for role in sorted(others)],
            existing=[self._choice(one.current.institution_id) for one in wanted if one.current],
            reason=ask.reason,
        )

    # What stands in the way

    def _require_member(self, ask: Ask, enrolled: Enrolled, benefit_from: datetime.date) -> None:
        died_on = self._facts.died_on[ask.member_id]
        if died_on is not None and died_on < benefit_from:
            raise DomainError(_("The member died on %(day)s."), field="member", day=died_on)
        then = self._facts.enrolled_on(ask.member_id, benefit_from)
        if then is None or (then.area_id, then.scheme) != (enrolled.area_id, enrolled.scheme):
            raise RefusedError(Refusal("not_enrolled"), field="member")

    def _require_designated(self, one: Wanted, requested_on: datetime.date, benefit_from: datetime.date) -> None:
        """Next year's agreements are often signed after the window: that of the day of the request will do."""
        place = self._facts.places[one.institution_id]
        if one.role != Role.REMOTE and not (place.designated(benefit_from) or place.designated(requested_on)):
            raise RefusedError(Refusal("not_designated"), field="institution")

    def _require_order(self, ask: Ask, one: Wanted) -> None:
        for row in self._facts.selections[ask.member_id]:
            if (row.year, row.role) == (ask.year, one.role) and row.requested_on > ask.requested_on:
                raise DomainError(
                    _("A request of %(day)s is recorded already; requests are recorded in the order of their days."),
                    field="requested_on",
                    day=row.requested_on,
                )

    # What happens to the selections

    def _select(self, ask: Ask, one: Wanted, enrolled: Enrolled, route: str, decision: rules.Decision) -> Selection:
        """The new selection; one that has not had a day yet is overwritten, one that has ends the day before."""
        self.steps += 1
        starts_on, old = decision.benefit_from, one.current
        if old is not None and old.starts_on >= starts_on:
            row = old
        else:
            if old is not None:
                _cut(old, starts_on - ONE_DAY, decision.counts.get(str(old.institution_id)))
            row = Selection(
                member_id=ask.member_id,
                area_id=enrolled.area_id,
                scheme=enrolled.scheme,
                year=ask.year,
                role=one.role,
                starts_on=starts_on,
                upload=self._upload,
            )
            self._facts.selections[ask.member_id].append(row)
            self.new.append(row)
        row.institution_id = one.institution_id
        row.route, row.reason, row.requested_on = route, ask.reason, ask.requested_on
        row.ends_on = datetime.date(ask.year, 12, 31)
        row.recorded_by = self._actor
        counts = decision.counts.get(str(one.institution_id)) if one.role == Role.PRIMARY else None
        row.counts_from, row.counts_to = self._free_months(row, counts)
        return row

    def _free_months(self, row: Selection, span: Span | None) -> tuple:
        """The first and last month of a span, after those another selection of the member counts."""
        if span is None or span.ends_on is None:
            return None, None
        first, last = span.starts_on.replace(day=1), span.ends_on.replace(day=1)
        for other in self._facts.selections[row.member_id]:
            if other is not row and other.counts_to and first <= other.counts_to <= last:
                first = next_month_start(other.counts_to)
        return (first, last) if first <= last else (None, None)

    def _end(self, row: Selection, on: datetime.date, event: str) -> None:
        self.steps += 1
        if on < row.starts_on:
            self._remove(row)
        else:
            edition = self._facts.edition(row.area_id, row.scheme, on)
            _cut(row, on, Span(row.starts_on, rules.counted_until(edition, event=event, on=on)))

    def _remove(self, row: Selection) -> None:
        """Take away a selection that has not had a day."""
        self._facts.selections[row.member_id].remove(row)
        if row.pk is None:
            self.new.remove(row)
        else:
            self.removed.append(row)

    def _end_elsewhere(self, member_id: int, enrolled: Enrolled, day: datetime.date) -> None:
        """End what is still selected in another area or scheme, on the last day of enrolment there."""
        for row in list(self._facts.selections[member_id]):
            if row.ends_on >= day and not enrolled.in_fund_of(row):
                self._end(row, self._facts.last_day_before(row, day), "exit")

    def _end_stations(self, ask: Ask, wanted: list[Wanted], day: datetime.date) -> None:
        """A station goes with its centre: another centre ends it, unless the request names one (SG-19)."""
        centre = next((one for one in wanted if one.role == Role.PRIMARY), None)
        if centre is None or any(one.role == Role.STATION for one in wanted):
            return
        for row in list(self._facts.selections[ask.member_id]):
            if row.role != Role.STATION or row.year != ask.year or row.ends_on < day:
                continue
            if self._facts.places[row.institution_id].parent_id == centre.institution_id:
                continue
            if row.starts_on >= day:
                self._remove(row)
            else:
                _cut(row, day - ONE_DAY, None)


def plan_for(asks: Iterable[Ask], *, actor: Staff, upload: Upload | None = None) -> Plan:
    """A plan for the members and institutions that some requests name; it locks the members."""
    asks = list(asks)
    facts = Facts((ask.member_id for ask in asks), (key for ask in asks for key in ask.institution_ids))
    return Plan(facts, actor=actor, upload=upload)


def _cut(row: Selection, last_day: datetime.date, counts: Span | None) -> None:
    """Let a selection end on a day and count no month after a span's last."""
    row.ends_on = last_day
    if row.counts_to is None:
        return
    last = counts.ends_on.replace(day=1) if counts is not None and counts.ends_on is not None else None
    if last is None or last < row.counts_from:
        row.counts_from = row.counts_to = None
    else:
        row.counts_to = min(row.counts_to, last)


def _require_days(one: Wanted, benefit_from: datetime.date, decision: rules.Decision) -> None:
    """A selection that began today can be overwritten, unless it counts this month: then it needs its day."""
    old = one.current
    if old is None or old.starts_on < benefit_from or old.counts_from is None:
        return
    if decision.counts.get(str(old.institution_id)) is not None:
        raise DomainError(
            _("The selection began on %(day)s and counts this month; it can change from the next day on."),
            field="requested_on",
            day=old.starts_on,
        )


def _require_as_said(ask: Ask, route: str, benefit_from: datetime.date) -> None:
    if ask.starts_on is not None and ask.starts_on != benefit_from:
        raise DomainError(
            _("By the day of the request the selection begins on %(day)s."), field="starts_on", day=benefit_from
        )
    if ask.route and ask.route != route:
        raise DomainError(
            _("By the day of the request this is another kind of choice: %(route)s."),
            field="route",
            route=Route(route).label,
        )


def _changeable(row: Selection) -> tuple:
    return tuple(getattr(row, name) for name in CHANGEABLE)
