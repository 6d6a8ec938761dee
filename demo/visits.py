"""Who falls ill when, where they go and what it costs: the bills that institutions send in, month by month."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import accumulate

from bureau.rules.periods import last_day
from demo.days import crowd
from demo.people import People, Person
from demo.places import Place, Places
from demo.profile import Profile

ORDINARY, EMERGENCY, CHRONIC, PHARMACY = "11", "13", "14", "41"
# Winter coughs and the weeks around the spring festival, by month.
SEASON = (1.14, 0.86, 1.04, 1.02, 0.97, 0.94, 0.96, 0.93, 0.95, 0.98, 1.06, 1.15)
CARDS = ("01", "01", "01", "02", "03", "03")


@dataclass(slots=True, eq=False)
class Bill:
    """One line of a visits roster. Amounts in fen."""

    key: str
    encounter: str
    person: Person
    place: Place
    care_on: date
    settled_at: datetime
    card: str
    med_type: str
    urgency: str = "0"
    prescriber: Place | None = None
    total: int = 0
    own_expense: int = 0
    over_limit: int = 0
    first_self: int = 0
    in_policy: int = 0
    general_fee: int = 0
    consultation_fee: int = 0
    other_funds: int = 0
    pays_with: str = "0"
    reverses: str = ""


@dataclass(frozen=True, slots=True)
class Referral:
    person: Person
    sender: Place
    receiver: Place
    starts_on: date
    ends_on: date


@dataclass(slots=True)
class Month:
    """What a month brings: bills for files and the desk, plain purchases at pharmacies, bills that members have paid
    and claim, and referrals that go before them."""

    first: date
    bills: list[Bill] = field(default_factory=list)
    at_desk: list[Bill] = field(default_factory=list)
    purchases: list[Bill] = field(default_factory=list)
    claimed: list[Bill] = field(default_factory=list)
    taken_back_at_desk: list[Bill] = field(default_factory=list)
    referrals: list[Referral] = field(default_factory=list)


def of_year(seed: int, profile: Profile, people: People, places: Places) -> list[Month]:
    """Twelve months of bills; those of a file are in the order in which they were settled."""
    year = [Month(date(profile.year, number, 1)) for number in range(1, 13)]
    later: list[Bill] = []
    for month in year:
        rng = random.Random(f"{seed} visits {month.first}")
        clinic = _Clinic(rng, profile, places, month, len(people.members))
        bills = [bill for person in people.members for bill in clinic.bills_of(person)]
        bills = clinic.set_purchases_apart(bills)
        bills = clinic.set_claims_apart(bills)
        reversals = list(clinic.reversals(bills))
        end = datetime.combine(last_day(profile.year, month.first.month), datetime.max.time())
        everything = bills + later + reversals
        month.bills = sorted(
            (bill for bill in everything if bill.settled_at <= end), key=lambda bill: (bill.settled_at, bill.key)
        )
        later = [bill for bill in everything if bill.settled_at > end]
        clinic.send_some_to_the_desk()
    return year


class _Clinic:
    """One month of care. Its numbers are unique in the year because the month is part of them."""

    def __init__(self, rng: random.Random, profile: Profile, places: Places, month: Month, members: int):
        self.rng, self.profile, self.places, self.month = rng, profile, places, month
        self.days = [month.first + timedelta(days=n) for n in range(last_day(profile.year, month.first.month).day)]
        self.crowds = list(accumulate(crowd(day) for day in self.days))
        self.season = SEASON[month.first.month - 1]
        self.at_desk = max(3, members // 800)
        self.count = 0

    def bills_of(self, person: Person) -> Iterator[Bill]:
        rng = self.rng
        middle = self.month.first.replace(day=15)
        place = person.place(middle)
        wanted = person.sickness * self.season * (place.visits if place else 0.4) * 0.985
        for _ in range(self._times(wanted)):
            [day] = rng.choices(self.days, cum_weights=self.crowds)
            if person.enrolled(day):
                yield from self._illness(person, day)
        dies_on = person.dies_on
        last_place = person.place(dies_on) if dies_on and dies_on.month == self.month.first.month else None
        if last_place is not None and dies_on.day < 26 and rng.random() < 0.4:
            # Someone used a dead man's card before the death was known.
            yield self._bill(person, last_place, dies_on + timedelta(days=2))

    def _times(self, mean: float) -> int:
        """How often something of this mean happens (Poisson)."""
        limit, product, times = math.exp(-mean), self.rng.random(), 0
        while product > limit:
            times += 1
            product *= self.rng.random()
        return times

    def _illness(self, person: Person, day: date) -> Iterator[Bill]:
        rng, profile = self.rng, self.profile
        home = person.place(day)
        chance = rng.random()
        strays = 0.010 + profile.elsewhere_visits
        if person.away is not None and chance < 0.75:
            yield self._bill(person, self.places.elsewhere[person.away[1]], day)
        elif chance < 0.012:
            day = rng.choice(self.days)  # accidents know no calendar
            if not person.enrolled(day):
                return
            everywhere = self.places.hospitals
            place = rng.choice(everywhere) if rng.random() < 0.9 else rng.choice(list(self.places.elsewhere.values()))
            yield self._bill(person, place, day, EMERGENCY, urgency="1")
        elif chance < 0.030 and profile.chooses and home is not None and home.level != 3:
            yield from self._referred(person, home, day)
        elif chance < strays or home is None:
            place = rng.choice(self.places.of_county(person.county))
            yield self._bill(person, place, day)
        elif chance < strays + profile.pharmacy_visits:
            yield self._bill(person, rng.choice(self.places.pharmacies[person.county]), day, PHARMACY)
        else:
            if profile.chooses_stations and home in self.places.stations and rng.random() < 0.35:
                home = self.places.stations[home]
            chronic = rng.random() < profile.chronic and home.level is not None and home.level > 0
            bill = self._bill(person, home, day, CHRONIC if chronic else ORDINARY)
            yield bill
            if chance > 1 - profile.filled_outside and day < self.days[-1] and bill.settled_at.date() == day:
                yield self._filled_outside(bill)

    def _referred(self, person: Person, home: Place, day: date) -> Iterator[Bill]:
        large = [place for place in self.places.hospitals if place.level == 3 and place is not home]
        if self.profile.chooses_stations:  # a primary-care centre refers to the county's hospital
            large = [place for place in self.places.hospitals if place.county == person.county]
        receiver = self.rng.choice(large)
        known = any(r.person is person and r.receiver is receiver for r in self.month.referrals[-3:])
        # The roster of referrals counts the day of each; two for the same hospital must not meet.
        if person.moves or known or any(r.person is person for r in self.month.referrals):
            yield self._bill(person, home, day)
            return
        end = min(day + timedelta(days=10), last_day(day.year, day.month))
        self.month.referrals.append(Referral(person, home, receiver, day, end))
        yield self._bill(person, receiver, day, urgency="2")

    def _filled_outside(self, bill: Bill) -> Bill:
        pharmacy = self.rng.choice(self.places.pharmacies[bill.person.county])
        filled = self._bill(bill.person, pharmacy, bill.care_on + timedelta(days=1), PHARMACY)
        filled.prescriber, filled.encounter = bill.place, bill.encounter
        return filled

    def _bill(self, person: Person, place: Place, day: date, med_type: str = ORDINARY, *, urgency: str = "0") -> Bill:
        rng = self.rng
        self.count += 1
        number = f"{self.month.first:%y%m}{self.count:06d}"
        at = datetime.combine(day, time(rng.randint(8, 17), rng.randint(0, 59), rng.randint(0, 59)))
        bill = Bill(
            key=f"JS{number}",
            encounter=f"JZ{number}",
            person=person,
            place=place,
            care_on=day,
            settled_at=at if rng.random() > 0.01 else at + timedelta(days=rng.randint(1, 6)),
            card=rng.choice(CARDS),
            med_type=med_type,
            urgency=urgency,
            pays_with="1" if med_type == PHARMACY and person.pays_with == "0" else person.pays_with,
        )
        self._cost(bill)
        return bill

    def _cost(self, bill: Bill) -> None:
        rng = self.rng
        profile, level = self.profile, bill.place.level
        mean, spread = profile.bills[1 if level is None else level]
        if bill.med_type == EMERGENCY:
            mean *= 2
        # In whole jiao, as bills mostly are, and now and then to the fen.
        total = max(300, int(math.exp(rng.gauss(math.log(mean) - spread * spread / 2, spread)) * 10) * 10)
        if rng.random() < 0.25:
            total += rng.randint(1, 9)
        bill.total = total
        if rng.random() < 0.12:
            bill.own_expense = total * rng.randint(5, 30) // 100
        if rng.random() < 0.22:
            bill.first_self = total * rng.randint(2, 10) // 100
        if rng.random() < 0.02:
            bill.over_limit = total * rng.randint(1, 8) // 100
        if bill.pays_with == "2" and rng.random() < 0.4:
            # What the catalogue does not cover is why the family's accounts are asked.
            outside = rng.randint(150, 600) * 100
            total = bill.total = total + outside
            bill.own_expense += outside
        bill.in_policy = total - bill.own_expense - bill.over_limit - bill.first_self
        if bill.med_type == PHARMACY or level is None:
            return
        fee = profile.fees.get(level, 0)
        if fee and bill.in_policy >= 2 * fee:
            bill.general_fee = fee
        elif level > 1 and bill.in_policy >= 2 * profile.consultation_fee:
            bill.consultation_fee = profile.consultation_fee
        if bill.med_type == CHRONIC:
            left = bill.in_policy - bill.general_fee - bill.consultation_fee
            bill.other_funds = left * rng.randint(60, 90) // 100

    def set_purchases_apart(self, bills: list[Bill]) -> list[Bill]:
        """What is bought at a pharmacy without a prescription is no visit: the account pays. The others are returned.
        """
        bought = {bill for bill in bills if bill.med_type == PHARMACY and bill.prescriber is None}
        self.month.purchases = sorted(bought, key=lambda bill: (bill.care_on, bill.key))
        return [bill for bill in bills if bill not in bought]

    def set_claims_apart(self, bills: list[Bill]) -> list[Bill]:
        """Bills that members have paid and bring to the bureau: those of newborns who were on no roster yet, and some
        from elsewhere. The others are returned."""
        filled = {bill.encounter for bill in bills if bill.prescriber is not None}
        before = [bill for bill in bills if bill.person.first_premium_on and bill.care_on < bill.person.listed_on]
        away = [bill for bill in bills if bill.place.away and bill.person.registered and bill.encounter not in filled]
        apart = {*before, *self.rng.sample(away, min(self.profile.claims, len(away)))}
        self.month.claimed = sorted(apart, key=lambda bill: bill.key)
        return [bill for bill in bills if bill not in apart]

    def reversals(self, bills: list[Bill]) -> Iterator[Bill]:
        """Some bills are taken back a few days later, those with a prescription never."""
        rng = self.rng
        filled = {bill.encounter for bill in bills if bill.prescriber is not None}
        for bill in bills:
            if rng.random() < 0.008 and bill.encounter not in filled:
                self.count += 1
                yield Bill(
                    key=f"TF{self.month.first:%y%m}{self.count:06d}",
                    encounter=bill.encounter,
                    person=bill.person,
                    place=bill.place,
                    care_on=bill.care_on,
                    settled_at=bill.settled_at + timedelta(days=rng.randint(0, 5), minutes=rng.randint(20, 90)),
                    card=bill.card,
                    med_type=bill.med_type,
                    urgency=bill.urgency,
                    total=-bill.total,
                    own_expense=-bill.own_expense,
                    over_limit=-bill.over_limit,
                    first_self=-bill.first_self,
                    in_policy=-bill.in_policy,
                    general_fee=-bill.general_fee,
                    consultation_fee=-bill.consultation_fee,
                    other_funds=-bill.other_funds,
                    pays_with=bill.pays_with,
                    reverses=bill.key,
                )

    def send_some_to_the_desk(self) -> None:
        """A few plain bills of the month are settled one by one instead, and a few of those taken back there."""
        rng, month = self.rng, self.month
        busy = {bill.reverses for bill in month.bills if bill.reverses}
        busy_people = {bill.person for bill in month.bills if bill.prescriber or bill.reverses}
        plain = [
            number
            for number, bill in enumerate(month.bills)
            if bill.key not in busy
            and bill.person not in busy_people
            and not bill.reverses
            and bill.settled_at.date() == bill.care_on
            and (bill.person.choice is not None and bill.person.enrolled_on < self.profile.new_year)
            and bill.med_type in (ORDINARY, EMERGENCY)
        ]
        chosen = set(rng.sample(plain, min(self.at_desk, len(plain))))
        month.at_desk = [bill for number, bill in enumerate(month.bills) if number in chosen]
        month.bills = [bill for number, bill in enumerate(month.bills) if number not in chosen]
        month.taken_back_at_desk = month.at_desk[:: max(1, len(month.at_desk) // 3)][:3]
