"""The institutions that a roster's lines name, found by their codes in one step."""

from django.utils.translation import gettext_noop as _

from bureau.rosters.staging import Batch


def match_institutions(batch: Batch, *columns: str) -> None:
    """Fill `s.<column>_id` from the code in each of these columns, and turn away lines whose code is unknown.

    A line without a code passes.
    """
    for code in columns:
        batch.run(
            f"UPDATE roster_staged s SET {code}_id = i.id FROM institutions_institution i WHERE i.code = s.{code}"
        )
        batch.refuse(
            code,
            _("No institution is recorded under %(code)s; load the roster of institutions first."),
            f"s.{code}_id IS NULL AND s.{code} IS NOT NULL",
            places={"code": f"s.{code}"},
        )


_COUNTY = "(SELECT i.county_id FROM institutions_institution i WHERE i.id = s.institution_id)"


def refuse_other_agencies(batch: Batch, field: str, county: str = _COUNTY) -> None:
    """Staff of an agency load its own institutions: turn away the lines where `county` (SQL) is another."""
    if batch.actor.county_id is not None:
        message = _("This belongs to another agency, which your account does not reach.")
        batch.refuse(field, message, f"{county} <> %(mine)s", mine=batch.actor.county_id)
