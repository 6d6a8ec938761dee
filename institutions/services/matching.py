"""The institutions that a roster's lines name, found by their codes in one step."""

from django.utils.translation import gettext_noop as _

from bureau.rosters.staging import Batch


def match_institutions(batch: Batch, code: str, into: str, *, field: str = "") -> None:
    """Fill the staged column `into` from the column `code`, and turn away lines whose code is unknown.

    A line without a code passes. `field` is the column of the sheet, where it has another name.
    """
    batch.run(f"UPDATE roster_staged s SET {into} = i.id FROM institutions_institution i WHERE i.code = s.{code}")
    batch.refuse(
        field or code,
        _("No institution is recorded under %(code)s; load the roster of institutions first."),
        f"s.{into} IS NULL AND s.{code} IS NOT NULL",
        places={"code": f"s.{code}"},
    )
