"""Names of people: what is a damaged one. Pure Python; whether two spellings are one name, the database says."""

from __future__ import annotations

import unicodedata

# What programs write for a character they could not: question marks, replacement characters, empty boxes.
_STAND_INS = frozenset("?？�￼□▯〓")


def is_damaged(name: str) -> bool:
    """Whether a name has a character that no name has, or no letter at all.

    Control and private-use characters mean what some program once decided; on another machine they are other signs.
    """
    if not any(character.isalpha() for character in name):
        return True
    return any(
        character in _STAND_INS
        or unicodedata.category(character) in ("Cc", "Co", "Cs")
        or ord(character) & 0xFFFE == 0xFFFE
        or 0xFDD0 <= ord(character) <= 0xFDEF
        for character in name
    )
