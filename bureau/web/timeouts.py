"""How long a statement may wait for a lock, and run: a page gives up soon, a worker later, a command never."""

from django.conf import settings
from django.db import connections


def limit(process: str) -> None:
    """Bind the connections that this process opens from now on by `settings.TIMEOUTS` of its kind."""
    limits = " ".join(f"-c {name}={value}" for name, value in settings.TIMEOUTS[process].items())
    connections.settings["default"]["OPTIONS"]["options"] = limits
