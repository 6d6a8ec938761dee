"""Policy editions as they are asked for: the rulebook of an area, and the rules behind a receipt."""

import datetime
from functools import lru_cache

from django.db import connection

from bureau.editions.models import Edition
from bureau.rules.format import edition as rules
from bureau.rules.format.adoption import adopted, until


def rulebook(area_id: str) -> rules.Rulebook:
    """The approved editions of an area. What is stored is asked each time, what was read before is kept by its hash."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT content_hash, ended_on FROM bureau_edition
            WHERE area_id = %s AND status = 'approved' ORDER BY content_hash
            """,
            [area_id],
        )
        return _rulebook(tuple(cursor))


def stored_edition(content_hash: str) -> int:
    """The key of the stored edition with this content. Raises Edition.DoesNotExist."""
    return Edition.objects.values_list("pk", flat=True).get(content_hash=content_hash)


@lru_cache(maxsize=64)
def _rulebook(approved: tuple[tuple[str, datetime.date | None], ...]) -> rules.Rulebook:
    editions = []
    for content_hash, ended_on in approved:
        edition = edition_by_hash(content_hash)
        editions.append(edition if ended_on is None else until(edition, ended_on))
    return rules.Rulebook(editions)


@lru_cache(maxsize=256)
def edition_by_hash(content_hash: str) -> rules.Edition:
    """The rules of a stored edition, to the end of its own texts: what a receipt names. Raises Edition.DoesNotExist."""
    stored = Edition.objects.get(content_hash=content_hash)
    return adopted(rules.load(stored.texts), stored.choices, stored.starts_on)
