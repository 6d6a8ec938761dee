"""Random editions in the database: the desk, one batch, a visits file, the replay and a literal reading agree.

Each history is lived by three members with the same facts: at the desk one by one, in batches, and in one file.
FUZZ_SEED and FUZZ_TOWNS change the seed and the number of histories. A failure shows editions, town, member and
history; with FUZZ_SHRINK=1 the smallest that fails, which takes minutes.
"""

import os
import sys

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis import strategies as st

from bureau.rules.format.edition import RULEBOOKS, load
from bureau.rules.format.frame import hold_against_frame
from tests.rules import literal_terms as literal
from tests.rules.random_editions import FIGURES, FIRST, POOL, days, editions, seldom
from tests.settlement.random_towns import Event, Person, Town, histories, moved, people, towns
from tests.settlement.settled_towns import Settled

SEED = int(os.environ.get("FUZZ_SEED", "20260801"))
TOWNS = int(os.environ.get("FUZZ_TOWNS", "40"))
A_SEED = 5
PHASES = [Phase.generate, *([Phase.shrink] if os.environ.get("FUZZ_SHRINK") else [])]
RESIDENTS = {'scheme = "310"': 'scheme = "390"', f'"{POOL}"': '"residents_outpatient"'}

# The instrument of each city, and by how many years the histories of 2026 and 2027 move to meet its days.
CITIES = {
    "chongqing": ("2023-32.toml", -1),
    "heyuan": ("2025-27.toml", 0),
    "kaifeng": ("2022-33.toml", -4),
    "shaoguan": ("2023-2.toml", -2),
    "zhanjiang": ("2022-12.toml", -4),
}


@st.composite
def successions(draw) -> list[str]:
    """One edition, or two of which the second begins inside the first one's days.

    The national frame is of employees' insurance: what leaves it becomes an edition of the residents'.
    """
    texts = [draw(editions())]
    if seldom(draw, 3):
        texts.append(draw(editions(number=2, starts_on=draw(days.filter(lambda day: day > FIRST)))))
    found = [finding for text in texts for finding in hold_against_frame(load({"yi.toml": text}), {})]
    if any(finding.level == "error" for finding in found):
        for old, new in RESIDENTS.items():
            texts = [text.replace(old, new) for text in texts]
    return texts


class Rollback(Exception):
    """Ends an example and leaves nothing behind."""


def lived(draws, towns_wanted: int, capsys) -> None:
    """Live a history in every town that is drawn, and leave none of them behind."""
    seen = {"events": 0, "paid": 0}

    @settings(max_examples=A_SEED, deadline=None, database=None, phases=PHASES, suppress_health_check=list(HealthCheck))
    @given(draws)
    def run(drawn: tuple[list[str], Town, Person, list[Event]]) -> None:
        texts, town, person, events = drawn
        note(f"FUZZ_SEED={number} FUZZ_TOWNS={A_SEED}\n" + "\n\n".join(texts))
        try:
            with transaction.atomic():
                settled = Settled(texts, town)
                seen["events"] += len(events)
                seen["paid"] += settled.live([literal.Text(text) for text in texts], person, events)
                raise Rollback
        except Rollback:
            pass

    # The first histories of a seed are alike: a few of each seed meet more than many of one.
    for number in range(SEED, SEED + (towns_wanted + A_SEED - 1) // A_SEED):
        with capsys.disabled():
            print(f"\nrandom towns: FUZZ_SEED={number} FUZZ_TOWNS={A_SEED}", file=sys.stderr)
        seed(number)(run)()
    with capsys.disabled():
        print(seen, file=sys.stderr)
    assert seen["paid"], seen  # the editions are not so strict that nothing is compared


def test_random_editions_desk_batch_file_replay_and_literal_reading_agree(db, capsys):
    lived(st.tuples(successions(), towns(), people(), histories()), TOWNS, capsys)


@pytest.mark.parametrize("city", sorted(CITIES))
def test_city_desk_batch_file_replay_and_literal_reading_agree(db, city, capsys):
    name, years = CITIES[city]
    text = (RULEBOOKS / city / name).read_text("utf-8").partition("[[examples]]")[0]
    rules = load({name: text})
    classes = [kind for kinds in rules.at(rules.starts_on)["persons"].values() for kind in kinds]

    def of_the_city(drawn: tuple) -> tuple[list[str], Town, Person, list[Event]]:
        town, person, events = moved(drawn, years)
        for known in town.figures.values():
            values = [known.get(code) for code in FIGURES]
            known |= {code: values[n % 4] for n, code in enumerate(rules.figures) if values[n % 4] is not None}
            for code in set(known) - set(rules.figures):
                del known[code]
        person.classes = [
            (first, kind if kind in classes else classes[0], *more) for first, kind, *more in person.classes
        ]
        return [text], town, person, events

    lived(st.tuples(towns(), people(), histories()).map(of_the_city), max(TOWNS // 4, A_SEED), capsys)
