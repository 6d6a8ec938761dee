"""Cities that live at the same time, each in a process of its own, two at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

from demo import profile

AT_ONCE = 2
MANAGE = Path(__file__).parents[1] / "manage.py"


def live(cities: list[str], members: int | None, today: date, tell: Callable[[str], None]) -> bool:
    """Tell what each says, with its name before every line. Returns whether all came to a good end.

    A city whose teller is gone ends with its next line.
    """

    def one(city: str) -> bool:
        name = profile.load(city).edition.name
        command = [sys.executable, str(MANAGE), "demo", "--city", city, "--today", str(today), "--verbosity", "0"]
        command += ["--members", str(members)] if members else []
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            for line in process.stdout or ():
                tell(f"{name}  {line.rstrip()}")
        return process.returncode == 0

    with ThreadPoolExecutor(AT_ONCE) as two:
        return all([*two.map(one, cities)])
