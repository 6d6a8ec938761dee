"""The bills of a visits file, settled and taken back by the desk's own path, each member's in their order."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import transaction
from django.utils.translation import gettext, gettext_lazy

from bureau.errors import DomainError
from bureau.models import Staff
from settlement.models import Visit
from settlement.queries import facts as reading
from settlement.services.visits import locking
from settlement.services.visits.invoices import InvoiceNumber
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import settle_visits


class Bill(NamedTuple):
    """One staged row of a visits file, its names resolved. Amounts in yuan, as text."""

    line: int
    family: int
    member_id: int
    institution_id: int
    prescriber_id: int | None
    key: str
    encounter: str
    care_on: str
    settled_at: str
    channel: str
    credential: str
    total: str
    own_expense: str
    over_limit: str
    first_self: str
    general_fee: str
    consultation_fee: str
    other_funds: str
    other_remainder: str
    pay_from: str
    reverses: str | None
    invoice_code: str | None
    invoice: str | None

    def request(self) -> VisitRequest:
        return VisitRequest(
            institution_id=self.institution_id,
            key=self.key,
            member_id=self.member_id,
            encounter=self.encounter,
            care_on=datetime.date.fromisoformat(self.care_on),
            total=Decimal(self.total),
            own_expense=Decimal(self.own_expense),
            over_limit=Decimal(self.over_limit),
            first_self=Decimal(self.first_self),
            general_fee=Decimal(self.general_fee),
            consultation_fee=Decimal(self.consultation_fee),
            other_funds=Decimal(self.other_funds),
            other_remainder=Decimal(self.other_remainder),
            channel=self.channel,
            credential=self.credential,
            prescriber_id=self.prescriber_id,
            pay_from=self.pay_from,
            settled_on=self.settled_on,
            invoices=(InvoiceNumber(self.invoice_code or "", self.invoice),) if self.invoice else (),
        )

    @property
    def settled_on(self) -> datetime.date:
        return datetime.datetime.fromisoformat(self.settled_at).date()


# A request's field in the roster's words.
COLUMNS = {"invoices": "invoice", "member": "document_number", "settled_on": "settled_at", "visit": "reverses"}


class Turned(NamedTuple):
    """A row that could not be settled: its line, the column to blame (or empty) and the sentence."""

    line: int
    field: str
    sentence: str


def settle_bills(
    bills: Sequence[Bill], *, area_id: str, upload_id: int | None, actor: Staff, now: datetime.datetime
) -> tuple[list[int], list[Turned]]:
    """Settle and take back, each member's rows in their order. Returns repeated lines and those turned away.

    A file is an area's: bills and visits of others are turned away.
    """
    repeated: list[int] = []
    turned: list[Turned] = []
    with transaction.atomic():
        members = [bill.member_id for bill in bills]
        locking.lock_members(members)
        locking.lock_accounts_of(members)  # all of them now, so that no turn waits for another part's
        for visits, reversals in _turns(bills):
            answers = settle_visits(
                [bill.request() for bill in visits], actor=actor, now=now, area_id=area_id, upload_id=upload_id
            )
            for bill, answer in zip(visits, answers, strict=True):
                if answer.error is not None:
                    turned.append(_turned(bill, answer.error))
                elif answer.repeated:
                    repeated.append(bill.line)
            known = reading.known_keys([(bill.institution_id, bill.key) for bill in reversals])
            first = reading.known_keys([(bill.institution_id, bill.reverses) for bill in reversals])
            for number, bill in enumerate(reversals):
                try:
                    _take_back(bill, first.get(number), area_id, upload_id=upload_id, actor=actor, now=now)
                except DomainError as error:
                    turned.append(_turned(bill, error))
                else:
                    if number in known:
                        repeated.append(bill.line)
    return repeated, turned


def _turned(bill: Bill, error: DomainError) -> Turned:
    return Turned(bill.line, COLUMNS.get(error.field or "", error.field or ""), str(error))


def _turns(bills: Iterable[Bill]) -> Iterator[tuple[list[Bill], list[Bill]]]:
    """Visits that may be settled together, then the reversals that follow them; what a member has settled after
    a reversal waits for the next turn. Most files need two."""
    turn: dict[int, int] = defaultdict(int)
    visits: dict[int, list[Bill]] = defaultdict(list)
    reversals: dict[int, list[Bill]] = defaultdict(list)
    for bill in bills:
        if bill.reverses is None:
            visits[turn[bill.member_id]].append(bill)
        else:
            reversals[turn[bill.member_id]].append(bill)
            turn[bill.member_id] += 1
    for number in range(max(turn.values(), default=0) + 1):
        yield visits[number], reversals[number]


def _take_back(
    bill: Bill,
    first: dict | None,
    area_id: str,
    *,
    upload_id: int | None,
    actor: Staff,
    now: datetime.datetime,
) -> None:
    if first is None:
        raise DomainError(
            gettext_lazy("The institution has settled no visit with the number %(key)s."),
            field="reverses",
            key=bill.reverses,
        )
    visit = Visit.objects.only("member_id", "total").get(pk=first["id"])
    if visit.member_id != bill.member_id:
        raise DomainError(gettext_lazy("The visit to be taken back is another member's."), field="document_number")
    if visit.total != -Decimal(bill.total):
        raise DomainError(
            gettext_lazy("The visit to be taken back cost %(total)s; a reversal takes back the whole of it."),
            field="total",
            total=visit.total,
        )
    reverse_visit(
        visit.pk,
        key=bill.key,
        reason=gettext("Taken back by the institution"),
        settled_on=bill.settled_on,
        area_id=area_id,
        upload_id=upload_id,
        actor=actor,
        now=now,
    )
