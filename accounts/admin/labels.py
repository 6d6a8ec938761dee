"""What the rules of accounts say, in the reader's language."""

from django.utils.translation import gettext

from accounts.models import TAX_OFFICE
from bureau.rules.errors import REASONS
from members.models import Relative

SELF = "self"


def relation_label(code: str) -> str:
    if code == SELF:
        return gettext("the holder")
    return str(dict(Relative.Relation.choices).get(code, code))


def payee_label(code: str) -> str:
    """Whom an account has paid: an institution's code, or the tax office."""
    return gettext("tax office") if code == TAX_OFFICE else code


def words(labels: dict[str, str]) -> list[tuple[str, str]]:
    """Choices out of a table of the rules, in the reader's language."""
    return [(code, gettext(label)) for code, label in labels.items()]


def refusal_label(code: str, article: str) -> str:
    """Why something was refused, in the reader's language."""
    if not code:
        return ""
    reason = gettext(REASONS.get(code, code)).partition(":")[0].partition("{")[0]
    return gettext("%(reason)s (article %(article)s)") % {"reason": reason, "article": article} if article else reason
