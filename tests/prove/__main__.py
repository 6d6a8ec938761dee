"""`python -m tests.prove`: rounds of every long proof, each named by its seed."""

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator

RACES = (
    "tests/settlement/test_visit_races.py",
    "tests/settlement/test_claims_races.py",
    "tests/settlement/test_proposal_races.py",
    "tests/flow/test_jobs.py",
)
FUZZES = ("tests/rules/test_fuzz_editions.py", "tests/settlement/test_fuzz_editions.py")
PROOFS = ("mutants", "kills", "fuzz", "races")


def commands(proof: str, seed: int, short: bool) -> Iterator[tuple[list[str], dict[str, str]]]:
    """What a proof runs in a round, with what it adds to the environment."""
    python = [sys.executable, "-m"]
    pytest = [*python, "pytest", "-q", "-n0", "-p", "no:cacheprovider"]
    match proof:
        case "mutants":
            which = ["--count=20", "--swept"] if short else ["--count=60"]
            yield [*python, "tests.prove.mutation", "rules", f"--seed={seed}", *which], {}
        case "kills":
            yield [*python, "tests.prove.kills", f"--seed={seed}", f"--rounds={1 if short else 5}"], {}
        case "fuzz":
            towns, examples = ("5", "60") if short else ("100", "2000")
            only = ["-k", "random_editions or any_edition"] if short else []
            yield [*pytest, *FUZZES, *only], {"FUZZ_SEED": str(seed), "FUZZ_TOWNS": towns, "FUZZ_EXAMPLES": examples}
        case "races":
            for _again in range(1 if short else 5):
                yield [*pytest, *RACES], {}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.prove")
    parser.add_argument("--seed", type=int, help="of the first round (a new one); each further round adds one")
    parser.add_argument("--minutes", type=float, default=60, help="no round begins after these (60)")
    parser.add_argument("--rounds", type=int, help="so many rounds, however long they take")
    parser.add_argument("--only", default=",".join(PROOFS), help="some of the proofs (%(default)s)")
    parser.add_argument("--short", action="store_true", help="a round of a few minutes")
    options = parser.parse_args()
    first = options.seed if options.seed is not None else random.SystemRandom().randrange(10**8)
    began, done, wrong = time.monotonic(), 0, []
    while done < options.rounds if options.rounds else not done or time.monotonic() - began < options.minutes * 60:
        seed = first + done
        for proof in options.only.split(","):
            again = f"python -m tests.prove --seed {seed} --rounds 1 --only {proof}{' --short' * options.short}"
            print(f"\n--- {again}", flush=True)
            if sum(_failed(*command) for command in commands(proof, seed, options.short)):
                wrong.append(again)
        done += 1
    print(f"\n{done} rounds in {(time.monotonic() - began) / 60:.1f} min; {len(wrong) or 'nothing'} wrong")
    for again in wrong:
        print(f"  {again}")
    return 1 if wrong else 0


def _failed(command: list[str], environment: dict[str, str]) -> bool:
    return subprocess.run(command, env=os.environ | environment).returncode != 0


if __name__ == "__main__":
    sys.exit(main())
