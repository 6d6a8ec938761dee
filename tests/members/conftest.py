"""An area with its clerk, and a way to send a roster in. Models are imported inside the fixtures."""

from collections.abc import Callable

import pytest

from tests.members.samples import FOUR, NOW
from tests.roster_files import rejects


@pytest.fixture
def area(db):
    from bureau.models import Area, County

    area = Area.objects.create(code="441699", name="河源市")
    County.objects.create(code="441602", area=area, name="源城区")
    return area


@pytest.fixture
def clerk(area):
    from bureau.models import Staff

    return Staff.objects.create(username="clerk", area=area)


@pytest.fixture
def load(area, clerk) -> Callable:
    """Receive a file and load it at once."""
    from bureau.rosters.uploads import load_now, receive_upload

    def send(kind: str, content: bytes, name: str = "roster.csv"):
        upload = receive_upload(kind=kind, name=name, content=content, area=area, actor=clerk, now=NOW)
        return load_now(upload, actor=clerk, now=NOW)

    return send


@pytest.fixture
def four(load):
    """李明, 王芳, 陈强 and 赵小, enrolled since 1 January 2026."""
    return load("members", FOUR)


@pytest.fixture
def reasons() -> Callable:
    """Line, field and reason of each rejected row, in English."""
    import csv
    import io

    def read(upload) -> list[tuple[str, str, str]]:
        if not upload.rejected:
            return []
        text = rejects(upload)
        return [tuple(row[-3:]) for row in csv.reader(io.StringIO(text))][1:]

    return read


@pytest.fixture(autouse=True)
def english():
    from django.utils import translation

    with translation.override("en"):
        yield
