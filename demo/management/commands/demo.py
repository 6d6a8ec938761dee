"""`manage.py demo`: synthetic cities live a year through the same files and services that staff use."""

import datetime
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

from celery import current_app
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count
from django.utils.translation import gettext as _

from bureau.clock import SHANGHAI
from bureau.jobs import services as jobs
from bureau.models import Job
from bureau.rules.periods import ONE_DAY, last_day, next_month_start
from demo import profile, side_by_side
from demo.acts import Stage
from demo.city import build
from demo.profile import Profile
from demo.staff import ADMINISTRATORS, PASSWORD, USERS, Office, install, open_office, user_name
from demo.year import Act, story
from settlement.models import Visit
from settlement.queries.proofs.books import check_books

TODAY = datetime.date(2027, 1, 20)
KIND = "demo"


class Command(BaseCommand):
    help = "Lives a year in each synthetic city. What has been lived is found again and not lived twice."

    def add_arguments(self, parser) -> None:
        cities = profile.names()
        parser.add_argument("--city", action="append", choices=cities, help=_("this city alone; may be repeated"))
        parser.add_argument("--members", type=int, help=_("so many in each city"))
        parser.add_argument("--today", type=datetime.date.fromisoformat, default=TODAY, metavar="YYYY-MM-DD")

    def handle(self, *args, city: list[str] | None, members: int | None, today: datetime.date, **options) -> None:
        if members is not None and not 100 <= members <= 1_000_000:
            raise CommandError(_("A city has between 100 and 1,000,000 members."))
        started = time.monotonic()
        install()
        cities = [name for name in profile.names() if city is None or name in city]
        if len(cities) > 1:
            clean = side_by_side.live(cities, members, today, self._tell)
            self._introduce(cities)
        else:
            with _no_worker_called():
                clean = self._show(profile.load(cities[0]), members, today)
            if options["verbosity"]:
                self._introduce(cities)
        took = {"today": today, "seconds": time.monotonic() - started}
        self._tell(_("Today is %(today)s. It took %(seconds)d s.") % took)
        if not clean:
            raise CommandError(_("The books do not agree."))

    def _show(self, city: Profile, members: int | None, today: datetime.date) -> bool:
        """Live what has not been lived and prove the books. Returns whether they agree."""
        members = members or city.members
        staff = open_office(city, datetime.datetime.combine(city.opening, datetime.time(8), SHANGHAI))
        self._require_same_city(staff, members, city.seed)
        facts = {"city": city.edition.name, "members": members, "seed": city.seed}
        self._tell(_("A synthetic city: %(city)s, %(members)d members, seed %(seed)d") % facts)
        lived = self._live(Stage(city, staff, self._tell, city.opening), members, today)
        return not lived or self._prove(staff)

    def _introduce(self, cities: list[str]) -> None:
        self._tell(_("Sign in at /admin/ with the password %(password)s as") % {"password": PASSWORD})
        for name in cities:
            city = profile.load(name)
            for _role, username, label in USERS:
                self._tell(f"  {user_name(city, username):<20} {city.edition.name} {label}")
        for _role, username, label in ADMINISTRATORS:
            self._tell(f"  {username:<20} {label}")

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _require_same_city(self, staff: Office, members: int, seed: int) -> None:
        first = Job.objects.filter(kind=KIND, area=staff.area).order_by("pk").first()
        if first is not None and (first.params["members"], first.params["seed"]) != (members, seed):
            raise CommandError(
                _("These data hold a city of %(members)d members with seed %(seed)d; use another data folder.")
                % {"members": first.params["members"], "seed": first.params["seed"]}
            )

    def _live(self, stage: Stage, members: int, today: datetime.date) -> bool:
        """Live the days that have not been lived, month by month; a job marks how far the story has come.

        Returns whether anything was left to live.
        """
        city = stage.profile
        begin = f"{KIND} {city.name} "
        marks = Job.objects.filter(kind=KIND, area=stage.area, status=Job.Status.DONE).values_list("key", flat=True)
        lived = max((key.removeprefix(begin) for key in marks), default="")
        acts: list[Act] = []
        for first, last in _months(city.opening, min(today, last_day(city.year + 1, 1))):
            self._tell(f"{first:%Y-%m}")
            if last.isoformat() <= lived:
                self._tell("  " + _("has been lived already"))
                continue
            acts = acts or story(build(city, members, city.seed))
            gc.freeze()  # the city stays for the whole story; collecting it again and again would cost minutes
            started = time.monotonic()
            for act in acts:
                if first <= act.day <= last and act.day.isoformat() > lived:
                    stage.day, stage.hour = act.day, act.hour
                    act.do(stage)
            stage.day = last
            stage.say(_("The month took %(seconds).1f s"), seconds=time.monotonic() - started)
            job = jobs.create_job(
                kind=KIND,
                key=f"{begin}{last}",
                area_id=stage.area.pk,
                params={"members": members, "seed": city.seed},
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
    """The first and last day of each month, the first cut at its beginning and the last at today."""
    while first <= today:
        following = next_month_start(first)
        yield first, min(following - ONE_DAY, today)
        first = following
