"""票据: every invoice is used once, by a card settlement or by a claim by hand."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import F, Func, Value
from django.utils.translation import gettext_lazy as _

from bureau.errors import DomainError
from bureau.files import Refused
from settlement.invoice_numbers import invoice_number
from settlement.models import Invoice
from settlement.queries.facts import fetch


@dataclass(frozen=True, slots=True, order=True)
class InvoiceNumber:
    """An invoice as it is printed: the code of the issuing body and the number. Made by `stated`."""

    code: str
    number: str

    @classmethod
    def stated(cls, code: str, number: str) -> "InvoiceNumber":
        """Read what somebody typed, as files are read. DomainError where it is no invoice."""
        try:
            return cls(*invoice_number(code, number))
        except Refused as refused:
            raise DomainError(_(refused.message), field="invoices", **refused.params) from None

    def __str__(self) -> str:
        return f"{self.code} {self.number}".strip()


def check_distinct(invoices: Sequence[InvoiceNumber]) -> None:
    """Refuse a bill that names an invoice twice."""
    seen = set()
    for invoice in invoices:
        same = (invoice.code, invoice.number.lstrip("0"))
        if same in seen:
            raise DomainError(_("Invoice %(invoice)s is entered twice."), field="invoices", invoice=invoice)
        seen.add(same)


# In one order for everybody, so that two who register the same invoices never wait for each other.
REGISTER = """
INSERT INTO settlement_invoice (code, number, visit_id, claim_id)
SELECT code, number, visit, claim
  FROM unnest(%(code)s::text[], %(number)s::text[], %(visit)s::bigint[], %(claim)s::bigint[]) WITH ORDINALITY
       AS r(code, number, visit, claim, n)
 ORDER BY code, ltrim(number, '0'), n
ON CONFLICT DO NOTHING
RETURNING code, number, COALESCE(visit_id, claim_id) AS owner
"""
TURN_AWAY = "DELETE FROM settlement_invoice WHERE visit_id = ANY(%(visits)s::bigint[])"
FREE = """
UPDATE settlement_invoice SET freed_at = %(now)s
 WHERE freed_at IS NULL AND (visit_id = %(visit)s OR claim_id = %(claim)s)
"""


def register_for_visits(wanted: Sequence[tuple[int, Sequence[InvoiceNumber]]]) -> dict[int, DomainError]:
    """Enter the invoices of visits that are about to be recorded, by their numbers to come.

    Returns an error for each visit with an invoice that is used already; none of its invoices is entered then. Whoever
    registers the same invoice at the same moment waits until the first is through.
    """
    errors: dict[int, DomainError] = {}
    asked = [(invoice, visit) for visit, invoices in wanted for invoice in invoices]
    if not asked:
        return errors
    made = register([(invoice, visit, None) for invoice, visit in asked])
    for invoice, visit in asked:
        if (invoice.code, invoice.number, visit) not in made:
            errors.setdefault(visit, used_already(invoice))
    turn_away(errors)
    return errors


def register_for_claim(claim_id: int, invoices: Iterable[InvoiceNumber]) -> None:
    """Enter a claim's invoices; DomainError where one of them is used already."""
    invoices = list(invoices)
    made = register([(invoice, None, claim_id) for invoice in invoices])
    for invoice in invoices:
        if (invoice.code, invoice.number, claim_id) not in made:
            raise used_already(invoice)


def register(rows: Sequence[tuple[InvoiceNumber, int | None, int | None]]) -> set[tuple[str, str, int]]:
    params = {
        "code": [invoice.code for invoice, _visit, _claim in rows],
        "number": [invoice.number for invoice, _visit, _claim in rows],
        "visit": [visit for _invoice, visit, _claim in rows],
        "claim": [claim for _invoice, _visit, claim in rows],
    }
    return {(row["code"], row["number"], row["owner"]) for row in fetch(REGISTER, params)}


def turn_away(visit_ids: Iterable[int]) -> None:
    """Take back the invoices of visits that are not recorded after all."""
    if visits := list(visit_ids):
        fetch(TURN_AWAY, {"visits": visits})


def free(*, visit_id: int | None = None, claim_id: int | None = None, now: datetime.datetime) -> None:
    """Let the invoices of a reversed visit, or of a claim that is refused or taken back, be used again."""
    fetch(FREE, {"visit": visit_id, "claim": claim_id, "now": now})


def require_unused(invoices: Iterable[InvoiceNumber], *, claim_id: int | None = None) -> None:
    """Refuse invoices that are used now, but for those of the claim itself: what a quote can say without a lock."""
    for invoice in invoices:
        held = holder_of(invoice)
        if held is not None and (claim_id is None or held.claim_id != claim_id):
            raise used_already(invoice)


def holder_of(invoice: InvoiceNumber) -> Invoice | None:
    """Where an invoice stands now."""
    return (
        Invoice.objects.filter(freed_at=None, code=invoice.code)
        .alias(digits=Func(F("number"), Value("0"), function="ltrim"))
        .filter(digits=invoice.number.lstrip("0"))
        .select_related("visit__institution", "claim")
        .first()
    )


def used_already(invoice: InvoiceNumber) -> DomainError:
    """The refusal that says who has used an invoice; nobody any more where that was undone at this moment."""
    held = holder_of(invoice)
    if held is not None and held.claim is not None:
        return DomainError(
            _("Invoice %(invoice)s stands in claim %(claim)s, received on %(day)s: it is paid once."),
            field="invoices",
            invoice=invoice,
            claim=held.claim,
            day=held.claim.received_on,
        )
    if held is not None and held.visit is not None:
        return DomainError(
            _("Invoice %(invoice)s was settled by card at %(institution)s on %(day)s: it is paid once."),
            field="invoices",
            invoice=invoice,
            institution=held.visit.institution,
            day=held.visit.settled_on,
        )
    return DomainError(
        _("Invoice %(invoice)s is being settled at this moment; look again."), field="invoices", invoice=invoice
    )
