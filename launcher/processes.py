"""Child processes that end when the launcher ends, however it ends."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from launcher.messages import Problem, say

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

# A process that ends this often within the window will not come up by itself.
RESTARTS_ALLOWED, RESTARTS_WINDOW = 5, 120
LEFTOVER_SECONDS = 30


def die_with_parent(parent: int, death_signal: int) -> None:
    """Ask the kernel to signal this process when its parent ends. Does nothing except on Linux."""
    if _libc is None:
        return
    _libc.prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:  # it ended before the kernel was asked
        os._exit(1)


@dataclass
class Process:
    """A program that the launcher starts, and may start again, in a session of its own.

    `death_signal` is what it gets if the launcher itself is killed. When the launcher stops it,
    `stop_signals` are sent in turn, `grace` seconds apart, and SIGKILL to its whole group comes last.
    """

    name: str
    command: Sequence[str | Path]
    folder: Path
    environment: dict[str, str]
    log: Path | None = None
    user: int | None = None
    group: int | None = None
    stop_signals: tuple[signal.Signals, ...] = (signal.SIGTERM,)
    death_signal: signal.Signals = signal.SIGKILL
    grace: float = 15
    own_session: bool = True
    before_start: Callable[[], None] | None = None
    _child: subprocess.Popen | None = field(default=None, repr=False)

    @property
    def pid(self) -> int:
        return self._child.pid

    def start(self) -> None:
        if self.before_start:
            self.before_start()
        parent, death_signal = os.getpid(), self.death_signal
        output = self.log.open("ab") if self.log else None
        try:
            self._child = subprocess.Popen(
                [str(part) for part in self.command],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL if self.own_session else None,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                start_new_session=self.own_session,
                user=self.user,
                group=self.group,
                extra_groups=None if self.user is None else [],
                # Runs after the change of user, which would have cleared the setting.
                preexec_fn=lambda: die_with_parent(parent, death_signal),
            )
        finally:
            if output:
                output.close()

    def poll(self) -> int | None:
        return self._child.poll()

    def wait(self) -> int:
        """Wait for the end; a program ended by signal n gives 128 + n, as in a shell."""
        status = self._child.wait()
        return status if status >= 0 else 128 - status

    def ask_to_stop(self) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(self.stop_signals[0])

    def stop(self) -> None:
        if self._child is None:
            return
        for number in self.stop_signals:
            if self._child.poll() is not None:
                break
            self._child.send_signal(number)
            try:
                self._child.wait(self.grace)
            except subprocess.TimeoutExpired:
                continue
        self.end_group()
        self._child.wait()
        self._child = None

    def end_group(self) -> None:
        """Kill the program and whatever it has left behind in its group."""
        if not self.own_session:
            if self._child.poll() is None:
                self._child.kill()
            return
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)


def stop_all(processes: Sequence[Process]) -> None:
    for process in processes:
        process.ask_to_stop()
    for process in processes:
        process.stop()


def supervise(processes: Sequence[Process]) -> None:
    """Start again whatever ends, until a signal raises out of here; give up on what keeps ending."""
    ended_at: dict[str, list[float]] = {process.name: [] for process in processes}
    restart_at: dict[str, float] = {}
    while True:
        now = time.monotonic()
        for process in processes:
            if process.name in restart_at:
                if now >= restart_at[process.name]:
                    del restart_at[process.name]
                    process.start()
                continue
            status = process.poll()
            if status is None:
                continue
            process.end_group()
            recent = [moment for moment in ended_at[process.name] if now - moment < RESTARTS_WINDOW]
            ended_at[process.name] = [*recent, now]
            if len(recent) >= RESTARTS_ALLOWED:
                raise Problem("gives_up", name=process.name, log=process.log)
            seconds = 2 ** len(recent)
            say("restarting", name=process.name, status=status, seconds=seconds, log=process.log)
            restart_at[process.name] = now + seconds
        time.sleep(0.5)


def end_leftovers(folder: Path) -> None:
    """Wait for servers that a killed launcher left in this folder: they are on their way out. Then insist."""
    limit = time.monotonic() + LEFTOVER_SECONDS
    while leftovers := _servers_in(folder):
        if time.monotonic() > limit:
            for pid in leftovers:
                os.kill(pid, signal.SIGKILL)
            limit = time.monotonic() + LEFTOVER_SECONDS
        time.sleep(0.1)


def _servers_in(folder: Path) -> list[int]:
    """The server processes that work in this folder, from /proc; PostgreSQL and Redis both stay in theirs."""
    if sys.platform != "linux":
        return []
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            program = Path(os.readlink(entry / "exe")).name
            if program.startswith(("postgres", "redis-server")) and os.readlink(entry / "cwd") == str(folder):
                found.append(int(entry.name))
        except OSError:  # ended meanwhile, or another user's
            continue
    return found
