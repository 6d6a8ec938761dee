"""How the rosters of employers, benefit periods, suspensions and contributions come in."""

from typing import Any

from django.utils.translation import gettext_noop as _

from bureau.rosters.staging import Batch, Loader
from members.models import BenefitPeriod, Contribution, Employer, Suspension
from members.services.matching import (
    MEMBER_COLUMN,
    PERSON_COLUMNS,
    match_members,
    person,
    refuse_after_death,
)


def _load_employers(batch: Batch) -> None:
    same = "e.area_id = %(area)s AND e.code = s.code"
    batch.unchanged(f"{same} AND e.name = s.name", using="members_employer e")
    batch.insert(
        Employer,
        {"area_id": "%(area)s", "code": "s.code", "name": "s.name"},
        where="NOT EXISTS (SELECT FROM members_employer e WHERE e.area_id = %(area)s AND e.code = s.code)",
    )
    batch.update(Employer, {"name": "s.name"}, where="t.area_id = %(area)s AND t.code = s.code AND t.name <> s.name")


EMPLOYERS = Loader(
    columns={"code": "text", "name": "text"},
    stage=lambda values: (values["code"], values["name"]),
    load=_load_employers,
    models=(Employer,),
)


def _stage_benefit_period(values: dict[str, Any]) -> tuple:
    return *person(values), values["scheme"], values["starts_on"], values["ends_on"]


def _load_benefit_periods(batch: Batch) -> None:
    match_members(batch)
    refuse_after_death(batch)
    batch.refuse(
        "starts_on",
        _("The record has a benefit period of another scheme from this day on."),
        "r.member_id = s.member_id AND r.area_id = %(area)s AND r.starts_on = s.starts_on AND r.scheme <> s.scheme",
        using="members_benefitperiod r",
    )
    batch.write_spans(
        BenefitPeriod,
        ["member_id"],
        {
            "member_id": "s.member_id",
            "area_id": "%(area)s",
            "scheme": "s.scheme",
            "starts_on": "s.starts_on",
            "ends_on": "s.ends_on",
        },
        changes={"ends_on": "s.ends_on"},
        within="t.area_id = %(area)s",
    )


BENEFIT_PERIODS = Loader(
    columns={**PERSON_COLUMNS, "scheme": "text", "starts_on": "date", "ends_on": "date", **MEMBER_COLUMN},
    stage=_stage_benefit_period,
    load=_load_benefit_periods,
    models=(BenefitPeriod,),
)


def _stage_suspension(values: dict[str, Any]) -> tuple:
    return (
        *person(values),
        values["kind"],
        values["starts_on"],
        values["ends_on"],
        values["reason"],
    )


def _load_suspensions(batch: Batch) -> None:
    match_members(batch)
    refuse_after_death(batch)
    batch.refuse(
        "kind",
        _("The record has a suspension of another kind from this day on."),
        "r.member_id = s.member_id AND r.area_id = %(area)s AND r.starts_on = s.starts_on AND r.kind <> s.kind",
        using="members_suspension r",
    )
    batch.write_spans(
        Suspension,
        ["member_id"],
        {
            "member_id": "s.member_id",
            "area_id": "%(area)s",
            "kind": "s.kind",
            "starts_on": "s.starts_on",
            "ends_on": "s.ends_on",
            "reason": "COALESCE(s.reason, '')",
        },
        changes={"ends_on": "s.ends_on", "reason": "COALESCE(s.reason, t.reason)"},
        within="t.area_id = %(area)s",
    )


SUSPENSIONS = Loader(
    columns={
        **PERSON_COLUMNS,
        "kind": "text",
        "starts_on": "date",
        "ends_on": "date",
        "reason": "text",
        **MEMBER_COLUMN,
    },
    stage=_stage_suspension,
    load=_load_suspensions,
    models=(Suspension,),
)


def _stage_contribution(values: dict[str, Any]) -> tuple:
    return (
        *person(values),
        values["scheme"],
        values["month"],
        values["kind"],
        values["base"],
        values["employer_amount"],
        values["own_amount"],
        values["paid_on"],
    )


def _load_contributions(batch: Batch) -> None:
    match_members(batch)
    same = (
        "r.member_id = s.member_id AND r.month = s.month AND r.scheme = s.scheme"
        " AND r.kind = s.kind AND r.paid_on = s.paid_on"
    )
    amounts = "(r.base, r.employer_amount, r.own_amount)"
    batch.unchanged(
        f"{same} AND r.area_id = %(area)s AND {amounts} = (s.base, s.employer_amount, s.own_amount)",
        using="members_contribution r",
    )
    batch.refuse(
        "base",
        _(
            "This payment is recorded with base %(base)s, employer's share %(employer)s and own share %(own)s;"
            " send the difference as a payment of its own."
        ),
        same,
        using="members_contribution r",
        places={"base": "r.base", "employer": "r.employer_amount", "own": "r.own_amount"},
    )
    columns = ["member_id", "scheme", "month", "kind", "base", "employer_amount", "own_amount", "paid_on"]
    batch.insert(Contribution, {"area_id": "%(area)s"} | {column: f"s.{column}" for column in columns})


CONTRIBUTIONS = Loader(
    columns={
        **PERSON_COLUMNS,
        "scheme": "text",
        "month": "date",
        "kind": "text",
        "base": "numeric(16,2)",
        "employer_amount": "numeric(16,2)",
        "own_amount": "numeric(16,2)",
        "paid_on": "date",
        **MEMBER_COLUMN,
    },
    stage=_stage_contribution,
    load=_load_contributions,
    models=(Contribution,),
)
