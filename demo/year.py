"""The story: from the autumn of 2025 to January 2027, as acts of staff on their days."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import gettext as _

from bureau.rules.periods import ONE_DAY, last_day, next_month_start
from demo import desk, files, money
from demo.acts import Stage
from demo.office import found, publish
from demo.people import NEW_YEAR, YEAR, People, Person, Tie
from demo.places import Place, Places
from demo.visits import Month
from institutions.models import Institution
from institutions.services.places import set_level
from institutions.services.selection import end_selections_of_departed
from institutions.services.windows import open_and_close_windows

OPENING = date(2025, 9, 1)
NEXT_YEAR = date(YEAR + 1, 1, 1)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that staff do on a day at an hour."""

    day: date
    hour: int
    do: Callable[[Stage], None]


@dataclass(frozen=True, slots=True)
class City:
    """Everything that the seed has made."""

    people: People
    places: Places
    months: list[Month]

    @property
    def members(self) -> list[Person]:
        return self.people.members


def story(city: City) -> list[Act]:
    """All acts in the order of their days and hours."""
    acts = [*_autumn(city), *_new_year(city)]
    for month in city.months:
        acts += _month(city, month)
    acts += _next_selection(city)
    acts += _january_after(city)
    return sorted(acts, key=lambda act: (act.day, act.hour))


# Before the year: places, people, choices


def _autumn(city: City) -> Iterator[Act]:
    old = [person for person in city.members if person.enrolled_on < OPENING]

    def begin(stage: Stage) -> None:
        found(stage, city.places)
        stage.load("employers", "参保单位.csv", files.employers(city.people.employers).csv())
        open_windows(stage)

    yield Act(OPENING, 9, begin)
    yield Act(OPENING, 14, lambda stage: _enrol(stage, old, "参保人员花名册"))
    by_request: dict[date, list] = {}
    for person in city.members:
        if person.choice is not None and person.chooses_on == NEW_YEAR:
            asked_on = OPENING + timedelta(days=int(person.number) * 37 % 121)
            by_request.setdefault(last_day(asked_on.year, asked_on.month), []).append(
                (person, person.choice, asked_on, "集中选点", "")
            )
    for day, rows in sorted(by_request.items()):
        yield Act(day, 16, _selections(rows, YEAR, f"选点名册{day:%Y%m}.csv"))
    away = [person for person in city.members if person.away and person.registered]
    registered = files.registrations(away).csv()
    yield Act(date(2025, 12, 18), 10, lambda stage: _load(stage, "out_of_area", "异地就医备案.csv", registered))
    # The relatives come as a workbook with a title above its headings.
    ties = [tie for tie in city.people.ties if tie.since < NEW_YEAR]
    book = files.relatives(ties).xlsx("家庭共济近亲属备案表")
    yield Act(date(2025, 12, 20), 10, lambda stage: _load(stage, "relatives", "共济近亲属备案.xlsx", book))
    yield Act(date(2025, 12, 22), 10, lambda stage: publish(stage, YEAR))


def _new_year(city: City) -> Iterator[Act]:
    yield Act(NEW_YEAR, 8, open_windows)
    yield Act(NEW_YEAR, 9, lambda stage: money.take_over_balances(stage, city.members))
    used = [
        (person, 8_000 + int(person.number) * 97 % 150_000)
        for person in city.members[::40]
        if person.enrolled_on < OPENING
    ]
    yield Act(
        date(YEAR, 1, 4),
        9,
        lambda stage: _load(stage, "opening", "2025年统筹累计.csv", files.opening_use(used, YEAR - 1).csv()),
    )


# A month


def _month(city: City, month: Month) -> Iterator[Act]:
    first = month.first
    end = last_day(first.year, first.month)
    yield Act(first + ONE_DAY, 9, lambda stage: _changes(stage, city, first))
    if first.month == 7:
        yield Act(first, 8, lambda stage: _raise_level(stage, city))
    yield Act(first.replace(day=6), 9, lambda stage: money.pay_runs(stage, "advance", first))
    if first.month > 1:
        before = (first - ONE_DAY).replace(day=1)
        yield Act(first.replace(day=10), 9, lambda stage: money.pay_runs(stage, "items", before))
    yield Act(first.replace(day=12), 9, lambda stage: _contributions(stage, city, first))
    yield Act(first.replace(day=15), 9, lambda stage: money.credit(stage, first))
    yield Act(first.replace(day=20), 9, lambda stage: money.pay_out(stage, city.members, first))
    for bill in month.at_desk:
        yield Act(bill.care_on, bill.settled_at.hour, lambda stage, bill=bill: desk.settle(stage, bill))
    for bill in month.taken_back_at_desk:
        day = min(bill.care_on + ONE_DAY, end)
        yield Act(day, 18, lambda stage, bill=bill: desk.take_back(stage, bill))
    yield Act(first.replace(day=27), 9, lambda stage: _families(stage, city, first))
    yield Act(end, 18, lambda stage: _places_of_care(stage, city, month))
    yield Act(end, 19, lambda stage: _visits(stage, city, month))
    if first.month in (2, 6):
        yield Act(end, 21, lambda stage: _mishaps(stage, city, first))
    if first.month in (3, 6, 9, 12):
        yield Act(end, 10, lambda stage: _stays(stage, city, first))
        yield Act(end, 22, lambda stage: desk.look_back(stage, city.members, first))


def _changes(stage: Stage, city: City, first: date) -> None:
    """New members, and the changes that the month begins with; deaths of the month before are learnt now."""
    new = [person for person in city.members if OPENING <= person.enrolled_on == first]
    if new:
        _enrol(stage, new, f"新参保人员{first:%Y%m}")
    rows = []
    periods = []
    for person in city.members:
        if person.retires_on == first:
            rows.append((person, "退休", first, "达到法定退休年龄"))
        if person.leaves_on == first:
            rows.append((person, "停保", first, "离职"))
            periods.append((person, person.enrolled_on, first - ONE_DAY))
        if person.returns_on == first:
            rows.append((person, "续保", first, "重新就业"))
            periods.append((person, first, None))
        if person.dies_on and next_month_start(person.dies_on) == first:
            rows.append((person, "死亡", person.dies_on, "死亡"))
    if rows:
        _load(stage, "changes", f"增减变动{first:%Y%m}.csv", files.changes(rows).csv())
    if periods:
        _load(stage, "benefit_periods", f"待遇起止变更{first:%Y%m}.csv", files.benefit_changes(periods).csv())
    ended = end_selections_of_departed(area_id=stage.area.pk, on=stage.day, actor=stage.office.clerk, now=stage.at(11))
    if ended:
        stage.say(_("Choices ended of members who died or left: %(count)d"), count=ended)
    stopped = [
        (person, first.replace(month=person.unpaid[0]), last_day(first.year, person.unpaid[1]), "单位欠费")
        for person in city.members
        if person.unpaid and first.month == (person.unpaid[0] if _punctual(person) else person.unpaid[1] + 1)
    ]
    if stopped:
        _load(stage, "suspensions", f"暂停待遇名单{first:%Y%m}.csv", files.suspensions(stopped).csv())


def _punctual(person: Person) -> bool:
    """Whether arrears are on a list when they begin, or only learnt when they end."""
    return int(person.number) % 2 == 0


def _contributions(stage: Stage, city: City, first: date) -> None:
    """The month's contributions, arrears that are paid up, and what a larger base adds."""
    paid_on = first.replace(day=9)
    rows = []
    for person in city.members:
        if not person.base or not person.enrolled(first) or person.class_on(first) == "retired":
            continue
        if person.unpaid and first.year == YEAR and person.unpaid[0] <= first.month <= person.unpaid[1]:
            continue
        rows.append((person, first, person.base, "正常缴费", paid_on))
    encoding = "gb18030" if first.month == 3 else "utf-8-sig"
    _load(stage, "contributions", f"缴费到账{first:%Y%m}.csv", files.contributions(rows).csv(encoding))
    late = []
    for person in city.members if first.year == YEAR else ():
        if person.unpaid and first.month == person.unpaid[1] + 2 and int(person.number) % 5:
            for number in range(person.unpaid[0], person.unpaid[1] + 1):
                late.append((person, first.replace(month=number), person.base, "补缴", paid_on))
        if person.late_base and first.month == 9 and person.enrolled_on < NEW_YEAR:
            for number in range(4, 8):
                late.append((person, first.replace(month=number), person.late_base - person.base, "补差", paid_on))
    if late:
        _load(stage, "contributions", f"补缴补差{first:%Y%m}.csv", files.contributions(late).csv())


def _families(stage: Stage, city: City, first: date) -> None:
    """Once a month: relatives new on the roster, the grants that holders ask for, and what the accounts then pay."""
    before = max(NEW_YEAR - ONE_DAY, (first - ONE_DAY).replace(day=stage.day.day))
    ties = [tie for tie in city.people.ties if tie.since <= stage.day and _alive(tie, stage.day)]
    new = [tie for tie in ties if before < tie.since]
    if new:
        _load(stage, "relatives", f"共济近亲属备案{first:%Y%m}.csv", files.relatives(new).csv())
    money.grant(stage, [tie for tie in ties if tie.granted_on and before < tie.granted_on <= stage.day])
    money.use(stage, [tie for tie in ties if tie.granted_on and tie.granted_on <= stage.day], first)


def _alive(tie: Tie, day: date) -> bool:
    return all(person.dies_on is None or person.dies_on > day for person in (tie.holder, tie.relative))


def _places_of_care(stage: Stage, city: City, month: Month) -> None:
    """First choices in the year, changes of clinic and referrals of the month."""
    first, end = month.first, last_day(month.first.year, month.first.month)
    rows = []
    for person in city.members:
        if person.choice is None or person.chooses_on is None:
            continue
        if first <= person.chooses_on <= end and person.chooses_on != NEW_YEAR:
            rows.append((person, person.choice, person.chooses_on, "年内选点", ""))
        if person.returns_on == first and person.chooses_on < first:
            rows.append((person, person.place(first), first + timedelta(days=3), "", ""))
        for moved_on, place in person.moves:
            if first <= moved_on <= end and person.enrolled(moved_on):
                rows.append((person, place, moved_on, "年内变更", "居住地迁移"))
    if rows:
        rows.sort(key=lambda row: row[2])
        _selections(rows, YEAR, f"年内选点改点{first:%Y%m}.csv")(stage)
    if month.referrals:
        _load(stage, "referrals", f"转诊登记{first:%Y%m}.csv", files.referrals(month.referrals).csv())


def _stays(stage: Stage, city: City, first: date) -> None:
    """Who was in hospital in the month. This city's rules have no bar on it; the roster is kept all the same."""
    rows = []
    for person in city.members:
        admitted_on = first + timedelta(days=int(person.number) * 7 % 20)
        if int(person.number) % 89 == first.month and person.enrolled(admitted_on + timedelta(days=9)):
            near = [place for place in city.places.hospitals if place.county == person.county]
            rows.append((person, near[0], admitted_on, admitted_on + timedelta(days=3 + int(person.number) % 6)))
    if rows:
        _load(stage, "hospital_stays", f"住院登记{first:%Y%m}.csv", files.hospital_stays(rows).csv())


def _visits(stage: Stage, city: City, month: Month) -> None:
    name = f"门诊结算{month.first:%Y%m}.csv"
    stage.load("visits", name, files.visits(month.bills).csv(), hour=20)
    stage.sum_up(month.first)


def _raise_level(stage: Stage, city: City) -> None:
    place = next(place for place in city.places.hospitals if place.name == "和平县和安医院")
    set_level(
        institution=Institution.objects.get(code=place.code),
        level=3,
        starts_on=stage.day,
        actor=stage.office.clerk,
        now=stage.at(),
    )
    stage.say(_("%(name)s is paid at level %(level)d from now on"), name=place.name, level=3)


def _mishaps(stage: Stage, city: City, first: date) -> None:
    """A file that comes twice, and one that was the wrong one."""
    if first.month == 2:
        rows = [
            (person, first, person.base, "正常缴费", first.replace(day=9))
            for person in city.members[:400]
            if person.base and person.enrolled(first) and person.class_on(first) != "retired"
        ]
        table = files.contributions(rows)
        name = f"缴费到账{first:%Y%m}"
        _load(stage, "contributions", f"{name}重发.csv", table.csv("gb18030"))
        _load(stage, "contributions", f"{name}再重发.csv", table.csv("gb18030"))
        return
    doubted = [person for person in city.members[:60] if person.enrolled(first) and not person.unpaid]
    wrong = [(person, first, None, "名单有误") for person in doubted]
    upload = stage.load("suspensions", "暂停待遇名单（发错）.csv", files.suspensions(wrong).csv(), hour=21)
    stage.undo(upload)


# The year after


def _next_selection(city: City) -> Iterator[Act]:
    yield Act(date(YEAR, 9, 1), 8, open_windows)
    yield Act(date(YEAR, 12, 22), 10, lambda stage: publish(stage, YEAR + 1))
    for number in (10, 11, 12):
        end = date(YEAR, number, calendar.monthrange(YEAR, number)[1])
        rows = []
        for person in city.members:
            asked_on = end - timedelta(days=int(person.number) * 13 % 28)
            if int(person.number) % 3 != number % 3 or int(person.number) % 11 == 0:
                continue
            place = person.place(NEXT_YEAR)
            if place is not None and person.enrolled(asked_on) and person.enrolled(NEXT_YEAR):
                rows.append((person, place, asked_on, "集中选点", ""))
        yield Act(end, 17, _selections(rows, YEAR + 1, f"选点名册{end:%Y%m}.csv"))


def _january_after(city: City) -> Iterator[Act]:
    first = NEXT_YEAR
    yield Act(first, 8, open_windows)
    yield Act(first.replace(day=4), 9, lambda stage: _changes(stage, city, first))
    yield Act(first.replace(day=6), 9, lambda stage: money.pay_runs(stage, "advance", first))
    yield Act(first.replace(day=11), 9, lambda stage: _contributions(stage, city, first))
    yield Act(first.replace(day=12), 9, lambda stage: money.pay_runs(stage, "year_end", NEW_YEAR))
    yield Act(first.replace(day=14), 9, lambda stage: money.cross_a_threshold(stage))
    yield Act(first.replace(day=15), 9, lambda stage: money.credit(stage, first))
    yield Act(first.replace(day=18), 9, lambda stage: money.pay_runs(stage, "items", date(YEAR, 12, 1)))
    yield Act(first.replace(day=19), 9, lambda stage: money.leave_for_staff(stage, city.members))


# Files


def _load(stage: Stage, kind: str, name: str, content: bytes):
    return stage.load(kind, name, content)


def _selections(rows: list[tuple[Person, Place, date, str, str]], year: int, name: str) -> Callable[[Stage], None]:
    return lambda stage: _load(stage, "selections", name, files.selections(rows, year).csv()) and None


def _enrol(stage: Stage, people: list[Person], name: str) -> None:
    _load(stage, "members", f"{name}.csv", files.members(people, stage.area.pk).csv())
    _load(stage, "benefit_periods", f"{name}待遇.csv", files.benefit_periods(people).csv())


def open_windows(stage: Stage) -> None:
    """What the nightly task does: open and close selection windows whose days have come."""
    opened, closed = open_and_close_windows(on=stage.day, actor=stage.office.clerk, now=stage.at(0))
    stage.tell_windows(opened, closed)
