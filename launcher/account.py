"""The system user that the servers run as. PostgreSQL refuses to run as root; then it is the user nobody."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from launcher.messages import Problem


@dataclass(frozen=True)
class Account:
    """A system user by number, or None in both for the user of the launcher."""

    user: int | None = None
    group: int | None = None

    @property
    def other_groups(self) -> list[int] | None:
        """For subprocess: another user keeps none of the launcher's groups."""
        return None if self.user is None else []

    def give(self, path: Path) -> None:
        if self.user is not None:
            os.chown(path, self.user, self.group)

    def can_walk_through(self, folder: Path) -> bool:
        """Whether this user reaches what lies in the folder. The kernel is asked, as this user."""
        if self.user is None:
            return os.access(folder, os.X_OK)
        child = os.fork()
        if child == 0:
            status = 2
            try:
                os.setgroups([])
                os.setgid(self.group)
                os.setuid(self.user)
                status = 0 if os.access(folder, os.X_OK) else 1
            finally:
                os._exit(status)
        return os.waitpid(child, 0)[1] == 0


def servers_account() -> Account:
    if os.geteuid() != 0:
        return Account()
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise Problem("no_nobody") from None
    return Account(nobody.pw_uid, nobody.pw_gid)
