"""The institutions of a city of the demonstration, with invented names under real counties."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from demo.profile import Profile

BANKS = ["工商银行", "农业银行", "建设银行", "农村商业银行"]


@dataclass(slots=True, eq=False)
class Place:
    """One institution as its roster says, and how members take to it."""

    code: str
    name: str
    kind: str  # as the roster writes it
    level: int | None
    county: str
    parent: Place | None = None
    away: str = ""  # the city it stands in, if that is not this one
    draw: float = 0.0  # how many of a county's members choose it, in parts
    visits: float = 1.0  # how often its members come, against others of its level
    bank: str = ""
    account: str = ""

    @property
    def payee(self) -> Place:
        return self.parent or self


@dataclass(frozen=True, slots=True)
class Places:
    """All institutions, by what a story needs of them."""

    all: list[Place]
    clearing: Place
    selectable: list[Place]
    hospitals: list[Place]
    pharmacies: dict[str, list[Place]]
    elsewhere: dict[str, Place]
    stations: dict[Place, Place]  # by their centres

    def of_county(self, county: str) -> list[Place]:
        """Where members of a county go: their own county, and the city's large hospitals."""
        return [place for place in self.selectable if place.county == county or place.level == 3]


def found(rng: random.Random, profile: Profile) -> Places:
    """Large hospitals, a hospital or two a county, centres with their stations, pharmacies, hospitals elsewhere and
    the clearing body."""
    serial = 0
    places: list[Place] = []
    city = profile.edition.name.removesuffix("市")

    def add(name: str, kind: str, level: int | None, county: str, **more) -> Place:
        nonlocal serial
        serial += 1
        letter = "P" if kind == "定点零售药店" else "H"
        area = more.get("away") or county
        place = Place(f"{letter}{area}{serial:05d}", name, kind, level, county, **more)
        if kind != "村卫生站":
            place.bank = f"{BANKS[serial % len(BANKS)]}{city}演示支行"
            place.account = f"6200{serial:04d}{rng.randrange(10**8):08d}"
        places.append(place)
        return place

    first = profile.counties[0].code
    for large in profile.large_hospitals:
        add(large["name"], large["kind"], 3, first, draw=large["draw"], visits=large["visits"])
    for county in profile.counties:
        add(f"{county.name}和安医院", "综合医院", 2, county.code, draw=14, visits=rng.uniform(0.38, 0.72))
        if county.hospitals > 1:
            add(f"{county.name}济仁中医院", "中医医院", 2, county.code, draw=9, visits=rng.uniform(0.30, 0.62))
    villages = iter(profile.villages)
    for county in profile.counties:
        for town in county.towns:
            if county.urban:
                centre = add(f"{county.name}{town}社区卫生服务中心", "社区卫生服务中心", 1, county.code)
            else:
                centre = add(f"{county.name}{town}镇卫生院", "乡镇卫生院", 1, county.code)
            centre.draw = rng.uniform(12, 24)
            centre.visits = rng.uniform(0.55, 1.3)
            if town in county.towns[-2:] and (village := next(villages, None)) is not None:
                name = f"{county.name}{town}{village}村卫生站"
                station = add(name, "村卫生站", 0, county.code, parent=centre, visits=rng.uniform(0.7, 1.2))
                station.draw = rng.uniform(3, 6)
    for number in range(profile.pharmacies):
        county = profile.counties[number % len(profile.counties)]
        add(f"{county.name}康民大药房{'一二三'[number // len(profile.counties)]}店", "定点零售药店", None, county.code)
    for away, name in profile.elsewhere.items():
        add(name, "综合医院", 3, "", away=away)
    clearing = add(profile.clearing, "异地清算机构", None, first)
    return _sorted(profile, places, clearing)


def _sorted(profile: Profile, places: Iterable[Place], clearing: Place) -> Places:
    everywhere = list(places)
    pharmacies: dict[str, list[Place]] = {county.code: [] for county in profile.counties}
    for place in everywhere:
        if place.kind == "定点零售药店":
            pharmacies[place.county].append(place)
    stations = {place.parent: place for place in everywhere if place.parent is not None}
    return Places(
        all=everywhere,
        clearing=clearing,
        selectable=[place for place in everywhere if place.draw > 0 and place.level in profile.selectable_levels],
        hospitals=[place for place in everywhere if place.level in (2, 3) and not place.away],
        pharmacies=pharmacies,
        elsewhere={place.away: place for place in everywhere if place.away},
        stations=stations,
    )
