"""How the number of a bank account is written. Pure Python."""

from __future__ import annotations

import re

# Groups may be set apart by blanks, which are not stored; business accounts of some banks have hyphens inside.
_NUMBER = re.compile(r"[0-9]+(?:-[0-9]+)*", re.ASCII)
_FULL_WIDTH = {ord("０") + digit: ord("0") + digit for digit in range(10)} | {ord("－"): "-"}
_LONGEST = 30


def account_number(written: str, *, shortest: int = 8) -> str | None:
    """The number as it is stored and paid to, or None where it is none: 8 to 30 digits, nothing else and invisible."""
    plain = written.strip().replace(" ", "").replace("\u3000", "").translate(_FULL_WIDTH)
    digits = len(plain) - plain.count("-")
    return plain if _NUMBER.fullmatch(plain) and shortest <= digits <= _LONGEST else None
