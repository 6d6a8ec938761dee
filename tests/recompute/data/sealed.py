"""Opening what is kept encrypted: SM4-GCM under keys derived from the installation's data key.

A file lies in the folder GONGJI_FILES: eight bytes that say what it is, sixteen of salt, then blocks of 256 KB, each
under the nonce of its number and of whether it is the last, with its tag.
"""

import os
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hmac import HMAC

FILE, DOCUMENT = b"sealed file", b"document cipher"
DEMONSTRATION = b"Gongji demo key!".hex()  # what an installation has that was given none


FOLDER = Path(__file__).resolve().parents[3] / ".gongji" / "files"  # where a checkout keeps its own


def opened(name: str) -> bytes | None:
    """A file of the store; None where it is not kept any more, is out of reach or lies there under another key."""
    folder = os.environ.get("GONGJI_FILES", FOLDER)
    if not name or not (path := Path(folder, name)).is_file():
        return None
    stored, size = path.read_bytes(), 256 * 1024 + 16
    key = HMAC(_derived(FILE), SM3())
    key.update(stored[8:24] + name.encode())
    cipher, blocks = algorithms.SM4(key.finalize()[:16]), range(24, len(stored), size)
    read = [
        _decrypt(cipher, number.to_bytes(11, "big") + bytes([start == blocks[-1]]), stored[start : start + size])
        for number, start in enumerate(blocks)
    ]
    return None if None in read else b"".join(read)


def document(content: bytes) -> str:
    """The number of a document; empty under another key."""
    return (_decrypt(algorithms.SM4(_derived(DOCUMENT)[:16]), content[:12], content[12:]) or b"").decode()


def _decrypt(cipher: algorithms.SM4, nonce: bytes, sealed: bytes) -> bytes | None:
    text, tag = sealed[:-16], sealed[-16:]
    decryptor = Cipher(cipher, modes.GCM(nonce, tag)).decryptor()
    try:
        return decryptor.update(text) + decryptor.finalize()
    except InvalidTag:
        return None


@cache
def _derived(purpose: bytes) -> bytes:
    """The key is read from GONGJI_DATA_KEY, as the product reads it; for each purpose one of its own."""
    derived = HMAC(bytes.fromhex(os.environ.get("GONGJI_DATA_KEY", DEMONSTRATION)), SM3())
    derived.update(purpose)
    return derived.finalize()
