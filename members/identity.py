"""Document numbers at rest: encrypted, searched by a keyed hash, shown by the last four.

The hash is keyed because there are few enough identity numbers to try them all.
"""

from bureau.identifiers import ciphers

_CIPHER, _HASH = b"document cipher", b"document hash"


def encrypt(number: str) -> bytes:
    """The number as it is stored; another text each time."""
    return ciphers.encrypt(number.encode(), _CIPHER)


def decrypt(stored: bytes) -> str:
    """The number that `encrypt` stored. Raises ValueError where it was changed or DATA_KEY is another."""
    return ciphers.decrypt(stored, _CIPHER).decode()


def keyed_hash(number: str) -> bytes:
    """32 bytes that are the same for the same number; the number is taken in upper case."""
    keyed = ciphers.keyed(_HASH)
    keyed.update(number.upper().encode())
    return keyed.finalize()


def last4(number: str) -> str:
    return number[-4:]
