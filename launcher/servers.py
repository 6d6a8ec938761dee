"""PostgreSQL and Redis of the launcher's own, from the binaries in two wheels.

Everything lies in one data folder: `servers/`, `password` and its three kin, `logs/`. Where the account that the
servers run as cannot reach the data folder, `servers` is a symbolic link to a folder in /var/lib/gongji.
"""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from launcher.account import servers_account
from launcher.binaries import find_binaries
from launcher.messages import Problem, say, tail_of
from launcher.processes import Process, end_leftovers, stop_all

CLOSED_HOME_FOLDER = Path("/var/lib/gongji")
START_SECONDS = 120

POSTGRESQL_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "Asia/Shanghai",
    "log_timezone": "Asia/Shanghai",
    # What a statement was given is people's data, and the log is no place for it: neither statements nor parameters,
    # rows or values that sentences quote. The application logs its errors, and what they were about.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
# Only for a folder that is thrown away at the end: a crash of the machine would lose or break the data.
THROWAWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}

# The owner of the tables runs migrations and creates test databases; what the application may do to each table is
# granted after every migration (bureau.grants). Earlier releases gave it everything by default, in template1 too.
ROLES_SQL = r"""
SELECT format('CREATE ROLE %I LOGIN', name) FROM unnest(ARRAY['gongji', 'gongji_app']) AS name
WHERE name NOT IN (SELECT rolname FROM pg_roles) \gexec
ALTER ROLE gongji CREATEDB PASSWORD :'owner';
ALTER ROLE gongji_app PASSWORD :'application';
GRANT gongji_app TO gongji;
ALTER DEFAULT PRIVILEGES FOR ROLE gongji REVOKE ALL ON TABLES FROM gongji_app;
ALTER DEFAULT PRIVILEGES FOR ROLE gongji REVOKE ALL ON SEQUENCES FROM gongji_app;
SELECT 'CREATE DATABASE gongji OWNER gongji' WHERE 'gongji' NOT IN (SELECT datname FROM pg_database) \gexec
"""


# Servers that the launcher started, as host:port: a demonstration's known keys are good for these only (settings).
OWN_SERVERS = "GONGJI_OWN_SERVERS"


@dataclass(frozen=True)
class Passwords:
    """One for each who logs in: none of them opens another's door."""

    superuser: str
    owner: str
    application: str
    redis: str


@dataclass(frozen=True)
class Addresses:
    """Where the servers are: `owner_url` for migrations and tests, `database_url` for everything else."""

    database_url: str
    owner_url: str
    redis_url: str


class Servers:
    """PostgreSQL and Redis on a data folder. `durable=False` is for a folder that is thrown away.

    The folder must be locked by the caller. start() returns the addresses; stop() ends both servers.
    """

    def __init__(self, data: Path, *, durable: bool = True):
        self.data = data.resolve()
        self.durable = durable
        self.logs = self.data / "logs"
        self.processes: list[Process] = []

    def start(self) -> Addresses:
        self.logs.mkdir(parents=True, exist_ok=True)
        self.account = servers_account()
        self.home = self._make_home()
        self.passwords = self._read_passwords()
        self.binaries = find_binaries(self.account, self.home)
        self.environment = {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(self.home)}
        try:
            database_port = self._start_postgresql()
            redis_port = self._start_redis()
            self._make_roles(database_port)
        except BaseException:
            self.stop()
            raise
        database, redis = f"127.0.0.1:{database_port}", f"127.0.0.1:{redis_port}"
        os.environ[OWN_SERVERS] = f"{database},{redis}"
        return Addresses(
            database_url=f"postgresql://gongji_app:{self.passwords.application}@{database}/gongji",
            owner_url=f"postgresql://gongji:{self.passwords.owner}@{database}/gongji",
            redis_url=f"redis://:{self.passwords.redis}@{redis}/0",
        )

    def stop(self) -> None:
        stop_all(self.processes)
        self.processes.clear()

    def _make_home(self) -> Path:
        """The folder that the servers' account owns, with a path that this account can walk."""
        home = self.data / "servers"
        if not home.exists():
            home.unlink(missing_ok=True)  # a link to a folder that is gone
            if self.account.can_walk_through(self.data):
                home.mkdir(mode=0o700)
            else:
                target = CLOSED_HOME_FOLDER / secrets.token_hex(8)
                CLOSED_HOME_FOLDER.mkdir(parents=True, exist_ok=True)
                CLOSED_HOME_FOLDER.chmod(0o711)
                target.mkdir(mode=0o700)
                home.symlink_to(target)
            self.account.give(home)
        return home.resolve()

    def _read_passwords(self) -> Passwords:
        """Those of the data folder. Only the superuser's, with which the others are set, cannot be made anew.

        A folder of an earlier time has that one alone, for everybody: the others get their own with this start.
        """
        first = self.data / "password"
        there = first.exists() and first.read_text().strip()
        if not there and (self.home / "postgresql").exists():
            raise Problem("password_missing", folder=self.home, file=first)
        names = {"superuser": first} | {
            name: self.data / f"password-{name}" for name in ("owner", "application", "redis")
        }
        for file in names.values():
            if not file.exists() or not file.read_text().strip():
                _write_private(file, secrets.token_hex(16))
        return Passwords(**{name: file.read_text().strip() for name, file in names.items()})

    def _start_postgresql(self) -> int:
        folder = self.home / "postgresql"
        if not folder.exists():
            self._create_cluster(folder)
        found = (folder / "PG_VERSION").read_text().strip()
        wanted = re.search(r"\d+", self._run([self.binaries.postgresql / "postgres", "--version"])).group()
        if found != wanted:
            raise Problem("wrong_version", folder=folder, found=found, wanted=wanted)

        settings = POSTGRESQL_SETTINGS | ({} if self.durable else THROWAWAY_SETTINGS)

        def make_way() -> None:
            end_leftovers(folder)
            (folder / "postmaster.pid").unlink(missing_ok=True)

        def is_ready(process: Process, _port: int) -> bool:
            try:
                lines = (folder / "postmaster.pid").read_text().splitlines()
            except OSError:
                return False
            return len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready"

        def process(port: int) -> Process:
            options = {"port": str(port), **settings}
            return Process(
                name="PostgreSQL",
                command=[
                    self.binaries.postgresql / "postgres",
                    "-D",
                    folder,
                    *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
                ],
                folder=folder,
                environment=self.environment,
                log=self.logs / "postgresql.log",
                user=self.account.user,
                group=self.account.group,
                # Fast shutdown, then immediate; what is thrown away need not be written first.
                stop_signals=(signal.SIGINT, signal.SIGQUIT) if self.durable else (signal.SIGQUIT,),
                death_signal=signal.SIGINT if self.durable else signal.SIGQUIT,
                grace=30,
                before_start=make_way,
            )

        return self._start_on_free_port(process, is_ready)

    def _create_cluster(self, folder: Path) -> None:
        if self.durable:
            say("cluster_creating", folder=folder)
        unfinished, password_file = self.home / "postgresql-unfinished", self.home / "password"
        shutil.rmtree(unfinished, ignore_errors=True)
        _write_private(password_file, self.passwords.superuser)
        self.account.give(password_file)
        try:
            self._run(
                [
                    self.binaries.postgresql / "initdb",
                    "-D",
                    unfinished,
                    "-U",
                    "postgres",
                    f"--pwfile={password_file}",
                    "--auth=scram-sha-256",
                    # The password is 128 random bits: stretching it would only slow every connection down.
                    "--set",
                    "scram_iterations=1",
                    "-E",
                    "UTF8",
                    "--locale-provider=builtin",
                    "--locale=C.UTF-8",
                    "--lc-messages=C",
                    *([] if self.durable else ["--no-sync"]),
                ]
            )
        finally:
            password_file.unlink()
        unfinished.rename(folder)

    def _start_redis(self) -> int:
        folder = self.home / "redis"
        if not folder.exists():
            folder.mkdir(mode=0o700)
            self.account.give(folder)

        def process(port: int) -> Process:
            # In a file, not on the command line, where anyone on the machine could read the password.
            configuration = folder / "redis.conf"
            configuration.unlink(missing_ok=True)
            _write_private(
                configuration,
                "\n".join(
                    [
                        "bind 127.0.0.1",
                        f"port {port}",
                        f"requirepass {self.passwords.redis}",
                        "daemonize no",
                        'save ""',
                        f"appendonly {'yes' if self.durable else 'no'}",
                        "maxmemory-policy noeviction",
                        "",
                    ]
                ),
            )
            self.account.give(configuration)
            return Process(
                name="Redis",
                command=[self.binaries.redis_server, "redis.conf"],
                folder=folder,
                environment=self.environment,
                log=self.logs / "redis.log",
                user=self.account.user,
                group=self.account.group,
                death_signal=signal.SIGTERM,
                before_start=lambda: end_leftovers(folder),
            )

        return self._start_on_free_port(process, lambda _process, port: _redis_answers(port, self.passwords.redis))

    def _start_on_free_port(
        self, make_process: Callable[[int], Process], is_ready: Callable[[Process, int], bool]
    ) -> int:
        """Start a server and wait until it answers; three attempts, as another program may take the port."""
        for _attempt in range(3):
            port = free_port()
            process = make_process(port)
            self.processes.append(process)
            process.start()
            limit = time.monotonic() + START_SECONDS
            while process.poll() is None and time.monotonic() < limit:
                if is_ready(process, port):
                    return port
                time.sleep(0.05)
            process.stop()
            self.processes.remove(process)
        raise Problem("server_failed", name=process.name, log=process.log, tail=tail_of(process.log))

    def _make_roles(self, port: int) -> None:
        passwords = self.passwords
        self._run(
            [
                self.binaries.postgresql / "psql",
                "-X",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                "127.0.0.1",
                "-p",
                str(port),
                "-U",
                "postgres",
                "-d",
                "template1",
            ],
            script=f"\\set owner '{passwords.owner}'\n\\set application '{passwords.application}'\n{ROLES_SQL}",
            environment=self.environment | {"PGPASSWORD": passwords.superuser},
        )

    def _run(self, command: list[str | Path], script: str = "", environment: dict[str, str] | None = None) -> str:
        """Run one of the servers' programs as their account; its output, or a Problem that shows it."""
        parts = [str(part) for part in command]
        try:
            done = subprocess.run(
                parts,
                input=script,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                env=environment or self.environment,
                user=self.account.user,
                group=self.account.group,
                extra_groups=self.account.other_groups,
            )
        except PermissionError as error:
            raise Problem("cannot_drop_root", reason=error) from error
        if done.returncode:
            raise Problem("command_failed", command=parts[0], output=done.stdout.strip())
        return done.stdout


def throwaway_folder() -> Path:
    """A new folder for servers that live as long as this process. Removes those of killed processes."""
    prefix = "gongji-throwaway-"
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        owner = folder.name.removeprefix(prefix).partition("-")[0]
        if owner.isdigit() and not _is_alive(int(owner)):
            discard(folder)
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-"))
    folder.chmod(0o711)  # the servers' account must be able to walk through it
    return folder


def discard(data: Path) -> None:
    """Remove a data folder and all that it holds."""
    shutil.rmtree((data / "servers").resolve(), ignore_errors=True)
    shutil.rmtree(data, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _write_private(file: Path, content: str) -> None:
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(content)


def _redis_answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while b"\r\n" not in answer.partition(b"\r\n")[2]:
                part = connection.recv(256)
                if not part:
                    return False
                answer += part
    except OSError:
        return False
    return answer.endswith(b"+PONG\r\n")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
