"""The launcher as its users meet it: a process with a data folder, started, stopped, killed and started again."""

import os
import pwd
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from launcher.servers import discard, free_port, throwaway_folder

CHECKOUT = Path(__file__).resolve().parent.parent.parent
ADDRESSES = ("DATABASE_URL", "REDIS_URL")

REMEMBER = """
import os, psycopg, redis
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    connection.execute("CREATE TABLE note (body text)")
    connection.execute("INSERT INTO note VALUES ('kept')")
redis.from_url(os.environ["REDIS_URL"]).set("note", "kept")
"""
RECALL = """
import os, psycopg, redis
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    print(connection.execute("SELECT body FROM note").fetchone()[0])
print(redis.from_url(os.environ["REDIS_URL"]).get("note").decode())
"""
STAY = "import time; print('here', flush=True); time.sleep(600)"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that every user can reach."""
    folder = throwaway_folder()
    yield folder
    discard(folder)


def environment(**given: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ADDRESSES} | given


def launch(*arguments: str | Path, **options: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "launcher", *map(str, arguments)],
        cwd=CHECKOUT,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **options,
    )


def run(folder: Path, script: str, **given: str) -> subprocess.CompletedProcess:
    """Run a Python script beside the servers of a folder."""
    return subprocess.run(
        [sys.executable, "-m", "launcher", "run", "--data", folder, "--", "python", "-c", script],
        cwd=CHECKOUT,
        env=environment(**given),
        text=True,
        capture_output=True,
        timeout=120,
    )


def descendants(launcher: subprocess.Popen) -> list[psutil.Process]:
    return psutil.Process(launcher.pid).children(recursive=True)


def assert_all_end(processes: list[psutil.Process], within: float = 20) -> None:
    limit = time.monotonic() + within
    while alive := [process for process in processes if is_alive(process)]:
        assert time.monotonic() < limit, alive
        time.sleep(0.1)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool], within: float = 60) -> None:
    limit = time.monotonic() + within
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.1)


def read_until(launcher: subprocess.Popen, word: str) -> str:
    said = ""
    for line in launcher.stdout:
        said += line
        if word in line:
            return said
    pytest.fail(f"the launcher ended without saying {word!r}:\n{said}")


def test_run_returns_the_status_of_its_command(folder):
    assert run(folder, "raise SystemExit(7)").returncode == 7


def test_run_stops_its_servers(folder):
    launcher = launch("run", "--data", folder, "--", "python", "-c", STAY)
    read_until(launcher, "here")
    children = descendants(launcher)
    assert {"postgres", "redis-server"} <= {child.name() for child in children}

    launcher.terminate()

    assert launcher.wait(30) == 128 + signal.SIGTERM
    assert_all_end(children, within=1)
    assert not (folder / "servers.env").exists()


def test_second_start_finds_its_data(folder):
    first = run(folder, REMEMBER)
    assert first.returncode == 0, first.stdout + first.stderr

    second = run(folder, RECALL)

    assert second.stdout.splitlines()[-2:] == ["kept", "kept"], second.stdout + second.stderr


def test_killed_launcher_leaves_no_server_and_loses_nothing(folder):
    launcher = launch("run", "--data", folder, "--", "python", "-c", REMEMBER + STAY)
    read_until(launcher, "here")
    children = descendants(launcher)

    launcher.kill()
    launcher.wait()

    again = run(folder, RECALL)
    assert again.stdout.splitlines()[-2:] == ["kept", "kept"], again.stdout + again.stderr
    assert_all_end(children, within=1)


def test_killed_servers_do_not_stop_the_next_start(folder):
    launcher = launch("run", "--data", folder, "--", "python", "-c", REMEMBER + STAY)
    read_until(launcher, "here")
    children = descendants(launcher)
    for process in [psutil.Process(launcher.pid), *children]:
        with suppress(psutil.NoSuchProcess):  # what the launcher's end has ended already
            process.kill()
    launcher.wait()
    pid_file = folder / "servers" / "postgresql" / "postmaster.pid"
    left = pid_file.read_text().splitlines()
    # The worst leftover: the number belongs to another living process by now.
    pid_file.write_text("\n".join([str(os.getpid()), *left[1:], ""]))

    again = run(folder, RECALL)

    assert again.stdout.splitlines()[-2:] == ["kept", "kept"], again.stdout + again.stderr


def test_second_launcher_on_a_folder_is_refused(folder):
    first = launch("run", "--data", folder, "--", "python", "-c", STAY)
    read_until(first, "here")
    children = descendants(first)

    second = run(folder, "print('never')")

    assert second.returncode == 1
    assert f"in use by another launcher (process {first.pid})" in second.stderr
    assert "never" not in second.stdout
    assert "Traceback" not in second.stderr
    assert all(is_alive(child) for child in children)
    first.terminate()
    first.wait(30)


def test_given_servers_are_used_and_nothing_is_started(folder):
    given = {"DATABASE_URL": os.environ["DATABASE_URL"], "REDIS_URL": os.environ["REDIS_URL"]}

    done = run(folder, "import os; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL'])", **given)

    assert done.stdout.splitlines()[-1] == f"{given['DATABASE_URL']} {given['REDIS_URL']}"
    assert not (folder / "servers").exists()


def test_one_given_server_without_the_other_is_refused(folder):
    done = run(folder, "print('never')", REDIS_URL=os.environ["REDIS_URL"])

    assert done.returncode == 1
    assert "set both DATABASE_URL and REDIS_URL, or neither" in done.stderr
    assert not (folder / "servers").exists()


def test_lost_password_is_explained(folder):
    assert run(folder, "").returncode == 0
    (folder / "password").unlink()

    done = run(folder, "print('never')")

    assert done.returncode == 1
    assert "its password file" in done.stderr
    assert "Traceback" not in done.stderr


def test_application_role_has_no_right_that_was_not_granted_to_it(folder):
    script = """
import os, pathlib, psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    connection.execute("CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY, body text)")
note = pathlib.Path(os.environ["NOTE"]).read_text().splitlines()
application = psycopg.connect(dict(line.split("=", 1) for line in note)["DATABASE_URL"], autocommit=True)
for statement in ("SELECT * FROM note", "INSERT INTO note (body) VALUES ('kept')", "UPDATE note SET body = body",
                  "TRUNCATE note", "ALTER TABLE note DISABLE TRIGGER ALL", "SET session_replication_role = replica",
                  "CREATE TABLE other (id int)", "DROP TABLE note"):
    try:
        application.execute(statement)
        print("done", statement)
    except psycopg.errors.InsufficientPrivilege:
        print("refused", statement)
"""

    done = run(folder, script, NOTE=str(folder / "servers.env"))

    assert done.stdout.splitlines()[-8:] == [
        "refused SELECT * FROM note",
        "refused INSERT INTO note (body) VALUES ('kept')",
        "refused UPDATE note SET body = body",
        "refused TRUNCATE note",
        "refused ALTER TABLE note DISABLE TRIGGER ALL",
        "refused SET session_replication_role = replica",
        "refused CREATE TABLE other (id int)",
        "refused DROP TABLE note",
    ], done.stdout + done.stderr


def test_folder_below_a_closed_home_works(tmp_path):
    home = tmp_path / "a closed home"
    home.mkdir(mode=0o700)
    folder = home / "data"
    try:
        assert run(folder, REMEMBER).returncode == 0
        assert run(folder, RECALL).stdout.splitlines()[-2:] == ["kept", "kept"]
    finally:
        discard(folder)


def users() -> list[tuple[int | None, str]]:
    """The present user, and for root also nobody, each with a Python that this user can run."""
    present: tuple[int | None, str] = (None, sys.executable)
    if os.geteuid() != 0:
        return [present]
    nobody = pwd.getpwnam("nobody").pw_uid
    same_version = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        try:
            done = subprocess.run([python, "-c", same_version], user=nobody, cwd="/", capture_output=True)
        except OSError:
            continue
        if done.returncode == 0:
            return [present, (nobody, python)]
    return [present]


@pytest.mark.parametrize(("user", "python"), users())
def test_every_user_can_start_it(folder, user, python):
    data = folder / "own"
    data.mkdir()
    if user is not None:
        os.chown(data, user, -1)

    done = subprocess.run(
        [python, "-m", "launcher", "run", "--data", data, "--", python, "-c", "print('here')"],
        cwd=CHECKOUT,
        env=environment(PYTHONPATH=str(Path(psutil.__file__).parent.parent), PYTHONDONTWRITEBYTECODE="1"),
        text=True,
        capture_output=True,
        user=user,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "here"


def test_up_serves_restarts_what_dies_and_ends_with_its_launcher(folder):
    port = free_port()
    launcher = launch("up", "--data", folder, "--port", port)
    said = read_until(launcher, f"(ready at http://127.0.0.1:{port}/)")
    assert "已就绪" in said
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/admin/login/", timeout=20) as answer:
        assert answer.status == 200

    def pool() -> list[psutil.Process]:
        """The processes that the long worker's master has forked."""
        for child in psutil.Process(launcher.pid).children():
            if "long@%h" in child.cmdline():
                return child.children()
        return []

    wait_until(lambda: len(pool()) == 2)
    forked = pool()
    forked[0].parent().kill()
    assert_all_end(forked)
    read_until(launcher, "(worker-long ended unexpectedly (status -9)")
    wait_until(lambda: len(pool()) == 2)

    children = descendants(launcher)
    launcher.kill()
    launcher.wait()
    assert_all_end(children)

    again = launch("up", "--data", folder, "--port", port)
    read_until(again, "(ready at")
    children = descendants(again)
    again.send_signal(signal.SIGINT)
    assert again.wait(60) == 0
    assert_all_end(children, within=1)
