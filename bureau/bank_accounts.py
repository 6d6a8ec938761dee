"""How the number of a bank account is written. Pure Python."""

from __future__ import annotations

import re

# Groups may be set apart by blanks, which are not stored; business accounts of some banks have hyphens inside.
_NUMBER = re.compile(r"[0-9](?:-?[0-9]){7,29}", re.ASCII)
FULL_WIDTH = {ord("０") + digit: ord("0") + digit for digit in range(10)} | {ord("－"): "-"}


def account_number(written: str) -> str | None:
    """The number as it is stored and paid to, or None where it is not one: 8 to 30 digits, nothing invisible."""
    plain = written.strip().replace(" ", "").replace("\u3000", "").translate(FULL_WIDTH)
    return plain if _NUMBER.fullmatch(plain) else None
