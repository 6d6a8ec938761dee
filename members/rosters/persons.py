"""Rosters whose lines name a person: the columns by which people are known, and how they are found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.db.models import Func
from django.db.models.expressions import Combinable
from django.utils.translation import gettext_lazy as _

from bureau.errors import DomainError
from bureau.files.cells import code, document_number, person_name
from bureau.files.shared import NUMBER_HEADINGS, document_kind, is_masked, person
from bureau.identifiers.identity import IDENTITY_CARD
from bureau.rosters.columns import Column
from bureau.rosters.roster import Roster
from bureau.rosters.staging import REPEATS_LINE, Batch
from members import identity
from members.services.matching import match_members

HIDDEN = "*" * 14
KIND_HEADINGS = ("psn_cert_type", "身份证件类型", "人员证件类型", "证件种类")


class DocumentColumn(Column):
    """The number of a document: staged, and stored, as keyed hash, cipher text and last four; never in clear.

    A masked number (`440106********1234`) has its last four alone: the person is found by the member number, and
    their document stays. A roster about people who are known already stages no cipher text.
    """

    def __init__(self, header: str, *more: Any, known: bool = True, **options: Any):
        super().__init__(header, document_number, *more, **options)
        self.known = known

    def staged(self, model: type[models.Model]) -> Mapping[str, str]:
        stem = self.name.removesuffix("_number")
        found = {f"{stem}_hash": "bytea", f"{stem}_last4": "text"}
        return found if self.known else found | {f"{stem}_cipher": "bytea"}

    def stage(self, value: str | None) -> tuple[Any, ...]:
        if value is None or is_masked(value):
            last4 = None if value is None or is_masked(value[-4:]) else value[-4:]
            return (None, last4) if self.known else (None, last4, None)
        found = identity.keyed_hash(value)
        return (found, None) if self.known else (found, identity.last4(value), identity.encrypt(value))

    def targets(self, model: type[models.Model]) -> Mapping[str, str]:
        return {"document_" + name.rpartition("_")[2]: name for name in self.staged(model)}

    def export(self, instance: models.Model, **more: Any) -> str:
        """Masked: what an exported roster shows of a document, and what says no change when it comes back."""
        last4 = self.get_value(instance)
        return f"{HIDDEN}{last4}" if last4 else ""

    def cell(self, last4: Combinable) -> Combinable:
        """The same in SQL."""
        return Func(last4, template=f"'{HIDDEN}' || NULLIF(%(expressions)s, '')", output_field=models.TextField())

    @property
    def sealed_path(self) -> str:
        return self.attribute.replace("document_last4", "document_cipher")

    def in_full(self, sealed: bytes) -> str:
        try:
            return identity.decrypt(bytes(sealed))
        except ValueError:
            raise DomainError(_("The number cannot be read with this installation's key.")) from None


class PersonRoster(Roster):
    """A roster about people who are known: `member` is the person whom a line names, by member number or document.

    No two lines are about one person and the same: `once` begins with `person`.
    """

    member_number = Column("人员编号", code(40), ("个人编号", "psn_no"), attribute="member__number")
    name = Column("姓名", person_name, ("psn_name",), attribute="member__name")
    document_kind = Column(
        "证件类型", document_kind, KIND_HEADINGS, attribute="member__document_kind", default=IDENTITY_CARD
    )
    document_number = DocumentColumn(
        "证件号码", NUMBER_HEADINGS, attribute="member__document_last4", required=True, instead="member_number"
    )

    checks = (person(),)

    def find(self, batch: Batch) -> None:
        match_members(batch)

    def recognise(self, batch: Batch) -> None:
        """One person may be named by number in one line and by document in another: the later line is turned away."""
        if not self._meta.spans and batch.value(
            "SELECT EXISTS (SELECT FROM roster_staged WHERE document_hash IS NULL)"
        ):
            batch.refuse(
                "",
                REPEATS_LINE,
                f"{self.same_key('o', 's')} AND o.line < s.line",
                using="roster_staged o",
                places={"first": "o.line"},
            )
        super().recognise(batch)
