"""One member's history read literally: the facts of each bill, looked up in what was drawn and never in a table."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

from tests.rules import literal_terms as literal
from tests.settlement.random_towns import (
    NOTHING,
    PLACES,
    POOL,
    SINCE,
    Answer,
    Days,
    Event,
    Person,
    Purse,
    Seen,
    Town,
)  # fmt: skip


def within(on: date, span: Days | None) -> bool:
    return span is not None and span[0] <= on <= span[1]


def texts_on(texts: list[literal.Text], on: date) -> literal.Text | None:
    """The text of a day: the last that has begun."""
    begun = [text for text in texts if text.starts_on <= on <= text.ends_on]
    return begun[-1] if begun else None


def bill_of(
    town: Town, person: Person, seen: Seen, text: literal.Text | None, written: literal.Paid | None
) -> literal.Bill:
    """The facts of a visit. `written`: the visit that wrote the prescription which it fills."""
    on, (kind, local, designated, parent, _code) = seen.on, PLACES[seen.place]
    enrolled = SINCE <= on <= person.enrolled_until
    _first, person_class, plan, large_claims = [row for row in person.classes if row[0] <= on][-1]
    chosen = next((place for place, span in person.chosen if within(on, span)), None) if enrolled else None
    # A station is selected with its centre, unless members choose one for itself (here nobody does).
    selection = text.tree.get("selection", {}) if text else {}
    apart = any(role["role"] == "station" for role in selection.get("roles", []))
    apart = apart or selection.get("stations") == "apart"
    account = PLACES[chosen][3] if chosen is not None and PLACES[chosen][0] == "station" else chosen
    flags = {
        "designated": designated,
        "local": local and enrolled,
        "networked": not (local and enrolled),
        "selected": chosen is not None and (chosen == seen.place if apart else account in (seen.place, parent)),
        "referral": chosen == "home" and seen.place == "near" and within(on, person.referred),
        "filed": seen.place == "filed" and within(on, person.registered),
        "emergency": seen.emergency and kind != "pharmacy",
        "pharmacy": kind == "pharmacy",
    }
    place = frozenset(flag for flag, holds in flags.items() if holds)
    treating = seen.place
    if seen.prescriber:
        treating, kind = seen.prescriber, PLACES[seen.prescriber][0]
        place |= {"unwritten"}
    if written is not None:
        place = written.bill.place - (frozenset() if designated else {"designated"}) | {"prescription"}
    standing = {name for name, span in person.stops if within(on, span)}
    if not enrolled:
        standing.add("not_enrolled")
    if not enrolled or not within(on, person.entitled):
        standing.add("no_benefit_period")
    if any(first <= on < last for first, last in person.stays):
        standing.add("inpatient")
    if enrolled and large_claims:
        standing.add("large_claims")
    costs = {
        "ordinary": seen.parts["ordinary"],
        "general_fee": seen.parts["general_fee"],
        "consultation_fee": seen.parts["consultation_fee"],
        "chronic_remainder": seen.parts["other_remainder"],
    }
    listed = text.tree.get("figures", []) if text else []
    published = {
        row["code"]: published_in(town, row, on.year - row.get("years_back", 0)) for row in listed
    }
    return literal.Bill(
        on=on,
        encounter=seen.encounter,
        institution=treating,
        level=town.level(treating, on),
        kind=kind,
        place=place,
        standing=frozenset(standing),
        person_class=person_class if enrolled else "",
        plan=plan if enrolled else "",
        birth=person.birth,
        selected_level=None if chosen is None else town.level(chosen, on),
        costs={name: amount for name, amount in costs.items() if amount},
        figures={code: amount for code, amount in published.items() if amount is not None},
    )


def published_in(town: Town, row: dict, year: int) -> Fraction | None:
    """A figure of a year; one that is not published every year goes on until the next."""
    if row.get("per_year", True):
        return town.figures.get(year, {}).get(row["code"])
    before = [known for at, known in sorted(town.figures.items()) if at <= year and row["code"] in known]
    return before[-1][row["code"]] if before else None


def opening_of(person: Person, pool: str) -> list[literal.Paid]:
    """What was counted before the first visit, as rows of the history."""

    def row(on: date, fund: Fraction, fixed: Fraction, deductible: Fraction, name: str) -> literal.Paid:
        bill = literal.Bill(
            on, "", "", 0, "", frozenset({"local"}), frozenset(), "", "", None, None, {}, {}, opening=True
        )
        # A deductible was borne by a cost of at least as much.
        return literal.Paid(bill, fund, NOTHING, deductible, NOTHING, "", fixed, deductible, {name: fund})

    opened = [
        row(date(year, 1, 1), fund, fixed, deductible, pool) for year, fund, fixed, deductible in person.openings
    ]
    # What a fund paid elsewhere counts against the fund's own limit alone, as fixed amounts do.
    return opened + [
        row(on, amount, amount, NOTHING, pool if fund == POOL else fund) for fund, on, amount in person.elsewhere
    ]


class Reader:
    """One member's history read literally, event by event."""

    def __init__(self, texts: list[literal.Text], town: Town, person: Person, pool: str) -> None:
        self.texts, self.town, self.person = texts, town, person
        self.opening = opening_of(person, pool)
        self.standing: dict[int, literal.Paid] = {}
        self.settled: dict[int, tuple[Seen, Answer]] = {}
        self.balances = [purse.balance for purse in person.purses]

    def tell(self, number: int, event: Event) -> Answer | None:
        if isinstance(event, int):
            if event in self.standing:
                del self.standing[event]
                paid = self.settled[event][1].accounts
                self.balances = [left + part for left, part in zip(self.balances, paid, strict=True)]
            return None
        answer = self.settle(event)
        if answer.paid is not None:
            self.settled[number] = (event, answer)
            self.standing[number] = answer.paid
            self.balances = [left - part for left, part in zip(self.balances, answer.accounts, strict=True)]
        return answer

    def settle(self, seen: Seen) -> Answer:
        written = self.written(seen) if seen.prescriber else None
        text = texts_on(self.texts, seen.on)
        bill = bill_of(self.town, self.person, seen, text, written)
        paid = self.paid(text, bill, [*self.opening, *self.standing.values()])
        if paid.why == "figure_missing":
            return Answer(None)
        rest = seen.total - seen.parts["other_funds"] - paid.fund
        accounts = [NOTHING] * len(self.balances)
        if text is not None and PLACES[seen.place][2]:  # an account pays after the enrolment has ended as well
            ready = [
                balance if self.lends(purse, seen) else NOTHING
                for purse, balance in zip(self.person.purses, self.balances, strict=True)
            ]
            relations = [purse.relation for purse in self.person.purses]
            pharmacy = PLACES[seen.place][0] == "pharmacy"
            accounts = text.from_accounts(rest, pharmacy, list(zip(relations, ready, strict=True)))
        return Answer(paid, accounts)

    def written(self, seen: Seen) -> literal.Paid | None:
        """The first visit with this encounter at the institution that wrote the prescription, on that day or before."""
        writing = [
            (first.on, number, answer.paid)
            for number, (first, answer) in self.settled.items()
            if (first.encounter, first.place) == (seen.encounter, seen.prescriber) and first.on <= seen.on
        ]
        return min(writing)[2] if writing else None

    @staticmethod
    def lends(purse: Purse, seen: Seen) -> bool:
        if seen.pay_from == "none" or (seen.pay_from == "own" and purse.relation != "self"):
            return False
        return within(seen.on, purse.lent)

    @staticmethod
    def paid(text: literal.Text | None, bill: literal.Bill, history: list[literal.Paid]) -> literal.Paid:
        if text is not None and "not_enrolled" not in bill.standing:
            return text.pay(history, bill)
        why = "not_enrolled" if "not_enrolled" in bill.standing else "no_edition"
        return literal.Paid(bill, NOTHING, sum(bill.costs.values(), NOTHING), NOTHING, NOTHING, why)

    def proposed(self, year: int) -> dict[int, literal.Paid]:
        """The surviving visits of a year read again in their order, where the fund or the deductible differs."""
        history, differs = list(self.opening), {}
        for number, paid in self.standing.items():
            if paid.bill.on.year == year and paid.why not in ("no_edition", "not_enrolled"):
                again = self.paid(texts_on(self.texts, paid.bill.on), paid.bill, history)
                if (again.fund, again.deductible) != (paid.fund, paid.deductible):
                    differs[number] = again
                paid = again
            history.append(paid)
        return differs


def yuan(amount: Fraction) -> Decimal:
    return Decimal(amount.numerator) / Decimal(amount.denominator)
