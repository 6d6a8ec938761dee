"""Whether the payment runs, the visits and the ledger say the same."""

from collections.abc import Iterator
from decimal import Decimal

from django.db.models import Q, Sum
from django.utils.translation import gettext_lazy as _

from accounts.models import Entry
from bureau.audit.proofs import Proof
from bureau.rules.money import yuan
from settlement.models import Adjustment, Line, Payment, Run
from settlement.queries.facts import fen, fetch
from settlement.queries.lines import NO_RESULT, Facts, Results, fund_of, replay
from settlement.queries.proofs import bookings

Answer = tuple[int, list[str]]
PAYABLES = ("payable_items", "payable_quota")


def runs_agree(area_id: str) -> Iterator[Proof]:
    """Each question about the runs of an area."""
    replayed = Proof("lines_replay", _("Run lines and their adjustments replay to the stored fen"))
    yield replayed.all_of(*lines_replay(area_id))
    yield Proof("runs_add_up", _("Runs are the total of their lines")).all_of(*totals_agree(area_id))
    yield Proof("lines_booked", _("Paid lines stand in the ledger as computed")).all_of(*paid_lines_booked(area_id))
    yield Proof("payables_agree", _("Payables are what visits say less what runs paid")).all_of(
        *payables_agree(area_id)
    )


def lines_of(area_id: str, **conditions):
    return (
        Line.objects.filter(run__area=area_id, **conditions)
        .select_related("run", "institution", "edition")
        .order_by("id")
    )


def lines_replay(area_id: str) -> Answer:
    """Every line, and every adjustment of a settlement, computed again from its facts by the editions that it names
    gives the stored results and the stored amounts."""
    asked, differences = 0, []
    for name, run, one, amount in computed(area_id):
        asked += 1
        try:
            again = replay(run, one)
            paid = sum(bookings.payments(run.kind, "", again).values())
        except NO_RESULT as error:
            differences.append(f"{name} {one.pk}: {type(error).__name__} {error}")
            continue
        if again != one.results or paid != amount:
            differences.append(f"{name} {one.pk}: {one.results} / {again}")
    for late in Adjustment.objects.filter(origin__area=area_id, origin__kind=Run.Kind.ITEMS).order_by("id"):
        asked += 1
        try:
            moved = owed_in(late.facts, late.fund) - owed_in(facts_known_to(late), late.fund)
        except NO_RESULT as error:
            differences.append(f"adjustment {late.pk}: {type(error).__name__} {error}")
            continue
        if moved != fen(late.amount):
            differences.append(f"adjustment {late.pk}: {late.amount} / {yuan(moved)}")
    return asked, differences


def owed_in(facts: Facts, fund: str) -> int:
    """What payments by item owe for their month out of one fund."""
    return sum(facts.get("owed", {}).get(fund, {}).values())


def facts_known_to(late: Adjustment) -> Facts:
    """What the search that found an adjustment of payments by item compared with: one search may find several."""
    same = {"institution": late.institution_id}
    before = (
        Adjustment.objects.filter(origin=late.origin_id, created_at__lt=late.created_at, **same).order_by("-id").first()
        or Line.objects.filter(run=late.origin_id, **same).first()
    )
    return before.facts if before is not None else {}


def computed(area_id: str) -> Iterator[tuple[str, Run, Line | Adjustment, int]]:
    """What the rules have computed for runs, with what it pays by the results, in fen."""
    for line in lines_of(area_id).iterator(500):
        yield "line", line.run, line, fen(line.to_pay)
    settlements = Adjustment.objects.filter(origin__area=area_id).exclude(origin__kind=Run.Kind.ITEMS)
    for late in settlements.select_related("origin").order_by("id"):
        _facts, before = known_before(late)
        paid = sum(bookings.payments(late.origin.kind, "", before).values()) if before else 0
        yield "adjustment", late.origin, late, paid + fen(late.amount)


def totals_agree(area_id: str) -> Answer:
    runs = Run.objects.filter(area=area_id).annotate(lines_total=Sum("lines__to_pay", default=Decimal(0)))
    rows = list(runs.order_by("id").values_list("id", "total", "lines_total"))
    return len(rows), [f"run {number}: {total} / {lines}" for number, total, lines in rows if total != lines]


def paid_lines_booked(area_id: str) -> Answer:
    """The journal of every paid line and carried adjustment has exactly the entries that its facts call for, and
    the orders to the bank come to what is paid."""
    booked: dict[str, bookings.Entries] = {}
    rows = (
        Entry.objects.filter(journal__area=area_id)
        .filter(Q(journal__source__startswith="line:") | Q(journal__source__startswith="adjustment:"))
        .values_list("journal__source", "fund", "subject", "holder")
        .annotate(total=Sum("amount"))
    )
    for source, fund, subject, holder, total in rows:
        booked.setdefault(source, {})[fund, subject, holder] = fen(total)
    # The first order of each line and fund; what took a returned one's place is no second payment.
    orders = Payment.objects.filter(line__run__area=area_id).order_by("line", "fund", "id").distinct("line", "fund")
    ordered = {(number, fund): fen(amount) for number, fund, amount in orders.values_list("line", "fund", "amount")}
    asked, differences = 0, []
    for source, entries, paid in expected(area_id):
        asked += 1
        stands = booked.pop(source, {})
        if stands != entries:
            differences.append(f"{source}: {stands} / {entries}")
        for key, amount in paid.items():
            if ordered.pop(key, 0) != amount:
                differences.append(f"{source}: {key[1]} {yuan(amount)}")
    differences += [f"{source}: {entries}" for source, entries in booked.items()]
    differences += [f"line:{number}: {fund} {yuan(amount)}" for (number, fund), amount in ordered.items()]
    return asked, differences


def expected(area_id: str) -> Iterator[tuple[str, bookings.Entries, dict[tuple[int, str], int]]]:
    """By source: the entries that paid lines and carried adjustments call for, and the orders to the bank."""
    for line in lines_of(area_id, run__status=Run.Status.PAID).iterator(500):
        kind, code = line.run.kind, line.institution.code
        try:
            book = fund_of(line)
            paid = bookings.payments(kind, book, line.results)
            own = bookings.booking(kind, code, book, line.facts, line.results)
        except NO_RESULT:
            paid, own = {}, {}  # then its entries agree with nothing, which is what there is to report
        entries = bookings.merged(own, bookings.settling(code, paid))
        yield (
            f"line:{line.pk}",
            entries,
            {(line.pk, fund): amount for fund, amount in paid.items() if amount > 0},
        )
    for late in adjustments_in_books(carried_by__run__area=area_id, carried_by__run__status=Run.Status.PAID):
        yield f"adjustment:{late.pk}", adjustment_entries(late), {}


def adjustments_in_books(**conditions):
    """Carried adjustments that need a journal of their own; those of items are in their visits' journals."""
    return (
        Adjustment.objects.filter(**conditions)
        .exclude(origin__kind=Run.Kind.ITEMS)
        .select_related("origin", "institution")
        .order_by("id")
    )


def adjustment_entries(late: Adjustment) -> bookings.Entries:
    """From what the books knew to what they should know; the difference is owed by item."""
    kind, code = late.origin.kind, late.institution.code
    return bookings.difference(
        bookings.booking(kind, code, late.fund, late.facts, late.results),
        bookings.booking(kind, code, late.fund, *known_before(late)),
        code,
    )


def known_before(late: Adjustment) -> tuple[Facts, Results]:
    """The adjustment before it, else the line it corrects, else nothing."""
    same = {"institution": late.institution_id}
    before = (
        Adjustment.objects.filter(origin=late.origin_id, pk__lt=late.pk, **same).order_by("-id").first()
        or Line.objects.filter(run=late.origin_id, **same).first()
    )
    return (before.facts, before.results) if before is not None else ({}, {})


VISITS = """
SELECT fund, subject, holder, (sum(amount) * 100)::bigint AS amount FROM (
    SELECT part.fund, p.code AS holder, part.amount,
           CASE WHEN part.quota AND v.charged_institution_id = v.payee_id
                THEN 'payable_quota' ELSE 'payable_items' END AS subject
      FROM settlement_visit v
      JOIN institutions_institution p ON p.id = v.payee_id,
           LATERAL (VALUES (v.pool, v.pooled, true), ('large_claims', v.large_claims, false))
               AS part(fund, amount, quota)
     WHERE v.area_id = %(area)s AND part.amount <> 0
    UNION ALL
    SELECT 'personal_accounts', i.code, p.amount, 'payable_items'
      FROM settlement_visitpayment p
      JOIN settlement_visit v ON v.id = p.visit_id
      JOIN accounts_account a ON a.id = p.account_id
      JOIN institutions_institution i ON i.id = COALESCE(p.payee_id, v.payee_id)
     WHERE CASE WHEN p.payee_id IS NULL THEN v.area_id ELSE a.area_id END = %(area)s
    UNION ALL
    SELECT 'personal_accounts', u.payee, u.paid, 'payable_items'
      FROM accounts_accountuse u JOIN accounts_account a ON a.id = u.account_id WHERE a.area_id = %(area)s
) AS owed GROUP BY 1, 2, 3
"""
LEDGER = """
SELECT e.fund, e.subject, e.holder, (sum(e.amount) * 100)::bigint AS amount
  FROM accounts_entry e JOIN accounts_journal j ON j.id = e.journal_id
 WHERE j.area_id = %(area)s AND e.subject IN ('payable_items', 'payable_quota')
 GROUP BY 1, 2, 3
"""


def payables_agree(area_id: str) -> Answer:
    """By fund, payable and holder: what visits and purchases made owed, less what runs paid, is the balance."""
    stated: bookings.Entries = {
        (row["fund"], row["subject"], row["holder"]): row["amount"] for row in fetch(VISITS, {"area": area_id})
    }
    for _source, entries, _paid in expected(area_id):
        stated = bookings.merged(stated, {key: amount for key, amount in entries.items() if key[1] in PAYABLES})
    asked, differences = 0, []
    for row in fetch(LEDGER, {"area": area_id}):
        asked += 1
        key = (row["fund"], row["subject"], row["holder"])
        says = stated.pop(key, 0)
        if says != row["amount"]:
            differences.append(f"{' '.join(key)}: {yuan(says)} / {yuan(row['amount'])}")
    differences += [f"{' '.join(key)}: {yuan(amount)} / 0.00" for key, amount in stated.items() if amount]
    return asked, differences
