"""票据代码、号码: how an invoice is written, whoever writes it."""

from __future__ import annotations

import re
import unicodedata

from bureau.files import Refused
from bureau.files.problems import noop as _

ELECTRONIC = 20  # digits of a fully electronic invoice, whose number says who issued it
_INVOICE_CODE = re.compile(r"[0-9A-Z]{6,20}", re.ASCII)
_INVOICE_NUMBER = re.compile(r"[0-9A-Z]{4,30}", re.ASCII)


def invoice_number(code: str, number: str) -> tuple[str, str]:
    """An invoice as somebody wrote it, read so that it is always written one way: full-width made ASCII, upper case,
    without blanks and dashes. A fully electronic invoice has 20 digits and no code; any other has both.
    """
    code, number = _plain(code), _plain(number)
    if not _INVOICE_NUMBER.fullmatch(number):
        message = _("“%(number)s” is not the number of an invoice: 4 to 30 digits or letters.")
        raise Refused("invoice", message, field="invoice", number=number)
    if len(number) == ELECTRONIC and number.isdigit():
        if code:
            message = _("Invoice %(number)s is fully electronic: it has 20 digits and no code.")
            raise Refused("invoice_code", message, field="invoice_code", number=number)
    elif not _INVOICE_CODE.fullmatch(code):
        message = _("Invoice %(number)s: write the code of the issuing body before the number, 6 to 20 digits.")
        raise Refused("invoice_code", message, field="invoice_code", number=number)
    return code, number


def _plain(written: str) -> str:
    return re.sub(r"[\s\-‐-―−]+", "", unicodedata.normalize("NFKC", written)).upper()
