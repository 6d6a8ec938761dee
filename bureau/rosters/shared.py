"""Columns that rosters of several rooms have."""

from __future__ import annotations

from typing import Any

from bureau.files.cells import institution_code
from bureau.files.shared import INSTITUTION_HEADINGS, scheme
from bureau.rosters.columns import Column

SCHEME_HEADINGS = ("险种", "所属险种", "参保险种", "参保险种类型", "参保费种", "征收品目", "insutype")


def scheme_column(*, attribute: str | None = "scheme", required: bool = True, **more: Any) -> Column:
    return Column("险种类型", scheme, SCHEME_HEADINGS, attribute=attribute, required=required, **more)


def institution_column(
    header: str = "定点机构编码",
    synonyms: tuple[str, ...] = INSTITUTION_HEADINGS,
    *,
    attribute: str | None = "institution__code",
    required: bool = True,
    **more: Any,
) -> Column:
    return Column(header, institution_code, synonyms, attribute=attribute, required=required, **more)
