"""The life of an edition: drafted, submitted by one person, approved by another; in force from its day, once only.

What was settled under an edition stays as it is when another one comes: receipts name theirs by its hash.
"""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.areas.models import Area
from bureau.editions import report as edition_report
from bureau.editions.models import Edition
from bureau.editions.rulebook import edition_by_hash
from bureau.errors import DomainError, edition_sentence
from bureau.rules.errors import EditionError
from bureau.rules.format import edition as rules
from bureau.rules.format.adoption import adopted
from bureau.staff import reach
from bureau.staff.models import Staff
from bureau.steps import require_step, take_step

Status = Edition.Status


Within = Callable[[str, str, datetime.date, datetime.date | None], int]


@dataclass(frozen=True)
class Settled:
    """What a room settles by one part of an edition. `under` counts what was settled under a stored edition, `within`
    what lies on the days of an area and scheme (first, last or None). `replay` starts the search for what a new
    edition would give for it; where it is left out, the room's next run finds the differences by itself.
    """

    label: str | Promise
    part: str
    under: Callable[[Edition], int]
    within: Within
    replay: Callable[..., object] | None = None


@dataclass(frozen=True)
class Reached:
    """So many of a kind were settled before an edition came that begins on `first_day` for them."""

    settled: Settled
    first_day: datetime.date
    count: int

    def __str__(self) -> str:
        told = {"label": self.settled.label, "count": self.count, "day": self.first_day.isoformat()}
        return gettext("%(label)s from %(day)s on: %(count)d") % told


_settled: list[Settled] = []


def register_settled(settled: Settled) -> None:
    """Say what rests on editions; called by each room when it is ready."""
    _settled.append(settled)


class UnfitEdition(DomainError):
    """Files that are no edition. `problems` has a sentence for each: file, term, key and what to do."""

    def __init__(self, problems: list[EditionError]):
        self.problems = problems
        super().__init__(
            _("The rulebook cannot be loaded. %(problem)s"),
            field="texts",
            problem="\n".join(map(edition_sentence, problems)),
        )


def draft_edition(
    *,
    texts: Mapping[str, str],
    area: Area,
    choices: Mapping[str, str] | None = None,
    starts_on: datetime.date | None = None,
    actor: Staff,
    now: datetime.datetime,
) -> Edition:
    """Store the edition of one instrument and those that bind into it (file name to TOML text), as a draft.

    `choices`: readings other than the texts' own, by switch. `starts_on`: a first day later than theirs. The same
    again returns the edition that is there. Refused: files with an error (UnfitEdition) and another area's.
    """
    problems = rules.problems(texts)
    if problems:
        raise UnfitEdition(problems)
    edition = rules.load(texts)
    try:
        edition = adopted(edition, choices or {}, starts_on or edition.starts_on)
    except EditionError as error:
        raise UnfitEdition([error]) from error
    if edition.area != area.code:
        raise DomainError(
            _("The rulebook is of the area %(code)s, not of %(area)s."),
            field="texts",
            code=edition.area,
            area=area.name,
        )
    with transaction.atomic():
        _hold(area.pk)
        known = Edition.objects.filter(content_hash=edition.content_hash).first()
        if known is not None:
            return known
        stored = Edition.objects.create(
            area=area,
            scheme=edition.scheme,
            document=edition.document,
            title=edition.title,
            starts_on=edition.starts_on,
            ends_on=edition.ends_on,
            texts=dict(texts),
            choices={name: switch.chosen for name, switch in edition.switches.items() if name in (choices or {})},
            content_hash=edition.content_hash,
            loaded_by=actor,
            loaded_at=now,
        )
        _recorded("edition.draft", stored, actor, now, choices=stored.choices)
    return stored


def choose_readings(
    *,
    edition: Edition,
    choices: Mapping[str, str],
    starts_on: datetime.date,
    actor: Staff,
    now: datetime.datetime,
) -> Edition:
    """Draft the same texts with other readings chosen, to be in force from a day; the edition itself stays."""
    reach.require(actor.reach, edition)
    own = edition_by_hash(edition.content_hash).switches
    if all(name in own and own[name].chosen == option for name, option in choices.items()):
        raise DomainError(_("Choose a reading that differs from the edition's."))
    return draft_edition(
        texts=edition.texts,
        area=edition.area,
        choices={**edition.choices, **choices},
        starts_on=starts_on,
        actor=actor,
        now=now,
    )


@transaction.atomic
def submit_edition(*, edition: Edition, actor: Staff, now: datetime.datetime) -> Edition:
    """Put a draft, or one that was returned or withdrawn, before a second person.

    Refused: an edition that leaves the national frame or does not reproduce its own examples, and days that an
    edition which is approved already has from its first day on.
    """
    edition = _held(edition)
    if edition.status == Status.SUBMITTED and edition.submitted_by_id == actor.pk:
        return edition
    require_step(edition, "edition.submit", actor)
    _require_sound(edition)
    _require_days(edition)
    take_step(edition, "edition.submit", actor, now, note="")
    return _recorded("edition.submit", edition, actor, now)


@transaction.atomic
def approve_edition(
    *, edition: Edition, note: str = "", replay: bool = False, actor: Staff, now: datetime.datetime
) -> Edition:
    """Put a submitted edition in force from its first day; the one before it ends on the day before.

    `note` says why it is approved in spite of the warnings of the national frame, where there are some. Refused:
    whoever submitted it, and an edition whose days have been settled in part already, unless they are to be replayed
    (`replay`): what was settled stays, and what differs is proposed for decision or carried by the next run.
    """
    edition = _held(edition)
    if edition.status == Status.APPROVED and edition.approved_by_id == actor.pk:
        return edition
    require_step(edition, "edition.approve", actor)
    _require_sound(edition)
    _require_days(edition)
    warnings = edition_report.warnings(edition)
    if warnings and not note.strip():
        raise DomainError(
            _("Say in the note why the edition is approved in spite of its warnings (%(count)d)."),
            field="note",
            count=len(warnings),
        )
    touched = reached(edition)
    if touched and not replay:
        raise DomainError(
            _("Settled already on days of this edition: %(settled)s. Let it begin later, or have that replayed."),
            field="replay",
            settled=", ".join(map(str, touched)),
        )
    ended = edition_report.in_force_before(edition)
    take_step(edition, "edition.approve", actor, now, note=note.strip())
    approved = _recorded(
        "edition.approve",
        edition,
        actor,
        now,
        note=edition.note,
        warnings=len(warnings),
        ended=ended.pk if ended and (ended.last_day or edition.starts_on) >= edition.starts_on else None,
        replayed={str(one.settled.label): one.count for one in touched},
    )
    for one in touched:
        if one.settled.replay is not None:
            one.settled.replay(edition=approved, actor=actor, now=now)
    return approved


@transaction.atomic
def return_edition(*, edition: Edition, note: str, actor: Staff, now: datetime.datetime) -> Edition:
    """Send a submitted edition back. It may be submitted again as it is, or another be drafted in its place."""
    if not note.strip():
        raise DomainError(_("Say why the edition is returned."), field="note")
    edition = _held(edition)
    take_step(edition, "edition.return", actor, now, note=note.strip())
    return _recorded("edition.return", edition, actor, now, note=edition.note)


@transaction.atomic
def withdraw_edition(*, edition: Edition, note: str, actor: Staff, now: datetime.datetime) -> Edition:
    """Take an edition back before it counts; the one it had ended goes on.

    Refused: an approved edition whose first day has come or under which something was settled.
    """
    if not note.strip():
        raise DomainError(_("Say why the edition is withdrawn."), field="note")
    edition = _held(edition)
    if edition.status == Status.WITHDRAWN:
        return edition
    if edition.status == Status.APPROVED:
        if _first_day(edition) <= timezone.localdate(now):
            raise DomainError(_("The edition is in force; bring in another that follows it."))
        under = [(settled, count) for settled in _settled if (count := settled.under(edition))]
        if under:
            raise DomainError(
                _("Settled under this edition: %(settled)s. Bring in another that follows it."),
                settled=", ".join(f"{settled.label} {count}" for settled, count in under),
            )
    take_step(edition, "edition.withdraw", actor, now, note=note.strip())
    return _recorded("edition.withdraw", edition, actor, now, note=edition.note)


@transaction.atomic
def load_edition(
    *, texts: Mapping[str, str], area: Area, actor: Staff, approver: Staff, note: str = "", now: datetime.datetime
) -> Edition:
    """Draft, submit and approve in one go, by two people: how an office is set up.

    Warnings are acknowledged by the note. The same texts again return the edition that is there.
    """
    edition = draft_edition(texts=texts, area=area, actor=actor, now=now)
    if edition.status == Status.APPROVED:
        return edition
    edition = submit_edition(edition=edition, actor=actor, now=now)
    note = note or gettext("Set-up of the office")
    return approve_edition(edition=edition, note=note, actor=approver, now=now)


def _hold(area_id: str) -> None:
    """Editions of an area come one by one, so that what was checked holds until the write."""
    Area.objects.select_for_update(no_key=True).get(pk=area_id)


def _held(edition: Edition) -> Edition:
    _hold(edition.area_id)
    return Edition.objects.select_for_update(no_key=True, of=("self",)).select_related("area").get(pk=edition.pk)


def _require_sound(edition: Edition) -> None:
    faults = edition_report.faults(edition)
    if faults:
        raise DomainError(_("The edition cannot go on. %(problem)s"), problem="\n".join(faults))


def _require_days(edition: Edition) -> None:
    """No approved edition begins on a day of this one: what is approved already is never cut short by its elder."""
    later = Edition.objects.filter(
        area=edition.area_id, scheme=edition.scheme, status=Status.APPROVED, starts_on__gte=edition.starts_on
    ).exclude(pk=edition.pk)
    if edition.ends_on is not None:
        later = later.filter(starts_on__lte=edition.ends_on)
    if (other := later.order_by("starts_on").first()) is not None:
        raise DomainError(
            _("%(other)s begins on a day of this edition; end this one before, or let it begin after that day."),
            other=str(other),
        )


def _first_day(edition: Edition) -> datetime.date:
    """The first day on which any part counts: credits, say, may begin before their instrument."""
    return edition_by_hash(edition.content_hash).days_of_change()[0]


def reached(edition: Edition) -> list[Reached]:
    """What was settled already on days of the edition, by kind."""
    rules = edition_by_hash(edition.content_hash)
    found = []
    for settled in _settled:
        if rules.has(settled.part):
            first = rules.whole()[settled.part].get("starts_on", rules.starts_on)
            count = settled.within(edition.area_id, edition.scheme, first, edition.ends_on)
            if count:
                found.append(Reached(settled, first, count))
    return found


def _recorded(action: str, edition: Edition, actor: Staff, now: datetime.datetime, **detail: object) -> Edition:
    audit.record(
        action,
        actor=actor,
        now=now,
        subject=edition,
        whole=True,
        document=edition.document,
        content_hash=edition.content_hash,
        **detail,
    )
    return edition
