"""Print how a visit's amounts came about, step by step, with the articles."""

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from settlement.models import Visit
from settlement.queries.explain import explain


class Command(BaseCommand):
    help = "Print the trace of a visit with its articles."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("visit", help="the visit's number here, or INSTITUTION:NUMBER as the institution gave it")

    def handle(self, *args, visit: str, **options) -> None:
        found = find(visit)
        if found is None:
            raise CommandError(_("There is no visit %(visit)s.") % {"visit": visit})
        self.stdout.write(f"{found.institution} {found.key}  {found.care_on}  {found.total}")
        self.stdout.write(str(found.edition or ""))
        for line in explain(found):
            amount = "" if line.amount is None else f"{line.amount:>12}"
            article = _("article %(article)s") % {"article": line.article} if line.article else ""
            self.stdout.write(f"{amount:>12}  {line.text}  {article}")
        parts = (
            (_("pooled fund"), found.pooled),
            (_("large-claims fund"), found.large_claims),
            (_("personal account"), found.account),
            (_("family accounts"), found.family),
            (_("cash"), found.cash),
        )
        self.stdout.write("  ".join(f"{name} {amount}" for name, amount in parts if amount))


def find(visit: str) -> Visit | None:
    visits = Visit.objects.select_related("edition", "institution", "reverses")
    if visit.isascii() and visit.isdigit():
        return visits.filter(pk=int(visit)).first()
    institution, _sep, key = visit.partition(":")
    return visits.filter(institution__code=institution, key=key).first()
