"""What the rosters of a month bring: changes, contributions, families, choices, stays, visits; and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import gettext as _

from bureau.rules.periods import ONE_DAY, last_day, next_month_start
from demo import files, money
from demo.acts import Stage
from demo.city import City
from demo.people import Person, Tie
from demo.places import Place
from demo.visits import Bill, Month
from institutions.models import Institution
from institutions.services.places import set_level
from institutions.services.selection import end_selections_of_departed


def changes(stage: Stage, city: City, first: date) -> None:
    """New members, and the changes that the month begins with; deaths of the month before are learnt now."""
    new = [person for person in city.members if person.listed_on == first]
    if new:
        enrol(stage, new, f"新参保人员{first:%Y%m}")
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
        stage.load("changes", f"增减变动{first:%Y%m}.csv", files.changes(rows, stage.profile).csv())
    if periods:
        content = files.benefit_changes(periods, stage.profile).csv()
        stage.load("benefit_periods", f"待遇起止变更{first:%Y%m}.csv", content)
    ended = end_selections_of_departed(area_id=stage.area.pk, on=stage.day, actor=stage.office.clerk, now=stage.at(11))
    if ended:
        stage.say(_("Choices ended of members who died or left: %(count)d"), count=ended)
    stopped = [
        (person, first.replace(month=person.unpaid[0]), last_day(first.year, person.unpaid[1]), "单位欠费")
        for person in city.members
        if person.unpaid and first.month == (person.unpaid[0] if _punctual(person) else person.unpaid[1] + 1)
    ]
    if stopped:
        content = files.suspensions(stopped, stage.profile).csv()
        stage.load("suspensions", f"暂停待遇名单{first:%Y%m}.csv", content)


def _punctual(person: Person) -> bool:
    """Whether arrears are on a list when they begin, or only learnt when they end."""
    return int(person.number) % 2 == 0


def contributions(stage: Stage, city: City, first: date) -> None:
    """The month's contributions, arrears that are paid up, and what a larger base adds."""
    paid_on = first.replace(day=9)
    rows = []
    for person in city.members:
        if not person.base or not person.enrolled(first) or person.class_on(first) == "retired":
            continue
        if person.unpaid and first.year == stage.profile.year and person.unpaid[0] <= first.month <= person.unpaid[1]:
            continue
        rows.append((person, first, person.base, "正常缴费", paid_on))
    encoding = "gb18030" if first.month == 3 else "utf-8-sig"
    stage.load("contributions", f"缴费到账{first:%Y%m}.csv", files.contributions(rows, stage.profile).csv(encoding))
    late = []
    for person in city.members if first.year == stage.profile.year else ():
        if person.unpaid and first.month == person.unpaid[1] + 2 and int(person.number) % 5:
            for number in range(person.unpaid[0], person.unpaid[1] + 1):
                late.append((person, first.replace(month=number), person.base, "补缴", paid_on))
        if person.late_base and first.month == 9 and person.enrolled_on < stage.profile.new_year:
            for number in range(4, 8):
                late.append((person, first.replace(month=number), person.late_base - person.base, "补差", paid_on))
    if late:
        stage.load("contributions", f"补缴补差{first:%Y%m}.csv", files.contributions(late, stage.profile).csv())


def families(stage: Stage, city: City, first: date, before: date) -> None:
    """Once a month: relatives new on the roster since the last time, the grants that holders ask for, and what the
    accounts then pay."""
    ties = [tie for tie in city.people.ties if tie.since <= stage.day and _alive(tie, stage.day)]
    new = [tie for tie in ties if before < tie.since]
    if new:
        stage.load("relatives", f"共济近亲属备案{first:%Y%m}.csv", files.relatives(new).csv())
    money.grant(stage, [tie for tie in ties if tie.granted_on and before < tie.granted_on <= stage.day])
    money.use(stage, [tie for tie in ties if tie.granted_on and tie.granted_on <= stage.day], first)


def _alive(tie: Tie, day: date) -> bool:
    return all(person.dies_on is None or person.dies_on > day for person in (tie.holder, tie.relative))


def places_of_care(stage: Stage, city: City, month: Month) -> None:
    """First choices in the year, changes of clinic and referrals of the month."""
    first, end = month.first, last_day(month.first.year, month.first.month)
    rows = []
    for person in city.members:
        if person.choice is None or person.chooses_on is None:
            continue
        if first <= person.chooses_on <= end and person.chooses_on != stage.profile.new_year:
            rows.append((person, person.choice, person.chooses_on, "年内选点", ""))
        if person.returns_on == first and person.chooses_on < first:
            rows.append((person, person.place(first), first + timedelta(days=3), "", ""))
        for moved_on, place in person.moves:
            if first <= moved_on <= end and person.enrolled(moved_on):
                rows.append((person, place, moved_on, "年内变更", "居住地迁移"))
    if rows:
        rows.sort(key=lambda row: row[2])
        selections(city, rows, stage.profile.year, f"年内选点改点{first:%Y%m}.csv")(stage)
    if month.referrals:
        stage.load("referrals", f"转诊登记{first:%Y%m}.csv", files.referrals(month.referrals).csv())


def stays(stage: Stage, city: City, first: date) -> None:
    """Who was in hospital in the month. Where the rules have no bar on it, the roster is kept all the same."""
    rows = []
    for person in city.members:
        admitted_on = first + timedelta(days=int(person.number) * 7 % 20)
        if int(person.number) % 89 == first.month and person.enrolled(admitted_on + timedelta(days=9)):
            near = [place for place in city.places.hospitals if place.county == person.county]
            rows.append((person, near[0], admitted_on, admitted_on + timedelta(days=3 + int(person.number) % 6)))
    if rows:
        stage.load("hospital_stays", f"住院登记{first:%Y%m}.csv", files.hospital_stays(rows).csv())


def inpatient_uses(stage: Stage, city: City, first: date) -> None:
    """What the pooled fund paid in hospital: it counts against the fund's own yearly limit."""
    every = round(12 / stage.profile.inpatient_use)
    rows = []
    for person in city.members:
        number = int(person.number)
        if number % every == first.month and person.enrolled(first):
            amount = 800_000 + number * 7919 % 5_300_000
            rows.append((person, f"ZY{first:%y%m}{number % 10**7:07d}", first + timedelta(days=number % 27), amount))
    if rows:
        stage.load("other_uses", f"住院统筹支付{first:%Y%m}.csv", files.other_uses(rows, stage.profile).csv())


@dataclass(frozen=True, slots=True)
class Sent:
    """The file in which one institution sends in the bills of a month, its stations' among them."""

    sender: Place
    bills: list[Bill]
    careless: bool
    late: bool

    def load(self, stage: Stage, first: date) -> None:
        name = f"门诊结算{first:%Y%m}_{self.sender.name}.csv"
        content = files.visits(self.bills, careless=self.careless).csv()
        stage.load("visits", name, content, hour=stage.hour)


def sent(city: City, month: Month) -> list[Sent]:
    """The files of a month: pharmacies' last, since what they fill was written elsewhere.

    The clearing body sends the bills of care elsewhere. Now and then one forgets, and sends its file in the next month.
    """
    by_sender: dict[Place, list[Bill]] = {}
    for bill in month.bills:
        by_sender.setdefault(city.places.clearing if bill.place.away else bill.place.payee, []).append(bill)
    asked = {bill.prescriber.payee for bill in month.bills if bill.prescriber}
    senders = [place for place in city.places.all if place in by_sender]
    senders.sort(key=lambda place: place.level is None)
    return [
        Sent(
            sender=place,
            bills=by_sender[place],
            careless=(number + month.first.month) % 6 == 0,
            late=(number + month.first.month) % 19 == 0 and place.level == 1 and place not in asked,
        )
        for number, place in enumerate(senders)
    ]


def raise_level(stage: Stage, city: City) -> None:
    """In the middle of the year a county's hospital is paid at another level."""
    place = [place for place in city.places.hospitals if place.level == 2][-1]
    set_level(
        institution=Institution.objects.get(code=place.code),
        level=3,
        starts_on=stage.day,
        actor=stage.office.clerk,
        now=stage.at(),
    )
    stage.say(_("%(name)s is paid at level %(level)d from now on"), name=place.name, level=3)


def mishaps(stage: Stage, city: City, first: date) -> None:
    """A file that comes twice, and one that was the wrong one."""
    if first.month == 2:
        rows = [
            (person, first, person.base, "正常缴费", first.replace(day=9))
            for person in city.members[:400]
            if person.base and person.enrolled(first) and person.class_on(first) != "retired"
        ]
        table = files.contributions(rows, stage.profile)
        name = f"缴费到账{first:%Y%m}"
        stage.load("contributions", f"{name}重发.csv", table.csv("gb18030"))
        stage.load("contributions", f"{name}再重发.csv", table.csv("gb18030"))
        return
    doubted = [person for person in city.members[:60] if person.enrolled(first) and not person.unpaid]
    wrong = [(person, first, None, "名单有误") for person in doubted]
    content = files.suspensions(wrong, stage.profile).csv()
    stage.undo(stage.load("suspensions", "暂停待遇名单（发错）.csv", content, hour=21))


# Files


def selections(
    city: City, rows: list[tuple[Person, Place, date, str, str]], year: int, name: str
) -> Callable[[Stage], None]:
    def load(stage: Stage) -> None:
        stage.load("selections", name, files.selections(rows, year, stage.profile, city.places.stations).csv())

    return load


def enrol(stage: Stage, people: list[Person], name: str) -> None:
    stage.load("members", f"{name}.csv", files.members(people, stage.profile).csv())
    stage.load("benefit_periods", f"{name}待遇.csv", files.benefit_periods(people, stage.profile).csv())
