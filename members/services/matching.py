"""The people whom a roster's lines name, found by their documents in one step."""


from django.utils.translation import gettext_noop as _

from bureau.identifiers.identity import SAME_NUMBERS
from bureau.rosters.staging import Batch
from members.queries import OTHER_NAME, SEEN_ELSEWHERE

OTHER_NAME_ELSEWHERE = _(
    "This document is recorded already, in another area and under another name; compare it with the card, and if the "
    "name is right, have the area that keeps the record correct it."
)

# SQL: the document of a member `m` is of a kind, or of one that has the same numbers. To be filled with the kind.
_LISTS = [", ".join(f"'{kind}'" for kind in kinds) for kinds in SAME_NUMBERS]
_EITHER = " OR ".join(f"m.document_kind IN ({kinds}) AND {{kind}} IN ({kinds})" for kinds in _LISTS)
ALIKE = f"(m.document_kind = {{kind}} OR {_EITHER})"
MADE_HERE = "^GJ[0-9]{10}$"  # member numbers of those who came without one (Member.number)
RECORDED_TWICE = _("Two people are recorded with this document; correct the record of the one or the other first.")


def match_members(batch: Batch, *, strangers: bool = False) -> None:
    """Fill `s.member_id`, and turn away lines of people who are unknown or recorded under another name.

    Without a name a line finds people of this area only: no number tells who holds it elsewhere. `strangers`: the
    caller turns those away itself, by the day of the line.
    """
    find_members(batch)
    refuse_unknown_numbers(batch)
    batch.refuse(
        "document_number",
        _("No member is recorded with this document; load the roster of members first."),
        "s.member_id IS NULL",
    )
    if not strangers:
        batch.refuse(
            "name",
            _("Nobody of this area is recorded with this document; give the name as it stands on the document."),
            f"s.name IS NULL AND {SEEN_ELSEWHERE.format(member='s.member_id')}",
        )
    refuse_other_names(batch)


def find_members(batch: Batch, prefix: str = "", member: str = "member_id") -> None:
    """Fill `s.<member>` by the document, or by the member number where there is no document in full.

    Turned away: lines whose document two people have. `prefix` is that of the staged columns.
    """
    find_by_document(batch, prefix, member)
    alike = ALIKE.format(kind=f"s.{prefix}document_kind")
    batch.refuse(
        f"{prefix}document_number",
        RECORDED_TWICE,
        f"m.document_hash = s.{prefix}document_hash AND m.id <> s.{member} AND {alike}",
        using="members_member m",
    )
    if f"{prefix}member_number" in batch.columns:
        batch.run(
            f"""
            UPDATE roster_staged s SET {member} = m.id FROM members_member m
            WHERE s.{prefix}document_hash IS NULL AND m.number = s.{prefix}member_number
            """
        )


def find_by_document(batch: Batch, prefix: str = "", member: str = "member_id") -> None:
    alike = ALIKE.format(kind=f"s.{prefix}document_kind")
    batch.run(
        f"""
        UPDATE roster_staged s SET {member} = m.id FROM members_member m
        WHERE s.{member} IS NULL AND m.document_hash = s.{prefix}document_hash AND {alike}
        """
    )


def refuse_unknown_numbers(batch: Batch, prefix: str = "", member: str = "member_id") -> None:
    """Turn away lines whose member number is nobody's, another person's, or contradicts the record or the document.

    A number that was made here (MADE_HERE) contradicts none: the roster knows the person's real one.
    """
    field = f"{prefix}member_number"
    if field not in batch.columns or not batch.value(
        f"SELECT EXISTS (SELECT FROM roster_staged WHERE {field} IS NOT NULL)"
    ):
        return
    batch.refuse(
        field,
        _("No member has the number %(said)s; give the document in full."),
        f"s.{member} IS NULL AND s.{prefix}document_hash IS NULL",
        places={"said": f"s.{field}"},
    )
    batch.refuse(
        f"{prefix}document_number",
        _("The last four digits are not those of this member's document; compare number and document."),
        f"m.id = s.{member} AND s.{prefix}document_hash IS NULL AND s.{prefix}document_last4 <> m.document_last4",
        using="members_member m",
    )
    other = _("The member number and the document belong to two people; correct the one or the other.")
    batch.refuse(
        field,
        other,
        f"m.number = s.{field} AND m.id IS DISTINCT FROM s.{member}",
        using="members_member m",
    )
    batch.refuse(
        field,
        other,
        f"m.id = s.{member} AND m.number <> s.{field} AND m.number !~ '{MADE_HERE}'",
        using="members_member m",
    )


def refuse_other_names(batch: Batch, name: str = "name", member: str = "member_id", *, field: str = "name") -> None:
    """Turn away lines that name a person otherwise than the record does; a line without a name passes.

    Another spelling of the same name passes too, and the record keeps its own. How the record names them is said of
    people of this area only.
    """
    other = OTHER_NAME.format(one=f"s.{name}", other="m.name")
    batch.refuse(
        field,
        OTHER_NAME_ELSEWHERE,
        f"""m.id = s.{member} AND s.{name} IS NOT NULL AND {other}
            AND {SEEN_ELSEWHERE.format(member='m.id')}""",
        using="members_member m",
    )
    batch.refuse(
        field,
        _("The roster says %(said)s, the record of this document %(recorded)s; correct the one or the other."),
        f"m.id = s.{member} AND s.{name} IS NOT NULL AND {other}",
        using="members_member m",
        places={"said": f"s.{name}", "recorded": "m.name"},
    )


def refuse_after_death(batch: Batch) -> None:
    """Turn away lines whose days go beyond the day on which the member died."""
    batch.refuse(
        "ends_on",
        _("The member died on %(day)s; the days end there at the latest."),
        "m.id = s.member_id AND (s.starts_on > m.died_on OR COALESCE(s.ends_on, 'infinity') > m.died_on)",
        using="members_member m",
        places={"day": "m.died_on"},
    )
