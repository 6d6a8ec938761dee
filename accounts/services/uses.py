"""Use of an account outside visits: a purchase or a premium, the holder's own or a relative's."""

import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import TAX_OFFICE, Account, AccountUse, Journal, Subject
from accounts.services.family import granted_on, relative_on
from accounts.services.holders import Purse, draw, edition_of, is_retired
from accounts.services.ledger import (
    JournalRequest,
    KeyReused,
    check_amount,
    control,
    fingerprint,
    lock_account,
    post,
    to_account,
)
from accounts.services.standing import take_refund
from bureau import audit
from bureau.errors import DomainError
from bureau.models import Staff
from bureau.rules.accounts import use as account_use
from bureau.rules.money import fen, yuan
from members.models import Member

SELF = "self"
REVERSAL = "reversal:"  # how the keys of reversals begin, and no other's
LONGEST_KEY = AccountUse._meta.get_field("key").max_length
NO_RELATIVE = "other"


def use_account(
    *,
    key: str,
    account: Account,
    user: Member,
    purpose: str,
    payee: str,
    amount: Decimal,
    on: datetime.date,
    actor: Staff,
    now: datetime.datetime,
) -> AccountUse:
    """Pay a bill (yuan) from an account as far as its balance goes; the rest is cash.

    The holder's own, or that of a relative on the roster whom the holder has let use it; for whom and for what is
    the edition's. What the rules refuse is recorded with the article and moves nothing. The same key with the same
    request returns the first answer. Raises KeyReused, AccountNotOpen, and DomainError for a bill that is not
    positive, a day to come, a relative without a grant, a holder who has died; nothing is recorded then.
    Premiums are owed to the tax office, whatever `payee` says.
    """
    if purpose in account_use.PREMIUMS:
        payee = TAX_OFFICE
    request_hash = fingerprint(account.pk, user.pk, purpose, payee, f"{amount:.2f}", on)
    if (known := _known(key, request_hash)) is not None:
        return known
    if not key.strip() or len(key) > LONGEST_KEY or key.startswith(REVERSAL):
        raise DomainError(_("The number of the purchase is missing, too long, or a reversal's."), field="key")
    _require_kept_here(account, actor)
    check_amount(amount)
    if on > timezone.localdate(now):
        raise DomainError(_("The day is still to come."), field="on")
    if not payee.strip():
        raise DomainError(_("Name who is paid."), field="payee")
    edition = edition_of(account, on)
    relation = _relation(account, user, on)
    try:
        with transaction.atomic():
            account = lock_account(account.pk)
            holder = account.member
            answer = draw(
                Purse(account.area_id, account.status, fen(account.balance), holder.died_on, account.status_reason),
                edition,
                on=on,
                relation=relation,
                purpose=purpose,
                amount=fen(amount),
                user_died_on=user.died_on,
                retired=is_retired(account, edition, on),
            )
            if answer.allowed and relation != SELF and not granted_on(account, user, on):
                raise DomainError(
                    _("The holder has not let %(name)s use the account; record the family grant first."),
                    field="user",
                    name=user.name,
                )
            use = AccountUse.objects.create(
                key=key,
                request_hash=request_hash,
                account=account,
                user=user,
                relation=relation,
                purpose=purpose,
                payee=payee,
                used_on=on,
                asked=amount,
                paid=yuan(answer.pay),
                cash=yuan(answer.cash),
                refusal=answer.refusal.code if answer.refusal else "",
                article=answer.article,
                recorded_by=actor,
                recorded_at=now,
            )
            if use.paid:
                _post(use, Journal.Kind.USE, actor, now)
            audit.record(
                "account.use",
                actor=actor,
                now=now,
                subject=use,
                paid=str(use.paid),
                refusal=use.refusal,
            )
            return use
    except IntegrityError as error:
        # The same request, sent twice at once: the other one was faster.
        if not (error.__cause__.diag.constraint_name or "").startswith("accounts_accountuse_key"):
            raise
    return _known(key, request_hash)


def _require_kept_here(account: Account, actor: Staff) -> None:
    if actor.area_id not in (None, account.area_id):
        raise DomainError(_("The account is kept in %(area)s."), field="account", area=account.area)


def _known(key: str, request_hash: str) -> AccountUse | None:
    known = AccountUse.objects.filter(key=key).first()
    if known is not None and known.request_hash != request_hash:
        raise KeyReused(key)
    return known


def _relation(account: Account, user: Member, on: datetime.date) -> str:
    if user.pk == account.member_id:
        return SELF
    relative = relative_on(account, user, on)
    return relative.relation if relative is not None else NO_RELATIVE


@transaction.atomic
def reverse_use(*, use: AccountUse, actor: Staff, now: datetime.datetime) -> AccountUse:
    """Give back exactly what a use took from its account. Reversed before, it returns that reversal."""
    account = lock_account(use.account_id)
    _require_kept_here(account, actor)
    use = AccountUse.objects.get(pk=use.pk)
    if use.reverses_id is not None:
        raise DomainError(_("A reversal cannot be reversed; record a new use."))
    if use.refusal:
        raise DomainError(_("The use was refused; there is nothing to give back."))
    if (known := AccountUse.objects.filter(reverses=use).first()) is not None:
        return known
    reversal = AccountUse.objects.create(
        key=f"{REVERSAL}{use.pk}",
        request_hash=fingerprint("reversal", use.pk),
        account=account,
        user_id=use.user_id,
        relation=use.relation,
        purpose=use.purpose,
        payee=use.payee,
        used_on=timezone.localdate(now),
        asked=-use.asked,
        paid=-use.paid,
        cash=-use.cash,
        article=use.article,
        reverses=use,
        recorded_by=actor,
        recorded_at=now,
    )
    if reversal.paid:
        take_refund(account_ids=[account.pk], reason=f"use:{reversal.pk}", actor=actor, now=now)
        _post(reversal, Journal.Kind.REVERSAL, actor, now)
    audit.record(
        "account.use_reverse",
        actor=actor,
        now=now,
        subject=reversal,
        use=use.pk,
        paid=str(reversal.paid),
    )
    return reversal


def _post(use: AccountUse, kind: Journal.Kind, actor: Staff, now: datetime.datetime) -> None:
    """What leaves the account is owed to the payee by the personal accounts fund."""
    journal = JournalRequest(
        key=f"use:{use.key}",
        area_id=use.account.area_id,
        kind=kind,
        posted_on=timezone.localdate(now),
        source=f"use:{use.pk}",
        entries=[
            to_account(use.account_id, -use.paid),
            control(Subject.PAYABLE_ITEMS, use.paid, holder=use.payee),
        ],
    )
    post([journal], actor=actor, now=now)
