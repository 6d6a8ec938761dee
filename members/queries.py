"""Finding people, and what they are on a day."""

import datetime
import re

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from bureau.staff.reach import Principal
from members.identity import keyed_hash
from members.models import Enrolment, Member

_LAST4 = re.compile(r"\d{3}[\dX]", re.ASCII)
_DOCUMENT = re.compile(r"(?=.*\d)[0-9A-Z()-]{5,40}", re.ASCII)


def find_by_document(text: str) -> QuerySet[Member] | None:
    """The members with this document number, in the order of its kinds; None where the text is no such number."""
    number = "".join(text.split()).upper()
    if _LAST4.fullmatch(number) or not _DOCUMENT.fullmatch(number):
        return None
    return Member.objects.filter(document_hash=keyed_hash(number)).order_by("document_kind")


def find(text: str) -> QuerySet[Member]:
    """Members by what staff type: a member number, a document, its last four, or the beginning of a name.

    Each is one index probe; a text that is none of them finds nobody.
    """
    text = " ".join(text.split())
    number = text.replace(" ", "").upper()
    if not text:
        return Member.objects.none()
    if _LAST4.fullmatch(number):
        return Member.objects.filter(document_last4=number)
    if _DOCUMENT.fullmatch(number):
        return Member.objects.filter(Q(document_hash=keyed_hash(number)) | Q(number=text)).order_by("document_kind")
    return Member.objects.filter(name__startswith=text)


def seen_by(who: Principal, path: str) -> Q:
    """Members enrolled in an area at some time, or nowhere yet. `path` leads to the member."""
    enrolled = Enrolment.objects.filter(member=OuterRef(f"{path}__pk" if path else "pk"))
    return Exists(enrolled.filter(area=who.area)) | ~Exists(enrolled)


# The opposite in SQL: a member, by id, has been enrolled, and never in the roster's area (%(area)s). To stand among
# conditions with AND, so that PostgreSQL can join by it.
SEEN_ELSEWHERE = """EXISTS (SELECT FROM members_enrolment e WHERE e.member_id = {member})
    AND NOT EXISTS (SELECT FROM members_enrolment e WHERE e.member_id = {member} AND e.area_id = %(area)s)"""


def enrolment_on(member_id: int, day: datetime.date) -> Enrolment | None:
    """The enrolment of a member on a day: one at most, over all schemes and areas."""
    return (
        Enrolment.objects.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=day), member_id=member_id, starts_on__lte=day)
        .select_related("employer", "area")
        .first()
    )


# SQL: two spellings are not one name. To be filled with both; the same spelling costs nothing.
OTHER_NAME = "({one} <> {other} AND members_name_key({one}) <> members_name_key({other}))"


def same_name(one: str, other: str) -> bool:
    """Whether two spellings are one name: dots, width, case and blanks aside."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT members_name_key(%s) = members_name_key(%s)", [one, other])
        return cursor.fetchone()[0]


# SQL: the area that answers for a member on a day: where they are enrolled then, else where they were enrolled last,
# else where they will be first; NULL for who is enrolled nowhere. To be filled with a member's number and a day.
AREA_ON = """(SELECT e.area_id FROM members_enrolment e WHERE e.member_id = {member}
              ORDER BY e.starts_on > {day}, abs(e.starts_on - {day}) LIMIT 1)"""


def area_on(member_id: int, day: datetime.date) -> str | None:
    """The code of the area that answers for a member on a day; None for who is enrolled nowhere."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {AREA_ON.format(member='%(member)s', day='%(day)s::date')}", {"member": member_id, "day": day}
        )
        return cursor.fetchone()[0]
