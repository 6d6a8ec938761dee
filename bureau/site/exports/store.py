"""Exported files until they are fetched: encrypted, in STORAGES["exports"], which all hosts share, for some days.

A file lies in the folder of the day on which it was asked for, so that its age stands in its name, also where the
transaction that wrote it was undone.
"""

import contextlib
import datetime
from collections.abc import Iterable
from typing import BinaryIO

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import storages
from django.utils import timezone

from bureau.identifiers import sealed_files


def name_of(key: str, asked: datetime.datetime) -> str:
    return f"{timezone.localdate(asked).isoformat()}/{key}"


def last_day(asked: datetime.datetime) -> datetime.date:
    """The last day on which a file can be fetched that was asked for at a moment."""
    return timezone.localdate(asked) + settings.KEEP_EXPORTS


def keep(name: str, blocks: Iterable[bytes]) -> None:
    """Encrypt a file into the store while it is written; what stood there under its name is gone."""
    discard(name)
    try:
        storages["exports"].save(name, File(sealed_files.Pieces(sealed_files.seal(blocks, name)), name))
    except BaseException:
        discard(name)
        raise


def opened(name: str) -> BinaryIO:
    """A file, to be read and closed. FileNotFoundError once it is no longer kept."""
    return sealed_files.opened(storages["exports"].open(name), name)


def discard(name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        storages["exports"].delete(name)


def drop_old(*, now: datetime.datetime) -> int:
    """Remove the files whose days are over; returns how many."""
    dropped = 0
    first = (timezone.localdate(now) - settings.KEEP_EXPORTS).isoformat()
    try:
        days, _files = storages["exports"].listdir("")
    except FileNotFoundError:  # nothing has been exported yet
        return 0
    for day in days:
        if day < first:
            for name in storages["exports"].listdir(day)[1]:
                discard(f"{day}/{name}")
                dropped += 1
            with contextlib.suppress(OSError):
                storages["exports"].delete(day)
    return dropped
