"""The files that rosters came as: encrypted, in one store that all hosts share (STORAGES["originals"]), for a set time.

Neither writing nor reading holds a file whole. What no upload names any more, or never did because its transaction was
undone, is removed at night.
"""

import contextlib
import datetime
import hashlib
import uuid
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import Storage, storages
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from bureau import audit
from bureau.errors import DomainError
from bureau.files import FileProblem
from bureau.identifiers import sealed_files
from bureau.rosters.models import RejectedRow, Upload
from bureau.staff.models import Staff

LARGEST_FILE = 512 * 1024 * 1024
# A file is in the store a moment before its upload is committed.
COMMITTED_WITHIN = datetime.timedelta(days=1)


class Kept(NamedTuple):
    """Where a file lies in the store, and what its content is, in clear."""

    name: str
    sha256: str
    size: int


def keep(content: File, *, now: datetime.datetime) -> Kept:
    """Encrypt a file into the store while it is read. Refused, and nothing kept, where it is larger than may be."""
    name, digest, size = f"{now:%Y-%m}/{uuid.uuid4().hex}", hashlib.sha256(), 0

    def measured() -> Iterator[bytes]:
        nonlocal size
        for chunk in content.chunks():
            size += len(chunk)
            if size > LARGEST_FILE:
                raise DomainError(
                    gettext_lazy("The file has more than %(limit)d MB; split it."),
                    field="file",
                    limit=LARGEST_FILE >> 20,
                )
            digest.update(chunk)
            yield chunk

    try:
        _store().save(name, File(sealed_files.Pieces(sealed_files.seal(measured(), name)), name))
    except BaseException:
        discard(name)
        raise
    return Kept(name, digest.hexdigest(), size)


def opened(upload: Upload) -> BinaryIO:
    """The file as it came, to be read and closed. FileProblem once it is no longer kept."""
    if not upload.original:
        raise FileProblem("dropped", _("The file is no longer kept as it came; send it again."))
    try:
        return sealed_files.opened(_store().open(upload.original), upload.original)
    except FileNotFoundError:
        raise DomainError(
            gettext_lazy("The file is not in the file store. Tell the system administrator the number %(number)d."),
            number=upload.pk,
        ) from None
    except sealed_files.Unreadable:
        raise unreadable() from None


def unreadable() -> DomainError:
    return DomainError(gettext_lazy("What is stored cannot be read with this installation's key."))


def discard(name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        _store().delete(name)


def kept_until(upload: Upload) -> datetime.datetime | None:
    return upload.uploaded_at + settings.KEEP_ORIGINALS if upload.original else None


def drop_old(*, actor: Staff, now: datetime.datetime) -> int:
    """Drop the files whose time is over, and what rejected rows quote of them; returns how many.

    Name, hash, counts, and the lines and reasons of rejected rows stay. A file that is being loaded is left.
    """
    old = Upload.objects.filter(uploaded_at__lt=now - settings.KEEP_ORIGINALS).exclude(original="")
    dropped = 0
    for pk in old.exclude(status=Upload.Status.LOADING).order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            upload = Upload.objects.select_for_update(no_key=True).get(pk=pk)
            if upload.status == Upload.Status.LOADING or not upload.original:
                continue
            name, upload.original = upload.original, ""
            upload.save(update_fields=["original"])
            RejectedRow.objects.filter(upload=upload).exclude(quoted=None).update(quoted=None)
            audit.record("upload.drop_original", actor=actor, now=now, subject=upload, sha256=upload.sha256)
            transaction.on_commit(lambda name=name: discard(name), robust=True)
            dropped += 1
    _remove_strays()
    return dropped


def _remove_strays() -> None:
    """Files that no upload names. Their age is the machine's, as it wrote them, whatever day the bureau has."""
    store, before = _store(), timezone.now() - COMMITTED_WITHIN
    for folder in _names(store, "")[0]:
        stored = {f"{folder}/{name}" for name in _names(store, folder)[1]}
        named = set(Upload.objects.filter(original__startswith=f"{folder}/").values_list("original", flat=True))
        for name in stored - named:
            with contextlib.suppress(FileNotFoundError):
                if store.get_modified_time(name) < before:
                    store.delete(name)


def _names(store: Storage, folder: str) -> tuple[list[str], list[str]]:
    try:
        return store.listdir(folder)
    except FileNotFoundError:  # nothing has been kept yet
        return [], []


def _store() -> Storage:
    return storages["originals"]
