"""A small Heyuan: an area with two county agencies, some institutions, and members as they are asked for.

Models are imported inside the fixtures: Django is set up after this file is read.
"""

import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from tests.roster_files import rejects

NOW = datetime(2025, 10, 10, 9, 30, tzinfo=UTC)
SENT = datetime(2026, 12, 31, 9, 30, tzinfo=UTC)  # rosters tell of what has been
FIRST_DAY = date(2025, 1, 1)

_numbers = itertools.count(1)


@pytest.fixture
def area(db):
    from bureau.models import Area

    return Area.objects.create(code="441699", name="河源市")


@pytest.fixture
def county(area):
    from bureau.models import County

    return County.objects.create(code="441602", area=area, name="源城区")


@pytest.fixture
def clerk(area):
    from bureau.models import Staff

    return Staff.objects.create(username="clerk", area=area)


@pytest.fixture
def reviewer(area):
    from bureau.models import Staff

    return Staff.objects.create(username="reviewer", area=area)


@pytest.fixture
def edition(area, clerk, reviewer):
    """The rulebook of Heyuan of 2025, as it stands."""
    from bureau.editions.life import load_edition
    from bureau.rules.format.edition import RULEBOOKS

    texts = {path.name: path.read_text("utf-8") for path in (RULEBOOKS / "heyuan").glob("*.toml")}
    return load_edition(texts=texts, area=area, actor=clerk, approver=reviewer, now=NOW)


@pytest.fixture
def place(area, county, clerk) -> Callable:
    """Register an institution, designated and with a level since 1 January 2025, unless told otherwise."""
    from institutions.services import places

    def register(name: str, kind: str = "centre", *, level=1, designated_from=FIRST_DAY, **more):
        letter = "P" if kind == "pharmacy" else "H"
        facts = {"area": area, "county": county} | more
        institution = places.register_institution(
            code=f"{letter}441602{next(_numbers):05d}", name=name, kind=kind, **facts, actor=clerk, now=NOW
        )
        if level is not None:
            places.set_level(institution=institution, level=level, starts_on=FIRST_DAY, actor=clerk, now=NOW)
        if designated_from:
            places.designate(institution=institution, starts_on=designated_from, actor=clerk, now=NOW)
        return institution

    return register


@pytest.fixture
def person(area) -> Callable:
    """A member of the employees' scheme, enrolled since 1 January 2025, unless told otherwise."""
    from members.identity import keyed_hash
    from members.models import Enrolment, Member

    def enrol(*, starts_on=FIRST_DAY, ends_on=None, scheme="310", died_on=None, name="", document=""):
        number = next(_numbers)
        member = Member.objects.create(
            name=name or f"成员{number}",
            document_cipher=b"",
            document_hash=keyed_hash(document) if document else number.to_bytes(32, "big"),
            document_last4=document[-4:] or f"{number % 10000:04d}",
            died_on=died_on,
        )
        if starts_on:
            Enrolment.objects.create(
                member=member,
                area=area,
                scheme=scheme,
                person_class="resident" if scheme == "390" else "active",
                starts_on=starts_on,
                ends_on=ends_on,
            )
        return member

    return enrol


@pytest.fixture
def load(area, clerk) -> Callable:
    """Receive a roster of some headings and lines, and load it at once."""
    from bureau.rosters.uploads import load_now, receive_upload

    def send(kind: str, headings: str, *lines: str):
        content = "\r\n".join([headings, *lines, ""]).encode("utf-8-sig")
        upload = receive_upload(kind=kind, name="roster.csv", content=content, area=area, actor=clerk, now=SENT)
        return load_now(upload, actor=clerk, now=SENT)

    return send


@pytest.fixture
def reasons() -> Callable:
    """Line, field and reason of each rejected row, in English."""
    import csv
    import io

    def read(upload) -> list[tuple[str, ...]]:
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
