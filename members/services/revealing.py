"""Showing a document's number in full: an act of its own, on the record."""

import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
from bureau.models import Staff
from bureau.staff import reach
from members.identity import decrypt
from members.models import Member


def reveal_document(*, member: Member, reason: str, actor: Staff, now: datetime.datetime) -> str:
    """The number of a member's document, for a stated reason that the audit trail keeps (not the number)."""
    reach.require(actor.reach, member)
    if not reason.strip():
        raise DomainError(_("Say why the number is needed."), field="reason")
    try:
        number = decrypt(member.document_cipher)
    except ValueError:
        raise DomainError(_("The number cannot be read with this installation's key.")) from None
    with transaction.atomic():
        audit.record("member.reveal", actor=actor, now=now, subject=member, reason=reason.strip())
    return number
