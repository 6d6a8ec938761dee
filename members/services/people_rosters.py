"""How the rosters of members and of relatives come in: the two that make people known."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_noop as _

from bureau.errors import DomainError
from bureau.identifiers.identity import birth_and_sex, states_birth
from bureau.rosters.staging import Batch, Loader, overlap, refuse_other_areas
from members import identity
from members.models import Enrolment, Member, Relative
from members.queries import OTHER_NAME
from members.services.matching import (
    ALIKE,
    MEMBER_COLUMN,
    PERSON_COLUMNS,
    find_members,
    match_members,
    person,
    refuse_after_death,
    refuse_other_names,
    refuse_recorded_twice,
)
from members.services.newborns import newborn_days
from members.services.plans import plan_after

_OTHER_NAME_IN_FILE = _("Line %(other)s names the holder of this document %(said)s.")
_DOCUMENT_COLUMNS = {"document_cipher": "bytea", "document_last4": "text", "sex": "text", "birth": "date"}


def _stage_member(values: dict[str, Any]) -> tuple:
    number = values["document_number"]
    return (
        *person(values),
        identity.encrypt(number),
        identity.last4(number),
        values["sex"],
        values["birth"],
        values["reached_age_on"],
        values["phone"],
        values["employer_code"],
        values["employer_name"],
        values["scheme"],
        values["person_type"],
        values["person_class"],
        values["plan"],
        values["large_claims"],
        values["by_hand_elsewhere"],
        values["paid_on"],
        values["status"],
        values["starts_on"],
        values["ends_on"],
        values["area"],
    )


def _load_members(batch: Batch) -> None:
    _refuse_unfit(batch)
    _refuse_uncovered_days(batch)
    _find_employers(batch)
    find_members(batch)
    refuse_other_names(batch)
    batch.refuse(
        "name",
        _OTHER_NAME_IN_FILE,
        f"""o.document_hash = s.document_hash AND o.document_kind = s.document_kind AND o.line < s.line
            AND {OTHER_NAME.format(one="o.name", other="s.name")}""",
        using="roster_staged o",
        places={"other": "o.line", "said": "o.name"},
    )
    refuse_after_death(batch)
    batch.refuse(
        "starts_on",
        _("The record has another person class, scheme or area from this day on; send a change instead."),
        """r.member_id = s.member_id AND r.starts_on = s.starts_on
           AND (r.area_id, r.scheme, r.person_class) <> (%(area)s, s.scheme, s.person_class)""",
        using="members_enrolment r",
    )
    batch.refuse(
        "ends_on",
        _("The record says that this enrolment ended on %(day)s; send a change to enrol the person again."),
        """r.member_id = s.member_id AND r.starts_on = s.starts_on AND r.ends_on IS NOT NULL
           AND r.ends_on IS DISTINCT FROM s.ends_on""",
        using="members_enrolment r",
        places={"day": "r.ends_on"},
    )
    # Lines of one person who is still unknown must not overlap either; known and unknown alike go by document.
    batch.refuse_overlaps_in_file(
        "starts_on", _("The days overlap those of line %(other)s."), "document_hash", "document_kind"
    )
    batch.refuse(
        "starts_on",
        _("The person is enrolled from %(first)s to %(last)s already."),
        f"r.member_id = s.member_id AND r.starts_on <> s.starts_on AND {overlap('r', 's')}",
        using="members_enrolment r",
        places={"first": "r.starts_on", "last": "COALESCE(r.ends_on::text, '…')"},
    )
    batch.run(
        """
        UPDATE roster_staged s SET record_id = r.id FROM members_enrolment r
        WHERE r.member_id = s.member_id AND r.starts_on = s.starts_on
        """
    )
    details = {
        "sex": "CASE WHEN COALESCE(s.sex, '0') = '0' THEN t.sex ELSE s.sex END",
        "birth": "COALESCE(s.birth, t.birth)",
        "reached_age_on": "COALESCE(s.reached_age_on, t.reached_age_on)",
        "phone": "COALESCE(s.phone, t.phone)",
    }
    terms = {
        "ends_on": "s.ends_on",
        "person_type": "COALESCE(s.person_type, t.person_type)",
        "plan": plan_after("s.plan", "t.plan"),
        "large_claims": "COALESCE(s.large_claims, t.large_claims)",
        "by_hand_elsewhere": "COALESCE(s.by_hand_elsewhere, t.by_hand_elsewhere)",
        "paid_on": "COALESCE(s.paid_on, t.paid_on)",
        "employer_id": "COALESCE(s.employer_id, t.employer_id)",
    }
    batch.unchanged(
        f"m.id = s.member_id AND t.id = s.record_id AND {_same(details, 'm')} AND {_same(terms, 't')}",
        using="members_member m, members_enrolment t",
    )
    batch.run(
        """
        UPDATE roster_staged s SET later_line = TRUE FROM (
            SELECT document_hash, document_kind, min(line) AS line FROM roster_staged
            GROUP BY document_hash, document_kind HAVING count(*) > 1) o
        WHERE (s.document_hash, s.document_kind) = (o.document_hash, o.document_kind) AND s.line > o.line
        """
    )
    batch.update(
        Member,
        details,
        where=f"t.id = s.member_id AND s.later_line IS NULL AND NOT ({_same(details, 't')})",
    )
    batch.update(Enrolment, terms, where=f"t.id = s.record_id AND NOT ({_same(terms, 't')})")
    batch.insert(
        Member,
        {
            "name": "s.name",
            "document_kind": "s.document_kind",
            "document_cipher": "s.document_cipher",
            "document_hash": "s.document_hash",
            "document_last4": "s.document_last4",
            "sex": "COALESCE(s.sex, '0')",
            "birth": "s.birth",
            "reached_age_on": "s.reached_age_on",
            "phone": "COALESCE(s.phone, '')",
        },
        where="s.later_line IS NULL AND s.member_id IS NULL",
    )
    find_members(batch)
    batch.insert(
        Enrolment,
        {
            "member_id": "s.member_id",
            "area_id": "%(area)s",
            "scheme": "s.scheme",
            "person_class": "s.person_class",
            "person_type": "COALESCE(s.person_type, '')",
            "plan": "COALESCE(s.plan, '')",
            "large_claims": "COALESCE(s.large_claims, false)",
            "by_hand_elsewhere": "COALESCE(s.by_hand_elsewhere, false)",
            "paid_on": "s.paid_on",
            "listed_on": "CASE WHEN s.paid_on IS NOT NULL THEN %(today)s::date END",
            "employer_id": "s.employer_id",
            "starts_on": "s.starts_on",
            "ends_on": "s.ends_on",
        },
        where="s.record_id IS NULL",
        today=timezone.localdate(batch.now),
    )


def _same(columns: dict[str, str], record: str) -> str:
    """SQL: a record says already what a line would make of it."""
    return " AND ".join(
        f"{record}.{column} IS NOT DISTINCT FROM {new.replace('t.', record + '.')}" for column, new in columns.items()
    )


def _refuse_unfit(batch: Batch) -> None:
    refuse_other_areas(batch)
    batch.refuse(
        "status",
        _("The roster itself says that the person is not enrolled; leave the line out."),
        "s.status IN ('0', '3')",
    )
    batch.refuse(
        "ends_on",
        _("The enrolment has ended; give its last day."),
        "s.status = '4' AND s.ends_on IS NULL",
    )


def _refuse_uncovered_days(batch: Batch) -> None:
    """Turn away lines that enrol a newborn for days that the first premium does not cover."""
    newborns = batch.rows("SELECT line, birth, paid_on, scheme, starts_on FROM roster_staged WHERE paid_on IS NOT NULL")
    for line, birth, paid_on, scheme, starts_on in newborns:
        this = {"where": "s.line = %(line)s", "line": line}
        if birth is None:
            batch.refuse("birth", _("The date of birth is missing; the first premium of a newborn needs it."), **this)
            continue
        try:
            days = newborn_days(area_id=batch.area_id, scheme=scheme, birth=birth, paid_on=paid_on)
        except DomainError as error:
            batch.refuse("paid_on", str(error).replace("%", "%%"), **this)
            continue
        if days is None or starts_on < days.starts_on:
            batch.refuse(
                "starts_on",
                _("By the day of the premium the cover begins on %(day)s."),
                **this,
                places={"day": "%(day)s"},
                day=str(days.starts_on) if days else "…",
            )


def _find_employers(batch: Batch) -> None:
    batch.run(
        """
        UPDATE roster_staged s SET employer_id = e.id FROM members_employer e
        WHERE e.area_id = %(area)s AND e.code = s.employer_code
        """
    )
    batch.run(
        """
        UPDATE roster_staged s SET employer_id = e.id
        FROM (SELECT name, min(id) AS id FROM members_employer WHERE area_id = %(area)s
              GROUP BY name HAVING count(*) = 1) e
        WHERE s.employer_code IS NULL AND e.name = s.employer_name
        """
    )
    batch.refuse(
        "employer_code",
        _("The employer %(said)s is not recorded; load the roster of employers first."),
        "s.employer_id IS NULL AND COALESCE(s.employer_code, s.employer_name) IS NOT NULL",
        places={"said": "COALESCE(s.employer_code, s.employer_name)"},
    )


MEMBERS = Loader(
    columns={
        **PERSON_COLUMNS,
        **_DOCUMENT_COLUMNS,
        "reached_age_on": "date",
        "phone": "text",
        "employer_code": "text",
        "employer_name": "text",
        "scheme": "text",
        "person_type": "text",
        "person_class": "text",
        "plan": "text",
        "large_claims": "boolean",
        "by_hand_elsewhere": "boolean",
        "paid_on": "date",
        "status": "text",
        "starts_on": "date",
        "ends_on": "date",
        "area": "text",
        **MEMBER_COLUMN,
        "employer_id": "bigint",
        "later_line": "boolean",
    },
    stage=_stage_member,
    load=_load_members,
    models=(Enrolment, Member),
)


def _stage_relative(values: dict[str, Any]) -> tuple:
    kind, number = values["relative_document_kind"], values["relative_document_number"]
    birth, sex = birth_and_sex(number) if states_birth(kind, number) else (None, Member.Sex.UNKNOWN)
    return (
        *person(values),
        values["relative_name"],
        kind,
        identity.keyed_hash(number),
        identity.encrypt(number),
        identity.last4(number),
        sex,
        birth,
        values["relation"],
        values["starts_on"],
        values["ends_on"],
    )


_FIND_RELATIVES = f"""
    UPDATE roster_staged s SET relative_id = m.id FROM members_member m
    WHERE m.document_hash = s.relative_hash AND {ALIKE.format(kind="s.relative_kind")}
    """


def _load_relatives(batch: Batch) -> None:
    match_members(batch)
    refuse_after_death(batch)
    refuse_recorded_twice(batch, "relative_document_number", "relative_hash", "relative_kind")
    batch.run(_FIND_RELATIVES)
    refuse_other_names(batch, "relative_name", "relative_id", field="relative_name")
    batch.refuse(
        "relative_name",
        _OTHER_NAME_IN_FILE,
        f"""o.relative_hash = s.relative_hash AND o.relative_kind = s.relative_kind AND o.line < s.line
            AND {OTHER_NAME.format(one="o.relative_name", other="s.relative_name")}""",
        using="roster_staged o",
        places={"other": "o.line", "said": "o.relative_name"},
    )
    batch.refuse(
        "relation",
        _("The record has another relation between the two from this day on."),
        """r.member_id = s.member_id AND r.relative_id = s.relative_id AND r.starts_on = s.starts_on
           AND r.relation <> s.relation""",
        using="members_relative r",
    )
    batch.refuse_overlaps_in_file(
        "starts_on",
        _("The days overlap those of line %(other)s."),
        "member_id",
        "relative_hash",
        "relative_kind",
    )
    # A relative who is insured nowhere here becomes known by this roster.
    batch.insert(
        Member,
        {
            "name": "s.relative_name",
            "document_kind": "s.relative_kind",
            "document_cipher": "s.document_cipher",
            "document_hash": "s.relative_hash",
            "document_last4": "s.document_last4",
            "sex": "s.sex",
            "birth": "s.birth",
            "phone": "''",
        },
        where="""s.line IN (SELECT min(line) FROM roster_staged WHERE relative_id IS NULL
                            GROUP BY relative_hash, relative_kind)""",
    )
    batch.run(_FIND_RELATIVES)
    batch.write_spans(
        Relative,
        ["member_id", "relative_id"],
        {
            "member_id": "s.member_id",
            "relative_id": "s.relative_id",
            "relation": "s.relation",
            "starts_on": "s.starts_on",
            "ends_on": "s.ends_on",
        },
        changes={"ends_on": "s.ends_on"},
    )


RELATIVES = Loader(
    columns={
        **PERSON_COLUMNS,
        "relative_name": "text",
        "relative_kind": "text",
        "relative_hash": "bytea",
        **_DOCUMENT_COLUMNS,
        "relation": "text",
        "starts_on": "date",
        "ends_on": "date",
        **MEMBER_COLUMN,
        "relative_id": "bigint",
    },
    stage=_stage_relative,
    load=_load_relatives,
    models=(Relative, Member),
)
