"""What a person did that cannot be done: raised by services, shown by the admin, never a traceback."""

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from psycopg import errors as sql

from bureau.rules.benefits.trace import Message
from bureau.rules.errors import EditionError, Refusal


class DomainError(Exception):
    """A refused act. `message` is a (lazy) translation with %(name)s places for `params`.

    `field` names the form field that is to blame, where there is one.
    """

    def __init__(self, message: str | Promise, *, field: str | None = None, **params):
        super().__init__(message)
        self.message = message
        self.params = params
        self.field = field

    def __str__(self) -> str:
        return str(self.message) % self.params if self.params else str(self.message)


def waited_too_long(error: BaseException | None) -> DomainError | None:
    """What to say where a statement ran into a limit of its connection (bureau.web.timeouts), or into a deadlock."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, sql.LockNotAvailable | sql.DeadlockDetected):
            return DomainError(
                _("Others are changing the same records, by loading a roster perhaps. Try again in a moment.")
            )
        if isinstance(error, sql.QueryCanceled):
            return DomainError(_("This takes longer than it may. Ask for less, a shorter period say."))
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def wording(refusal: Refusal) -> str:
    """A refusal of the rules as a sentence in the reader's language, with its article."""
    reason = gettext(refusal.reason).format_map(refusal.params)
    if not refusal.article:
        return reason
    return gettext("%(reason)s (article %(article)s)") % {"reason": reason, "article": refusal.article}


def edition_problem(error: EditionError) -> str:
    """What is wrong with a rulebook, in the reader's language, without the place, which stands in the error."""
    params = {name: gettext(value) if isinstance(value, Message) else value for name, value in error.params.items()}
    return gettext(error.message).format_map(params) if params else gettext(error.message)


def edition_sentence(error: EditionError) -> str:
    """The same with file, term and key."""
    place = {"file": error.file, "term": error.term or gettext("top level"), "key": error.key}
    return gettext("%(file)s: %(term)s: %(key)s: %(problem)s") % (place | {"problem": edition_problem(error)})


class RefusedError(DomainError):
    """An act that the rules refuse. `refusal` has the code and the article."""

    def __init__(self, refusal: Refusal, *, field: str | None = None):
        super().__init__(_("Refused"), field=field)
        self.refusal = refusal

    def __str__(self) -> str:
        return wording(self.refusal)
