"""The command that runs files of worked cases: what it counts, names, and refuses to call passed."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

HERE = Path(__file__).parent
PASSES = "- {id: ok, city: heyuan, kind: rule_version, facts: {date: 2026-01-01}, expected: {in_force: true}}"
FAILS = "- {id: bad, city: heyuan, kind: rule_version, facts: {date: 2026-01-01}, expected: {in_force: false}}"


def ran(*paths: Path) -> str:
    out = StringIO()
    call_command("check_cases", *map(str, paths), stdout=out)
    return out.getvalue()


def failed(*paths: Path) -> list[str]:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_cases", *map(str, paths), stdout=out)
    assert ended.value.code == 1
    return out.getvalue().splitlines()


def test_own_cases_pass() -> None:
    assert ran(HERE / "cases").endswith(" passed, 0 failed\n")


def test_a_case_that_differs_is_named_and_the_rest_still_runs(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"cases:\n{FAILS}\n{PASSES}\n")
    assert failed(tmp_path / "a.yaml") == [
        "a.yaml bad: in_force: expected False, got True",
        "1 passed, 1 failed",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cases: []", "holds no list of cases"),
        ("- 1", "holds no list of cases"),
        ("cases:\n- notacase", "is not a case"),
        (PASSES.replace("2026-01-01", "2026-13-01").join(("cases:\n", "")), "month must be in 1..12"),
        ("cases: [", "cannot be read: "),
        ("cases:\n- {city: heyuan, facts: {}, expected: {x: 1}}", "cannot be run: KeyError: 'kind'"),
        ("cases:\n- {id: 7, city: heyuan, kind: visits, facts: null, expected: {x: 1}}", "cannot be run: "),
    ],
)
def test_what_cannot_be_run_fails_without_a_traceback(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    lines = failed(tmp_path)
    assert said in lines[0] and lines[-1] == "0 passed, 1 failed"


def test_nothing_to_run_is_a_failure(tmp_path: Path) -> None:
    assert failed(tmp_path) == ["0 passed, 0 failed"]
    assert "cannot be read: " in failed(tmp_path / "none.yaml")[0]
