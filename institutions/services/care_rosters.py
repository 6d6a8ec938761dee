"""How the rosters of referrals, hospital stays and registrations out of the area come in."""

from typing import Any

from django.utils.translation import gettext_noop as _

from bureau.rosters.staging import Batch, Loader
from institutions.models import HospitalStay, OutOfAreaRegistration, Referral
from institutions.queries import DESIGNATED
from institutions.services.matching import match_institutions
from members.services.matching import MEMBER_COLUMN, PERSON_COLUMNS, match_members, person
from members.services.reach import ends_here, refuse_elsewhere


def _refuse_after_death(batch: Batch, first: str) -> None:
    """Turn away what begins after the member's death; an end that was foreseen beyond it does no harm."""
    batch.refuse(
        first,
        _("The member died on %(day)s."),
        f"m.id = s.member_id AND m.died_on < s.{first}",
        using="members_member m",
        places={"day": "m.died_on"},
    )


def _stage_referral(values: dict[str, Any]) -> tuple:
    return (
        *person(values),
        values["from_institution"],
        values["to_institution"],
        values["starts_on"],
        values["ends_on"],
        values["reason"],
    )


def _load_referrals(batch: Batch) -> None:
    match_members(batch, strangers=True)
    match_institutions(batch, "from_institution", "from_id")
    match_institutions(batch, "to_institution", "to_institution_id")
    same = "r.member_id = s.member_id AND r.to_institution_id = s.to_institution_id AND r.starts_on = s.starts_on"
    refuse_elsewhere(batch, "starts_on", unless=ends_here("institutions_referral", same, "ends_on"))
    _refuse_after_death(batch, "starts_on")
    batch.refuse(
        "from_institution",
        _("It is not the member's selected institution on %(day)s."),
        """NOT EXISTS (SELECT FROM institutions_selection c
                       WHERE c.member_id = s.member_id AND c.institution_id = s.from_id AND c.role = 'primary'
                         AND s.starts_on BETWEEN c.starts_on AND c.ends_on)""",
        places={"day": "s.starts_on"},
    )
    batch.refuse(
        "to_institution",
        _("It is not designated on %(day)s."),
        f"i.id = s.to_institution_id AND NOT {DESIGNATED.format(day='s.starts_on')}",
        using="institutions_institution i",
        places={"day": "s.starts_on"},
    )
    batch.refuse(
        "from_institution",
        _("The record has a referral from another institution from this day on."),
        f"{same} AND r.from_institution_id <> s.from_id",
        using="institutions_referral r",
    )
    batch.write_spans(
        Referral,
        ["member_id", "to_institution_id"],
        {
            "member_id": "s.member_id",
            "from_institution_id": "s.from_id",
            "to_institution_id": "s.to_institution_id",
            "starts_on": "s.starts_on",
            "ends_on": "s.ends_on",
            "reason": "COALESCE(s.reason, '')",
        },
        changes={"ends_on": "s.ends_on", "reason": "COALESCE(s.reason, t.reason)"},
    )


REFERRALS = Loader(
    columns={
        **PERSON_COLUMNS,
        "from_institution": "text",
        "to_institution": "text",
        "starts_on": "date",
        "ends_on": "date",
        "reason": "text",
        **MEMBER_COLUMN,
        "from_id": "bigint",
        "to_institution_id": "bigint",
    },
    stage=_stage_referral,
    load=_load_referrals,
    models=(Referral,),
)


def _stage_registration(values: dict[str, Any]) -> tuple:
    return *person(values), values["kind"], values["destination"], values["starts_on"], values["ends_on"]


def _load_registrations(batch: Batch) -> None:
    match_members(batch, strangers=True)
    same = "r.member_id = s.member_id AND r.starts_on = s.starts_on"
    refuse_elsewhere(batch, "starts_on", unless=ends_here("institutions_outofarearegistration", same, "ends_on"))
    _refuse_after_death(batch, "starts_on")
    batch.refuse(
        "kind",
        _("The record has a registration of another kind or for another place from this day on."),
        f"{same} AND (r.kind, r.destination) <> (s.kind, s.destination)",
        using="institutions_outofarearegistration r",
    )
    batch.write_spans(
        OutOfAreaRegistration,
        ["member_id"],
        {
            "member_id": "s.member_id",
            "kind": "s.kind",
            "destination": "s.destination",
            "starts_on": "s.starts_on",
            "ends_on": "s.ends_on",
        },
        changes={"ends_on": "s.ends_on"},
    )


OUT_OF_AREA = Loader(
    columns={
        **PERSON_COLUMNS,
        "kind": "text",
        "destination": "text",
        "starts_on": "date",
        "ends_on": "date",
        **MEMBER_COLUMN,
    },
    stage=_stage_registration,
    load=_load_registrations,
    models=(OutOfAreaRegistration,),
)


def _stage_stay(values: dict[str, Any]) -> tuple:
    return *person(values), values["institution"], values["admitted_on"], values["discharged_on"]


def _load_stays(batch: Batch) -> None:
    """A stay ends the day before its discharge (G-8): another may begin on that day."""
    match_members(batch, strangers=True)
    match_institutions(batch, "institution", "institution_id")
    begun = "r.member_id = s.member_id AND r.admitted_on = s.admitted_on"
    refuse_elsewhere(batch, "admitted_on", unless=ends_here("institutions_hospitalstay", begun, "discharged_on"))
    _refuse_after_death(batch, "admitted_on")
    in_file = "daterange({0}.admitted_on, {0}.discharged_on) && daterange({1}.admitted_on, {1}.discharged_on)"
    batch.refuse(
        "admitted_on",
        _("The days overlap those of line %(other)s."),
        f"o.member_id = s.member_id AND o.line < s.line AND {in_file.format('o', 's')}",
        using="roster_staged o",
        places={"other": "o.line"},
    )
    batch.refuse(
        "admitted_on",
        _("The days overlap a stay from %(first)s to %(last)s."),
        f"t.member_id = s.member_id AND t.admitted_on <> s.admitted_on AND {in_file.format('t', 's')}",
        using="institutions_hospitalstay t",
        places={"first": "t.admitted_on", "last": "COALESCE(t.discharged_on::text, '…')"},
    )
    same = "t.member_id = s.member_id AND t.admitted_on = s.admitted_on"
    new = {
        "discharged_on": "COALESCE(s.discharged_on, t.discharged_on)",
        "institution_id": "COALESCE(s.institution_id, t.institution_id)",
    }
    nothing_new = " AND ".join(f"t.{column} IS NOT DISTINCT FROM {value}" for column, value in new.items())
    batch.unchanged(f"{same} AND {nothing_new}", using="institutions_hospitalstay t")
    batch.update(HospitalStay, new, where=same)
    columns = ("member_id", "institution_id", "admitted_on", "discharged_on")
    batch.insert(
        HospitalStay,
        {column: f"s.{column}" for column in columns},
        where=f"NOT EXISTS (SELECT FROM institutions_hospitalstay t WHERE {same})",
    )


HOSPITAL_STAYS = Loader(
    columns={
        **PERSON_COLUMNS,
        "institution": "text",
        "admitted_on": "date",
        "discharged_on": "date",
        **MEMBER_COLUMN,
        "institution_id": "bigint",
    },
    stage=_stage_stay,
    load=_load_stays,
    models=(HospitalStay,),
)
