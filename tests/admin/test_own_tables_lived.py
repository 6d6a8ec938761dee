"""A small city is lived: whoever sends a statement that writes, writes a table of its own room.

The innermost function of a room counts as the sender; what the house does for a room (saving one record, loading a
roster) counts as that room's. Statements past Django's connection (COPY) are not seen here.
"""

import sys

import pytest
from django.db import connection

from tests.laws.source import APPS, ROOT, tables
from tests.laws.test_own_tables import WRITING


def sender(owner: str) -> str:
    """The room of the innermost function, or "tests" where a test wrote by itself."""
    frame = sys._getframe(2)
    while frame is not None:
        place = frame.f_code.co_filename.removeprefix(f"{ROOT}/").partition("/")[0]
        frame = frame.f_back
        if place == "tests" or (place in APPS and (place != "bureau" or owner == "bureau")):
            return place
    return "nobody"


@pytest.mark.django_db
def test_every_statement_of_a_lived_city_comes_from_the_room_of_its_table(request):
    owners, seen, wrong = tables(), set(), set()

    def watch(execute, sql, params, many, context):
        for table in WRITING.findall(sql):
            if (owner := owners.get(table)) is not None and (room := sender(owner)) not in ("tests", "nobody"):
                seen.add(table)
                if room != owner:
                    wrong.add(f"{room} writes {table}")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        request.getfixturevalue("full_city")
    assert len(seen) > 15
    assert wrong == set()
