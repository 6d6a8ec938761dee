"""The story: from the autumn before the year to the January after it, as acts of staff on their days.

What the rules know of is done: a city without accounts has no credits, one that settles months has no advances.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from bureau.rules.periods import ONE_DAY, last_day, next_month_start
from demo import claims, desk, files, money, months, returns, runs
from demo.acts import Stage
from demo.city import City
from demo.days import at_work
from demo.office import found, publish
from demo.visits import Month
from institutions.services.windows import open_and_close_windows


@dataclass(frozen=True, slots=True)
class Act:
    """Something that staff do on a day at an hour."""

    day: date
    hour: int
    do: Callable[[Stage], None]


def story(city: City) -> list[Act]:
    """All acts in the order of their days and hours."""
    acts = [*_autumn(city), *_figures(city), *_new_year(city)]
    for month in city.months:
        acts += _month(city, month)
    if city.profile.chooses:
        acts += _next_selection(city)
    acts += _january_after(city)
    return sorted(acts, key=lambda act: (act.day, act.hour))


# Before the year: places, people, choices


def _autumn(city: City) -> Iterator[Act]:
    profile = city.profile
    before = profile.year - 1
    old = [person for person in city.members if person.listed_on < profile.new_year]

    def begin(stage: Stage) -> None:
        found(stage, city.places)
        if city.people.employers:
            stage.load("employers", "参保单位.csv", files.employers(city.people.employers).csv())
        open_windows(stage)

    yield Act(profile.opening, 9, begin)
    yield Act(profile.opening, 14, lambda stage: months.enrol(stage, old, "参保人员花名册"))
    if profile.chooses:
        yield from _first_choices(city)
    away = [person for person in city.members if person.away and person.registered]
    registered = files.registrations(away, profile).csv()
    yield Act(date(before, 12, 16), 10, lambda stage: stage.load("out_of_area", "异地就医备案.csv", registered))
    if "remote" in profile.roles:
        day = at_work(date(before, 12, 17))
        rows = [(person, city.places.elsewhere[person.away[1]], day, "", "") for person in away if person.away]
        yield Act(day, 10, months.selections(city, rows, profile.year, "异地选定医院.csv"))
    # The relatives come as a workbook with a title above its headings.
    ties = [tie for tie in city.people.ties if tie.since < profile.new_year]
    if ties:
        book = files.relatives(ties).xlsx("家庭共济近亲属备案表")
        yield Act(at_work(date(before, 12, 19)), 10, lambda stage: stage.load("relatives", "共济近亲属备案.xlsx", book))


def _first_choices(city: City) -> Iterator[Act]:
    profile = city.profile
    by_request: dict[date, list] = {}
    for person in city.members:
        if person.choice is not None and person.chooses_on == profile.new_year:
            asked_on = profile.opening + timedelta(days=int(person.number) * 37 % 121)
            by_request.setdefault(last_day(asked_on.year, asked_on.month), []).append(
                (person, person.choice, asked_on, "集中选点", "")
            )
    for day, rows in sorted(by_request.items()):
        yield Act(at_work(day), 16, months.selections(city, rows, profile.year, f"选点名册{day:%Y%m}.csv"))


def _figures(city: City) -> Iterator[Act]:
    count = len(city.members)
    for figure in city.profile.figures:
        yield Act(figure.on, 10, lambda stage, figure=figure: publish(stage, figure, count))


def _new_year(city: City) -> Iterator[Act]:
    profile = city.profile
    yield Act(profile.new_year, 8, open_windows)
    if profile.has_accounts:
        yield Act(profile.new_year, 9, lambda stage: money.take_over_balances(stage, city.members))
    if profile.opening_use:
        used = [
            (person, 8_000 + int(person.number) * 97 % 150_000)
            for person in city.members[::40]
            if person.enrolled_on < profile.opening
        ]
        before = profile.year - 1
        content = files.opening_use(used, before, profile).csv()
        yield Act(date(profile.year, 1, 4), 9, lambda stage: stage.load("opening", f"{before}年统筹累计.csv", content))


# A month


def _month(city: City, month: Month) -> Iterator[Act]:
    profile, first = city.profile, month.first
    end = last_day(first.year, first.month)

    def on(day: int) -> date:
        return at_work(first.replace(day=day))

    yield Act(on(2), 9, lambda stage: months.changes(stage, city, first))
    if first.month == 7:
        yield Act(on(1), 8, lambda stage: months.raise_level(stage, city))
    if "month_settlement" not in profile.runs and "advance" in profile.runs:
        yield Act(on(6), 9, lambda stage: runs.pay_runs(stage, "advance", first))
    if first.month > 1:
        yield from _payments(city, (first - ONE_DAY).replace(day=1))
    if profile.has_accounts:
        yield Act(on(12), 9, lambda stage: months.contributions(stage, city, first))
        yield Act(on(15), 9, lambda stage: money.credit(stage, first))
        yield Act(on(20), 9, lambda stage: money.pay_out(stage, city.members, first))
        before = at_work((first - ONE_DAY).replace(day=27)) if first.month > 1 else first - ONE_DAY
        yield Act(on(27), 9, lambda stage: months.families(stage, city, first, before))
        for bill in month.purchases:
            yield Act(bill.care_on, bill.settled_at.hour, lambda stage, bill=bill: money.buy(stage, bill))
    if profile.returns_due and first.month in (1, 7, 12):
        yield Act(on(22), 9, returns.extract)
    if first.month < 12 and (bills := claims.brought(city.months, first)):
        yield Act(on(24), 9, lambda stage: claims.handle(stage, bills))
    yield from _care(city, month)
    yield Act(end, 8, lambda stage: months.stays(stage, city, first))
    if profile.inpatient_use:
        yield Act(end, 8, lambda stage: months.inpatient_uses(stage, city, first))
    if profile.has_accounts and first.month in (2, 6):
        yield Act(end, 21, lambda stage: months.mishaps(stage, city, first))
    if first.month in (3, 6, 9, 12):
        yield Act(end, 22, lambda stage: desk.look_back(stage, city.members, first))


def _care(city: City, month: Month) -> Iterator[Act]:
    """Bills one by one at the desk, and what institutions send in on the last day, through the day; some come late."""
    first = month.first
    end = last_day(first.year, first.month)
    for bill in month.at_desk:
        yield Act(bill.care_on, bill.settled_at.hour, lambda stage, bill=bill: desk.settle(stage, bill))
    for bill in month.taken_back_at_desk:
        day = min(bill.care_on + ONE_DAY, end)
        yield Act(day, 18, lambda stage, bill=bill: desk.take_back(stage, bill))
    if city.profile.chooses:
        yield Act(end, 8, lambda stage: months.places_of_care(stage, city, month))
    files = months.sent(city, month)
    in_time = [file for file in files if not file.late]
    for number, file in enumerate(in_time):
        hour = 9 + number * 10 // len(in_time)
        yield Act(end, hour, lambda stage, file=file: file.load(stage, first))
    yield Act(end, 20, lambda stage: stage.sum_up(first))
    for file in files:
        if file.late:
            yield Act(_late_day(first), 11, lambda stage, file=file: file.load(stage, first))


def _late_day(first: date) -> date:
    """When late files of a month come: before its runs as a rule; in spring and autumn after them."""
    day = 17 if first.month in (3, 9) else 5
    return at_work(next_month_start(first).replace(day=day))


def _payments(city: City, month: date) -> Iterator[Act]:
    """What is paid for a month in the one after it; where institutions report, they do so before."""
    profile = city.profile
    paid_in = next_month_start(month)

    def on(day: int) -> date:
        return at_work(paid_in.replace(day=day))

    if profile.returns_due:
        in_time, late, reviewed = (at_work(day) for day in returns.due_days(month))
        yield Act(in_time, 10, lambda stage: returns.submit(stage, city.places, month, late=False))
        yield Act(late, 10, lambda stage: returns.submit(stage, city.places, month, late=True))
        yield Act(reviewed, 15, lambda stage: returns.review(stage, month))
    by_month = "month_settlement" in profile.runs
    if by_month:
        yield Act(on(10), 9, lambda stage: runs.pay_runs(stage, "month", month))
    # After a year, the by-item payments follow its settlement and carry what was learnt since.
    last = month.month == 12
    leave = last and profile.left == "items"
    yield Act(on(18 if last else 10), 10, lambda stage: runs.pay_runs(stage, "items", month, leave=leave))
    if month.month in (3, 9):
        kinds = ["month", "items"] if by_month else ["items"]
        yield Act(on(20), 10, lambda stage: runs.look_for_late_files(stage, kinds, month))


# The year after


def _next_selection(city: City) -> Iterator[Act]:
    year, next_year = city.profile.year, city.profile.next_year
    yield Act(date(year, 9, 1), 8, open_windows)
    for number in (10, 11, 12):
        end = date(year, number, calendar.monthrange(year, number)[1])
        rows = []
        for person in city.members:
            asked_on = end - timedelta(days=int(person.number) * 13 % 28)
            if int(person.number) % 3 != number % 3 or int(person.number) % 11 == 0:
                continue
            place = person.place(next_year)
            known = person.listed_on <= asked_on and person.enrolled(asked_on) and person.enrolled(next_year)
            if place is not None and known:
                rows.append((person, place, asked_on, "集中选点", ""))
        yield Act(at_work(end), 7, months.selections(city, rows, year + 1, f"选点名册{end:%Y%m}.csv"))


def _january_after(city: City) -> Iterator[Act]:
    profile, first = city.profile, city.profile.next_year

    def on(day: int) -> date:
        return at_work(first.replace(day=day))

    yield Act(first, 8, open_windows)
    yield Act(on(4), 9, lambda stage: months.changes(stage, city, first))
    if "month_settlement" not in profile.runs and "advance" in profile.runs:
        yield Act(on(6), 9, lambda stage: runs.pay_runs(stage, "advance", first))
    yield from _payments(city, date(profile.year, 12, 1))
    if profile.has_accounts:
        yield Act(on(11), 9, lambda stage: months.contributions(stage, city, first))
        yield Act(on(15), 9, lambda stage: money.credit(stage, first))
        yield Act(on(19), 9, lambda stage: money.leave_for_staff(stage, city.members))
    if "retention_release" in profile.runs:
        yield Act(on(11), 10, lambda stage: runs.assess(stage, city.places))
    if profile.runs & {"quota", "retention_release"}:
        leave = profile.left == "year_end"
        yield Act(on(12), 9, lambda stage: runs.pay_runs(stage, "year_end", profile.new_year, leave=leave))
    if profile.year_end_reversals:
        yield Act(on(14), 9, runs.cross_a_threshold)
    december = date(profile.year, 12, 1)
    if bills := [*claims.brought(city.months, december), *claims.brought(city.months, first)]:
        yield Act(on(19), 10, lambda stage: claims.leave_for_staff(stage, bills))


def open_windows(stage: Stage) -> None:
    """What the nightly task does: open and close selection windows whose days have come."""
    opened, closed = open_and_close_windows(on=stage.day, area=stage.area, actor=stage.office.clerk, now=stage.at(0))
    stage.tell_windows(opened, closed)
