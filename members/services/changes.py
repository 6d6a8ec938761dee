"""增减变动: how the roster of changes comes in. A change's day is the first day of what it brings.

A person's lines take effect in the order of their days: the first line of everybody, then the second of those
who have one, and so on, each turn in a few statements over all people at once.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from bureau.rosters.staging import Batch
from bureau.rules.enrolment import POOLED_ONLY
from members.models import BenefitPeriod, Enrolment, Member
from members.services.matching import match_members
from members.services.plans import plan_after

# What a turn finds out: `turn`, what the person has on the day (`has_…`), what ended last before it (`last_…`).
_ENROLLED = {
    "class": "text", "scheme": "text", "plan": "text", "large_claims": "boolean", "by_hand_elsewhere": "boolean",
    "employer_id": "bigint", "end": "date",
}  # fmt: skip
SCRATCH: Mapping[str, str] = {
    "employer_id": "bigint",
    "turn": "int",
    "has_area": "text",
    "has_type": "text",
    "has_start": "date",
    **{f"{when}_{name}": kind for when in ("has", "last") for name, kind in _ENROLLED.items()},
}

_NOW = "s.turn = %(turn)s"
_CLASS = "s.kind IN ('class_change', 'retirement')"
_PLAN = plan_after("s.plan", "s.has_plan")
_TERMS = "s.kind IN ('class_change', 'retirement', 'plan_change')"  # the enrolment goes on with other terms


def load_changes(batch: Batch) -> None:
    """Bring the staged lines of the roster in: its columns, and those of `SCRATCH`."""
    match_members(batch)
    # Whoever settles a visit at this moment is waited for, and reads what follows.
    batch.run(
        """
        SELECT id FROM members_member WHERE id IN (SELECT member_id FROM roster_staged)
        ORDER BY id FOR NO KEY UPDATE
        """
    )
    batch.refuse(
        "changed_on",
        _("The member died on %(day)s."),
        "m.id = s.member_id AND s.changed_on > m.died_on",
        using="members_member m",
        places={"day": "m.died_on"},
    )
    batch.run(
        """
        UPDATE roster_staged s SET employer_id = e.id FROM members_employer e
        WHERE e.area_id = %(area)s AND e.code = s.employer_code
        """
    )
    batch.refuse(
        "employer_code",
        _("The employer %(said)s is not recorded; load the roster of employers first."),
        "s.employer_id IS NULL AND s.employer_code IS NOT NULL",
        places={"said": "s.employer_code"},
    )
    # On one day a person leaves one employer before joining the next.
    batch.run(
        """
        UPDATE roster_staged s SET turn = o.turn
        FROM (SELECT line, row_number() OVER (
                  PARTITION BY member_id ORDER BY changed_on, kind <> 'stop', kind = 'death', line) AS turn
              FROM roster_staged) o
        WHERE o.line = s.line
        """
    )
    for turn in range(1, (batch.value("SELECT max(turn) FROM roster_staged") or 0) + 1):
        _find_enrolments(batch, turn)
        _drop_known(batch, turn)
        _refuse_impossible(batch, turn)
        _write(batch, turn)


def _find_enrolments(batch: Batch, turn: int) -> None:
    """What the person has on the day (`record_id`, `has_…`), and what ended last before it (`last_…`)."""
    batch.run(
        f"""
        UPDATE roster_staged s SET record_id = e.id, has_class = e.person_class, has_area = e.area_id,
            has_scheme = e.scheme, has_plan = e.plan, has_large_claims = e.large_claims,
            has_by_hand_elsewhere = e.by_hand_elsewhere,
            has_type = e.person_type, has_employer_id = e.employer_id,
            has_start = e.starts_on, has_end = e.ends_on
        FROM members_enrolment e
        WHERE {_NOW} AND e.member_id = s.member_id AND e.starts_on <= s.changed_on
          AND COALESCE(e.ends_on, 'infinity') >= s.changed_on
        """,
        turn=turn,
    )
    batch.run(
        """
        UPDATE roster_staged s SET last_end = e.ends_on, last_class = e.person_class, last_scheme = e.scheme,
            last_plan = e.plan, last_large_claims = e.large_claims, last_by_hand_elsewhere = e.by_hand_elsewhere,
            last_employer_id = e.employer_id
        FROM (SELECT DISTINCT ON (o.line) o.line, p.* FROM roster_staged o
              JOIN members_enrolment p ON p.member_id = o.member_id AND p.ends_on < o.changed_on
              WHERE o.turn = %(turn)s AND p.area_id = %(area)s
              ORDER BY o.line, p.ends_on DESC) e
        WHERE e.line = s.line
        """,
        turn=turn,
    )


def _drop_known(batch: Batch, turn: int) -> None:
    batch.unchanged(
        f"""{_NOW} AND s.kind = 'stop' AND s.last_end = s.changed_on - 1
            AND (s.record_id IS NULL OR s.has_start = s.changed_on)""",
        turn=turn,
    )
    batch.unchanged(f"{_NOW} AND {_CLASS} AND s.has_class = s.person_class AND s.has_plan = {_PLAN}", turn=turn)
    batch.unchanged(
        f"""{_NOW} AND s.kind = 'plan_change' AND s.has_plan = {_PLAN}
            AND s.has_large_claims = COALESCE(s.large_claims, s.has_large_claims)
            AND s.has_by_hand_elsewhere = COALESCE(s.by_hand_elsewhere, s.has_by_hand_elsewhere)""",
        turn=turn,
    )
    batch.unchanged(
        f"""{_NOW} AND s.kind = 'resume' AND s.has_start = s.changed_on AND s.has_area = %(area)s
            AND s.has_class = COALESCE(s.person_class, s.has_class) AND s.has_plan = {_PLAN}
            AND s.has_scheme = COALESCE(s.scheme, s.has_scheme)""",
        turn=turn,
    )
    batch.unchanged(
        f"{_NOW} AND s.kind = 'death' AND m.id = s.member_id AND m.died_on = s.changed_on",
        using="members_member m",
        turn=turn,
    )


def _refuse_impossible(batch: Batch, turn: int) -> None:
    def refuse(field: str, message: str, where: str, **more: Any) -> None:
        batch.refuse(field, message, f"{_NOW} AND {where}", turn=turn, **more)

    refuse(
        "changed_on",
        _("The member is not enrolled on this day."),
        f"s.record_id IS NULL AND (s.kind = 'stop' OR {_TERMS})",
    )
    refuse("scheme", _("The member is enrolled in another scheme."), "s.kind <> 'resume' AND s.has_scheme <> s.scheme")
    refuse("document_number", _("The member is enrolled in another area."), "s.has_area <> %(area)s")
    refuse(
        "changed_on",
        _("The enrolment begins on this very day; correct or undo what began it."),
        "s.kind = 'stop' AND s.has_start = s.changed_on",
    )
    refuse(
        "changed_on",
        _("The person is enrolled from %(first)s to %(last)s already."),
        "s.kind = 'resume' AND s.record_id IS NOT NULL",
        places={"first": "s.has_start", "last": "COALESCE(s.has_end::text, '…')"},
    )
    refuse(
        "changed_on",
        _("The person is enrolled again from %(first)s."),
        """s.kind IN ('resume', 'death') AND e.member_id = s.member_id AND e.starts_on > s.changed_on""",
        using="members_enrolment e",
        places={"first": "e.starts_on"},
    )
    refuse(
        "kind",
        _("The person was never enrolled here; send the roster of members."),
        "s.kind = 'resume' AND s.last_end IS NULL",
    )
    refuse(
        "person_class",
        _("The person class belongs to the other scheme."),
        """s.kind <> 'death' AND s.person_class IS NOT NULL
           AND (s.person_class = 'resident') <> (COALESCE(s.scheme, s.has_scheme, s.last_scheme) = '390')""",
    )
    refuse(
        "plan",
        _("Pooled fund only is a plan of the employees' scheme."),
        f"s.plan = '{POOLED_ONLY}' AND COALESCE(s.scheme, s.has_scheme, s.last_scheme) = '390'",
    )
    refuse(
        "changed_on",
        _("The day of death lies in the future."),
        "s.kind = 'death' AND s.changed_on > %(today)s",
    )
    refuse(
        "changed_on",
        _("The death is recorded for %(day)s."),
        "s.kind = 'death' AND m.id = s.member_id AND m.died_on <> s.changed_on",
        using="members_member m",
        places={"day": "m.died_on"},
    )
    refuse(
        "changed_on",
        _("A benefit period begins after this day, on %(first)s."),
        "s.kind = 'death' AND p.member_id = s.member_id AND p.starts_on > s.changed_on",
        using="members_benefitperiod p",
        places={"first": "p.starts_on"},
    )


def _write(batch: Batch, turn: int) -> None:
    batch.update(
        Enrolment,
        {"ends_on": "s.changed_on - 1"},
        where=f"""{_NOW} AND t.id = s.record_id AND s.has_start < s.changed_on
                  AND (s.kind = 'stop' OR {_TERMS})""",
        turn=turn,
    )
    batch.update(
        Enrolment,
        {
            "person_class": f"CASE WHEN {_CLASS} THEN s.person_class ELSE t.person_class END",
            "person_type": f"CASE WHEN {_CLASS} THEN '' ELSE t.person_type END",
            "plan": plan_after("s.plan", "t.plan"),
            "large_claims": "COALESCE(s.large_claims, t.large_claims)",
            "by_hand_elsewhere": "COALESCE(s.by_hand_elsewhere, t.by_hand_elsewhere)",
        },
        where=f"{_NOW} AND {_TERMS} AND t.id = s.record_id AND s.has_start = s.changed_on",
        turn=turn,
    )
    member = {"member_id": "s.member_id", "area_id": "%(area)s"}
    batch.insert(
        Enrolment,
        member
        | {
            "scheme": "s.has_scheme",
            "plan": _PLAN,
            "large_claims": "COALESCE(s.large_claims, s.has_large_claims)",
            "by_hand_elsewhere": "COALESCE(s.by_hand_elsewhere, s.has_by_hand_elsewhere)",
            "employer_id": "COALESCE(s.employer_id, s.has_employer_id)",
            "person_class": f"CASE WHEN {_CLASS} THEN s.person_class ELSE s.has_class END",
            "person_type": f"CASE WHEN {_CLASS} THEN '' ELSE s.has_type END",
            "starts_on": "s.changed_on",
            "ends_on": "s.has_end",
        },
        where=f"{_NOW} AND {_TERMS} AND s.has_start < s.changed_on",
        turn=turn,
    )
    batch.insert(
        Enrolment,
        member
        | {
            "scheme": "COALESCE(s.scheme, s.last_scheme)",
            "plan": plan_after("s.plan", "s.last_plan"),
            "large_claims": "COALESCE(s.large_claims, s.last_large_claims)",
            "by_hand_elsewhere": "COALESCE(s.by_hand_elsewhere, s.last_by_hand_elsewhere)",
            "employer_id": "COALESCE(s.employer_id, s.last_employer_id)",
            "person_class": "COALESCE(s.person_class, s.last_class)",
            "person_type": "''",
            "starts_on": "s.changed_on",
        },
        where=f"{_NOW} AND s.kind = 'resume'",
        turn=turn,
    )
    dead = f"{_NOW} AND s.kind = 'death'"
    batch.update(Member, {"died_on": "s.changed_on"}, where=f"{dead} AND t.id = s.member_id", turn=turn)
    for model in (Enrolment, BenefitPeriod):
        batch.update(
            model,
            {"ends_on": "s.changed_on"},
            where=f"""{dead} AND t.member_id = s.member_id AND t.starts_on <= s.changed_on
                      AND COALESCE(t.ends_on, 'infinity') > s.changed_on""",
            turn=turn,
        )
