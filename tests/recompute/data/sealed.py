"""Opening the files that are kept enciphered: SM4-GCM under a key derived from the installation's data key."""

import os
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hmac import HMAC

PURPOSE = b"sealed field"
DEMONSTRATION = b"Gongji demo key!".hex()  # what an installation has that was given none


def opened(content: bytes) -> bytes | None:
    """What was sealed, None under another key. The key is read from GONGJI_DATA_KEY, as the product reads it."""
    derived = HMAC(bytes.fromhex(os.environ.get("GONGJI_DATA_KEY", DEMONSTRATION)), SM3())
    derived.update(PURPOSE)
    nonce, text, tag = content[:12], content[12:-16], content[-16:]
    decryptor = Cipher(algorithms.SM4(derived.finalize()[:16]), modes.GCM(nonce, tag)).decryptor()
    try:
        return zlib.decompress(decryptor.update(text) + decryptor.finalize())
    except (InvalidTag, zlib.error):
        return None
