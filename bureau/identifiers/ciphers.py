"""What is stored encrypted: SM4-GCM, for each purpose under a key of its own that is derived from settings.DATA_KEY.

Without DATA_KEY nothing of it can be read.
"""

import os
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hmac import HMAC
from django.conf import settings

_NONCE, _TAG = 12, 16


def encrypt(content: bytes, purpose: bytes) -> bytes:
    """The content as nonce, cipher text and tag; another text each time."""
    nonce = os.urandom(_NONCE)
    encryptor = Cipher(_cipher(settings.DATA_KEY, purpose), modes.GCM(nonce)).encryptor()
    return b"".join((nonce, encryptor.update(content), encryptor.finalize(), encryptor.tag))


def decrypt(stored: bytes, purpose: bytes) -> bytes:
    """What `encrypt` was given. Raises ValueError where it was changed or DATA_KEY is another."""
    whole = memoryview(stored)
    nonce, text, tag = bytes(whole[:_NONCE]), whole[_NONCE:-_TAG], bytes(whole[-_TAG:])
    decryptor = Cipher(_cipher(settings.DATA_KEY, purpose), modes.GCM(nonce, tag)).decryptor()
    try:
        return decryptor.update(text) + decryptor.finalize()
    except InvalidTag:
        raise ValueError("what is encrypted cannot be read: it was changed, or DATA_KEY is another") from None


def keyed(purpose: bytes) -> HMAC:
    """A keyed hash (HMAC-SM3) for a purpose, to be fed."""
    return _keyed(settings.DATA_KEY, purpose).copy()


def _derived(data_key: bytes, purpose: bytes) -> bytes:
    derived = HMAC(data_key, SM3())
    derived.update(purpose)
    return derived.finalize()


@cache
def _cipher(data_key: bytes, purpose: bytes) -> algorithms.SM4:
    return algorithms.SM4(_derived(data_key, purpose)[:16])


@cache
def _keyed(data_key: bytes, purpose: bytes) -> HMAC:
    return HMAC(_derived(data_key, purpose), SM3())
