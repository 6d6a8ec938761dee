"""退费: a reversal is a visit of its own, the exact negative of the first, and gives back what was taken (G-6)."""

import datetime
import hashlib
from collections import Counter
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.services.ledger import require_open_month
from accounts.services.standing import take_refund
from bureau import audit
from bureau.errors import DomainError
from bureau.models import Staff
from institutions.models import Institution
from institutions.services.places import require_agency_of
from settlement.models import Proposal, Visit
from settlement.queries.facts import fen
from settlement.services.replays.proposals import close_outdated
from settlement.services.visits import locking
from settlement.services.visits.invoices import free
from settlement.services.visits.recording import Batch, difference_entries, yuan
from settlement.services.visits.settling import KeyReused
from settlement.services.visits.split import AccountShare, Elsewhere

NEGATED = (
    "total", "own_expense", "over_limit", "first_self", "in_policy", "general_fee", "consultation_fee",
    "other_remainder", "out_of_policy", "counted", "fixed",
    "deductible", "pooled", "large_claims", "other_funds", "account", "family", "cash",
)  # fmt: skip
KEPT = (
    "area_id", "scheme", "institution_id", "member_id", "encounter", "care_on", "channel", "credential",
    "prescriber_id", "place", "refusal", "refusal_article", "payee_id", "pool", "charge", "charged_institution_id",
    "edition_id",
)  # fmt: skip


@transaction.atomic
def reverse_visit(
    visit_id: int,
    *,
    key: str,
    reason: str,
    actor: Staff,
    now: datetime.datetime,
    settled_on: datetime.date | None = None,
    area_id: str | None = None,
    upload_id: int | None = None,
) -> Visit:
    """Take one visit back whole: every fund, every account and every counter gets back exactly what it gave.

    `area_id`: whose file says so, or else the actor's own area; a visit of another is not touched.

    The same key and visit again returns the first reversal. Raises DomainError where the visit is itself a reversal,
    has been reversed already, or no reason is given, and where a claim by hand was settled by it: that is taken back
    as a claim. Visits settled later stay as they are: settlement.services.replays shows what they would be.
    """
    if Visit.objects.filter(pk=visit_id, payee=None).exists():
        raise DomainError(_("A claim by hand was settled by this visit: take the claim back."), field="visit")
    if (place := Institution.objects.filter(visits__pk=visit_id).first()) is not None:
        require_agency_of(actor.reach, place.area_id, place.county_id)
    return take_back(
        visit_id,
        key=key,
        reason=reason,
        actor=actor,
        now=now,
        settled_on=settled_on,
        area_id=area_id,
        upload_id=upload_id,
    )


def take_back(
    visit_id: int,
    *,
    key: str,
    reason: str,
    actor: Staff,
    now: datetime.datetime,
    settled_on: datetime.date | None = None,
    area_id: str | None = None,
    upload_id: int | None = None,
    paid: Sequence[tuple] = (),
) -> Visit:
    """Reverse any visit. `paid`: further entries for what was paid on it already, as Batch.add takes them."""
    if not reason.strip():
        raise DomainError(_("A reversal needs a reason."), field="reason")
    if not key.strip() or len(key) > 60:
        raise DomainError(_("The institution's number of the settlement is missing or too long."), field="key")
    visit = Visit.objects.filter(pk=visit_id).first()
    if visit is None:
        raise DomainError(_("There is no such visit."), field="visit")
    if (area_id or actor.area_id) not in (None, visit.area_id):
        raise DomainError(
            _("The visit was settled in %(area)s and is taken back there."), field="visit", area=visit.area
        )
    today = timezone.localdate(now)
    if not visit.settled_on <= (settled_on or today) <= today:
        raise DomainError(_("A visit is reversed after it was settled and not in the future."), field="settled_on")
    locking.lock_members([visit.member_id])
    request_hash = hashlib.sha256(f"reverse {visit_id}".encode()).hexdigest()
    first = Visit.objects.filter(institution_id=visit.institution_id, key=key).first()
    if first is not None and first.request_hash == request_hash:
        return first
    if first is not None:
        raise KeyReused(
            _("Number %(key)s has been used by this institution for another settlement."), field="key", key=key
        )
    require_open_month(visit.area_id, settled_on or today, field="settled_on")
    if visit.reverses_id is not None:
        raise DomainError(_("A reversal cannot be reversed: settle the visit again."), field="visit")
    if Visit.objects.filter(reverses=visit).exists():
        raise DomainError(_("The visit has been reversed already."), field="visit")

    close_outdated(visit.proposals.all(), actor=actor, now=now)
    payments = list(visit.payments.select_related("account", "payee"))
    account_ids = [payment.account_id for payment in payments]
    locking.lock_accounts(account_ids)
    row = {name: getattr(visit, name) for name in KEPT}
    row |= {name: yuan(-fen(getattr(visit, name))) for name in NEGATED}
    row |= {
        "id": locking.new_visit_ids(1)[0],
        "key": key,
        "request_hash": request_hash,
        "settled_on": settled_on or today,
        "settled_at": now,
        "settled_by_id": actor.pk,
        "receipt": {},
        "reverses_id": visit.pk,
        "reason": reason,
        "upload_id": upload_id,
    }
    shares = [
        AccountShare(
            p.account_id,
            p.relation,
            -fen(p.amount),
            p.payee and Elsewhere(p.account.area_id, p.payee_id, p.payee.code),
        )
        for p in payments
    ]
    batch = Batch(actor_id=actor.pk, now=now)
    funds = {visit.pool: -fen(visit.pooled), "large_claims": -fen(visit.large_claims)}
    also: dict[str, list[tuple]] = {visit.area_id: [*paid]}
    confirmed = visit.proposals.filter(status=Proposal.Status.CONFIRMED)
    for proposal in confirmed.prefetch_related("recoveries__account").order_by("id"):
        for area, entries in difference_entries(proposal).items():
            also.setdefault(area, []).extend(
                (fund, subject, holder, account, -fen(amount)) for fund, subject, holder, account, amount in entries
            )
    back = Counter({payment.account_id: fen(payment.amount) for payment in payments})
    for entry in (entry for entries in also.values() for entry in entries):
        back[entry[-2]] += entry[-1]
    refunded = [account for account, amount in back.items() if account is not None and amount > 0]
    take_refund(account_ids=refunded, reason=f"visit:{visit.pk}", actor=actor, now=now)
    batch.add(row, shares, funds, visit.payee.code if visit.payee else "", also)
    batch.write()
    free(visit_id=visit.pk, now=now)
    reversal = Visit.objects.get(pk=row["id"])
    audit.record("visit.reverse", actor=actor, now=now, subject=reversal, visit=visit.pk, reason=reason)
    return reversal
