"""What a clerk enters of a claim by hand, checked before anything is looked up."""

import dataclasses
import datetime
import hashlib
import json
from collections.abc import Sequence
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from bureau.errors import DomainError
from bureau.identifiers.bank_accounts import account_number
from institutions.models import Institution
from members.models import Member
from settlement.models import Claim, Visit
from settlement.services.visits.invoices import InvoiceNumber, check_distinct
from settlement.services.visits.requests import BY_HAND, WITHIN, VisitRequest

ZERO = Decimal("0.00")


@dataclasses.dataclass(frozen=True, slots=True)
class Proxy:
    """Who came for the member. An empty `document_number` in a correction: the one on record."""

    name: str
    relation: str
    document_kind: str
    document_number: str


@dataclasses.dataclass(frozen=True, slots=True)
class BankAccount:
    """Where the money goes: an account in the name of the member, or in that of the proxy."""

    pay_to: str
    bank_name: str
    bank_account: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRequest:
    """What a clerk enters. Amounts in yuan, as in a VisitRequest; `papers` are codes of Claim.Paper."""

    member: Member
    institution: Institution
    encounter: str
    care_on: datetime.date
    total: Decimal
    invoices: Sequence[InvoiceNumber]
    papers: Sequence[str]
    account: BankAccount
    received_on: datetime.date
    proxy: Proxy | None = None
    own_expense: Decimal = ZERO
    over_limit: Decimal = ZERO
    first_self: Decimal = ZERO
    general_fee: Decimal = ZERO
    consultation_fee: Decimal = ZERO
    other_funds: Decimal = ZERO
    other_remainder: Decimal = ZERO
    channel: str = Visit.Channel.ORDINARY
    credential: str = Visit.Credential.SOCIAL_CARD
    prescriber: Institution | None = None

    def visit(self, claim_id: int | None = None) -> VisitRequest:
        """The bill as the desk takes it; no account pays, since the member has paid already."""
        return VisitRequest(
            institution_id=self.institution.pk,
            key=f"{BY_HAND}{claim_id or 'new'}",
            member_id=self.member.pk,
            prescriber_id=self.prescriber and self.prescriber.pk,
            pay_from="none",
            by_hand=True,
            **{name: getattr(self, name) for name in BILL},
        )

    def fingerprint(self) -> str:
        """Equal for the same claim entered again."""
        said = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for name in ("member", "institution", "prescriber"):
            said[name] = said[name] and said[name].pk
        return hashlib.sha256(json.dumps(said, default=str, sort_keys=True).encode()).hexdigest()

    def check(self, today: datetime.date) -> None:
        """Raise DomainError, naming the field, for what nobody could pay."""
        self.visit().check(today)
        check_distinct(self.invoices)
        if not self.invoices:
            raise DomainError(_("Enter the invoices of the bill: code and number of each."), field="invoices")
        if not self.care_on <= self.received_on <= today:
            raise DomainError(
                _("A claim is received on or after the day of care, and not in the future."), field="received_on"
            )
        if unknown := set(self.papers) - set(Claim.Paper.values):
            raise DomainError(_("Unknown paper: %(paper)s."), field="papers", paper=min(unknown))
        check_account(self.account, has_proxy=self.proxy is not None)


BILL = (
    "encounter", "care_on", "channel", "credential", "total", "own_expense", "over_limit", "first_self", *WITHIN,
)  # fmt: skip


def bill_of(claim: Claim) -> VisitRequest:
    """A claim as the desk takes it."""
    return VisitRequest(
        institution_id=claim.institution_id,
        key=f"{BY_HAND}{claim.pk}",
        member_id=claim.member_id,
        prescriber_id=claim.prescriber_id,
        pay_from="none",
        by_hand=True,
        **{name: getattr(claim, name) for name in BILL},
    )


def check_account(account: BankAccount, *, has_proxy: bool) -> None:
    if account.pay_to not in Claim.PayTo.values:
        raise DomainError(_("Money goes to the member's account or to the proxy's."), field="pay_to")
    if account.pay_to == Claim.PayTo.PROXY and not has_proxy:
        raise DomainError(_("No proxy is named whose account it could be."), field="pay_to")
    if not account.bank_name.strip():
        raise DomainError(_("Write the bank of the account."), field="bank_name")
    if account_number(account.bank_account) is None:
        raise DomainError(_("A bank account has 8 to 30 digits."), field="bank_account")
