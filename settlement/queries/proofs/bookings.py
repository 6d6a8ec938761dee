"""What a line moves in the books, fund by fund: pure arithmetic on its facts and results.

A positive amount is a credit. `booking` leaves out the money itself; `settling` is that leg, so that the two balance
within each fund. For a year: own use + bonus − borne − forfeited = due − what others were paid, which is why the year's
entries and its clearing balance whatever the bands say.
"""

from bureau.rules.money import yuan
from settlement.models import Run
from settlement.queries.lines import Facts, Results
from settlement.queries.run_facts import CLAIMS

Entries = dict[tuple[str, str, str], int]  # (fund, subject, holder) → fen, credit positive


def booking(kind: str, code: str, book: str, facts: Facts | None, results: Results) -> Entries:
    """What is offset, awarded, borne and retained for one institution. `book` is the scheme's pooled fund."""
    if not facts:
        return {}
    entries: Entries = {}

    def add(subject: str, amount: int, *, fund: str = book, holder: str = "") -> None:
        key = (fund, subject, holder)
        entries[key] = entries.get(key, 0) + amount

    if kind == Run.Kind.ADVANCE:
        add("advances", -results["advance"], holder=code)
    elif kind == Run.Kind.ITEMS:
        for fund, amount in results["paid"].items():
            add("payable_items", -amount, fund=fund, holder=code)
    elif kind == Run.Kind.MONTH:
        month(code, facts, results, add)
    else:
        year(code, facts, results, add)
    return {key: amount for key, amount in entries.items() if amount}


def month(code: str, facts: Facts, results: Results, add) -> None:
    if "deposit" in results:
        # What is over the prepayment stays recorded against the quota until the year's end (SG-8).
        add("payable_quota", -(results["paid"] + results["deposit"]), holder=code)
        add("retention", results["deposit"], holder=code)
        return
    used = max(facts["net"], 0)
    add("payable_items", -used, holder=code)
    add("surplus_award", -max(results["settled"] - used, 0))
    add("overrun_borne", max(used - results["settled"], 0))
    add("retention", results["retained"], holder=code)


def year(code: str, facts: Facts, results: Results, add) -> None:
    if "spans" not in facts:
        add("retention", -facts["retained"], holder=code)
        add("retention_forfeited", results["forfeited"])
        return
    own = advanced = paid = retained = 0
    others: dict[str, int] = {}
    for span in facts["spans"]:
        own, advanced = own + span["own"], advanced + span["advanced"]
        paid, retained = paid + span["paid"], retained + span["retained"]
        for payee, amount in span["others"].items():
            others[payee] = others.get(payee, 0) + amount
    add("payable_quota", -(own - paid - retained), holder=code)
    add("retention", -retained, holder=code)
    add("surplus_award", -(results["bonus"] if "bonus" in results else results["award"]))
    add("retention_forfeited", results.get("deposit_forfeited", 0))
    add("overrun_borne", results["borne_by_institution"])
    add("advances", advanced, holder=code)
    settled = results["due"] - advanced - paid - results["clearing"]
    claims = others.pop(CLAIMS, 0)
    if settled != sum(others.values()) + claims:
        # The institution pays the others itself (a switch): the fund owes them nothing any more.
        for payee, amount in others.items():
            add("payable_items", -amount, holder=payee)


def payments(kind: str, book: str, results: Results) -> dict[str, int]:
    """What goes to the institution out of each fund; below zero where it owes the fund."""
    if kind == Run.Kind.ITEMS:
        return dict(results["paid"])
    return {book: results[{"advance": "advance", "month": "paid", "year_end": "clearing"}[kind]]}


def settling(code: str, paid: dict[str, int]) -> Entries:
    """The money itself: out of the bank, or a recovery from the institution."""
    entries: Entries = {}
    for fund, amount in paid.items():
        if amount > 0:
            entries[fund, "bank", ""] = amount
        elif amount < 0:
            entries[fund, "recoveries", code] = amount
    return entries


def merged(*parts: Entries) -> Entries:
    total: Entries = {}
    for part in parts:
        for key, amount in part.items():
            total[key] = total.get(key, 0) + amount
    return {key: amount for key, amount in total.items() if amount}


def difference(now: Entries, before: Entries, code: str) -> Entries:
    """A late fact's entries: from one booking to the other, the rest owed to (or by) the institution by item."""
    moved = merged(now, {key: -amount for key, amount in before.items()})
    by_fund: dict[str, int] = {}
    for (fund, _subject, _holder), amount in moved.items():
        by_fund[fund] = by_fund.get(fund, 0) + amount
    return merged(moved, {(fund, "payable_items", code): -amount for fund, amount in by_fund.items()})


def requests(entries: Entries) -> list[tuple]:
    """Entries in a fixed order, in yuan, as the ledger takes them: fund, subject, holder, account, amount."""
    return [(fund, subject, holder, None, yuan(amount)) for (fund, subject, holder), amount in sorted(entries.items())]
