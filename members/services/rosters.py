"""How the roster of contributions comes in."""

from typing import Any

from django.utils.translation import gettext_noop as _

from bureau.rosters.staging import Batch, Loader
from members.models import Contribution
from members.services.matching import (
    MEMBER_COLUMN,
    PERSON_COLUMNS,
    match_members,
    person,
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
