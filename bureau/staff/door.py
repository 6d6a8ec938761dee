"""Wrong passwords are counted in the database: nobody guesses on while Redis is away or emptied."""

import datetime

from django.db import connection

from bureau.identifiers import ciphers

FAILURES_ALLOWED = 5
LOCKED = datetime.timedelta(minutes=15)

# An attempt is counted before its password is looked at, so that many at once are counted as many.
COUNT = """
INSERT INTO bureau_loginfailure AS f (name_hash, failures, until) VALUES (%(name)s, 1, %(until)s)
ON CONFLICT (name_hash) DO UPDATE SET
    failures = CASE WHEN f.until < %(now)s THEN 1 ELSE LEAST(f.failures + 1, 1000) END,
    until = CASE WHEN f.until < %(now)s THEN excluded.until ELSE f.until END
RETURNING failures
"""


def count_attempt(username: str, *, now: datetime.datetime) -> int:
    """Count an attempt to log in under a name, whether or not it exists; how many there were in this quarter hour."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM bureau_loginfailure WHERE until < %s", [now - LOCKED])
        cursor.execute(COUNT, {"name": _hashed(username), "now": now, "until": now + LOCKED})
        return cursor.fetchone()[0]


def forget_attempts(username: str) -> None:
    """Somebody has logged in under the name."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM bureau_loginfailure WHERE name_hash = %s", [_hashed(username)])


def _hashed(username: str) -> bytes:
    """People type other things than their user name into its field."""
    keyed = ciphers.keyed(b"login name")
    keyed.update(username.casefold().encode())
    return keyed.finalize()
