"""How the rosters of institutions and of assessments come in."""

from typing import Any

from django.utils.translation import gettext_noop as _

from bureau.rosters.staging import Batch, Loader, overlap, refuse_other_areas
from institutions.models import AccountChange, Agreement, Assessment, Institution, Level
from institutions.services.bank_accounts import ACCOUNT
from institutions.services.matching import match_institutions


def _stage_institution(values: dict[str, Any]) -> tuple:
    return (
        values["code"],
        values["name"],
        values["kind"],
        values["area"],
        values["county"] if values["area"] else None,
        values["parent"],
        values["level"],
        values["starts_on"],
        values["ends_on"],
        values["bank_name"],
        values["bank_account"],
        values["account_name"],
    )


_COUNTY = "(SELECT i.county_id FROM institutions_institution i WHERE i.id = s.institution_id)"


def _refuse_other_agencies(batch: Batch, field: str, county: str) -> None:
    """Staff of an agency load its own institutions: turn away the lines where `county` (SQL) is another."""
    if batch.actor.county_id is not None:
        message = _("This belongs to another agency, which your account does not reach.")
        batch.refuse(field, message, f"{county} <> %(mine)s", mine=batch.actor.county_id)


def _load_institutions(batch: Batch) -> None:
    """Each line is an institution, an agreement, and the level from the agreement's first day on."""
    batch.run("UPDATE roster_staged s SET institution_id = i.id FROM institutions_institution i WHERE i.code = s.code")
    _refuse_other_agencies(batch, "county", "s.county")
    _refuse_other_agencies(batch, "code", _COUNTY)
    _refuse_places(batch)
    _refuse_agreements(batch)
    _refuse_parents(batch)
    batch.run(
        """UPDATE roster_staged s SET first_of_code = TRUE
           WHERE s.line IN (SELECT min(line) FROM roster_staged GROUP BY code)"""
    )
    _enter_accounts(batch)
    details = {"name": "s.name", "county_id": "COALESCE(s.county, t.county_id)"}
    same = " AND ".join(f"t.{column} IS NOT DISTINCT FROM {new}" for column, new in details.items())
    batch.unchanged(
        f"""t.id = s.institution_id AND {same} AND s.account_change IS NULL
            AND a.institution_id = t.id AND a.starts_on = s.starts_on AND a.ends_on IS NOT DISTINCT FROM s.ends_on
            AND l.institution_id = t.id AND l.level = s.level AND s.starts_on >= l.starts_on
            AND s.starts_on <= COALESCE(l.ends_on, 'infinity')""",
        using="institutions_institution t, institutions_agreement a, institutions_level l",
    )
    batch.update(Institution, details, where=f"t.id = s.institution_id AND s.first_of_code AND NOT ({same})")
    _insert_institutions(batch, "s.parent IS NULL")
    _insert_institutions(batch, "s.parent IS NOT NULL")
    batch.update(
        Agreement,
        {"ends_on": "s.ends_on"},
        where="""t.institution_id = s.institution_id AND t.starts_on = s.starts_on
                 AND t.ends_on IS DISTINCT FROM s.ends_on""",
    )
    batch.insert(
        Agreement,
        {"institution_id": "s.institution_id", "starts_on": "s.starts_on", "ends_on": "s.ends_on"},
        where="""NOT EXISTS (SELECT FROM institutions_agreement a
                             WHERE a.institution_id = s.institution_id AND a.starts_on = s.starts_on)""",
    )
    _set_levels(batch)


def _enter_accounts(batch: Batch) -> None:
    """Another account of an institution that is recorded waits for a second person, as at the desk."""
    wanted = {name: f"COALESCE(o.{name}, t.{name})" for name in ACCOUNT}
    batch.run(
        f"""
        UPDATE roster_staged s
           SET ({", ".join(ACCOUNT)}, account_change) = ({", ".join(f"w.{name}" for name in ACCOUNT)}, w.how)
          FROM (
            SELECT o.line, {", ".join(f"{new} AS {name}" for name, new in wanted.items())},
                   CASE WHEN c.id IS NULL THEN 'new' ELSE 'instead' END AS how
              FROM roster_staged o JOIN institutions_institution t ON t.id = o.institution_id
              LEFT JOIN institutions_accountchange c ON c.institution_id = t.id AND c.status = 'open'
             WHERE o.first_of_code AND ({" OR ".join(f"{new} <> t.{name}" for name, new in wanted.items())})
               AND (c.id IS NULL OR {" OR ".join(f"{new} <> c.{name}" for name, new in wanted.items())})
          ) w WHERE w.line = s.line
        """
    )
    entered = {"entered_by_id": "%(actor)s::bigint", "entered_at": "%(now)s::timestamptz"}
    columns = {name: f"s.{name}" for name in ACCOUNT} | entered
    who = {"actor": batch.actor.pk, "now": batch.now}
    batch.update(
        AccountChange,
        columns,
        where="s.account_change = 'instead' AND t.institution_id = s.institution_id AND t.status = 'open'",
        **who,
    )
    batch.insert(
        AccountChange,
        {"institution_id": "s.institution_id", "status": "'open'", "note": "''"} | columns,
        where="s.account_change = 'new'",
        **who,
    )


def _refuse_places(batch: Batch) -> None:
    refuse_other_areas(batch)
    batch.refuse(
        "county",
        _("%(said)s is not a county agency of this area."),
        """s.county IS NOT NULL
           AND NOT EXISTS (SELECT FROM bureau_county c WHERE c.area_id = %(area)s AND c.code = s.county)""",
        places={"said": "s.county"},
    )
    batch.refuse(
        "kind",
        _("The institution is recorded as another kind; correct the one or the other."),
        "i.id = s.institution_id AND i.kind <> s.kind",
        using="institutions_institution i",
    )
    batch.refuse(
        "area",
        _("The institution is recorded in another area."),
        """i.id = s.institution_id
           AND i.area_id IS DISTINCT FROM CASE WHEN s.area IS NULL THEN NULL ELSE %(area)s END""",
        using="institutions_institution i",
    )
    batch.refuse(
        "kind",
        _("Line %(other)s describes the institution of this code otherwise."),
        """o.code = s.code AND o.line < s.line
           AND (o.kind, o.area IS NULL, COALESCE(o.parent, '')) <> (s.kind, s.area IS NULL, COALESCE(s.parent, ''))""",
        using="roster_staged o",
        places={"other": "o.line"},
    )


def _refuse_agreements(batch: Batch) -> None:
    batch.refuse_overlaps_in_file("starts_on", _("The days overlap those of line %(other)s."), "code")
    batch.refuse(
        "starts_on",
        _("The days overlap an agreement from %(first)s to %(last)s."),
        f"a.institution_id = s.institution_id AND a.starts_on <> s.starts_on AND {overlap('a', 's')}",
        using="institutions_agreement a",
        places={"first": "a.starts_on", "last": "COALESCE(a.ends_on::text, '…')"},
    )


def _refuse_parents(batch: Batch) -> None:
    """A parent is recorded or in the same file, and no station; a station that is recorded keeps its own."""
    batch.refuse(
        "parent",
        _("%(said)s cannot be a parent: it is a station or a pharmacy."),
        """EXISTS (SELECT FROM institutions_institution i WHERE i.code = s.parent AND i.kind IN ('station', 'pharmacy'))
           OR EXISTS (SELECT FROM roster_staged o WHERE o.code = s.parent AND o.kind IN ('station', 'pharmacy'))""",
        places={"said": "s.parent"},
    )
    _refuse_orphans(batch)
    batch.refuse(
        "parent",
        _("The institution is recorded under another parent; change that at the desk."),
        """i.id = s.institution_id AND i.parent_id IS DISTINCT FROM
               (SELECT p.id FROM institutions_institution p WHERE p.code = s.parent)""",
        using="institutions_institution i",
    )
    batch.refuse(
        "county",
        _("A village station is paid by the agency of its centre."),
        """s.kind = 'station' AND s.county IS DISTINCT FROM COALESCE(
               (SELECT o.county FROM roster_staged o WHERE o.code = s.parent ORDER BY o.line LIMIT 1),
               (SELECT p.county_id FROM institutions_institution p WHERE p.code = s.parent))""",
    )
    while _refuse_orphans(batch):
        pass  # with a parent's line, the lines of those under it go too


def _refuse_orphans(batch: Batch) -> int:
    return batch.refuse(
        "parent",
        _("The parent %(said)s is neither recorded nor in this file."),
        """s.parent IS NOT NULL
           AND NOT EXISTS (SELECT FROM institutions_institution i WHERE i.code = s.parent)
           AND NOT EXISTS (SELECT FROM roster_staged o WHERE o.code = s.parent)""",
        places={"said": "s.parent"},
    )


def _insert_institutions(batch: Batch, which: str) -> None:
    """Parents come before their stations."""
    batch.insert(
        Institution,
        {
            "code": "s.code",
            "name": "s.name",
            "kind": "s.kind",
            "area_id": "CASE WHEN s.area IS NULL THEN NULL ELSE %(area)s END",
            "county_id": "s.county",
            "parent_id": "(SELECT p.id FROM institutions_institution p WHERE p.code = s.parent)",
            "bank_name": "COALESCE(s.bank_name, '')",
            "bank_account": "COALESCE(s.bank_account, '')",
            "account_name": "COALESCE(s.account_name, '')",
        },
        where=f"s.institution_id IS NULL AND s.first_of_code AND {which}",
    )
    batch.run(
        """UPDATE roster_staged s SET institution_id = i.id FROM institutions_institution i
           WHERE i.code = s.code AND s.institution_id IS NULL"""
    )


def _set_levels(batch: Batch) -> None:
    """A level from the first day of the agreement on, where another is in force then; the lines of a code in turn."""
    batch.run(
        """UPDATE roster_staged s SET turn = t.turn FROM (
               SELECT line, row_number() OVER (PARTITION BY code ORDER BY starts_on) AS turn FROM roster_staged
           ) t WHERE t.line = s.line"""
    )
    in_force = """t.institution_id = s.institution_id AND t.starts_on <= s.starts_on
                  AND COALESCE(t.ends_on, 'infinity') >= s.starts_on"""
    for turn in range(1, batch.value("SELECT COALESCE(max(turn), 0) FROM roster_staged") + 1):
        mine = f"s.turn = {turn}"
        other = f"{mine} AND {in_force} AND t.level <> s.level"
        batch.run(
            f"UPDATE roster_staged s SET level_until = t.ends_on FROM institutions_level t WHERE {mine} AND {in_force}"
        )
        batch.run(
            f"""UPDATE roster_staged s SET level_until = (
                    SELECT min(t.starts_on) - 1 FROM institutions_level t
                    WHERE t.institution_id = s.institution_id AND t.starts_on > s.starts_on)
                WHERE {mine} AND NOT EXISTS (SELECT FROM institutions_level t WHERE {in_force})"""
        )
        batch.update(Level, {"level": "s.level"}, where=f"{other} AND t.starts_on = s.starts_on")
        batch.update(Level, {"ends_on": "s.starts_on - 1"}, where=f"{other} AND t.starts_on < s.starts_on")
        batch.insert(
            Level,
            {
                "institution_id": "s.institution_id",
                "level": "s.level",
                "starts_on": "s.starts_on",
                "ends_on": "s.level_until",
            },
            where=f"{mine} AND NOT EXISTS (SELECT FROM institutions_level t WHERE {in_force})",
        )


INSTITUTIONS = Loader(
    columns={
        "code": "text",
        "name": "text",
        "kind": "text",
        "area": "text",
        "county": "text",
        "parent": "text",
        "level": "smallint",
        "starts_on": "date",
        "ends_on": "date",
        "bank_name": "text",
        "bank_account": "text",
        "account_name": "text",
        "institution_id": "bigint",
        "first_of_code": "boolean",
        "account_change": "text",
        "turn": "int",
        "level_until": "date",
    },
    stage=_stage_institution,
    load=_load_institutions,
    models=(AccountChange, Level, Agreement, Institution),
)


def _load_assessments(batch: Batch) -> None:
    match_institutions(batch, "institution", "institution_id")
    _refuse_other_agencies(batch, "institution", _COUNTY)
    same = "t.institution_id = s.institution_id AND t.year = s.year"
    document = "COALESCE(s.document, t.document)"
    batch.unchanged(
        f"{same} AND t.score = s.score AND t.document = {document} AND t.entered_by_id IS NOT NULL",
        using="institutions_assessment t",
    )
    entered = {"entered_by_id": "%(actor)s::bigint", "entered_at": "%(now)s::timestamptz"}
    waits = {"confirmed_by_id": "NULL::bigint", "confirmed_at": "NULL::timestamptz"}
    said = {"actor": batch.actor.pk, "now": batch.now}
    batch.update(Assessment, {"score": "s.score", "document": document} | entered | waits, where=same, **said)
    batch.insert(
        Assessment,
        {
            "institution_id": "s.institution_id",
            "year": "s.year",
            "score": "s.score",
            "document": "COALESCE(s.document, '')",
        }
        | entered,
        where=f"NOT EXISTS (SELECT FROM institutions_assessment t WHERE {same})",
        **said,
    )


ASSESSMENTS = Loader(
    columns={
        "institution": "text",
        "year": "smallint",
        "score": "numeric(5,2)",
        "document": "text",
        "institution_id": "bigint",
    },
    stage=lambda values: (values["institution"], values["year"], values["score"], values["document"]),
    load=_load_assessments,
    models=(Assessment,),
)
