"""Rosters whose lines name a person: the columns by which people are known, and how they are found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import models

from bureau.files.cells import document_number, person_name
from bureau.files.shared import NUMBER_HEADINGS, document, document_kind
from bureau.identifiers.identity import IDENTITY_CARD
from bureau.rosters.columns import Column
from bureau.rosters.roster import Roster
from bureau.rosters.staging import Batch
from members import identity
from members.services.matching import match_members

KIND_HEADINGS = ("psn_cert_type", "身份证件类型", "人员证件类型", "证件种类")


class DocumentColumn(Column):
    """The number of a document: staged, and stored, as keyed hash, cipher text and last four; never in clear.

    A roster about people who are known already needs the hash alone.
    """

    def __init__(self, header: str, *more: Any, known: bool = True, **options: Any):
        super().__init__(header, document_number, *more, **options)
        self.known = known

    def staged(self, model: type[models.Model]) -> Mapping[str, str]:
        stem = self.name.removesuffix("_number")
        found = {f"{stem}_hash": "bytea"}
        return found if self.known else found | {f"{stem}_cipher": "bytea", f"{stem}_last4": "text"}

    def stage(self, value: str) -> tuple[Any, ...]:
        found = identity.keyed_hash(value)
        return (found,) if self.known else (found, identity.encrypt(value), identity.last4(value))

    def targets(self, model: type[models.Model]) -> Mapping[str, str]:
        return {"document_" + name.rpartition("_")[2]: name for name in self.staged(model)}

    def export(self, instance: models.Model, **more: Any) -> str:
        """Masked: what an exported roster shows of a document, and what says no change when it comes back."""
        return mask(self.get_value(instance))


def mask(last4: str | None) -> str:
    return f"**************{last4}" if last4 else ""


class PersonRoster(Roster):
    """A roster about people who are known: `member` is the person whom a line names."""

    name = Column("姓名", person_name, ("psn_name",), attribute="member__name")
    document_kind = Column(
        "证件类型", document_kind, KIND_HEADINGS, attribute="member__document_kind", default=IDENTITY_CARD
    )
    document_number = DocumentColumn("证件号码", NUMBER_HEADINGS, attribute="member__document_last4", required=True)

    checks = (document(),)

    def find(self, batch: Batch) -> None:
        match_members(batch)
