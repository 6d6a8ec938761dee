"""A slow, literal reading of the five texts for visits, in exact fractions of a yuan.

Written from the texts alone and kept apart from the engine on purpose: it shares no code, no table and no
vocabulary with it. Every sum is taken again over the whole history.
"""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import floor


@dataclass(frozen=True)
class Visit:
    on: date
    encounter: str
    institution: str
    level: int
    where: str
    cost: Fraction
    status: str
    plan: str = "unit"
    fee: Fraction = Fraction(0)


@dataclass(frozen=True)
class Paid:
    visit: Visit
    fund: Fraction
    deductible: Fraction


def fen(exact: Fraction) -> Fraction:
    return Fraction(floor(exact * 100 + Fraction(1, 2)), 100)


def year_before(history: list[Paid], visit: Visit) -> Fraction:
    return sum((p.fund for p in history if p.visit.on.year == visit.on.year), Fraction(0))


def heyuan(history: list[Paid], visit: Visit, cap: Fraction) -> Paid:
    """条4, 12, 15: one selected institution, referral, emergency, filed care away; 60/120/150 a visit."""
    if visit.where in ("nonselected", "nondesignated", "designated", "remote_unfiled", "remote_manual"):
        return Paid(visit, Fraction(0), Fraction(0))
    percent = {0: 70, 1: 70, 2: 60, 3: 55}[visit.level]
    if visit.status == "retired":
        percent += 5
    exact = visit.cost * percent / 100
    same_visit = sum((p.fund for p in history if p.visit.encounter == visit.encounter), Fraction(0))
    per_visit = Fraction({0: 60, 1: 60, 2: 120, 3: 150}[visit.level]) - same_visit
    left = cap - year_before(history, visit)
    return Paid(visit, fen(max(min(exact, per_visit, left), Fraction(0))), Fraction(0))


def zhanjiang(history: list[Paid], visit: Visit, cap: Fraction) -> Paid:
    """条8, 19, 28: 60/55/50 and 63/58/53; 326 for the last two months of 2022, 1996 for 2023."""
    if visit.where in ("nondesignated", "remote_nonselected", "remote_filed", "remote_unfiled", "pharmacy_rx"):
        return Paid(visit, Fraction(0), Fraction(0))
    tier = 1 if visit.level == 0 else visit.level
    percent = {
        "active": {1: 60, 2: 55, 3: 50},
        "retired": {1: 63, 2: 58, 3: 53},
    }[visit.status][tier]
    if visit.on <= date(2022, 12, 31):
        cap = Fraction(326)
    elif visit.on.year == 2023:
        cap = Fraction(1996)
    left = max(cap - year_before(history, visit), Fraction(0))
    return Paid(visit, fen(min(visit.cost * percent / 100, left)), Fraction(0))


def kaifeng(history: list[Paid], visit: Visit, cap: Fraction) -> Paid:
    """条9, 12, 19, 22: a deductible once for person, institution and day; a month's and a year's limit."""
    if visit.where in ("nondesignated", "nondesignated_emergency", "remote_unfiled", "remote_emergency"):
        return Paid(visit, Fraction(0), Fraction(0))
    today = [p for p in history if (p.visit.on, p.visit.institution) == (visit.on, visit.institution)]
    standard = Fraction({3: 50, 2: 40}.get(visit.level, 0))
    borne = sum((p.deductible for p in today), Fraction(0))
    deductible = min(max(standard - borne, Fraction(0)), visit.cost)
    percent = {3: 50, 2: 55}.get(visit.level, 60) + (10 if visit.status == "retired" else 0)
    exact = (visit.cost - deductible) * percent / 100
    month = [p.fund for p in history if (p.visit.on.year, p.visit.on.month) == (visit.on.year, visit.on.month)]
    month_left = (200 if visit.status == "retired" else 150) - sum(month, Fraction(0))
    yearly = 1500 if visit.status == "retired" else 1000
    if visit.on.year == 2022:
        yearly //= 2
    left = min(month_left, yearly - year_before(history, visit))
    return Paid(visit, fen(max(min(exact, left), Fraction(0))), deductible)


def shaoguan(history: list[Paid], visit: Visit, cap: Fraction) -> Paid:
    """条6, 8, 9: 70 percent, 300 a year, of which 50 out of the city; a fee of 5 or 10 a visit."""
    if visit.where in ("nonselected", "nondesignated", "designated", "remote_unfiled"):
        return Paid(visit, Fraction(0), Fraction(0))
    fee = min(visit.fee, Fraction({0: 5, 1: 10}.get(visit.level, 0)))
    exact = (visit.cost + fee) * 70 / 100
    left = 300 - year_before(history, visit)
    if visit.where in ("remote", "remote_filed"):
        away = [
            p.fund for p in history if p.visit.where in ("remote", "remote_filed") and p.visit.on.year == visit.on.year
        ]
        left = min(left, 50 - sum(away, Fraction(0)))
    return Paid(visit, fen(max(min(exact, left), Fraction(0))), Fraction(0))


def chongqing(history: list[Paid], visit: Visit, cap: Fraction) -> Paid:
    """条4, 5, 6, 12: a yearly deductible over all visits, 60/50 and ten points more, limits by plan."""
    if visit.where in ("nondesignated", "nondesignated_emergency", "remote_emergency"):
        return Paid(visit, Fraction(0), Fraction(0))
    retired = visit.status == "retired"
    year = [p for p in history if p.visit.on.year == visit.on.year]
    standard = Fraction(100 if retired else 200)
    deductible = min(max(standard - sum((p.deductible for p in year), Fraction(0)), Fraction(0)), visit.cost)
    percent = (50 if visit.level == 3 else 60) + (10 if retired else 0)
    if visit.plan == "personal_1":
        limit = 1200 if retired else 800
    else:
        limit = 4000 if retired else 3000
    exact = (visit.cost - deductible) * percent / 100
    left = limit - sum((p.fund for p in year), Fraction(0))
    return Paid(visit, fen(max(min(exact, left), Fraction(0))), deductible)


CITIES = {
    "heyuan": heyuan,
    "zhanjiang": zhanjiang,
    "kaifeng": kaifeng,
    "shaoguan": shaoguan,
    "chongqing": chongqing,
}


def chain(city: str, visits: list[Visit], cap: Fraction) -> list[Paid]:
    """Every visit in order, each seeing all that came before it."""
    history: list[Paid] = []
    for visit in visits:
        history.append(CITIES[city](history, visit, cap))
    return history


def heyuan_year_end(quota: Fraction, use: Fraction, advanced: Fraction) -> dict[str, Fraction]:
    """条13(2)(3), with the usage as an exact fraction."""
    if use > quota:
        bonus, due, kept, borne = Fraction(0), quota, Fraction(0), use - quota
    else:
        usage = use / quota if quota else Fraction(1)
        share = Fraction(80, 100) if usage >= Fraction(80, 100) else Fraction(20, 100)
        if usage < Fraction(60, 100):
            share = Fraction(0)
        bonus = fen((quota - use) * share)
        due, kept, borne = use + bonus, quota - use - bonus, Fraction(0)
    return {
        "bonus": bonus,
        "due": due,
        "clearing": due - advanced,
        "kept_by_fund": kept,
        "borne_by_institution": borne,
    }


def heyuan_advance(january: bool, heads: int, last_month: Fraction) -> Fraction:
    """条13(1)."""
    quota = Fraction(320 * heads, 12)
    if january or last_month >= quota:
        return fen(quota * 80 / 100)
    return fen(last_month * 80 / 100)
