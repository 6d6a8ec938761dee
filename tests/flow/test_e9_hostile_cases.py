"""Files of worked cases made to cost more than they weigh are refused in words, before the work (E9)."""

import time

import pytest
from django.utils import translation

from bureau.editions.case_files import read_cases
from bureau.errors import DomainError
from bureau.rules.cases.run import run_case
from bureau.rules.format.edition import load_folder

LAUGHS = "a: &a [1]\n" + "".join(f"{b}: &{b} [{f'*{a},' * 9}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cases: [" + "1," * 500_000 + "]", "The file has more than 100000 values; split it."),
        (LAUGHS + "cases: [{id: *h}]", "The file refers to parts of itself by *name; write them out."),
        ("cases: " + "[" * 400_000, "The file is nested more than 20 levels deep."),
        ("cases: [{id: " + "9" * 900_000 + "}]", "Line 1 has a value of more than 2000 characters."),
        ("cases: [{id: 1" + ":59" * 300_000 + "}]", "Line 1 has a value of more than 2000 characters."),
        (
            'cases: [{id: "1E+999999999"}]',
            "Line 1 has a number in scientific notation; write all its digits.",
        ),
        ("cases: [{id: 9999-99-99}]", "The file cannot be read as YAML: month must be in 1..12"),
        ("#" * 1024 * 1025, "A file of cases has at most 1 MB."),
    ],
)
def test_e9_hostile_case_file_is_refused_in_words(text, said):
    started = time.monotonic()
    with translation.override("en"), pytest.raises(DomainError) as refused:
        read_cases(text.encode())
    assert (str(refused.value), refused.value.field) == (said, "cases")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
@pytest.mark.parametrize("amount", ["9" * 1000, "NaN"])
def test_e9_case_with_an_impossible_day_or_amount_fails_and_raises_nothing(day, amount):
    [case] = read_cases(
        f"""
    cases: [{{id: X, city: heyuan, kind: visits, facts: {{member: {{status: active}},
      events: [{{n: 1, d: {day}, lvl: 1, rel: selected, amt: "{amount}"}}]}}, expected: {{annual_paid: "0.00"}}}}]
    """.encode()
    )
    assert run_case(case, load_folder())
