"""A member's account on paper: what went in and out from one day to another, in words, and as a file."""

from decimal import Decimal

from django.utils.translation import gettext as _

from accounts.models import TAX_OFFICE, Account, Credit, Journal
from accounts.queries import Statement, StatementLine
from bureau.files.tables import Table
from bureau.rules.accounts.use import PURPOSES
from members.models import Relative

SELF = "self"


def headers() -> list[str]:
    return [_("No."), _("posted on"), _("what"), _("article"), _("into the account"), _("out of it"), _("balance")]


def rows(statement: Statement) -> list[list]:
    """One row for each entry, amounts as Decimal yuan, empty where there is none."""
    return [
        [
            str(line.number),
            line.posted_on,
            what(line),
            line.article,
            line.amount if line.amount > 0 else None,
            -line.amount if line.amount < 0 else None,
            line.balance,
        ]
        for line in statement.lines
    ]


def totals(statement: Statement) -> tuple[Decimal, Decimal]:
    """What went in and what went out."""
    zero = Decimal("0.00")
    into = sum((line.amount for line in statement.lines if line.amount > 0), zero)
    out = sum((-line.amount for line in statement.lines if line.amount < 0), zero)
    return into, out


def what(line: StatementLine) -> str:
    """One entry in words: the credit of a month, a purchase for a relative, a visit."""
    words = [str(Journal.Kind(line.kind).label)]
    if line.month is not None:
        words.append(f"{line.month:%Y-%m}")
        if line.credit_kind != Credit.Kind.NORMAL:
            words.append(str(Credit.Kind(line.credit_kind).label))
    if line.purpose:
        words.append(_(PURPOSES.get(line.purpose, line.purpose)))
        words.append(_("tax office") if line.payee == TAX_OFFICE else line.payee)
    if line.relation and line.relation != SELF:
        relation = dict(Relative.Relation.choices).get(line.relation, line.relation)
        words.append(f"{relation} {line.used_for}".strip())
    return " · ".join(word for word in words if word)


def table(account: Account, statement: Statement) -> Table:
    """The statement as rows: whose account and which days, then what went in and out, and what that comes to."""
    into, out = totals(statement)
    yield [_("Statement of the personal account"), str(account.member), str(account.area)]
    yield [f"{statement.starts_on} – {statement.ends_on}"]
    yield headers()
    yield ["", "", _("brought forward"), "", None, None, statement.opening]
    for row in rows(statement):
        yield [cell if cell is None or isinstance(cell, Decimal) else str(cell) for cell in row]
    yield ["", "", _("total"), "", into, out, statement.closing]
