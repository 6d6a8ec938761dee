"""Paying an approved run: orders to the bank and journals, in one transaction; and what the bank returns."""

import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Journal
from accounts.services.ledger import EntryRequest, JournalRequest, post
from bureau import audit
from bureau.errors import DomainError
from bureau.models import County, Staff
from bureau.rules.money import yuan
from bureau.staff import reach
from bureau.steps import require_step, take_step
from institutions.models import Institution
from institutions.services.bank_accounts import ACCOUNT
from settlement.models import Line, Payment, Run
from settlement.queries.facts import fen
from settlement.queries.lines import fund_of
from settlement.queries.proofs import bookings
from settlement.queries.proofs.runs import adjustment_entries, adjustments_in_books
from settlement.services.runs.approval import account_of, accounts_changed, locked, names_of


@transaction.atomic
def pay_run(*, run: Run, actor: Staff, now: datetime.datetime) -> Run:
    """Order every payment of an approved run, to the accounts that were approved with it, and post its journals. A
    paid run is returned as it stands.

    Refused: a run that nobody approved, an institution without a bank account, and one whose account is another now,
    by name. What an institution
    owes becomes a recovery; what is below zero in payments by item stays on its payable and carries on.
    """
    reach.require(actor.reach, run)
    # Computing a year and paying an advance of it come one after the other.
    County.objects.select_for_update(no_key=True).get(pk=run.county_id)
    run = locked(run)
    if run.status == Run.Status.PAID:
        return run
    require_step(run, "run.pay", actor)
    lines = list(run.lines.select_related("run", "institution").order_by("institution__code"))
    today = timezone.localdate(now)
    orders, journals = [], []
    for line in lines:
        book = fund_of(line)
        paid = bookings.payments(run.kind, book, line.results)
        orders += [order(line, line, fund, amount, today) for fund, amount in sorted(paid.items()) if amount > 0]
        code = line.institution.code
        own = bookings.booking(run.kind, code, book, line.facts, line.results)
        journals.append(
            journal(
                run,
                key=f"run:{run.pk}:{code}",
                source=f"line:{line.pk}",
                entries=bookings.merged(own, bookings.settling(code, paid)),
                year=run.period.year,
                today=today,
            )
        )
    journals += adjustment_journals(run, today)
    require_accounts(run)
    post(journals=[asked for asked in journals if asked.entries], actor=actor, now=now)
    Payment.objects.bulk_create(orders)
    take_step(run, "run.pay", actor, now)
    audit.record(
        "run.pay",
        actor=actor,
        now=now,
        subject=run,
        orders=len(orders),
        ordered=str(sum((payment.amount for payment in orders), yuan(0))),
    )
    return run


def order(line: Line, to: Line | Institution, fund: str, amount: int, today: datetime.date) -> Payment:
    """An order to the account of a line, as approved, or to the one that its institution has now."""
    account = {name: getattr(to, name) for name in ACCOUNT}
    return Payment(line=line, fund=fund, amount=yuan(amount), ordered_on=today, **account)


def require_accounts(run: Run) -> None:
    """Refuse to pay where there is no account, and where the account is not the one that was approved."""
    paying = run.lines.filter(to_pay__gt=0).select_related("institution").order_by("institution__code")
    require_account([line for line in paying if not all(account_of(line.institution))])
    if moved := accounts_changed(run):
        raise DomainError(
            _("The bank account of %(names)s has changed since the approval: have the accounts approved anew."),
            field="bank_account",
            names=names_of(moved),
        )


def require_account(without: list[Line]) -> None:
    if without:
        raise DomainError(
            _("No bank account is recorded for %(names)s."), field="bank_account", names=names_of(without)
        )


def journal(
    run: Run, *, key: str, source: str, entries: bookings.Entries, year: int, today: datetime.date
) -> JournalRequest:
    """A journal of a run. The year of origin stands beside the day of posting where they differ (SG-18)."""
    return JournalRequest(
        key=key,
        area_id=run.area_id,
        kind=Journal.Kind.RUN,
        posted_on=today,
        source=source,
        entries=[EntryRequest(*entry) for entry in bookings.requests(entries)],
        origin_year=year if year != today.year else None,
    )


def adjustment_journals(run: Run, today: datetime.date) -> list[JournalRequest]:
    """What the carried adjustments of settlements move in the books."""
    return [
        journal(
            run,
            key=f"adjustment:{late.pk}",
            source=f"adjustment:{late.pk}",
            entries=adjustment_entries(late),
            year=late.origin.period.year,
            today=today,
        )
        for late in adjustments_in_books(carried_by__run=run)
    ]


@transaction.atomic
def return_payment(*, payment: Payment, note: str, actor: Staff, now: datetime.datetime) -> Payment:
    """The bank sent the money back: it lies in suspense until it is ordered again."""
    if not note.strip():
        raise DomainError(_("Say why the bank returned the payment."), field="note")
    payment = Payment.objects.select_for_update(no_key=True).get(pk=payment.pk)
    if payment.status == Payment.Status.RETURNED:
        return payment
    run, code = payment.line.run, payment.line.institution.code
    take_step(payment, "payment.return", actor, now, note=note.strip()[:200])
    move_suspense(payment, run, code, "returned", fen(payment.amount), actor=actor, now=now)
    audit.record(
        "payment.return",
        actor=actor,
        now=now,
        subject=payment,
        note=payment.note,
    )
    return payment


@transaction.atomic
def reissue_payment(*, payment: Payment, actor: Staff, now: datetime.datetime) -> Payment:
    """Order a returned payment again, to the account that counts now. Asked twice: the same order.

    Another account than the first has been entered by one person and confirmed by another.
    """
    payment = Payment.objects.select_for_update(no_key=True).get(pk=payment.pk)
    require_step(payment, "payment.reissue", actor)
    standing = Payment.objects.filter(line=payment.line_id, fund=payment.fund).exclude(status=Payment.Status.RETURNED)
    if (first := standing.first()) is not None:
        return first
    where = Institution.objects.select_for_update(no_key=True).get(pk=payment.line.institution_id)
    require_account([] if all(account_of(where)) else [payment.line])
    again = order(payment.line, where, payment.fund, fen(payment.amount), timezone.localdate(now))
    again.status = Payment.Status.REISSUED
    again.save()
    run = payment.line.run
    move_suspense(again, run, payment.line.institution.code, "reissued", -fen(payment.amount), actor=actor, now=now)
    audit.record(
        "payment.reissue",
        actor=actor,
        now=now,
        subject=again,
        returned=payment.pk,
    )
    return again


def move_suspense(
    payment: Payment, run: Run, code: str, act: str, amount: int, *, actor: Staff, now: datetime.datetime
) -> None:
    """Money between the bank and suspense; a positive amount has come back."""
    entries = {(payment.fund, "suspense", code): amount, (payment.fund, "bank", ""): -amount}
    asked = journal(
        run,
        key=f"payment:{payment.pk}:{act}",
        source=f"payment:{payment.pk}",
        entries=entries,
        year=run.period.year,
        today=timezone.localdate(now),
    )
    post(journals=[asked], actor=actor, now=now)
