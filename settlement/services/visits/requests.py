"""What an institution sends to have a visit settled, checked before anything is looked up."""

import datetime
import hashlib
import json
from dataclasses import dataclass, fields
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from bureau.errors import DomainError
from settlement.models import Visit
from settlement.services.visits.invoices import InvoiceNumber, check_distinct

ZERO = Decimal("0.00")
CENT = Decimal("0.01")
LARGEST = Decimal("99999999.99")
WITHIN = ("general_fee", "consultation_fee", "other_funds", "other_remainder")  # parts of the cost within policy
BY_HAND = "claim:"  # how the keys of claims begin, and no institution's


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRequest:
    """One outpatient bill. Amounts in yuan; `in_policy` is what remains of the total after the three parts that the
    patient bears outright. Of it: `general_fee`, `consultation_fee` (where the edition pays it by a fixed amount),
    `other_funds` (what funds for chronic diseases and the like have paid first), `other_remainder` (what they left
    over), and ordinary cost, which is the rest. `pay_from`: none, own (the patient's account) or family (own first,
    then relatives'). `by_hand`: the member has paid and claims it from the bureau."""

    institution_id: int
    key: str
    member_id: int
    encounter: str
    care_on: datetime.date
    total: Decimal
    own_expense: Decimal = ZERO
    over_limit: Decimal = ZERO
    first_self: Decimal = ZERO
    general_fee: Decimal = ZERO
    consultation_fee: Decimal = ZERO
    other_funds: Decimal = ZERO
    other_remainder: Decimal = ZERO
    channel: str = Visit.Channel.ORDINARY
    credential: str = Visit.Credential.SOCIAL_CARD
    prescriber_id: int | None = None
    pay_from: str = "own"
    settled_on: datetime.date | None = None
    invoices: tuple[InvoiceNumber, ...] = ()
    by_hand: bool = False

    @property
    def in_policy(self) -> Decimal:
        return self.total - self.own_expense - self.over_limit - self.first_self

    @property
    def bill(self) -> tuple:
        """What makes two numbers the same bill: member, institution, day, encounter and total (G-9)."""
        return self.member_id, self.institution_id, self.care_on, self.encounter, self.total

    def fingerprint(self) -> str:
        """Equal for the same request sent again; the day on which it is sent again does not matter."""
        body = {name: getattr(self, name) for name in SAID}
        return hashlib.sha256(json.dumps(body, default=str, sort_keys=True).encode()).hexdigest()

    def check(self, today: datetime.date) -> None:
        """Raise DomainError, naming the field, for what no rule could settle."""
        for name in ("total", "own_expense", "over_limit", "first_self", *WITHIN):
            amount = getattr(self, name)
            if not amount.is_finite() or amount < 0 or amount > LARGEST or amount % CENT:
                raise DomainError(
                    _("%(amount)s is not an amount in yuan with two decimals."), field=name, amount=amount
                )
        if self.in_policy < 0:
            raise DomainError(
                _("The parts borne outright come to more than the total of %(total)s."),
                field="total",
                total=self.total,
            )
        if sum(getattr(self, name) for name in WITHIN) > self.in_policy:
            raise DomainError(
                _("The fees and what other funds paid and left over are more than the cost within policy."),
                field=next(name for name in WITHIN if getattr(self, name)),
            )
        if not self.key.strip() or len(self.key) > 60:
            raise DomainError(_("The institution's number of the settlement is missing or too long."), field="key")
        if self.key.startswith(BY_HAND) != self.by_hand:
            raise DomainError(_("A number that begins with %(prefix)s is a claim's."), field="key", prefix=BY_HAND)
        if not self.encounter.strip() or len(self.encounter) > 60:
            raise DomainError(_("The number of the encounter is missing or too long."), field="encounter")
        if self.care_on > today:
            raise DomainError(
                _("The date of care, %(day)s, lies in the future."), field="care_on", day=self.care_on
            )
        if self.settled_on is not None and self.settled_on < self.care_on:
            raise DomainError(_("The visit was settled before the day of care."), field="settled_on")
        if (self.channel == Visit.Channel.PRESCRIPTION) != (self.prescriber_id is not None):
            raise DomainError(
                _("A prescription filled outside names the institution that wrote it, and only that does."),
                field="prescriber",
            )
        if self.channel not in Visit.Channel.values:
            raise DomainError(_("Unknown channel: %(channel)s."), field="channel", channel=self.channel)
        if self.credential not in Visit.Credential.values:
            raise DomainError(
                _("Unknown credential: %(credential)s."), field="credential", credential=self.credential
            )
        check_distinct(self.invoices)
        if self.pay_from not in ("none", "own", "family"):
            raise DomainError(_("The account is used as none, own or family."), field="pay_from")


SAID = [field.name for field in fields(VisitRequest) if field.name != "settled_on"]
