"""Rulebooks made to cost more than they weigh are refused in words, before the work (E9)."""

import time
import tracemalloc

import pytest

from bureau.rules.errors import EditionError
from bureau.rules.format.bounds import DEEPEST, LARGEST_FILE, MOST_DOTS
from bureau.rules.format.edition import RULEBOOKS, load
from bureau.rules.money import fen

TEXT = (RULEBOOKS / "heyuan" / "2025-27.toml").read_text("utf-8")

OUTSIDE = "lies outside the years 1900 to 2200"
COUNT = "does not fit; write a whole number from 0 to 1000"


def with_years(value: str) -> str:
    return TEXT.replace("valid_years = 5", value)


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (".".join(["a"] * 20_000) + " = 1", "file", f"line 1 has more than {MOST_DOTS} dots; cut it into several"),
        ("\n[" + ".".join(["a"] * 200) + "]", "file", f"line 2 has more than {MOST_DOTS} dots; cut it into several"),
        ('"a"' + ' . "a,"' * 60 + " = 1", "file", f"line 1 has more than {MOST_DOTS} dots; cut it into several"),
        ("a = " + "[" * 100_000, "file", f"is nested more than {DEEPEST} levels deep; no rulebook is"),
        ("a = " + "[" * 200 + "]" * 200, "file", f"is nested more than {DEEPEST} levels deep; no rulebook is"),
        ("a = " + "{a=" * 200 + "1" + "}" * 200, "file", f"is nested more than {DEEPEST} levels deep; no rulebook is"),
        (".".join(["a"] * 20) + " = 1", "file", f"is nested more than {DEEPEST} levels deep; no rulebook is"),
        ("a = " + "9" * 200_000, "file", "line 1 has a number of more than 20 digits; shorten it"),
        ("a = 1" + "_0" * 40, "file", "line 1 has a number of more than 20 digits; shorten it"),
        ("a = 1e" + "9" * 30, "file", "line 1 has a number of more than 20 digits; shorten it"),
        ("#" * (LARGEST_FILE + 1), "file", f"has more than {LARGEST_FILE} characters; no rulebook is that long"),
        ("a = 0x" + "f" * 100_000, "a", "is a number of more than 20 digits"),
        ("a = 1e999999", "a", "is a number of more than 20 digits"),
        ("a = 1e-999999", "a", "is a number of more than 20 digits"),
        ("a = 1e9999999999999999999", "file", "is not TOML: 1e9999999999999999999 is too large; correct the line"),
        (with_years("ends_on = 9999-12-31"), "ends_on", f"9999-12-31 {OUTSIDE}"),
        (with_years("ends_on = 9999-12-31T00:00:00"), "ends_on", f"9999-12-31 00:00:00 {OUTSIDE}"),
        (TEXT.replace("starts_on = 2025-08-01", "starts_on = 0001-01-01"), "starts_on", f"0001-01-01 {OUTSIDE}"),
        (with_years("valid_years = 9000"), "valid_years", f"9000 {COUNT}"),
        (with_years("valid_years = 99999999999"), "valid_years", f"99999999999 {COUNT}"),
    ],
)  # fmt: skip
def test_e9_hostile_rulebook_is_refused_in_words(text, key, said):
    tracemalloc.start()
    started = time.monotonic()
    try:
        with pytest.raises(EditionError) as refused:
            load({"a.toml": text})
        assert time.monotonic() - started < 5
        assert tracemalloc.get_traced_memory()[1] < 32 * 1024**2
    finally:
        tracemalloc.stop()
    assert (refused.value.key, refused.value.problem) == (key, said)


def test_e9_edition_of_very_many_files_is_refused():
    with pytest.raises(EditionError) as refused:
        load({f"{n}.toml": "" for n in range(21)})
    assert refused.value.problem == "are 21 files; an edition has at most 20"


@pytest.mark.parametrize("amount", ["1e999999999", "-1E+999999999", "1e-999999999"])
def test_e9_amount_with_a_giant_exponent_is_refused_at_once(amount):
    with pytest.raises(ValueError, match="larger than any amount"):
        fen(amount)
