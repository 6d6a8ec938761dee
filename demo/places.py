"""The institutions of the demonstration city: sixty of them, with invented names under real counties."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

COUNTIES = {
    "441602": "源城区",
    "441621": "紫金县",
    "441622": "龙川县",
    "441623": "连平县",
    "441624": "和平县",
    "441625": "东源县",
}
# How many of the city's members live in each county.
PEOPLE = {"441602": 34, "441621": 15, "441622": 17, "441623": 9, "441624": 11, "441625": 14}
# Towns that do not exist, so that nothing here is said of a real clinic.
TOWNS = {
    "441602": ["东埠", "新桥", "柳堤", "南苑"],
    "441621": ["青溪", "石坪", "凤岭"],
    "441622": ["云岭", "岩前", "大榕"],
    "441623": ["梅坑", "沙洲"],
    "441624": ["松岗", "白水", "竹园"],
    "441625": ["湖口", "叶屋", "双江"],
}
VILLAGES = ["上围", "下围", "田心", "水口", "新屋", "老街", "塘尾", "岭下", "桥头", "井边", "榕树", "石门"]
BANKS = ["工商银行", "农业银行", "建设银行", "农村商业银行"]
# Cities where members live or are posted: code, name of the hospital there.
ELSEWHERE = [
    ("440100", "广州和安医院"),
    ("440300", "深圳济仁医院"),
    ("441300", "惠州和安医院"),
    ("441900", "东莞济仁医院"),
    ("360700", "赣州和安医院"),
]
AGREEMENTS_FROM = "2025-01-01"


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
    def selectable(self) -> bool:
        return self.draw > 0

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

    def of_county(self, county: str) -> list[Place]:
        """Where members of a county choose: their own county, and the city's two large hospitals."""
        return [place for place in self.selectable if place.county == county or place.level == 3]


def found(rng: random.Random) -> Places:
    """Two hospitals of level 3, ten of level 2, eighteen centres, twelve stations, twelve pharmacies, five
    hospitals elsewhere and the clearing body."""
    serial = 0
    places: list[Place] = []

    def add(name: str, kind: str, level: int | None, county: str, **more) -> Place:
        nonlocal serial
        serial += 1
        letter = "P" if kind == "定点零售药店" else "H"
        area = more.get("away") or county
        place = Place(f"{letter}{area}{serial:05d}", name, kind, level, county, **more)
        if kind != "村卫生站":
            place.bank = f"{BANKS[serial % len(BANKS)]}河源演示支行"
            place.account = f"6200{serial:04d}{rng.randrange(10**8):08d}"
        places.append(place)
        return place

    add("河源市和安医院", "综合医院", 3, "441602", draw=9, visits=0.47)
    add("河源市济仁中医院", "中医医院", 3, "441602", draw=6, visits=0.42)
    for county, name in COUNTIES.items():
        add(f"{name}和安医院", "综合医院", 2, county, draw=14, visits=rng.uniform(0.38, 0.72))
        if county not in ("441623", "441624"):
            add(f"{name}济仁中医院", "中医医院", 2, county, draw=9, visits=rng.uniform(0.30, 0.62))
    villages = iter(VILLAGES)
    for county, towns in TOWNS.items():
        for town in towns:
            if county == "441602":
                centre = add(f"源城区{town}社区卫生服务中心", "社区卫生服务中心", 1, county)
            else:
                centre = add(f"{COUNTIES[county]}{town}镇卫生院", "乡镇卫生院", 1, county)
            centre.draw = rng.uniform(12, 24)
            centre.visits = rng.uniform(0.55, 1.3)
            if town in towns[-2:] and (village := next(villages, None)) is not None:
                add(
                    f"{COUNTIES[county]}{town}{village}村卫生站",
                    "村卫生站",
                    0,
                    county,
                    parent=centre,
                    draw=rng.uniform(3, 6),
                    visits=rng.uniform(0.7, 1.2),
                )
    for number in range(12):
        county = list(COUNTIES)[number % 6]
        add(f"{COUNTIES[county]}康民大药房{'一二'[number // 6]}店", "定点零售药店", None, county)
    for away, name in ELSEWHERE:
        add(name, "综合医院", 3, "", away=away)
    clearing = add("省异地就医清算中心", "异地清算机构", None, "441602")
    return _sorted(places, clearing)


def _sorted(places: Iterable[Place], clearing: Place) -> Places:
    everywhere = list(places)
    pharmacies: dict[str, list[Place]] = {county: [] for county in COUNTIES}
    for place in everywhere:
        if place.kind == "定点零售药店":
            pharmacies[place.county].append(place)
    return Places(
        all=everywhere,
        clearing=clearing,
        selectable=[place for place in everywhere if place.selectable],
        hospitals=[place for place in everywhere if place.level in (2, 3) and not place.away],
        pharmacies=pharmacies,
        elsewhere={place.away: place for place in everywhere if place.away},
    )
