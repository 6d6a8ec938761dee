"""What a person did that cannot be done: raised by services, shown by the admin, never a traceback."""

from django.utils.functional import Promise


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
