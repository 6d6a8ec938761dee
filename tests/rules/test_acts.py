"""Selection, credits, account use, newborns: what no worked case of the folder shows."""

from datetime import date

import pytest

from bureau.rules import enrolment, selection
from bureau.rules.accounts import credits
from bureau.rules.accounts import use as account_use
from bureau.rules.benefits.trace import Step, render
from bureau.rules.errors import REASONS, NoEdition, Refused
from bureau.rules.format.edition import load_folder
from bureau.rules.periods import Span

CITY = {edition.city: edition for edition in load_folder().editions}
HEYUAN, SHAOGUAN, KAIFENG = CITY["heyuan"], CITY["shaoguan"], CITY["kaifeng"]
Choice = selection.Choice


def test_window_of_a_year_and_none_where_the_text_has_none() -> None:
    assert selection.window(HEYUAN, 2027) == Span(date(2026, 9, 1), date(2026, 12, 31))
    assert selection.window(SHAOGUAN, 2025) is None


def test_a_first_choice_in_the_window_counts_from_january() -> None:
    request = selection.Request(change=False, on=date(2026, 9, 1), year=2027, choices=[Choice("A")])
    decision = selection.decide(HEYUAN, request)
    assert decision.counts == {"A": Span(date(2027, 1, 1), date(2027, 12, 31))}
    assert decision.benefit_from == date(2027, 1, 1)


def test_a_change_ends_one_institution_and_starts_the_other() -> None:
    request = selection.Request(
        change=True, on=date(2026, 3, 15), year=2026, choices=[Choice("B")], existing=[Choice("A")], reason="moved"
    )
    assert selection.decide(HEYUAN, request).counts == {
        "A": Span(date(2026, 1, 1), date(2026, 3, 31)),
        "B": Span(date(2026, 4, 1), date(2026, 12, 31)),
    }


def test_a_change_in_the_month_in_which_the_first_began_leaves_it_no_month() -> None:
    request = selection.Request(
        change=True,
        on=date(2026, 3, 20),
        year=2026,
        choices=[Choice("B")],
        existing=[Choice("A")],
        existing_from=date(2026, 4, 1),
        reason="moved",
    )
    decision = selection.decide(HEYUAN, request)
    assert decision.counts == {"A": None, "B": Span(date(2026, 4, 1), date(2026, 12, 31))}
    assert decision.months == {"A": 0, "B": 9}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (selection.Request(False, date(2026, 3, 1), 2026, []), "none_chosen"),
        (selection.Request(False, date(2026, 3, 1), 2026, [Choice("A")], [Choice("B")]), "already_selected"),
        (selection.Request(True, date(2026, 3, 1), 2026, [Choice("A")], [Choice("A")], None, "x"), "same_institution"),
        (selection.Request(True, date(2026, 3, 1), 2026, [Choice("A")], [Choice("B")], None, "  "), "no_reason"),
        (selection.Request(False, date(2026, 3, 1), 2027, [Choice("A")]), "outside_window"),
        (selection.Request(False, date(2026, 9, 1), 2028, [Choice("A")]), "outside_window"),
    ],
)
def test_a_request_that_does_not_fit_is_refused_by_name(request_: selection.Request, code: str) -> None:
    decision = selection.decide(HEYUAN, request_)
    assert (decision.accepted, decision.refusal and decision.refusal.code) == (False, code)
    assert (decision.months, decision.counts, decision.benefit_from) == ({}, {}, None)


def test_changing_a_station_moves_no_capitation() -> None:
    request = selection.Request(
        change=True,
        on=date(2024, 3, 15),
        year=2024,
        choices=[Choice("V2", "village", "T")],
        existing=[Choice("T", "township"), Choice("V", "village", "T")],
        reason="moved",
    )
    decision = selection.decide(SHAOGUAN, request)
    assert (decision.accepted, decision.counts) == (True, {})


def test_no_selection_where_the_text_has_none_and_none_out_of_force() -> None:
    request = selection.Request(change=False, on=date(2024, 3, 1), year=2024, choices=[Choice("A")])
    refusal = selection.decide(KAIFENG, request).refusal
    assert refusal is not None and refusal.code == "no_selection_rule"
    with pytest.raises(NoEdition):
        selection.decide(HEYUAN, request)


def test_credits_stop_with_benefits_or_with_premiums() -> None:
    stopped = credits.monthly_credit(HEYUAN, person_class="retired", month="2026-03", in_benefit=False)
    assert (stopped.amount, stopped.refusal and stopped.refusal.code) == (0, "benefit_stopped")
    active = {"person_class": "active", "month": "2023-03", "base": 500_000}
    unpaid = credits.monthly_credit(CITY["zhanjiang"], paid=False, **active)  # type: ignore[arg-type]
    assert (unpaid.amount, unpaid.refusal and unpaid.refusal.code) == (0, "premium_unpaid")
    paid = credits.monthly_credit(CITY["zhanjiang"], in_benefit=False, **active)  # type: ignore[arg-type]
    assert (paid.amount, paid.source) == (10_000, "contribution")


def test_a_credit_says_what_is_missing() -> None:
    base = credits.monthly_credit(HEYUAN, person_class="active", month="2026-03")
    assert base.refusal is not None and base.refusal.params == {"fact": "base"}
    birth = credits.monthly_credit(CITY["chongqing"], person_class="retired", plan="unit", month="2026-03")
    assert birth.refusal is not None and birth.refusal.params == {"fact": "birth"}
    nobody = credits.monthly_credit(SHAOGUAN, person_class="resident", month="2026-03")
    assert nobody.refusal is not None and nobody.refusal.code == "no_account"
    with pytest.raises(NoEdition):
        credits.monthly_credit(HEYUAN, person_class="active", month="2024-12", base=1)


def test_a_credit_shows_its_step() -> None:
    steps: list[Step] = []
    credits.monthly_credit(HEYUAN, person_class="active", month="2026-03", base=654_321, steps=steps)
    assert [(render(step), step.article, step.amount) for step in steps] == [
        ("2% of the contribution base 6543.21", "7", 13_086)
    ]


def test_forms_can_list_relations_purposes_and_events() -> None:
    on = date(2026, 3, 1)
    assert account_use.relations(HEYUAN, on)[0] == "self"
    for edition in CITY.values():
        day = edition.starts_on
        assert set(account_use.relations(edition, day)) <= set(account_use.RELATIONS)
        assert set(account_use.purposes(edition, day)) <= set(account_use.PURPOSES)
        assert set(account_use.events(edition, day)) <= set(account_use.EVENTS)
    assert account_use.purposes(SHAOGUAN, on) == []


def test_residents_have_no_account_to_use_or_pay_out() -> None:
    on = date(2024, 3, 1)
    use = account_use.use(SHAOGUAN, on=on, relation="self", purpose="hospital_selfpay", amount=5, balance=9)
    assert (use.allowed, use.pay, use.cash) == (False, 0, 5)
    payout = account_use.payout(SHAOGUAN, on=on, event="death", applied=True, balance=9)
    assert (payout.action, payout.amount) == ("keep", 0)
    with pytest.raises(ValueError, match="must not be negative"):
        account_use.use(HEYUAN, on=on, relation="self", purpose="x", amount=-1, balance=9)


def test_an_account_is_not_used_outside_the_editions_days() -> None:
    with pytest.raises(NoEdition):
        account_use.payout(HEYUAN, on=date(2025, 7, 31), event="death", applied=True, balance=9)


def test_newborn_cover_and_its_refusals() -> None:
    cover = enrolment.newborn_cover(SHAOGUAN, birth=date(2024, 8, 31), paid_on=date(2025, 2, 28))
    assert (cover.in_time, cover.span) == (True, Span(date(2024, 8, 31), date(2025, 12, 31)))
    late = enrolment.newborn_cover(SHAOGUAN, birth=date(2024, 5, 31), paid_on=date(2024, 12, 1))
    assert (late.in_time, late.span) == (False, None)
    with pytest.raises(Refused):
        enrolment.newborn_cover(HEYUAN, birth=date(2026, 1, 1), paid_on=date(2026, 2, 1))
    with pytest.raises(ValueError, match="before birth"):
        enrolment.newborn_cover(SHAOGUAN, birth=date(2024, 8, 31), paid_on=date(2024, 8, 30))


@pytest.mark.parametrize(
    ("code", "expected"), [("1105", "active"), ("126013", "retired"), ("1401", "resident"), ("13", None), ("", None)]
)
def test_national_person_types_map_by_prefix(code: str, expected: str | None) -> None:
    assert enrolment.class_of(code) == expected


def test_every_reason_can_be_filled_in() -> None:
    for message in REASONS.values():
        assert message.format(figure="x", fact="x", floor="x")
