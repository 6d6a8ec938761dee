"""The stage of the story: staff, the clock of its day, and what every act needs."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from bureau.clock import SHANGHAI
from bureau.jobs import services as jobs
from bureau.models import Area, Job, Upload
from bureau.rosters.undo import undo_upload
from bureau.rosters.uploads import load_upload, receive_upload
from demo.profile import Profile
from demo.staff import Office
from institutions.models import Institution, SelectionWindow
from members.identity import keyed_hash
from members.models import Member
from settlement.models import Visit
from settlement.services.rosters.visits import VISITS_JOB


@dataclass
class Stage:
    """Where the story is played: the city and its office, the day it has reached, and where it is told."""

    profile: Profile
    office: Office
    out: Callable[[str], None]
    day: datetime.date
    hour: int = 9  # of the act that is being done
    _latest: datetime.datetime | None = None
    _members: dict[str, int] = field(default_factory=dict)
    _institutions: dict[str, int] = field(default_factory=dict)

    @property
    def area(self) -> Area:
        return self.office.area

    def at(self, hour: int = 9, minute: int = 0) -> datetime.datetime:
        """A moment of the story's day, after every one that was asked for before: it says what was known to whom."""
        moment = datetime.datetime.combine(self.day, datetime.time(hour, minute), SHANGHAI)
        if self._latest is not None:
            moment = max(moment, self._latest + datetime.timedelta(milliseconds=1))
        self._latest = moment
        return moment

    def say(self, sentence: str, **facts: object) -> None:
        self.out(f"  {self.day:%m-%d}  {sentence % facts if facts else sentence}")

    # Rosters

    def load(self, kind: str, name: str, content: bytes, *, hour: int = 9) -> Upload:
        """A clerk loads a file; what is large is worked off at once, on the story's clock."""
        started = time.monotonic()
        now, clerk = self.at(hour), self.office.clerk
        upload = receive_upload(kind=kind, name=name, content=content, area=self.area, actor=clerk, now=now)
        known = upload.status != Upload.Status.RECEIVED
        upload = load_upload(upload, actor=clerk, now=now)
        if upload.status == Upload.Status.LOADING:
            for key in (f"upload {upload.pk}", f"{VISITS_JOB} {upload.pk}"):
                for job in Job.objects.filter(key=key):
                    self.work(job, hour=hour)
            upload.refresh_from_db()
        if known:
            self.say(_("%(name)s: this very file is loaded already"), name=name)
        elif upload.status == Upload.Status.REFUSED:
            self.say(_("%(name)s refused: %(problem)s"), name=name, problem=upload.problem)
        else:
            self.say(
                _("%(name)s: %(accepted)d accepted, %(unchanged)d known, %(rejected)d rejected (%(seconds).1f s)"),
                name=name,
                accepted=upload.accepted,
                unchanged=upload.unchanged,
                rejected=upload.rejected,
                seconds=time.monotonic() - started,
            )
        return upload

    def undo(self, upload: Upload) -> None:
        """The clerk takes an upload back."""
        undo_upload(upload, actor=self.office.clerk, now=self.at(23))
        self.say(_("%(name)s undone: it was the wrong file"), name=upload.name)

    def work(self, job: Job, *, hour: int = 9) -> None:
        """Do a job's chunks here and now, so that its effects carry the story's date."""
        moment = self.at(hour, 30)
        jobs.work(job.pk, clock=lambda: moment)
        job.refresh_from_db()
        if job.status != Job.Status.DONE:
            problems = list(job.chunks.exclude(problem="").values_list("problem", flat=True))
            raise RuntimeError(f"{job.key}: {job.status} {job.result} {problems}")

    # Numbers of what is recorded

    def member_ids(self, documents: Iterable[str]) -> dict[str, int]:
        """Members' numbers by the numbers of their documents; those that are not recorded are missing."""
        wanted = {document: keyed_hash(document) for document in documents if document not in self._members}
        if wanted:
            rows = Member.objects.filter(document_hash__in=list(wanted.values())).values_list("document_hash", "pk")
            found = {bytes(key): number for key, number in rows}
            self._members |= {document: found[key] for document, key in wanted.items() if key in found}
        return self._members

    def institution_id(self, code: str) -> int:
        if code not in self._institutions:
            self._institutions = dict(Institution.objects.values_list("code", "pk"))
        return self._institutions[code]

    # What is told of a month

    def tell_windows(self, opened: Sequence[SelectionWindow], closed: Sequence[SelectionWindow]) -> None:
        for window in opened:
            self.say(_("The selection window for %(year)d is open"), year=window.year)
        for window in closed:
            self.say(_("The selection window for %(year)d is closed"), year=window.year)

    def sum_up(self, first: datetime.date) -> None:
        """What was settled in a month, at the desk and from the file."""
        visits = Visit.objects.filter(
            area=self.area, settled_on__year=first.year, settled_on__month=first.month
        ).aggregate(
            count=Count("id", filter=Q(reverses=None)),
            reversals=Count("id", filter=Q(reverses__isnull=False)),
            refused=Count("id", filter=~Q(refusal="") & Q(reverses=None)),
            pooled=Sum("pooled", default=0),
            account=Sum("account", default=0),
            family=Sum("family", default=0),
            cash=Sum("cash", default=0),
        )
        self.say(
            _(
                "Visits: %(count)d settled, %(reversals)d reversed, %(refused)d refused by the fund;"
                " fund %(pooled)s, accounts %(account)s, relatives' accounts %(family)s, cash %(cash)s yuan"
            ),
            **{name: f"{value:,.2f}" if name in _AMOUNTS else value for name, value in visits.items()},
        )


_AMOUNTS = {"pooled", "account", "family", "cash"}
