"""SIGKILL at random moments of real jobs: workers and PostgreSQL die and start again, and the books are the same.

    python -m tests.prove.kills --seed 7 --rounds 1

On durable servers of the launcher's own and its own worker, all in a folder that is thrown away. One life is left
alone; then in each round every job is struck once in each of two lives: at the worker, and at PostgreSQL. Each life
begins with the same database, and has to end with the same contents and with clean books.
"""

import argparse
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

import django
import psutil
import psycopg
import redis

from launcher.__main__ import Running, migrate, worker_processes
from launcher.processes import Process, stop_all
from launcher.servers import Servers, discard, throwaway_folder

LIFE = "life"
TODAY = "2026-08-20"
PATIENCE = 300  # seconds for a job, however slow the machine


class Lives:
    def __init__(self, here: Running):
        self.here = here
        [self.postgresql] = [process for process in here.servers if process.name == "PostgreSQL"]
        self.worker: Process = worker_processes(here)[1]
        self.worker.environment["DATABASE_URL"] = _other_database(here.addresses.database_url, LIFE)
        self.strikes = self.in_time = 0

    def live(self, strike: Callable[[], str] | None, moments: dict[str, float]) -> tuple[dict, dict[str, float]]:
        """All jobs in a new database; `moments`: seconds after its beginning at which each job is struck."""
        from django.db import connection

        from tests.prove import bureau_to_kill

        self._begin()
        spent = {}
        self.worker.start()
        try:
            self._warm_up()
            for name, jobs in bureau_to_kill.jobs():
                began = time.monotonic()
                if strike:
                    time.sleep(moments[name])
                    done = self._ask(lambda jobs=jobs: _progress(jobs))
                    self.strikes += 1
                    self.in_time += done[0] < done[1]
                    print(f"  {name}: {strike()} killed after {moments[name]:.2f} s, {done[0]} of {done[1]} parts done")
                self._finish(jobs)
                spent[name] = time.monotonic() - began
        finally:
            stop_all([self.worker])
        found = bureau_to_kill.contents()
        found["proofs that differ"] = _wrong_proofs()
        connection.close()
        return found, spent

    def kill_worker(self, rng: random.Random) -> str:
        forks = psutil.Process(self.worker.pid).children(recursive=True)
        if forks and rng.random() < 0.5:
            with suppress(psutil.NoSuchProcess):
                rng.choice(sorted(forks, key=lambda fork: fork.pid)).kill()
            return "a fork of the worker"
        self.worker.end_group()
        self.worker.wait()
        self.worker.start()
        return "the worker"

    def kill_postgresql(self, rng: random.Random) -> str:
        parts = psutil.Process(self.postgresql.pid).children()
        if rng.random() < 0.5:  # any part of it that dies takes all connections with it
            with suppress(psutil.NoSuchProcess):
                rng.choice(sorted(parts, key=lambda part: part.pid)).kill()
            return "a process of PostgreSQL"
        os.kill(self.postgresql.pid, signal.SIGKILL)
        self.postgresql.wait()
        self.postgresql.start()
        return "PostgreSQL"

    def _begin(self) -> None:
        from django.db import connection

        connection.close()
        with self._ask(self._as_owner) as owner:
            owner.execute(f"DROP DATABASE IF EXISTS {LIFE} WITH (FORCE)")
            # Copied by its log alone, sequences of a copy can step back in a crash before the next checkpoint, since
            # PostgreSQL logs them 32 numbers ahead; FILE_COPY checkpoints.
            owner.execute(f"CREATE DATABASE {LIFE} TEMPLATE gongji STRATEGY = FILE_COPY")
        redis.from_url(self.here.addresses.redis_url).flushdb()
        connection.settings_dict["NAME"] = LIFE

    def _as_owner(self) -> psycopg.Connection:
        return psycopg.connect(_other_database(self.here.addresses.owner_url, "template1"), autocommit=True)

    def _warm_up(self) -> None:
        """A worker that is still starting up would be struck before it has begun."""
        from celery import current_app

        until = time.monotonic() + PATIENCE
        while not current_app.control.ping(timeout=1):
            if time.monotonic() > until:
                raise SystemExit(f"no worker answers; see {self.worker.log}")

    def _finish(self, jobs: list) -> None:
        """Until all are done. The scheduler's sweep is done here, more often."""
        from bureau.jobs.services import sweep

        until = time.monotonic() + PATIENCE
        swept = time.monotonic()
        while not self._ask(lambda: _all_done(jobs)):
            if time.monotonic() > until:
                raise SystemExit(f"not done after {PATIENCE} s: {[job.key for job in jobs]}")
            if time.monotonic() - swept > 2:
                self._ask(sweep)
                swept = time.monotonic()
            time.sleep(0.05)

    def _ask(self, question: Callable):
        """Ask the database again until it is back."""
        from django.db import connection
        from django.db.utils import InterfaceError, OperationalError

        until = time.monotonic() + PATIENCE
        while True:
            try:
                return question()
            except (OperationalError, InterfaceError, psycopg.OperationalError):
                if time.monotonic() > until:
                    raise
                connection.close()
                time.sleep(0.1)


def _other_database(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def _progress(jobs: list) -> tuple[int, int]:
    from bureau.models import Chunk

    chunks = Chunk.objects.filter(job__in=jobs)
    return chunks.filter(status="done").count(), chunks.count()


def _all_done(jobs: list) -> bool:
    for job in jobs:
        job.refresh_from_db()
        if job.status == "failed":
            raise SystemExit(f"{job.key} failed: {list(job.chunks.values_list('number', 'problem'))} {job.result}")
    return all(job.status == "done" for job in jobs)


def _wrong_proofs() -> list:
    from bureau.models import Area
    from settlement.queries.proofs.books import check_books

    return [
        (proof.code, proof.wrong, proof.shown)
        for area in Area.objects.all()
        for proof in check_books(area.pk)
        if proof.wrong
    ]


def run(seed: int, rounds: int) -> int:
    print(f"kills: --seed {seed} --rounds {rounds}", flush=True)
    folder = throwaway_folder()
    servers = Servers(folder, durable=True)
    try:
        here = Running(folder, servers.start(), servers.processes)
        here.today_file.write_text(TODAY)
        os.environ.update(here.environment(here.addresses.database_url), DJANGO_SETTINGS_MODULE="bureau.settings")
        migrate(here)
        django.setup()
        return _rounds(Lives(here), seed, rounds)
    finally:
        servers.stop()
        discard(folder)


def _rounds(lives: Lives, seed: int, rounds: int) -> int:
    from django.db import connection, transaction

    from tests.prove import bureau_to_kill

    with transaction.atomic():
        bureau_to_kill.build()
    connection.close()
    undisturbed, spent = lives.live(None, {})
    counts = ", ".join(f"{found[0]} {kind}" for kind, found in undisturbed.items() if isinstance(found, tuple))
    print(f"undisturbed: {counts}; " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in spent.items()))
    wrong = len(undisturbed["proofs that differ"])
    rng = random.Random(seed)
    for number in range(1, rounds + 1):
        for strike in (lives.kill_worker, lives.kill_postgresql):
            print(f"round {number}", flush=True)
            moments = {name: rng.uniform(0.05, 0.95) * seconds for name, seconds in spent.items()}
            found, _spent = lives.live(lambda strike=strike: strike(rng), moments)
            for kind in found:
                if found[kind] != undisturbed[kind]:
                    wrong += 1
                    print(f"  DIFFERS: {kind}: {found[kind]}, undisturbed {undisturbed[kind]}")
    print(f"kills: {lives.strikes}, {lives.in_time} of them before the last part was done; {wrong} differences")
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.prove.kills")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    return run(options.seed, options.rounds)


if __name__ == "__main__":
    sys.exit(main())
