"""Policy editions: loaded once, never changed, looked up by area."""

import datetime
from collections.abc import Mapping
from functools import lru_cache

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
from bureau.models import Area, Edition, Staff
from bureau.rules import edition as rules
from bureau.rules.errors import EditionError


def load_edition(*, texts: Mapping[str, str], area: Area, actor: Staff, now: datetime.datetime) -> Edition:
    """Store the edition of one instrument and those that bind into it (file name to TOML text).

    The same texts again return the edition that is there. Refused: files with an error (the sentence names file,
    term and key), an edition of another area, and days that another edition of the area and scheme covers.
    """
    try:
        edition = rules.load(texts)
    except EditionError as error:
        raise DomainError(_("The rulebook cannot be loaded. %(problem)s"), field="texts", problem=str(error)) from error
    if edition.area != area.code:
        raise DomainError(
            _("The rulebook is of the area %(code)s, not of %(area)s."),
            field="texts",
            code=edition.area,
            area=area.name,
        )
    with transaction.atomic():
        # Loads of an area come one by one, so that the check for other editions holds until the insert.
        Area.objects.select_for_update(no_key=True).get(pk=area.pk)
        known = Edition.objects.filter(content_hash=edition.content_hash).first()
        if known is not None:
            return known
        others = Edition.objects.filter(area=area, scheme=edition.scheme).exclude(ends_on__lt=edition.starts_on)
        if edition.ends_on is not None:
            others = others.filter(starts_on__lte=edition.ends_on)
        if (other := others.first()) is not None:
            raise DomainError(
                _("%(other)s is in force on some of these days; an edition ends before the next begins."),
                field="texts",
                other=str(other),
            )
        stored = Edition.objects.create(
            area=area,
            scheme=edition.scheme,
            document=edition.document,
            title=edition.title,
            starts_on=edition.starts_on,
            ends_on=edition.ends_on,
            texts=dict(texts),
            content_hash=edition.content_hash,
            loaded_by=actor,
            loaded_at=now,
        )
        audit.record(
            "edition.load",
            actor=actor,
            now=now,
            subject=stored,
            document=edition.document,
            content_hash=edition.content_hash,
        )
    return stored


def rulebook(area_id: str) -> rules.Rulebook:
    """The editions of an area. What is stored is asked each time, what was read before is kept by its hash."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT content_hash FROM bureau_edition WHERE area_id = %s ORDER BY content_hash", [area_id])
        return _rulebook(tuple(content_hash for (content_hash,) in cursor))


def stored_edition(content_hash: str) -> int:
    """The key of the stored edition with this content. Raises Edition.DoesNotExist."""
    return Edition.objects.values_list("pk", flat=True).get(content_hash=content_hash)


@lru_cache(maxsize=64)
def _rulebook(content_hashes: tuple[str, ...]) -> rules.Rulebook:
    return rules.Rulebook([edition_by_hash(content_hash) for content_hash in content_hashes])


@lru_cache(maxsize=256)
def edition_by_hash(content_hash: str) -> rules.Edition:
    """The rules of a stored edition: what a receipt names. Raises Edition.DoesNotExist."""
    return rules.load(_stored(content_hash).texts)


def _stored(content_hash: str) -> Edition:
    return Edition.objects.get(content_hash=content_hash)
