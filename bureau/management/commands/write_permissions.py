"""Write docs/permissions.md anew, or say whether it is up to date. Needs no database."""

import sys

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from bureau.site import matrix


class Command(BaseCommand):
    help = "Write docs/permissions.md: every act, list and roster against every role."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if it is out of date")

    def handle(self, *args, check: bool, **options) -> None:
        path = settings.BASE_DIR / "docs" / "permissions.md"
        page = matrix.page()
        if check and (not path.exists() or path.read_text("utf-8") != page):
            print("docs/permissions.md is out of date; manage.py write_permissions writes it anew.")
            sys.exit(1)
        if not check:
            path.write_text(page, "utf-8")
