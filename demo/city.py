"""A city before it lives: its people, its places and the bills of its year, all from one seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from demo import people, places, visits
from demo.people import People, Person
from demo.places import Places
from demo.profile import Profile
from demo.visits import Month


@dataclass(frozen=True, slots=True)
class City:
    """Everything that the seed has made."""

    profile: Profile
    people: People
    places: Places
    months: list[Month]

    @property
    def members(self) -> list[Person]:
        return self.people.members


def build(profile: Profile, members: int, seed: int) -> City:
    rng = Random(f"{seed} city")
    found = places.found(rng, profile)
    settled = people.settle(rng, profile, found, members)
    return City(profile, settled, found, visits.of_year(seed, profile, settled, found))
