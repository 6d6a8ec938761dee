"""Files encrypted block by block, so that neither who writes nor who reads one ever holds it whole.

A file begins with `MAGIC` and a salt; a key of its own is derived from settings.DATA_KEY, its name and the salt. Then
come blocks of `BLOCK` bytes, the last one shorter or empty, each SM4-GCM with its tag. The nonce is the block's number
and whether it is the last, so that a block that was changed, moved, left out, added or taken from another file, a file
that was cut, and one that lies under another's name are not read.
"""

import io
import os
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bureau.identifiers import ciphers

MAGIC = b"gongji1\n"
BLOCK = 256 * 1024
_SALT, _TAG = 16, 16
_HEAD = len(MAGIC) + _SALT
PURPOSE = b"sealed file"


class Unreadable(ValueError):
    """What is stored was changed, cut or encrypted under another key."""


def seal(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """The file that is stored under this name, piece by piece."""
    salt = os.urandom(_SALT)
    cipher = _cipher(name, salt)
    yield MAGIC + salt
    number, pending = 0, bytearray()
    for chunk in chunks:
        pending += chunk
        while len(pending) > BLOCK:  # what may be the last block waits
            yield _seal(cipher, number, False, bytes(pending[:BLOCK]))
            del pending[:BLOCK]
            number += 1
    yield _seal(cipher, number, True, bytes(pending))


def opened(stored: BinaryIO, name: str) -> io.BufferedReader:
    """What was sealed, to be read from any place; it closes `stored`. Unreadable at once, or at the block that is."""
    return io.BufferedReader(_Reader(stored, name), BLOCK)


class Pieces(io.RawIOBase):
    """Pieces of bytes as a file that is read once."""

    def __init__(self, pieces: Iterable[bytes]):
        self._pieces = iter(pieces)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            try:
                self._rest = next(self._pieces)
            except StopIteration:
                return 0
        given, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(given)] = given
        return len(given)


class _Reader(io.RawIOBase):
    def __init__(self, stored: BinaryIO, name: str):
        self._stored = stored
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")
        blocks = stored.seek(0, os.SEEK_END) - _HEAD
        stored.seek(0)
        head = stored.read(_HEAD)
        if blocks < _TAG or head[: len(MAGIC)] != MAGIC:
            raise Unreadable("not a sealed file")
        self._cipher = _cipher(name, head[len(MAGIC) :])
        self._last = (blocks - 1) // (BLOCK + _TAG)
        self._size = blocks - (self._last + 1) * _TAG
        self._block(self._last)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._size:
            return 0
        number, start = divmod(self._at, BLOCK)
        given = memoryview(self._block(number))[start : start + len(buffer)]
        buffer[: len(given)] = given
        self._at += len(given)
        return len(given)

    def close(self) -> None:
        self._stored.close()
        super().close()

    def _block(self, number: int) -> bytes:
        if self._held[0] != number:
            self._stored.seek(_HEAD + number * (BLOCK + _TAG))
            sealed = self._stored.read(BLOCK + _TAG)
            self._held = number, _open(self._cipher, number, number == self._last, sealed)
        return self._held[1]


def _cipher(name: str, salt: bytes) -> algorithms.SM4:
    derived = ciphers.keyed(PURPOSE)
    derived.update(salt + name.encode())
    return algorithms.SM4(derived.finalize()[:16])


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _seal(cipher: algorithms.SM4, number: int, is_last: bool, block: bytes) -> bytes:
    encryptor = Cipher(cipher, modes.GCM(_nonce(number, is_last))).encryptor()
    return b"".join((encryptor.update(block), encryptor.finalize(), encryptor.tag))


def _open(cipher: algorithms.SM4, number: int, is_last: bool, sealed: bytes) -> bytes:
    decryptor = Cipher(cipher, modes.GCM(_nonce(number, is_last), sealed[-_TAG:])).decryptor()
    try:
        return decryptor.update(sealed[:-_TAG]) + decryptor.finalize()
    except (InvalidTag, ValueError):
        raise Unreadable("what is stored was changed or cut, or DATA_KEY is another") from None
