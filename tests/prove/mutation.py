"""Mutants against the tests: collected once, run in a fork for every mutant until the first test fails.

    python -m tests.prove.mutation rules --seed 7 --count 20

A mutant that no test of its ground fails survives. survivors.toml lists modules of which all mutants were tried, and
their survivors; any other survivor of these modules ends this with 1. `--count 0` takes all mutants there are.
"""

import argparse
import os
import random
import resource
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.prove.mutants import Mutant, install, mutants_of

HERE = Path(__file__).parent
LISTED = HERE / "survivors.toml"
SAME_EXAMPLES = "prove-mutants"


@dataclass(frozen=True)
class Ground:
    """Modules that are changed, and the tests that have to notice: files or folders, without some."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    without: tuple[str, ...] = ()
    at_once: int = 1


GROUNDS = {
    "rules": Ground(
        modules=(
            "bureau.rules.money",
            "bureau.rules.periods",
            "bureau.rules.citations.formulas",
            "bureau.rules.format.bounds",
            "bureau.rules.benefits.places",
            "bureau.rules.enrolment",
            "bureau.rules.format.figures",
            "bureau.rules.benefits.program",
            "bureau.rules.benefits.visit",
            "bureau.rules.benefits.fund",
            "bureau.rules.benefits.receipts",
            "bureau.rules.accounts.use",
            "bureau.rules.accounts.credits",
            "bureau.rules.selection",
            "bureau.rules.citations.archive",
            "bureau.rules.payment",
            "bureau.rules.payment.capitation",
            "bureau.rules.payment.fee_for_service",
            "bureau.rules.payment.pool_share",
            "bureau.rules.payment.prepaid_capitation",
            "bureau.rules.payment.year_end",
        ),
        tests=("tests/rules",),
        # They read texts and files, and import everything anew: slow, and blind to what is changed here.
        without=(
            "test_check_citations.py",
            "test_citations.py",
            "test_rules_purity.py",
            "test_e9_hostile_rulebooks.py",
        ),
        at_once=2,
    ),
}


class Round:
    """Takes the place of pytest's own loop over the tests."""

    def __init__(self, ground: Ground, chosen: list[Mutant]):
        self.ground, self.chosen = ground, chosen
        self.failed = ""
        self.reporting: int | None = None
        self.answers: dict[Mutant, str] = {}
        self.broken = ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.path.name not in self.ground.without]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = report.nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        # Undisturbed first: it must pass, and says which tests are quick.
        times = Path(tempfile.gettempdir(), f"prove-{os.getpid()}")
        began = time.monotonic()
        status, used = self._wait(self._fork(session.items, None, times))
        if status:
            self.broken = times.read_text() if times.exists() else f"ended with {status}"
            times.unlink(missing_ok=True)
            return True
        spent = dict(zip((i.nodeid for i in session.items), map(float, times.read_text().split()), strict=True))
        times.unlink()
        print(f"{len(spent)} tests, {used:.1f} s of CPU, {time.monotonic() - began:.1f} s", flush=True)
        items = sorted(session.items, key=lambda item: spent[item.nodeid])
        limit, running, queue = int(5 * used + 10), {}, list(reversed(self.chosen))
        while queue or running:
            while queue and len(running) < self.ground.at_once:
                mutant = queue.pop()
                running[self._fork(items, mutant, None, limit)] = mutant
            pid, status = os.wait()
            mutant = running.pop(pid)
            self.answers[mutant] = "killed" if status else "survived"
            if not status:
                print(f"survived: {mutant.name} (line {mutant.line})", flush=True)
        return True

    def _wait(self, pid: int) -> tuple[int, float]:
        _pid, status, usage = os.wait4(pid, 0)
        return status, usage.ru_utime + usage.ru_stime

    def _fork(self, items: list[pytest.Item], mutant: Mutant | None, times: Path | None, limit: int = 0) -> int:
        if pid := os.fork():
            return pid
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            items[0].config.pluginmanager.unregister(name="terminalreporter")
            if mutant:
                resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))  # a mutant may never come to an end
                install(mutant)
            spent = []
            for item, following in zip(items, [*items[1:], None], strict=True):
                began = time.process_time()
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                spent.append(time.process_time() - began)
                if self.failed:
                    if times:
                        times.write_text(self.failed)
                    os._exit(1)
            if times:
                times.write_text("\n".join(map(str, spent)))
            os._exit(0)
        finally:  # whatever a mutant raises past the tests is noticed
            os._exit(2)


@dataclass(frozen=True)
class Listed:
    """What survivors.toml says: modules of which every mutant has been tried, and their survivors."""

    swept: frozenset[str]
    equivalent: frozenset[str]
    unseen: frozenset[str]


def listed() -> Listed:
    known = tomllib.loads(LISTED.read_text("utf-8"))
    equivalent = (name for group in known["equivalent"] for name in group["mutants"])
    return Listed(frozenset(known["swept"]), frozenset(equivalent), frozenset(known["unseen"]))


def run(ground_name: str, seed: int, count: int, only: str = "", swept: bool = False) -> int:
    """Try mutants of a ground; 1 if the tests fail by themselves, or one survives that should not.

    A survivor of a module that was not swept yet is shown, and is no failure: nobody has judged it.
    """
    # The same examples each time, and none made smaller: whether a test fails is all that is asked.
    settings.register_profile(
        SAME_EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
    )  # fmt: skip
    settings.load_profile(SAME_EXAMPLES)
    os.environ["FUZZ_EXAMPLES"] = "60"
    os.environ.pop("FUZZ_SEED", None)
    ground, known = GROUNDS[ground_name], listed()
    choosing = _Choosing(ground, seed, count, only, known.swept if swept else None)
    arguments = ["-q", "-n0", "-p", "no:cacheprovider", "--no-header", "--no-summary", *ground.tests]
    print(f"mutants of the {ground_name}: --seed {seed} --count {count}", flush=True)
    pytest.main(arguments, plugins=[choosing])
    round_ = choosing.round
    if round_ is None or round_.broken or len(round_.answers) < len(round_.chosen):
        print(f"the tests fail without any mutant: {round_.broken if round_ else 'not collected'}")
        return 1
    survivors = [mutant for mutant, answer in round_.answers.items() if answer == "survived"]
    equivalent = [mutant for mutant in survivors if mutant.name in known.equivalent]
    new = [m for m in survivors if m.name not in known.equivalent | known.unseen]
    beyond = [mutant for mutant in new if mutant.module in known.swept]
    tried, killed = len(round_.answers) - len(equivalent), len(round_.answers) - len(survivors)
    print(
        f"mutants of the {ground_name}: {killed} of {tried} killed ({killed / max(tried, 1):.1%}), {len(equivalent)} "
        f"equivalent; {len(survivors) - len(equivalent) - len(new)} known to survive, {len(new)} new, "
        f"{len(beyond)} of them beyond the list"
    )
    for mutant in new:
        word = f"beyond {LISTED.name}" if mutant in beyond else "not judged yet"
        print(f"  {word}: {mutant.name} (line {mutant.line})")
    return 1 if beyond else 0


def _is_wanted(mutant: Mutant, only: str) -> bool:
    return any(part in mutant.name for part in only.split(","))


class _Choosing:
    """Takes the mutants when pytest is set up, and leaves the tests to the round."""

    def __init__(self, ground: Ground, seed: int, count: int, only: str, swept: frozenset[str] | None):
        self.ground, self.seed, self.count, self.only, self.swept = ground, seed, count, only, swept
        self.round: Round | None = None

    def pytest_collection(self, session: pytest.Session) -> None:
        modules = [name for name in self.ground.modules if self.swept is None or name in self.swept]
        every = [mutant for module in modules for mutant in mutants_of(module) if _is_wanted(mutant, self.only)]
        chosen = random.Random(self.seed).sample(every, min(self.count, len(every))) if self.count else every
        print(f"{len(chosen)} of {len(every)} mutants", flush=True)
        self.round = Round(self.ground, chosen)
        session.config.pluginmanager.register(self.round)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.prove.mutation")
    parser.add_argument("ground", choices=GROUNDS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--only", default="", help="mutants whose names contain this (or this,that)")
    parser.add_argument("--swept", action="store_true", help="of modules whose survivors are all listed")
    options = parser.parse_args()
    return run(options.ground, options.seed, options.count, options.only, options.swept)


if __name__ == "__main__":
    sys.exit(main())
