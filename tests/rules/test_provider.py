"""Payments that no worked case shows: a year of two documents, score bands, receipts, refusals."""

import json
from datetime import date

import pytest

from bureau.rules import payment as provider
from bureau.rules.benefits.trace import Step, render
from bureau.rules.errors import NoEdition, Refused
from bureau.rules.format.edition import RULEBOOKS, Edition, load, load_all, load_folder
from bureau.rules.periods import Span

RULEBOOK = load_folder()
CITY = {edition.city: edition for edition in RULEBOOK.editions}
NEWER = (RULEBOOKS / "heyuan" / "2025-27.toml").read_text("utf-8")
OLDER = (
    NEWER.replace("河府〔2025〕27号", "河府办〔2022〕15号")
    .replace("starts_on = 2025-08-01\nvalid_years = 5", "starts_on = 2022-07-01\nends_on = 2025-07-31")
    .replace("starts_on = 2025-01-01 ", "starts_on = 2022-07-01 ")
    .replace("quota = 320", "quota = 240")
)
HEADS = {f"2025-{month:02d}": 1000 for month in range(1, 13)}


def test_a_year_of_two_documents_is_refused_without_the_older() -> None:
    with pytest.raises(NoEdition):
        provider.year_quota(RULEBOOK, area="441699", scheme="310", person_months=HEADS)
    with pytest.raises(NoEdition):
        provider.settlement_spans(RULEBOOK, area="441699", scheme="310", year=2025)
    split = load_all({"heyuan": NEWER.replace('chosen = "one_settlement"', 'chosen = "split"')})
    with pytest.raises(NoEdition):
        provider.settlement_spans(split, area="441699", scheme="310", year=2025)


def test_a_year_of_two_documents_counts_months_at_each_rate() -> None:
    both = load_all({"older": OLDER, "newer": NEWER})
    steps: list[Step] = []
    quota = provider.year_quota(both, area="441699", scheme="310", person_months=HEADS, steps=steps)
    assert quota == 7 * 2_000_000 + 13_333_333  # 7 × 20 000.00 and 5000 × 320 / 12, rounded once
    assert [step.amount for step in steps] == [None, None, quota]  # the parts are rounded together
    assert "under 河府办〔2022〕15号" in render(steps[0])
    spans = provider.settlement_spans(both, area="441699", scheme="310", year=2025)
    assert spans == [Span(date(2025, 1, 1), date(2025, 12, 31))]
    split = load_all({"older": OLDER, "newer": NEWER.replace('chosen = "one_settlement"', 'chosen = "split"')})
    assert provider.settlement_spans(split, area="441699", scheme="310", year=2025) == [
        Span(date(2025, 1, 1), date(2025, 7, 31)),
        Span(date(2025, 8, 1), date(2025, 12, 31)),
    ]
    whole = provider.settlement_spans(split, area="441699", scheme="310", year=2026)
    assert whole == [Span(date(2026, 1, 1), date(2026, 12, 31))]


def test_a_quota_changed_inside_a_year_counts_by_months() -> None:
    dated = "quota = [{ from = 2025-08-01, value = 320 }, { from = 2026-07-01, value = 350 }]"
    book = load_all({"h": NEWER.replace("quota = 320 ", dated + " ")})
    months = {f"2026-{month:02d}": 12 for month in range(1, 13)}
    assert provider.year_quota(book, area="441699", scheme="310", person_months=months) == 6 * 32_000 + 6 * 35_000


def test_score_bands_release_a_retention() -> None:
    text = (RULEBOOKS / "zhanjiang" / "2022-12.toml").read_text("utf-8")
    bands = "scores = [{ at_least = 90, ratio = 1 }, { at_least = 60, ratio = 0.5 }, { at_least = 0, ratio = 0 }]"
    edition = load({"z": text.replace('label = "年度考核金"', f'label = "年度考核金"\n{bands}')})
    released = [
        provider.compute(edition, date(2023, 12, 31), "retention_release", {"retained": 1001, "score": score})
        for score in ("90", "89.99", "59")
    ]
    assert released == [
        {"released": 1001, "forfeited": 0},
        {"released": 501, "forfeited": 500},
        {"released": 0, "forfeited": 1001},
    ]
    with pytest.raises(ValueError, match="not between 0 and 100"):
        provider.compute(edition, date(2023, 12, 31), "retention_release", {"retained": 1, "score": "101"})


@pytest.mark.parametrize(
    ("city", "on", "kind", "facts"),
    [
        ("heyuan", date(2026, 2, 1), "advance", {"month": "2026-02", "headcount": 7, "prev_actual": 123}),
        ("heyuan", date(2026, 12, 31), "year_end", {"quota": 258_667, "actual": 206_933, "advanced": 1}),
        ("zhanjiang", date(2023, 2, 1), "month_settlement", {"pool": 100, "actual": {"A": 70, "B": 40}}),
        ("shaoguan", date(2024, 2, 1), "month_settlement", {"fund": 864_197, "headcount_prev": 3000}),
        ("kaifeng", date(2024, 2, 1), "year_end", {"quota": 10, "actual": 12}),
    ],
)
def test_a_receipt_replays_to_the_fen(city: str, on: date, kind: str, facts: dict[str, object]) -> None:
    edition: Edition = CITY[city]
    stored = json.loads(json.dumps(provider.receipt(edition, on, kind, facts)))
    steps: list[Step] = []
    assert provider.replay(edition, stored, steps) == provider.compute(edition, on, kind, facts)
    assert steps and all(step.article and render(step) for step in steps)
    with pytest.raises(ValueError, match="another edition"):
        provider.replay(edition, stored | {"edition": "x"})


def test_a_missing_fact_and_a_foreign_computation_are_refused() -> None:
    edition = CITY["heyuan"]
    with pytest.raises(Refused) as caught:
        provider.compute(edition, date(2026, 2, 1), "month_settlement", {})
    assert caught.value.refusal.code == "not_in_method"
    for facts in ({"month": "2026-02", "headcount": 7}, {"month": "2026-02", "headcount": 7, "prev_actual": None}):
        with pytest.raises(Refused) as caught:
            provider.compute(edition, date(2026, 2, 1), "advance", facts)
        assert caught.value.refusal.code == "fact_missing"
    with pytest.raises(NoEdition):
        provider.compute(edition, date(2030, 8, 1), "advance", {})


def test_a11_a_fault_inside_a_method_is_no_missing_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(tree: object, facts: object, steps: object) -> dict[str, int]:
        return {"advance": {}["headcount"]}

    methods = provider.METHODS | {"capitation": {"advance": broken}}
    monkeypatch.setattr(provider, "METHODS", methods)
    with pytest.raises(KeyError, match="headcount"):
        provider.compute(CITY["heyuan"], date(2026, 2, 1), "advance", {"headcount": 7})


def test_a11_a_figure_that_is_not_published_is_named() -> None:
    with pytest.raises(Refused) as caught:
        provider.compute(CITY["zhanjiang"], date(2023, 1, 1), "fund_budget", {"levy_y_minus_2": 100})
    assert (caught.value.refusal.code, caught.value.refusal.params) == ("fact_missing", {"fact": "remote_reserve"})


def test_what_a_method_offers_can_be_asked() -> None:
    on = date(2026, 5, 1)
    assert provider.kinds(CITY["heyuan"], on) == ["quota", "advance", "year_end"]
    assert provider.method(CITY["heyuan"], on) == "capitation"
    assert provider.quota_per_head(CITY["heyuan"], on) == 32_000
    assert provider.quota_per_head(CITY["kaifeng"], on) == 0
    assert provider.retention_label(CITY["shaoguan"], on) == "质量保证金"
    assert provider.retention_label(CITY["heyuan"], on) == ""
