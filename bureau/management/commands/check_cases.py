"""Run files of worked cases against the rulebooks. Needs no database."""

import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandParser

from bureau.editions.case_files import read_yaml
from bureau.errors import DomainError
from bureau.rules.cases.run import run_case
from bureau.rules.format.edition import load_folder


class Command(BaseCommand):
    help = "Run case files (YAML) against the rulebooks; exit status 1 on any failure."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", help="case files, or folders of them")

    def handle(self, *args, paths: list[str], **options) -> None:
        passed = failed = 0
        rulebook = load_folder()
        for path in case_files(paths):
            for number, case in enumerate(cases_in(path), start=1):
                differences = case if isinstance(case, str) else problems(case, rulebook)
                if not differences:
                    passed += 1
                    continue
                failed += 1
                name = case.get("id", f"case {number}") if isinstance(case, dict) else f"case {number}"
                self.stdout.write(f"{path.name} {name}: {differences}")
        self.stdout.write(f"{passed} passed, {failed} failed")
        if failed or not passed:
            sys.exit(1)


def case_files(paths: list[str]) -> list[Path]:
    files: list[Path] = []
    for name in paths:
        path = Path(name)
        files += sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    return files


def cases_in(path: Path) -> list:
    """The cases of a file; one text instead where the file cannot be read as such, which then counts as a failure."""
    try:
        content = read_yaml(path.read_bytes())
    except (OSError, DomainError) as error:
        return [f"cannot be read: {error}"]
    cases = content.get("cases") if isinstance(content, dict) else None
    if not isinstance(cases, list) or not cases:
        return ["holds no list of cases"]
    return [case if isinstance(case, dict) else "is not a case" for case in cases]


def problems(case: dict, rulebook) -> str:
    """What differs, in one line; a case that cannot be run at all is a failure too."""
    try:
        return "; ".join(run_case(case, rulebook))
    except Exception as error:
        return f"cannot be run: {type(error).__name__}: {error}"
