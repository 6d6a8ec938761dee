"""Random editions and random histories: the engine, its replay and any order of batch against a literal reading.

FUZZ_SEED and FUZZ_EXAMPLES change the seed and the number of histories.
"""

import json
import os
import sys
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, note, seed, settings
from hypothesis import strategies as st

from bureau.rules.benefits.fund import adjudicate, counters, replay_chain
from bureau.rules.benefits.receipts import receipt, replay
from bureau.rules.benefits.trace import Step
from bureau.rules.benefits.visit import Care, Outcome, Past, past_of
from bureau.rules.format.edition import Edition, load
from tests.rules import literal_terms as literal
from tests.rules.random_editions import editions, histories

SEED = int(os.environ.get("FUZZ_SEED", "20260801"))
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "250"))


def care_of(bill: literal.Bill) -> Care:
    return Care(
        on=bill.on,
        encounter=bill.encounter,
        institution=bill.institution,
        level=bill.level,
        kind=bill.kind,
        place=bill.place,
        standing=bill.standing,
        person_class=bill.person_class,
        plan=bill.plan,
        birth=bill.birth,
        selected_level=bill.selected_level,
        costs={name: int(amount * 100) for name, amount in bill.costs.items()},
        figures={code: int(amount * 100) for code, amount in bill.figures.items()},
    )


def same(outcome: Outcome, paid: literal.Paid) -> None:
    shown = {
        "fund": Fraction(outcome.fund, 100),
        "self_pay": Fraction(outcome.self_pay, 100),
        "deductible": Fraction(outcome.deductible, 100),
        "out_of_policy": Fraction(outcome.out_of_policy, 100),
        "fixed": Fraction(outcome.fixed, 100),
        "why": outcome.refusal.code if outcome.refusal else "",
        "charge": outcome.charge,
        "shares": {fund: Fraction(amount, 100) for fund, amount in outcome.shares.items()},
    }
    assert shown == {name: getattr(paid, name) for name in shown}


def check(edition: Edition, text: literal.Text, events: list[literal.Bill | int]) -> int:
    """Every visit as the desk settles it, against the literal reading; returns how many were paid."""
    past: list[Past] = []
    rows: dict[int, Past] = {}
    standing: dict[int, literal.Paid] = {}
    paid_visits = 0
    for number, event in enumerate(events):
        if isinstance(event, int):
            past.append(rows[event].reversed())
            del standing[event]
            continue
        care = care_of(event)
        used = counters(edition, care, past)
        outcome = adjudicate(edition, care, used)
        standing[number] = text.pay(list(standing.values()), event)
        same(outcome, standing[number])
        paid_visits += outcome.fund > 0
        # The trace is the same walk; the stored receipt gives the same fen again.
        steps: list[Step] = []
        assert adjudicate(edition, care, used, steps) == outcome and steps
        assert replay(edition, json.loads(json.dumps(receipt(edition, care, used)))) == outcome
        # A batch may count its rows in any order and in any pieces.
        assert counters(edition, care, reversed(past)) == used
        pieces = [counters(edition, care, [row]) for row in past]
        assert {key: sum(piece[key] for piece in pieces) for key in used} == used
        rows[number] = past_of(care, outcome)
        past.append(rows[number])
    survivors = [events[number] for number in standing]
    chain: list[literal.Paid] = []
    for bill in survivors:
        assert isinstance(bill, literal.Bill)
        chain.append(text.pay(chain, bill))
    again = replay_chain(lambda _on: edition, [care_of(paid.bill) for paid in chain])
    for outcome, paid in zip(again, chain, strict=True):
        same(outcome, paid)
    return paid_visits


def test_any_edition_and_any_history_equal_the_literal_reading(capsys: pytest.CaptureFixture[str]) -> None:
    seen = {"histories": 0, "paid": 0}

    @seed(SEED)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(editions(), st.lists(histories(), min_size=1, max_size=2))
    def run(toml: str, members: list[list[literal.Bill | int]]) -> None:
        note(f"FUZZ_SEED={SEED}\n{toml}")
        edition = load({"yi.toml": toml})
        for events in members:
            seen["histories"] += 1
            seen["paid"] += check(edition, literal.Text(toml), events)
        other = {"strict": "broad", "broad": "strict"}[edition.switches["reading"].chosen]
        check(edition.with_switches(reading=other), literal.Text(toml, reading=other), members[0])

    with capsys.disabled():
        print(f"\nrandom editions: FUZZ_SEED={SEED} FUZZ_EXAMPLES={EXAMPLES}", file=sys.stderr)
    run()
    assert seen["paid"] > EXAMPLES, seen  # the editions are not so strict that nothing is compared
