"""Opening the files that are kept encrypted: SM4-GCM under a key derived from the installation's data key."""

import os
import zlib
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hmac import HMAC

FILE, DOCUMENT = b"sealed field", b"document cipher"
DEMONSTRATION = b"Gongji demo key!".hex()  # what an installation has that was given none


def opened(content: bytes) -> bytes | None:
    """A file that was sealed; None under another key."""
    packed = _decrypt(content, FILE)
    return None if packed is None else zlib.decompress(packed)


def document(content: bytes) -> str:
    """The number of a document; empty under another key."""
    return (_decrypt(content, DOCUMENT) or b"").decode()


def _decrypt(content: bytes, purpose: bytes) -> bytes | None:
    nonce, text, tag = content[:12], content[12:-16], content[-16:]
    decryptor = Cipher(_key(purpose), modes.GCM(nonce, tag)).decryptor()
    try:
        return decryptor.update(text) + decryptor.finalize()
    except InvalidTag:
        return None


@cache
def _key(purpose: bytes) -> algorithms.SM4:
    """The key is read from GONGJI_DATA_KEY, as the product reads it; for each purpose one of its own."""
    derived = HMAC(bytes.fromhex(os.environ.get("GONGJI_DATA_KEY", DEMONSTRATION)), SM3())
    derived.update(purpose)
    return algorithms.SM4(derived.finalize()[:16])
