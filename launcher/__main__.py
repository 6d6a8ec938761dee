"""Start Gongji: `python -m launcher up`, `demo`, or `run -- COMMAND`."""

import argparse
import datetime
import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from launcher.messages import Problem, say, speak_any_encoding, tail_of, text
from launcher.processes import Process, stop_all, supervise
from launcher.servers import OWN_SERVERS, Addresses, Servers, discard, throwaway_folder

CHECKOUT = Path(__file__).resolve().parent.parent
# A whole year has been lived and settled by then, and there is some of January's work to do.
DEMONSTRATION_TODAY = datetime.date(2027, 1, 20)
PORTS_TRIED = 20
WEB_START_SECONDS = 60


class Stopped(BaseException):
    """Somebody asked the launcher to stop."""

    def __init__(self, number: int):
        self.number = number


@dataclass
class Running:
    """A locked data folder with servers to use; `servers` are those that the launcher started itself."""

    data: Path
    addresses: Addresses
    servers: list[Process]

    def environment(self, database_url: str) -> dict[str, str]:
        given = {"DATABASE_URL": database_url, "REDIS_URL": self.addresses.redis_url, "PYTHONUNBUFFERED": "1"}
        given["GONGJI_FILES"] = os.environ.get("GONGJI_FILES", str(self.data.resolve() / "files"))
        if self.today_file.exists():
            given["GONGJI_TODAY"] = self.today_file.read_text().strip()
        return os.environ | given

    @property
    def today_file(self) -> Path:
        """Holds the day on which a demonstration stands still, so that its later starts stand there too."""
        return self.data / "today"

    def python(self, name: str, *arguments: str, owner: bool = False, to_terminal: bool = False) -> Process:
        """A Python module with its arguments; it ends, with all that it forks, when the launcher ends."""
        addresses = self.addresses
        return Process(
            name=name,
            command=[sys.executable, "-m", "launcher.child", *arguments],
            folder=CHECKOUT,
            environment=self.environment(addresses.owner_url if owner else addresses.database_url),
            log=None if to_terminal else self.data / "logs" / f"{name}.log",
        )


@contextmanager
def running(data: Path, *, throwaway: bool) -> Iterator[Running]:
    """Hold the data folder and have servers in it, or those that DATABASE_URL and REDIS_URL name."""
    if throwaway:
        data = throwaway_folder()
    try:
        with _locked(data):
            given = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
            if any(given) and not all(given):
                raise Problem("half_given")
            if all(given):
                say("servers_given")
                (data / "logs").mkdir(exist_ok=True)
                yield Running(data, Addresses(given[0], given[0], given[1]), [])
                return
            say("servers_starting")
            servers = Servers(data, durable=not throwaway)
            addresses = servers.start()
            note = data / "servers.env"
            try:
                _write_note(note, addresses, data / "files")
                yield Running(data, addresses, servers.processes)
            finally:
                note.unlink(missing_ok=True)
                servers.stop()
    finally:
        if throwaway:
            discard(data)


@contextmanager
def _locked(data: Path) -> Iterator[None]:
    """One launcher on a data folder. The kernel drops the lock with the process: nothing stale can remain."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        file = open(data / "lock", "a+")  # noqa: SIM115
    except OSError as error:
        raise Problem("not_writable", folder=data, reason=error.strerror) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            problem = Problem("in_use", folder=data, pid=file.read().strip() or "?")
            if (data / "servers.env").exists():
                problem.add_note(text("in_use_join", file=data / "servers.env"))
            raise problem from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _write_note(note: Path, addresses: Addresses, files: Path) -> None:
    """Leave the addresses for a second shell: `set -a; . .gongji/servers.env; set +a`."""
    note.unlink(missing_ok=True)
    with open(os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(f"DATABASE_URL={addresses.database_url}\nREDIS_URL={addresses.redis_url}\n")
        stream.write(f"{OWN_SERVERS}={os.environ[OWN_SERVERS]}\n")
        stream.write(f"GONGJI_FILES={os.environ.get('GONGJI_FILES', files.resolve())}\n")


def migrate(here: Running) -> None:
    say("migrating")
    _must_succeed(here.python("migrate", "manage", "migrate", "--verbosity=0", owner=True, to_terminal=True))


def worker_processes(here: Running) -> list[Process]:
    """Two workers, so that a long settlement never keeps short work waiting."""
    return [
        here.python(
            f"worker-{name}",
            "celery",
            "-A",
            "bureau.celery",
            "worker",
            "--hostname",
            f"{name}@%h",
            "--queues",
            queues,
            "--concurrency",
            concurrency,
            "--loglevel",
            "INFO",
            "--without-mingle",
        )
        for name, queues, concurrency in (("short", "short", "1"), ("long", "import,settlement", "2"))
    ]


def scheduler_process(here: Running) -> Process:
    return here.python(
        "scheduler",
        "celery",
        "-A",
        "bureau.celery",
        "beat",
        "--loglevel",
        "INFO",
        # Without a pid file, or one left by a crash would keep the scheduler from starting.
        "--pidfile",
        "",
        "--scheduler",
        "django_celery_beat.schedulers:DatabaseScheduler",
    )


def web_process(here: Running, host: str, port: int) -> Process:
    return here.python(
        "web",
        "granian",
        "--interface",
        "wsgi",
        "--host",
        host,
        "--port",
        str(port),
        "--no-ws",
        "--workers",
        "2",
        "--blocking-threads",
        "4",
        "--respawn-failed-workers",
        "--workers-kill-timeout",
        "10",
        "bureau.wsgi:application",
    )


def serve(here: Running, workers: list[Process], host: str, wanted: int) -> None:
    """Start web server and scheduler beside the workers and keep everything up until a signal comes."""
    port = _usable_port(host, wanted)
    if port != wanted:
        say("port_taken", wanted=wanted, port=port)
    web, scheduler = web_process(here, host, port), scheduler_process(here)
    services = [web, scheduler]
    try:
        for process in services:
            process.start()
        _wait_for_web(web, host, port)
        say("ready", address=f"http://{_browsable(host)}:{port}/")
        say("how_to_stop", logs=here.data / "logs")
        supervise([*here.servers, *workers, *services])
    finally:
        say("stopping")
        stop_all(services)


@contextmanager
def started(processes: list[Process]) -> Iterator[list[Process]]:
    try:
        for process in processes:
            process.start()
        yield processes
    finally:
        stop_all(processes)


def up(options: argparse.Namespace) -> int:
    with running(options.data, throwaway=options.ephemeral) as here:
        migrate(here)
        say("services_starting")
        with started(worker_processes(here)) as workers:
            serve(here, workers, options.host, options.port)
    return 0


def demo(options: argparse.Namespace) -> int:
    with running(options.data, throwaway=options.ephemeral) as here:
        today = options.today.isoformat()
        here.today_file.write_text(f"{today}\n")
        say("demonstration_today", today=today)
        migrate(here)
        say("services_starting")
        with started(worker_processes(here)) as workers:
            _must_succeed(here.python("demo", "manage", "demo", "--today", today, *options.arguments, to_terminal=True))
            if not options.no_serve:
                serve(here, workers, options.host, options.port)
    return 0


def run(options: argparse.Namespace) -> int:
    """Run a command with the servers in its environment, as the owner of the tables; its exit status."""
    command = options.arguments[1:] if options.arguments[:1] == ["--"] else options.arguments
    if not command:
        raise Problem("no_command")
    with running(options.data, throwaway=options.ephemeral) as here:
        environment = here.environment(here.addresses.owner_url)
        environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
        process = Process(
            name=command[0],
            command=command,
            folder=Path.cwd(),
            environment=environment,
            death_signal=signal.SIGTERM,
            # It keeps the terminal, and with it the Ctrl-C, for itself.
            own_session=False,
        )
        signal.signal(signal.SIGINT, lambda number, frame: None)
        try:
            process.start()
        except FileNotFoundError:
            raise Problem("command_not_found", command=command[0]) from None
        try:
            return process.wait()
        finally:
            process.stop()


def _must_succeed(process: Process) -> None:
    try:
        process.start()
        status = process.wait()
    finally:
        process.stop()
    if status:
        raise SystemExit(status)


def _usable_port(host: str, wanted: int) -> int:
    for port in range(wanted, wanted + PORTS_TRIED):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((host, port))
            except OSError:
                continue
            return port
    return wanted


def _wait_for_web(web: Process, host: str, port: int) -> None:
    limit = time.monotonic() + WEB_START_SECONDS
    while web.poll() is None and time.monotonic() < limit:
        try:
            socket.create_connection((_browsable(host), port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise Problem("server_failed", name=web.name, log=web.log, tail=tail_of(web.log))


def _browsable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)


def _stop_on_signals() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(number: int, frame: object) -> None:
        for each in numbers:  # stopping takes a bounded time; a second signal must not cut it short
            signal.signal(each, lambda number, frame: None)
        raise Stopped(number)

    for number in numbers:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, stop)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m launcher", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    for act, summary in (
        (up, "start everything and serve until Ctrl-C"),
        (demo, "load the demonstration (further arguments go to `manage.py demo`), then serve"),
        (run, "start the servers, run a command with DATABASE_URL and REDIS_URL set, stop them"),
    ):
        command = commands.add_parser(act.__name__, help=summary, description=summary, allow_abbrev=False)
        command.set_defaults(act=act)
        command.add_argument(
            "--data",
            type=lambda text: Path(text).resolve(),
            default=CHECKOUT / ".gongji",
            help="data folder (default: .gongji in the checkout)",
        )
        command.add_argument("--ephemeral", action="store_true", help="use a temporary folder, removed at the end")
        if act is not run:
            command.add_argument("--host", default="127.0.0.1")
            command.add_argument("--port", type=int, default=8000)
        if act is demo:
            command.add_argument("--today", type=_day, default=DEMONSTRATION_TODAY, metavar="YYYY-MM-DD")
            command.add_argument("--no-serve", action="store_true", help="end after the demonstration is loaded")
        if act is run:
            command.add_argument("arguments", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    return parser


def _day(given: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(given)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{given} is not a day such as {DEMONSTRATION_TODAY}") from None


def main() -> int:
    speak_any_encoding()
    parser = _parser()
    options, unknown = parser.parse_known_args()
    if options.act is demo:
        options.arguments = unknown
    elif unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    _stop_on_signals()
    try:
        return options.act(options)
    except Stopped as stopped:
        if not options.ephemeral:
            say("stopped", folder=options.data)
        return 0 if options.act is up else 128 + stopped.number
    except Problem as problem:
        print("\n".join([str(problem), *getattr(problem, "__notes__", [])]), file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
