"""A small Heyuan for the accounts: area, staff, the edition, and members with the facts that a test states."""

import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_UP, Decimal

from accounts.models import Account, Fund, Journal, Subject
from accounts.services import EntryRequest, JournalRequest, post
from bureau.editions.life import load_edition
from bureau.models import Area, Edition, Staff
from bureau.rules.format.edition import RULEBOOKS
from members.models import BenefitPeriod, Contribution, Enrolment, Member, Relative, Suspension

AREA = "441699"
SCHEME = "310"
NOW = datetime(2026, 12, 31, 2, 0, tzinfo=UTC)
FIRST = date(2026, 1, 1)

_numbers = itertools.count(1)


@dataclass
class City:
    area: Area
    clerk: Staff
    reviewer: Staff
    finance: Staff
    edition: Edition


def heyuan() -> City:
    area = Area.objects.create(code=AREA, name="河源市")
    clerk, reviewer, finance = (
        Staff.objects.create(username=name, area=area) for name in ("clerk", "reviewer", "finance")
    )
    texts = {path.name: path.read_text("utf-8") for path in sorted((RULEBOOKS / "heyuan").glob("*.toml"))}
    edition = load_edition(texts=texts, area=area, actor=clerk, approver=reviewer, now=NOW)
    return City(area, clerk, reviewer, finance, edition)


def member(name: str = "", *, birth: date = date(1980, 5, 20), died_on: date | None = None) -> Member:
    number = next(_numbers)
    return Member.objects.create(
        name=name or f"成员{number}",
        document_cipher=b"",
        document_hash=number.to_bytes(32, "big"),
        document_last4=f"{number % 10000:04d}",
        birth=birth,
        died_on=died_on,
    )


def enrol(
    person: Member, person_class: str, starts_on: date, ends_on: date | None = None, plan: str = ""
) -> Enrolment:
    return Enrolment.objects.create(
        member=person,
        area_id=AREA,
        scheme=SCHEME,
        person_class=person_class,
        plan=plan,
        starts_on=starts_on,
        ends_on=ends_on,
    )


def benefits(person: Member, starts_on: date, ends_on: date | None = None) -> BenefitPeriod:
    return BenefitPeriod.objects.create(
        member=person, area_id=AREA, scheme=SCHEME, starts_on=starts_on, ends_on=ends_on
    )


def suspend(person: Member, starts_on: date, ends_on: date | None = None, kind: str = "arrears") -> Suspension:
    return Suspension.objects.create(member=person, area_id=AREA, kind=kind, starts_on=starts_on, ends_on=ends_on)


def premium(
    person: Member,
    month: date,
    base: str,
    *,
    kind: str = "normal",
    paid_on: date | None = None,
    own: str | None = None,
) -> Contribution:
    return Contribution.objects.create(
        member=person,
        area_id=AREA,
        scheme=SCHEME,
        month=month,
        kind=kind,
        base=Decimal(base),
        employer_amount=Decimal("0.00"),
        own_amount=Decimal(own) if own is not None else own_share(Decimal(base)),
        paid_on=paid_on or month.replace(day=15),
    )


def own_share(base: Decimal) -> Decimal:
    """Two percent, rounded up: where there is a base, something has been paid on it."""
    return (base * Decimal("0.02")).quantize(Decimal("0.01"), ROUND_UP)


def relative(holder: Member, person: Member, relation: str) -> Relative:
    return Relative.objects.create(member=holder, relative=person, relation=relation, starts_on=FIRST)


def account(city: City, person: Member | None = None, *, balance: str = "0.00", opened_on: date = FIRST) -> Account:
    """An open account, with a balance taken over from the old system if one is given."""
    opened = Account.objects.create(member=person or member(), area=city.area, opened_on=opened_on)
    if Decimal(balance):
        move(city, opened, balance, kind=Journal.Kind.OPENING)
    return opened


def move(
    city: City,
    to: Account,
    amount: str,
    *,
    key: str = "",
    kind: Journal.Kind = Journal.Kind.OTHER,
    posted_on: date = FIRST,
) -> int:
    """Post an amount into an account (out of it if negative) against transfers in; returns the journal."""
    [journal_id] = post([request(to, amount, key=key, kind=kind, posted_on=posted_on)], actor=city.clerk, now=NOW)
    to.refresh_from_db()
    return journal_id


def request(
    to: Account,
    amount: str,
    *,
    key: str = "",
    kind: Journal.Kind = Journal.Kind.OTHER,
    posted_on: date = FIRST,
) -> JournalRequest:
    return JournalRequest(
        key=key or f"test:{next(_numbers)}",
        area_id=AREA,
        kind=kind,
        posted_on=posted_on,
        source="test:1",
        entries=[
            EntryRequest(Fund.PERSONAL_ACCOUNTS, Subject.MEMBER_ACCOUNTS, "", to.pk, Decimal(amount)),
            EntryRequest(Fund.PERSONAL_ACCOUNTS, Subject.TRANSFER_INCOME, "", None, -Decimal(amount)),
        ],
    )


def standing() -> tuple:
    """Everything that a refused act must leave as it is."""
    from accounts.models import AccountUse, Credit, Entry, Payout
    from bureau.models import AuditEntry

    return (
        list(Account.objects.order_by("pk").values_list("pk", "balance", "last_number", "status")),
        list(Entry.objects.order_by("pk").values_list("pk", "journal", "amount", "number", "balance_after")),
        list(Journal.objects.order_by("pk").values_list("pk", "key", "entry_count")),
        list(Payout.objects.order_by("pk").values_list("pk", "status", "approved_by")),
        Credit.objects.count(),
        AccountUse.objects.count(),
        AuditEntry.objects.count(),
    )
