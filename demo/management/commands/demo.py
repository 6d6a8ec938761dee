"""`manage.py demo`: a synthetic city lives a year through the same files and services that staff use."""

import datetime
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from celery import current_app
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count
from django.utils.translation import gettext as _

from bureau.clock import SHANGHAI
from bureau.models import Job
from bureau.rules import edition as rules
from bureau.rules.periods import ONE_DAY, next_month_start
from bureau.services import jobs
from demo import office, people, places, visits
from demo.acts import Stage
from demo.staff import USERS, Office, open_office, password
from demo.year import OPENING, Act, City, story
from settlement.models import Visit
from settlement.queries.books import check_books

SEED = 4416
MEMBERS = 20_000
TODAY = datetime.date(2027, 1, 20)
KIND = "demo"


class Command(BaseCommand):
    help = "Lives a year in a synthetic city. What has been lived is found again and not lived twice."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--members", type=int, default=MEMBERS)
        parser.add_argument("--seed", type=int, default=SEED)
        parser.add_argument("--today", type=datetime.date.fromisoformat, default=TODAY, metavar="YYYY-MM-DD")

    def handle(self, *args, members: int, seed: int, today: datetime.date, **options) -> None:
        if not 100 <= members <= 1_000_000:
            raise CommandError(_("The city has between 100 and 1,000,000 members."))
        started = time.monotonic()
        with _no_worker_called():
            clean = self._show(members, seed, today)
        took = {"today": today, "seconds": time.monotonic() - started}
        self._tell(_("Today is %(today)s. It took %(seconds)d s.") % took)
        if not clean:
            raise CommandError(_("The books do not agree."))

    def _show(self, members: int, seed: int, today: datetime.date) -> bool:
        """Live what has not been lived, prove the books, say who may sign in. Returns whether the books agree."""
        edition = rules.load(office.texts())
        opening = datetime.datetime.combine(OPENING, datetime.time(8), SHANGHAI)
        staff = open_office(edition.area, edition.name, opening)
        self._require_same_city(members, seed)
        city = {"city": edition.name, "members": members, "seed": seed}
        self._tell(_("A synthetic city: %(city)s, %(members)d members, seed %(seed)d") % city)
        stage = Stage(staff, self._tell, OPENING)
        try:
            lived = self._live(stage, members, seed, today)
        finally:
            stage.close()
        clean = not lived or self._prove(staff)
        self._tell(_("Sign in at /admin/ as"))
        for _role, username, name in USERS:
            self._tell(f"  {username:<10} {password(username):<22} {name}")
        return clean

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _require_same_city(self, members: int, seed: int) -> None:
        first = Job.objects.filter(kind=KIND).order_by("pk").first()
        if first is not None and (first.params["members"], first.params["seed"]) != (members, seed):
            raise CommandError(
                _("These data hold a city of %(members)d members with seed %(seed)d; use another data folder.")
                % {"members": first.params["members"], "seed": first.params["seed"]}
            )

    def _live(self, stage: Stage, members: int, seed: int, today: datetime.date) -> bool:
        """Live the days that have not been lived, month by month; a job marks how far the story has come.

        Returns whether anything was left to live.
        """
        marks = Job.objects.filter(kind=KIND, status=Job.Status.DONE).values_list("key", flat=True)
        lived = max((key.removeprefix(f"{KIND} ") for key in marks), default="")
        acts: list[Act] = []
        for first, last in _months(OPENING, today):
            self._tell(f"{first:%Y-%m}")
            if last.isoformat() <= lived:
                self._tell("  " + _("has been lived already"))
                continue
            acts = acts or story(_city(members, seed))
            gc.freeze()  # the city stays for the whole story; collecting it again and again would cost minutes
            started = time.monotonic()
            for act in acts:
                if first <= act.day <= last and act.day.isoformat() > lived:
                    stage.day = act.day
                    act.do(stage)
            stage.day = last
            stage.say(_("The month took %(seconds).1f s"), seconds=time.monotonic() - started)
            job = jobs.create_job(
                kind=KIND,
                key=f"{KIND} {last}",
                area_id=stage.area.pk,
                params={"members": members, "seed": seed},
                chunks=[],
                actor=stage.office.clerk,
                now=stage.at(23, 59),
            )
            stage.work(job, hour=23)
        return bool(acts)

    def _prove(self, staff: Office) -> bool:
        numbers = Visit.objects.filter(area=staff.area).aggregate(visits=Count("id"), reversals=Count("reverses"))
        self._tell(_("Visits: %(visits)d, of them %(reversals)d reversals") % numbers)
        clean = True
        for proof in check_books(staff.area.pk):
            clean = clean and not proof.wrong
            self._tell(
                _("  %(question)s: %(asked)d looked at, %(wrong)d wrong")
                % {"question": proof.question, "asked": proof.asked, "wrong": proof.wrong}
            )
            for line in proof.shown if proof.wrong else ():
                self._tell(f"    {line}")
        return clean


@contextmanager
def _no_worker_called() -> Iterator[None]:
    """The story does its jobs itself, on its own clock; workers stand on today's."""
    before = current_app.conf.broker_write_url
    current_app.conf.broker_write_url = "memory://"
    try:
        yield
    finally:
        current_app.conf.broker_write_url = before


def _months(first: datetime.date, today: datetime.date) -> Iterator[tuple[datetime.date, datetime.date]]:
    """The first and last day of each month, the last month cut at today."""
    while first <= today:
        following = next_month_start(first)
        yield first, min(following - ONE_DAY, today)
        first = following


def _city(members: int, seed: int) -> City:
    rng = Random(f"{seed} city")
    found = places.found(rng)
    settled = people.settle(rng, found, members)
    return City(settled, found, visits.of_year(seed, settled, found))
