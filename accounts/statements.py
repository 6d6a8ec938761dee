"""A member's account on paper: what went in and out from one day to another, in words, and as a file."""

import io
from decimal import Decimal

import xlsxwriter
from django.utils.translation import gettext as _

from accounts.models import TAX_OFFICE, Account, Credit, Journal
from accounts.queries import Statement, StatementLine
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


def as_xlsx(account: Account, statement: Statement) -> bytes:
    """The statement as a workbook of one sheet."""
    written = io.BytesIO()
    with xlsxwriter.Workbook(written, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        bold, yuan = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})
        sheet.set_column(0, 1, 12)
        sheet.set_column(2, 2, 44)
        sheet.set_column(3, 6, 14)
        sheet.write_string(0, 0, _("Statement of the personal account"), bold)
        sheet.write_string(1, 0, f"{account.member}  {account.area}")
        sheet.write_string(1, 4, f"{statement.starts_on} – {statement.ends_on}")
        sheet.write_row(3, 0, headers(), bold)
        sheet.write_string(4, 2, _("brought forward"))
        sheet.write_number(4, 6, statement.opening, yuan)
        place = 5
        for row in rows(statement):
            for column, value in enumerate(row):
                if isinstance(value, Decimal):
                    sheet.write_number(place, column, value, yuan)
                elif value is not None:
                    sheet.write_string(place, column, str(value))
            place += 1
        into, out = totals(statement)
        sheet.write_string(place, 2, _("total"), bold)
        for column, amount in ((4, into), (5, out), (6, statement.closing)):
            sheet.write_number(place, column, amount, yuan)
    return written.getvalue()
