"""Names of people: what is a damaged one. Pure Python; whether two spellings are one name, the database says."""

from __future__ import annotations

import unicodedata

# What stands for a character that was not written: question marks, replacement characters, empty boxes, the stars of
# a masked name, what is left of an escaped one, and letters that are nothing but a blank.
_STAND_INS = frozenset("?？\ufffd\ufffc□▯〓*＊#＃&＆\\<>=@_|~^$%{}\u115f\u1160\u3164\uffa0")
_DOT = "●"  # a symbol that is written between the parts of a name
# Marks of direction and tags, beside those that the comparison of names passes over.
_UNSEEN = frozenset(map(chr, (0x61C, *range(0x2066, 0x2070), *range(0xE0000, 0xE0080))))


def is_damaged(name: str) -> bool:
    """Whether a name has a character that no name has, or no letter at all.

    Control and private-use characters mean what some program once decided; on another machine they are other signs.
    """
    if not any(character.isalpha() for character in name):
        return True
    # A radical of its own block is a symbol too, and means its letter.
    if any(unicodedata.category(one) == "So" and one != _DOT for one in unicodedata.normalize("NFKC", name)):
        return True
    return any(
        character in _STAND_INS
        or character in _UNSEEN
        or unicodedata.category(character) in ("Cc", "Co", "Cs")
        or ord(character) & 0xFFFE == 0xFFFE
        or 0xFDD0 <= ord(character) <= 0xFDEF
        for character in name
    )
