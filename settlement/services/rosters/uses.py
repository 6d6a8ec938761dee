"""How opening figures come in: what an old system had counted, and what funds pay outside outpatient care."""

from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from bureau.models import Upload
from bureau.rosters.staging import STAGED, Batch, Loader
from members.services.matching import MEMBER_COLUMN, PERSON_COLUMNS, match_members, person
from settlement.models import OpeningUse, OtherUse, Proposal, Visit


def _find_schemes(batch: Batch, first: str, last: str) -> None:
    """Fill in the scheme of lines without one, from the enrolment on some days (SQL)."""
    batch.run(
        f"""
        UPDATE {STAGED} s SET scheme = e.scheme FROM members_enrolment e
        WHERE s.scheme IS NULL AND e.member_id = s.member_id AND e.area_id = %(area)s
          AND e.starts_on <= {last} AND COALESCE(e.ends_on, 'infinity') >= {first}
        """
    )
    batch.refuse(
        "scheme",
        _("The person was not enrolled in %(year)s; name the scheme."),
        "s.scheme IS NULL",
        places={"year": f"extract(year FROM {first})"},
    )


# What an old system had counted


def _stage_opening(values: dict[str, Any]) -> tuple:
    counted = (values[name] for name in ("year", "month", "fund", "fixed", "deductible"))
    return *person(values), values["scheme"], *counted


def _load_opening(batch: Batch) -> None:
    match_members(batch)
    _find_schemes(batch, "make_date(s.year, 1, 1)", "make_date(s.year, 12, 31)")
    same = """o.member_id = s.member_id AND o.scheme = s.scheme AND o.area_id = %(area)s AND o.year = s.year
              AND o.month IS NOT DISTINCT FROM s.month"""
    batch.unchanged(
        f"{same} AND (o.fund, o.fixed, o.deductible) = (s.fund, s.fixed, s.deductible)", using="settlement_openinguse o"
    )
    batch.refuse(
        "fund",
        _("For %(year)s %(fund)s is recorded already."),
        same,
        using="settlement_openinguse o",
        places={"year": "s.year", "fund": "o.fund"},
    )
    batch.refuse(
        "year",
        _("Visits of %(year)s are settled here already; what was counted before can no longer be changed."),
        """EXISTS (SELECT FROM settlement_visit v WHERE v.member_id = s.member_id
             AND v.area_id = %(area)s AND v.scheme = s.scheme
             AND v.care_on BETWEEN make_date(s.year, 1, 1) AND make_date(s.year, 12, 31))""",
        places={"year": "s.year"},
    )
    columns = ["member_id", "scheme", "year", "month", "fund", "fixed", "deductible"]
    batch.insert(OpeningUse, {"area_id": "%(area)s"} | {column: f"s.{column}" for column in columns})


def why_opening_stays(upload: Upload) -> str | None:
    """Objection to undoing opening figures: visits have been settled against them."""
    built = Visit.objects.filter(
        area=upload.area_id,
        member_id__in=OpeningUse.objects.filter(upload=upload).values("member_id"),
        care_on__year__in=OpeningUse.objects.filter(upload=upload).values("year"),
    )
    return gettext_lazy("Visits have been settled against these figures.") if built.exists() else None


OPENING = Loader(
    columns={
        **PERSON_COLUMNS,
        "scheme": "text",
        "year": "int",
        "month": "date",
        "fund": "numeric(16,2)",
        "fixed": "numeric(16,2)",
        "deductible": "numeric(16,2)",
        **MEMBER_COLUMN,
    },
    stage=_stage_opening,
    load=_load_opening,
    models=(OpeningUse,),
)


# What funds pay outside outpatient care


def _stage_other_use(values: dict[str, Any]) -> tuple:
    return *person(values), values["scheme"], values["fund"], values["number"], values["paid_on"], values["amount"]


def _load_other_uses(batch: Batch) -> None:
    match_members(batch)
    _find_schemes(batch, "s.paid_on", "s.paid_on")
    same = "o.member_id = s.member_id AND o.area_id = %(area)s AND o.fund = s.fund AND o.number = s.number"
    batch.unchanged(f"{same} AND (o.paid_on, o.amount) = (s.paid_on, s.amount)", using="settlement_otheruse o")
    batch.refuse(
        "number",
        _("The settlement %(number)s is recorded with %(amount)s; send the difference under a number of its own."),
        same,
        using="settlement_otheruse o",
        places={"number": "o.number", "amount": "o.amount"},
    )
    columns = ["member_id", "scheme", "fund", "number", "paid_on", "amount"]
    batch.insert(OtherUse, {"area_id": "%(area)s"} | {column: f"s.{column}" for column in columns})


def why_other_uses_stay(upload: Upload) -> str | None:
    """Objection to undoing: visits may have been settled, or adjusted, against what was left of a fund's limit."""
    rows = OtherUse.objects.filter(upload=upload)
    since = Q(settled_at__gte=upload.uploaded_at) | Q(
        proposals__status=Proposal.Status.CONFIRMED, proposals__decided_at__gte=upload.uploaded_at
    )
    built = Visit.objects.filter(since, area=upload.area_id, member_id__in=rows.values("member_id"))
    return gettext_lazy("Visits have been settled against these figures.") if built.exists() else None


OTHER_USES = Loader(
    columns={
        **PERSON_COLUMNS,
        "scheme": "text",
        "fund": "text",
        "number": "text",
        "paid_on": "date",
        "amount": "numeric(16,2)",
        **MEMBER_COLUMN,
    },
    stage=_stage_other_use,
    load=_load_other_uses,
    models=(OtherUse,),
)
