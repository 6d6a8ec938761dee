"""The worked cases, for tests that take them through the database: ours, and the shared ones where they lie beside."""

from functools import cache
from pathlib import Path

import yaml

HERE = Path(__file__).resolve()
CITIES = ("chongqing", "heyuan", "kaifeng", "shaoguan", "zhanjiang")
FOLDERS = (HERE.parents[1] / "rules" / "cases", HERE.parents[3] / "shared" / "cases")
BESIDE = FOLDERS[1].is_dir()


def cases(city: str, kind: str) -> list[dict]:
    """Every case of a city and kind, each id once."""
    return [case for case in every_case().values() if (case["city"], case["kind"]) == (city, kind)]


@cache
def every_case() -> dict[str, dict]:
    """By id: the first case that has it."""
    found: dict[str, dict] = {}
    for folder in FOLDERS:
        for path in sorted(folder.glob("*.yaml")):
            for case in yaml.safe_load(path.read_text("utf-8"))["cases"]:
                found.setdefault(case["id"], case)
    return found
