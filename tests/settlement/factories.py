"""A small Heyuan in the database: areas, staff, institutions, members and visits, as rows that agree with each other.

Members are enrolled with an account and a benefit period; heads are bare members who have chosen, for counting.
"""

import itertools
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from bureau import audit
from bureau.editions.life import load_edition
from bureau.models import Area, County, Edition, PublishedFigure, Staff
from bureau.rules.format import edition as rules_edition
from bureau.rules.format.edition import RULEBOOKS, load
from institutions.models import Agreement, Assessment, Institution, Level, Referral, Selection
from institutions.services.bank_accounts import change_account, confirm_account
from institutions.services.places import confirm_assessment, record_assessment
from members.models import BenefitPeriod, Enrolment, Member
from settlement.queries.facts import fetch
from settlement.services.visits.recording import POST

FIRST_DAY = date(2025, 1, 1)
COUNTY, OTHER_COUNTY, ELSEWHERE = "441602", "441625", "510105"
LOADED_AT = datetime(2025, 8, 1, 1, 0, tzinfo=UTC)

_numbers = itertools.count(1)


@dataclass
class City:
    """What the tests of one city share. Amounts are in yuan where a factory takes a text or a Decimal."""

    area: Area
    county: County
    other_county: County
    clerk: Staff
    reviewer: Staff
    finance: Staff
    edition: Edition
    rules: rules_edition.Edition
    scheme: str = "310"
    pool: str = "employees_pool"


def heyuan(yearly_cap: str = "1700.00", examples: bool = True, **changes: str) -> City:
    """Heyuan with its edition of 2025, the yearly cap confirmed for 2025 to 2027, and three of staff.

    `changes`: other readings of the edition's switches.
    """
    city = city_of("heyuan", examples=examples, **changes)
    publish_cap(city, yearly_cap)
    for year in (2023, 2024, 2025):
        figure(city.area, "average_wage", year, "85000.00", city.clerk, city.reviewer)
    return city


def publish_cap(city: City, yearly_cap: str) -> None:
    """The yearly cap of 2025 to 2027, confirmed."""
    for year in (2025, 2026, 2027):
        figure(city.area, "yearly_cap", year, yearly_cap, city.clerk, city.reviewer)


def publish_pool(city: City, year: int, month: str) -> None:
    """The levy and the reserves of a year by which each month's pool is this many yuan."""
    distributable = Decimal("1000000000") * Decimal("0.076") * Decimal("0.95")
    remote = distributable - 12 * Decimal(month)
    for code, value in (("levy_y_minus_2", "1000000000"), ("remote_reserve", str(remote)), ("emergency_reserve", "0")):
        years_back = city.rules.figures[code].years_back
        figure(city.area, code, year - years_back, value, city.clerk, city.reviewer)


def city_of(key: str, *, more: str = "", examples: bool = True, **changes: str) -> City:
    """The area of a rulebook folder with two agencies and three of staff; no figures. `more`: added to its file.

    `examples`: False where they are not worked out by these readings.
    """
    texts = {path.name: path.read_text("utf-8") for path in sorted((RULEBOOKS / key).glob("*.toml"))}
    for name, option in changes.items():
        texts = {file: rechosen(text, name, option) for file, text in texts.items()}
    if not examples:
        texts = {file: text.partition("[[examples]]")[0] for file, text in texts.items()}
    texts = {file: text + more for file, text in texts.items()}
    rules = load(texts)
    area = Area.objects.create(code=rules.area, name=rules.name)
    county = County.objects.create(code=COUNTY, area=area, name="源城区")
    other_county = County.objects.create(code=OTHER_COUNTY, area=area, name="东源县")
    clerk, reviewer, finance = (
        Staff.objects.create(username=name, area=area) for name in ("clerk", "reviewer", "finance")
    )
    edition = load_edition(texts=texts, area=area, actor=clerk, approver=reviewer, now=LOADED_AT)
    pool = rules.part("benefits", rules.starts_on)["shares"][0]["fund"]
    return City(area, county, other_county, clerk, reviewer, finance, edition, rules, rules.scheme, pool)


def predecessor(city: City, quota: str) -> Edition:
    """A document before the city's own, alike but for its quota a head, in force until the day before it."""
    [(name, text)] = city.edition.texts.items()
    text = text.replace("starts_on = 2025-08-01\nvalid_years = 5", "starts_on = 2022-01-01\nends_on = 2025-07-31")
    text = text.replace("quota = 320", f"quota = {quota}").replace("〔2025〕27号", "〔2022〕15号")
    text = text.partition("[[examples]]")[0]  # they are worked out by the document of 2025
    return load_edition(
        texts={name: text}, area=city.area, actor=city.clerk, approver=city.reviewer, now=LOADED_AT
    )


def rechosen(text: str, switch: str, option: str) -> str:
    """A rulebook's text with another reading chosen."""
    head, found, rest = text.partition(f"[switches.{switch}]")
    return head + found + re.sub('chosen = ".*"', f'chosen = "{option}"', rest, count=1) if found else text


def figure(area: Area, code: str, year: int, value: str, entered_by: Staff, confirmed_by: Staff) -> PublishedFigure:
    made = PublishedFigure.objects.create(
        area=area,
        code=code,
        year=year,
        value=Decimal(value),
        document="test",
        entered_by=entered_by,
        entered_at=LOADED_AT,
    )
    audit.record("figure.enter", actor=entered_by, now=LOADED_AT, subject=made)
    made.confirmed_by, made.confirmed_at = confirmed_by, LOADED_AT
    made.save(update_fields=["confirmed_by", "confirmed_at"])
    audit.record("figure.confirm", actor=confirmed_by, now=LOADED_AT, subject=made)
    return made


def institution(
    city: City,
    name: str = "",
    *,
    kind: str = "centre",
    level: int | None = 1,
    county: County | None = None,
    parent: Institution | None = None,
    code: str = "",
    bank: bool = True,
    local: bool = True,
    since: date = FIRST_DAY,
) -> Institution:
    """Designated and with a level since a day. `local=False`: outside every area kept here."""
    number = next(_numbers)
    letter = "P" if kind == "pharmacy" else "H"
    code = code or f"{letter}{COUNTY if local else ELSEWHERE}{number:05d}"
    made = Institution.objects.create(
        code=code,
        name=name or f"机构{number}",
        kind=kind,
        area=city.area if local else None,
        county=(county or city.county) if local else None,
        parent=parent,
        bank_name="工商银行" if bank else "",
        bank_account=f"6222{number:012d}" if bank else "",
        account_name=(name or f"机构{number}") if bank else "",
    )
    Agreement.objects.create(institution=made, starts_on=since)
    if level is not None:
        Level.objects.create(institution=made, level=level, starts_on=since)
    return made


def move_account(city: City, where: Institution, number: str) -> Institution:
    """Have an institution paid to another number: entered by the clerk, confirmed by the reviewer."""
    said = {"account_name": where.name, "bank_name": "工商银行", "bank_account": number}
    change = change_account(institution=where, **said, actor=city.clerk, now=LOADED_AT)
    confirm_account(change=change, actor=city.reviewer, now=LOADED_AT)
    where.refresh_from_db()
    return where


def member(
    city: City,
    *,
    person_class: str = "active",
    starts_on: date = FIRST_DAY,
    birth: date = date(1980, 5, 20),
    selected: Institution | None = None,
    balance: str | Decimal = "0",
    account: bool = True,
) -> Member:
    """Enrolled with a benefit period, an account (with a balance if asked) and a choice for 2026 (if asked)."""
    from accounts.models import Account

    person = bare_members(1, birth=birth)[0]
    facts = {"member": person, "area": city.area, "scheme": city.scheme, "starts_on": starts_on}
    Enrolment.objects.create(person_class=person_class, **facts)
    BenefitPeriod.objects.create(**facts)
    if account:
        opened = Account.objects.create(member=person, area=city.area, opened_on=starts_on)
        if Decimal(balance):
            put_in(city, opened, Decimal(balance))
    if selected is not None:
        choose(city, person, selected)
    return person


def bare_members(count: int, *, birth: date = date(1980, 5, 20)) -> list[Member]:
    """Members with nothing but a document of their own."""
    numbers = [next(_numbers) for _ in range(count)]
    return Member.objects.bulk_create(
        Member(
            name=f"成员{number}",
            document_cipher=b"",
            document_hash=number.to_bytes(32, "big"),
            document_last4=f"{number % 10000:04d}",
            birth=birth,
        )
        for number in numbers
    )


def choose(
    city: City,
    person: Member,
    where: Institution,
    *,
    year: int = 2026,
    starts_on: date | None = None,
    ends_on: date | None = None,
    counts_from: date | None = None,
    counts_to: date | None = None,
    role: str = "primary",
) -> Selection:
    """A choice for a year; the head counts all its months unless told otherwise."""
    [selection] = selections(
        city,
        [person],
        where,
        year=year,
        starts_on=starts_on,
        ends_on=ends_on,
        counts_from=counts_from,
        counts_to=counts_to,
        role=role,
    )
    return selection


def heads(city: City, where: Institution, count: int, **days) -> list[Selection]:
    """So many members who have chosen an institution, as `choose` takes the days."""
    return selections(city, bare_members(count), where, **days)


def selections(
    city: City,
    people: list[Member],
    where: Institution,
    *,
    year: int = 2026,
    starts_on: date | None = None,
    ends_on: date | None = None,
    counts_from: date | None = None,
    counts_to: date | None = None,
    role: str = "primary",
) -> list[Selection]:
    first, last = starts_on or date(year, 1, 1), ends_on or date(year, 12, 31)
    counts = role == "primary"
    return Selection.objects.bulk_create(
        Selection(
            member=person,
            area=city.area,
            scheme=city.scheme,
            year=year,
            institution=where,
            route="window",
            requested_on=date(year - 1, 10, 1),
            starts_on=first,
            ends_on=last,
            role=role,
            counts_from=(counts_from or first.replace(day=1)) if counts else None,
            counts_to=(counts_to or last.replace(day=1)) if counts else None,
            recorded_by=city.clerk,
        )
        for person in people
    )


def score(city: City, where: Institution, year: int, value: str) -> Assessment:
    """The assessment of a year, confirmed; a second one takes its place."""
    record_assessment(institution=where, year=year, score=Decimal(value), actor=city.clerk, now=LOADED_AT)
    entered = where.assessments.get(year=year)
    return confirm_assessment(assessment=entered, actor=city.reviewer, now=LOADED_AT)


def refer(person: Member, selected: Institution, to: Institution, starts_on: date, ends_on: date) -> Referral:
    return Referral.objects.create(
        member=person, from_institution=selected, to_institution=to, starts_on=starts_on, ends_on=ends_on
    )


def put_in(city: City, account, amount: Decimal) -> None:
    """Give an account an opening balance, by a journal."""
    number = next(_numbers)
    fetch(
        POST,
        {
            "j_key": [f"opening:{city.area.pk}:{number}"],
            "j_hash": [""],
            "j_area": [city.area.pk],
            "j_kind": ["opening"],
            "j_posted_on": [FIRST_DAY],
            "j_origin_year": [None],
            "j_source": [f"opening:{number}"],
            "actor": city.clerk.pk,
            "posted_at": LOADED_AT,
            "e_journal": [1, 1],
            "e_fund": ["personal_accounts"] * 2,
            "e_subject": ["bank", "member_accounts"],
            "e_holder": ["", ""],
            "e_account": [None, account.pk],
            "e_amount": [-amount, amount],
        },
    )
    said = {"key": str(number), "accounts": 1}
    audit.record("account.opening", actor=city.clerk, now=LOADED_AT, area_id=city.area.pk, **said)
    account.refresh_from_db()
