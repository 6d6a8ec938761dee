"""The people of a city of the demonstration: who they are, where they work, who belongs to whom, what the year brings.

Everything follows from the seed. Names are put together from lists of characters, identity numbers from a county,
a day of birth and a running number, so that nobody here exists.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from bureau.identifiers.identity import with_check_digit
from bureau.rules.periods import next_month_start
from demo.days import retires_on
from demo.places import Place, Places
from demo.profile import County, Profile

MALE, FEMALE = "1", "2"
RETIREMENT_AGE = {MALE: 60, FEMALE: 55}  # before it rises month by month
OFTEN_ILL = 2.0  # visits a month that the sickest would like
SURNAMES = "李王张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗郑梁谢宋唐许邓韩冯曹彭曾肖田董袁潘蔡蒋余叶程苏魏吕丁钟廖赖丘古邹巫"
GIVEN = {
    MALE: ("伟强军建国志明文华永光辉德胜海涛俊杰浩宇家豪子轩启贤", "平勇斌峰龙生荣新民成林波刚鹏飞亮超凡然东升"),
    FEMALE: ("秀丽玉美雪春桂小月淑晓婉思雨慧欣嘉梓佩凤燕", "英芳娟敏静红梅兰霞玲珍琴婷怡琳萍莲洁云妹"),
}
LATE_DEATHS = ((11, 23), (12, 5), (12, 9), (12, 18))
TRADES = ["机械", "电子", "服饰", "食品", "建材", "物流", "水电", "农业", "矿泉水", "包装", "家具", "商贸", "制药"]
FORMS = ["有限公司", "股份有限公司", "厂", "实业有限公司"]
OFFICES = ["第一小学", "第三中学", "水务所", "市政管理所", "农技站", "文化馆", "档案馆", "公路养护中心"]


@dataclass(slots=True, eq=False)
class Employer:
    code: str
    name: str
    county: str


@dataclass(slots=True, eq=False)
class Person:
    """One person, and what is going to happen to them in the year."""

    number: str
    name: str
    document: str
    sex: str
    birth: date
    county: str
    phone: str
    enrolled_on: date
    person_class: str  # active, retired, retired_paying_monthly, flexible; empty for a relative who is not enrolled
    employer: Employer | None = None
    base: int = 0  # yuan a month
    balance: int = 0  # fen on the account when the year begins
    sickness: float = 0.0  # visits a month that this person would like, at an average place
    pays_with: str = "1"  # 个人账户使用标志
    plan: str = ""  # as a roster writes it
    large_claims: bool = False
    first_premium_on: date | None = None  # of a newborn
    away: tuple[str, str] | None = None  # kind and city of an out-of-area registration
    registered: bool = True  # someone away may have forgotten to register
    choice: Place | None = None  # where nobody chooses, where the person usually goes
    chooses_on: date | None = None
    moves: list[tuple[date, Place]] = field(default_factory=list)
    retires_on: date | None = None
    dies_on: date | None = None
    leaves_on: date | None = None
    returns_on: date | None = None
    late_base: int = 0  # a larger base that the employer makes good later
    unpaid: tuple[int, int] | None = None  # first and last month in arrears

    @property
    def listed_on(self) -> date:
        """When the bureau's roster has the person: a newborn's comes the month after the first premium."""
        return next_month_start(self.first_premium_on) if self.first_premium_on else self.enrolled_on

    def class_on(self, day: date) -> str:
        return "retired" if self.retires_on is not None and day >= self.retires_on else self.person_class

    def enrolled(self, day: date) -> bool:
        if day < self.enrolled_on or (self.dies_on is not None and day > self.dies_on):
            return False
        gone = self.leaves_on is not None and day >= self.leaves_on
        return not gone or (self.returns_on is not None and day >= self.returns_on)

    def place(self, day: date) -> Place | None:
        """Where the person may be treated on a day."""
        if self.choice is None or self.chooses_on is None or day < self.chooses_on:
            return None
        place = self.choice
        for moved_on, elsewhere in self.moves:
            if moved_on <= day:
                place = elsewhere
        return place


@dataclass(frozen=True, slots=True)
class Tie:
    """One line of the relatives roster: who the relative is to the holder of the account."""

    holder: Person
    relative: Person
    relation: str  # as the roster writes it
    since: date
    granted_on: date | None  # the day on which the holder lets the relative use the account


@dataclass(frozen=True, slots=True)
class People:
    members: list[Person]
    employers: list[Employer]
    ties: list[Tie]


class Registry:
    """Gives out numbers that are used once."""

    def __init__(self, rng: random.Random, profile: Profile):
        self.rng, self.profile = rng, profile
        self._documents: set[str] = set()
        self._members = 0

    def document(self, sex: str, birth: date, county: str) -> str:
        while True:
            running = self.rng.randrange(0, 500) * 2 + (sex == MALE)
            number = with_check_digit(f"{county}{birth:%Y%m%d}{running:03d}")
            if number not in self._documents:
                self._documents.add(number)
                return number

    def person(
        self, sex: str, birth: date, county: str, person_class: str, enrolled_on: date, surname: str = ""
    ) -> Person:
        rng = self.rng
        first, second = GIVEN[sex]
        given = rng.choice(second) if rng.random() < 0.2 else rng.choice(first) + rng.choice(second)
        self._members += 1
        return Person(
            number=f"{self.profile.prefix}{self._members:010d}",
            name=(surname or rng.choice(SURNAMES)) + given,
            document=self.document(sex, birth, county),
            sex=sex,
            birth=birth,
            county=county,
            # 199 0000 xxxx and its neighbours: none of these numbers answers
            phone=f"1990{self._members % 10**7:07d}",
            enrolled_on=enrolled_on,
            person_class=person_class,
        )


def settle(rng: random.Random, profile: Profile, places: Places, count: int) -> People:
    """`count` members with their employers, choices, relatives and what the year holds for each."""
    registry = Registry(rng, profile)
    employers = list(_employers(rng, profile, count)) if profile.has_accounts else []
    members = [_member(registry, employers) for _ in range(count)]
    for person in members:
        _fate(registry, places, person)
        _choose(rng, profile, places, person)
    # The smallest city, too, has some who die: in spring, in summer, and so late that their heirs wait at the end.
    old = (person for person in members if person.birth.year < profile.year - 60 and not person.moves)
    for person, day in zip(old, ((3, 14), (8, 21), *LATE_DEATHS), strict=False):
        person.dies_on = date(profile.year, *day)
    return People(members, employers, list(_families(registry, members)) if profile.has_accounts else [])


def _employers(rng: random.Random, profile: Profile, count: int) -> Iterator[Employer]:
    names = set()
    for number in range(1, max(8, count // 55) + 1):
        county = _county(rng, profile)
        if rng.random() < 0.2:
            name = county.name + rng.choice(OFFICES)
        else:
            word = rng.choice("恒瑞盛泰宏嘉源和信德") + rng.choice("达丰通安昌兴隆华")
            name = county.name + word + rng.choice(TRADES) + rng.choice(FORMS)
        if name not in names:
            names.add(name)
            yield Employer(f"{profile.prefix}D{number:05d}", name, county.code)


def _county(rng: random.Random, profile: Profile) -> County:
    return rng.choices(profile.counties, [county.people for county in profile.counties])[0]


def _day(rng: random.Random, first: date, last: date) -> date:
    return first + timedelta(days=rng.randrange((last - first).days + 1))


def _aged(rng: random.Random, year: int, youngest: int, oldest: int) -> date:
    """A day of birth that makes someone so old during the whole year."""
    return _day(rng, date(year - oldest, 1, 1), date(year - youngest - 1, 12, 31))


def _member(registry: Registry, employers: list[Employer]) -> Person:
    rng, profile = registry.rng, registry.profile
    kind = rng.choices(list(profile.classes), list(profile.classes.values()))[0]
    person = _resident(registry) if kind == "resident" else _employee(registry, kind, employers)
    person.sickness = min(person.sickness * profile.illness, OFTEN_ILL)
    if plans := profile.plans.get(kind):
        person.plan = rng.choices(list(plans), list(plans.values()))[0]
    person.large_claims = profile.large_claims > 0 and rng.random() < profile.large_claims
    return person


def _employee(registry: Registry, kind: str, employers: list[Employer]) -> Person:
    rng, year = registry.rng, registry.profile.year
    sex = MALE if rng.random() < 0.53 else FEMALE
    age = RETIREMENT_AGE[sex]
    if kind == "retired":
        oldest = age + min(30, int(rng.expovariate(1 / 9)) + 2)
        birth = _aged(rng, year, age, oldest)
        while retires_on(birth, age) > registry.profile.new_year:
            birth = _aged(rng, year, age, oldest)
        enrolled_on = _day(rng, date(2001, 1, 1), date(2012, 12, 31))
    elif kind == "retired_paying_monthly":
        birth = _aged(rng, year, 61, 62) if sex == MALE else _aged(rng, year, 50, 52)
        enrolled_on = _day(rng, date(2012, 1, 1), date(2020, 12, 31))
    else:
        birth = _aged(rng, year, 22, age - 2)
        start = max(date(2001, 1, 1), date(birth.year + 20, 1, 1))
        enrolled_on = _day(rng, start, date(year - 1, 6, 30))
    employer = rng.choice(employers) if kind == "active" else None
    near = employer is not None and rng.random() < 0.8
    county = employer.county if employer is not None and near else _county(rng, registry.profile).code
    person = registry.person(sex, birth, county, kind, enrolled_on)
    person.employer = employer
    if kind == "active":
        person.base = min(22_000, max(4_200, int(rng.lognormvariate(8.85, 0.38))))
    elif kind != "retired":
        person.base = 4_200 if rng.random() < 0.7 else 5_600
    months = min(60, (registry.profile.new_year - enrolled_on).days // 30)
    person.balance = int(months * (person.base or 5_000) * 2 * rng.uniform(0.0, 0.9))
    # Few are ill often and many hardly ever.
    often = {"retired": 1.22, "retired_paying_monthly": 0.8}.get(kind, 0.66)
    person.sickness = often * rng.gammavariate(1.3, 1 / 1.3)
    person.pays_with = "1" if rng.random() < 0.72 else "0"
    return person


def _resident(registry: Registry) -> Person:
    """Children, adults and old people of the residents' scheme, and those who are born in the year."""
    rng, profile = registry.rng, registry.profile
    year = profile.year
    sex = MALE if rng.random() < 0.5 else FEMALE
    county = _county(rng, profile).code
    if rng.random() < profile.newborns:
        birth = _day(rng, profile.new_year, date(year, 9, 30))
        person = registry.person(sex, birth, county, "resident", birth)
        # Most pay within six months and are covered from birth; the others from the month after they paid.
        late = rng.random() < 0.15
        paid_on = birth + timedelta(days=rng.randrange(195, 220) if late else rng.randrange(10, 150))
        person.first_premium_on = min(paid_on, date(year, 11, 25))
        if person.first_premium_on > birth + timedelta(days=190):
            person.enrolled_on = person.listed_on
    else:
        youngest, oldest = rng.choices([(1, 17), (18, 59), (60, 92)], [24, 48, 28])[0]
        birth = _aged(rng, year, youngest, oldest)
        person = registry.person(sex, birth, county, "resident", date(year - 1, 1, 1))
    age = year - birth.year
    person.sickness = (1.2 if age < 7 or age > 60 else 0.6) * rng.gammavariate(1.3, 1 / 1.3)
    person.pays_with = "0"
    return person


def _fate(registry: Registry, places: Places, person: Person) -> None:
    """At most one large thing happens to a person in the year."""
    rng, year = registry.rng, registry.profile.year
    chance = rng.random()
    active = person.person_class in ("active", "flexible")
    if person.first_premium_on is not None:
        return
    if active and chance < 0.020:
        age = RETIREMENT_AGE[person.sex]
        while person.retires_on is None or not date(year, 2, 1) <= person.retires_on <= date(year, 12, 1):
            person.birth = _day(rng, date(year - age - 1, 1, 1), date(year - age, 12, 31))
            person.retires_on = retires_on(person.birth, age)
        person.document = registry.document(person.sex, person.birth, person.county)
        person.sickness = min(person.sickness * 1.5, OFTEN_ILL)
    elif active and chance < 0.045:
        person.enrolled_on = date(year, rng.randrange(2, 12), 1)
        person.balance = 0
    elif active and chance < 0.060:
        person.leaves_on = date(year, rng.randrange(3, 11), 1)
        if rng.random() < 0.5:
            person.returns_on = date(year, min(12, person.leaves_on.month + rng.randrange(2, 5)), 1)
    elif person.person_class == "active" and chance < 0.075:
        first = rng.randrange(3, 8)
        person.unpaid = (first, first + rng.randrange(0, 3))
    elif person.person_class == "active" and chance < 0.085:
        person.late_base = person.base + rng.randrange(3, 25) * 100
    elif chance > (0.992 if person.birth.year < year - 60 else 0.9992):
        person.dies_on = _day(rng, date(year, 1, 20), date(year, 12, 10))
    elif 0.960 < chance < 0.980:
        city = rng.choice(list(places.elsewhere))
        kinds = ["异地安置退休人员"] if person.person_class == "retired" else ["常驻异地工作人员", "异地长期居住人员"]
        person.away = (rng.choice(kinds), city)
        person.registered = rng.random() < 0.8


def _choose(rng: random.Random, profile: Profile, places: Places, person: Person) -> None:
    year, new_year = profile.year, profile.new_year
    open_to = places.of_county(person.county)
    person.choice = rng.choices(open_to, [place.draw for place in open_to])[0]
    if not profile.chooses:
        person.chooses_on = person.enrolled_on
        return
    if person.enrolled_on >= new_year:
        person.chooses_on = person.enrolled_on + timedelta(days=rng.randrange(5, 25))
        if person.first_premium_on is not None:
            person.chooses_on = person.listed_on + timedelta(days=rng.randrange(5, 25))
    elif (chance := rng.random()) < 0.90:
        person.chooses_on = new_year
    elif chance < 0.97:
        person.chooses_on = _day(rng, date(year, 1, 5), date(year, 6, 28))
    else:
        person.choice = None
    moves_on = _day(rng, date(year, 3, 1), date(year, 11, 28))
    if person.choice and person.chooses_on < moves_on and rng.random() < 0.03:
        others = [place for place in open_to if place.payee is not person.choice.payee]
        person.moves.append((moves_on, rng.choices(others, [place.draw for place in others])[0]))


def _families(registry: Registry, members: list[Person]) -> Iterator[Tie]:
    """Couples, parents, brothers and sisters among the members, and children who are not enrolled."""
    rng, profile = registry.rng, registry.profile
    year, new_year = profile.year, profile.new_year
    workers = [person for person in members if person.person_class == "active" and person.enrolled_on < new_year]
    elders = [person for person in members if person.person_class == "retired"]
    for holder in rng.sample(workers, min(len(workers), len(members) // 20)):
        chance = rng.random()
        if chance < 0.45:
            relative, relation = rng.choice(elders), "父母"
            if relative.birth.year > holder.birth.year - 20:
                continue
        elif chance < 0.70:
            relative, relation = rng.choice(workers), "配偶"
            if relative.sex == holder.sex or abs(relative.birth.year - holder.birth.year) > 8:
                continue
        elif chance < 0.80:
            relative, relation = rng.choice(workers), "兄弟姐妹"
            near = relative is not holder and abs(relative.birth.year - holder.birth.year) <= 12
            if not near or "sibling" not in profile.relations:
                continue
        else:
            sex = MALE if rng.random() < 0.5 else FEMALE
            birth = _day(rng, date(year - 14, 1, 1), date(year - 3, 12, 31))
            relative = registry.person(sex, birth, holder.county, "", new_year, holder.name[0])
            relation = "子女"
        since = _day(rng, date(year - 1, 11, 1), date(year, 9, 30))
        granted_on = max(since, date(year, 1, 2)) if rng.random() < 0.7 else None
        yield Tie(holder, relative, relation, since, granted_on)
        if granted_on is not None and relative.person_class:
            relative.pays_with = "2"
