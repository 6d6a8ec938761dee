"""Prove the books: journals, balances, visits and payment runs agree with each other and with the rules."""

import sys
import time

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from bureau.models import Area
from settlement.queries.proofs.books import check_books


class Command(BaseCommand):
    help = "Prove that journals balance and that every visit and run line replays to the stored fen."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--area", help="GB/T 2260 code; every area otherwise")

    def handle(self, *args, area: str | None = None, **options) -> None:
        wrong = 0
        areas = Area.objects.filter(pk=area) if area else Area.objects.order_by("pk")
        for each in areas:
            self.stdout.write(f"{each.pk} {each.name}")
            started = time.monotonic()
            for proof in check_books(each.pk):
                seconds = time.monotonic() - started
                mark = _("agree") if not proof.wrong else _("%(n)d differ") % {"n": proof.wrong}
                self.stdout.write(f"  {proof.code} {proof.question}: {proof.asked:,} — {mark} ({seconds:.1f} s)")
                for line in proof.shown if proof.wrong else ():
                    self.stdout.write(f"    {line}")
                wrong += proof.wrong
                started = time.monotonic()
        self.stdout.write(_("The books are clean.") if not wrong else _("%(n)d differences.") % {"n": wrong})
        if wrong:
            sys.exit(1)
