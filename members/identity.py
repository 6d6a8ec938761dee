"""Document numbers at rest: enciphered (SM4-GCM), searched by a keyed hash (HMAC-SM3), shown by the last four.

Both keys are derived from settings.DATA_KEY: without it numbers can neither be read nor found. The hash is keyed
because there are few enough identity numbers to try them all.
"""

import os
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hmac import HMAC
from django.conf import settings

_NONCE, _TAG = 12, 16


def encipher(number: str) -> bytes:
    """The number as nonce, cipher text and tag; another text each time."""
    nonce = os.urandom(_NONCE)
    encryptor = Cipher(_cipher(settings.DATA_KEY), modes.GCM(nonce)).encryptor()
    return nonce + encryptor.update(number.encode()) + encryptor.finalize() + encryptor.tag


def decipher(stored: bytes) -> str:
    """The number that `encipher` stored. Raises ValueError where it was changed or DATA_KEY is another."""
    stored = bytes(stored)
    nonce, text, tag = stored[:_NONCE], stored[_NONCE:-_TAG], stored[-_TAG:]
    decryptor = Cipher(_cipher(settings.DATA_KEY), modes.GCM(nonce, tag)).decryptor()
    try:
        return (decryptor.update(text) + decryptor.finalize()).decode()
    except InvalidTag:
        raise ValueError("a document number cannot be read: it was changed, or DATA_KEY is another") from None


def keyed_hash(number: str) -> bytes:
    """32 bytes that are the same for the same number; the number is taken in upper case."""
    keyed = _keyed(settings.DATA_KEY).copy()
    keyed.update(number.upper().encode())
    return keyed.finalize()


def last4(number: str) -> str:
    return number[-4:]


def _derived(data_key: bytes, purpose: bytes) -> bytes:
    keyed = HMAC(data_key, SM3())
    keyed.update(purpose)
    return keyed.finalize()


@cache
def _cipher(data_key: bytes) -> algorithms.SM4:
    return algorithms.SM4(_derived(data_key, b"document cipher")[:16])


@cache
def _keyed(data_key: bytes) -> HMAC:
    return HMAC(_derived(data_key, b"document hash"), SM3())
