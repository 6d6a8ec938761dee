"""The long proofs, in seeded rounds: `make prove` an hour of them, `.ci/run` a short round.

    python -m tests.prove [--seed N] [--minutes 60 | --rounds 1] [--only mutants,kills,fuzz,races] [--short]

A round is named by its seed, which is printed: the same seed gives the same round again. Anything wrong ends it with 1.
"""
