"""Hold every number of the rulebooks against the archived policy texts. Needs no database."""

import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext

from bureau.rules.citations import check as citations
from bureau.rules.errors import EditionError
from bureau.rules.format.bounds import parse
from bureau.rules.format.edition import RULEBOOKS, grouped, load
from bureau.rules.format.frame import FRAMES


class Command(BaseCommand):
    help = "Hold every number of the rulebooks against the cited articles; exit status 1 if any is missing."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--texts", required=True, metavar="DIR", help="folder of archived policy texts (*.txt)")
        parser.add_argument("--rulebooks", default=str(RULEBOOKS), metavar="DIR", help="folder of editions (*.toml)")

    def handle(self, *args, texts: str, rulebooks: str, **options) -> None:
        documents = read(texts, "*.txt")
        files = read(rulebooks, "**/*.toml")
        try:
            groups = grouped(files)
            for group in groups.values():
                load(group)  # what cannot be loaded is not looked up
        except EditionError as error:
            raise CommandError(str(error)) from error
        if Path(rulebooks) == RULEBOOKS:
            groups |= {path.stem: {path.name: path.read_text("utf-8")} for path in sorted(FRAMES.glob("*.toml"))}
        missing = 0
        for number, group in groups.items():
            held = []
            for name, text in group.items():
                tree = parse(name, text)
                number = tree["document"] if "binds" not in tree else number
                held += citations.check_citations(tree, name, documents)
            counts = citations.counts(held)
            missing += counts[citations.MISSING]
            told = ", ".join(f"{gettext(citations.STATUSES[status])} {count}" for status, count in counts.items())
            self.stdout.write(f"{number}: {told}")
            for citation in held:
                if citation.status == citations.MISSING:
                    self.stdout.write(f"  {citations.sentence(citation, gettext)}")
        if missing:
            sys.exit(1)


def read(folder: str, pattern: str) -> dict[str, str]:
    """The files of a folder by name. Raises CommandError where there are none, or one is not UTF-8."""
    found: dict[str, str] = {}
    for path in sorted(Path(folder).glob(pattern)):
        try:
            found[path.relative_to(folder).as_posix()] = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path}: cannot be read as UTF-8: {error}") from error
    if not found:
        raise CommandError(f"{folder}: holds no {pattern}")
    return found
