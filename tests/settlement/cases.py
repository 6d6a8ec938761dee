"""The worked cases, for tests that take them through the database: ours, and the shared ones where they lie beside."""

from pathlib import Path

import yaml

HERE = Path(__file__).resolve()
CITIES = ("chongqing", "heyuan", "kaifeng", "shaoguan", "zhanjiang")
FOLDERS = (HERE.parents[1] / "rules" / "cases", HERE.parents[3] / "shared" / "cases")


def cases(city: str, kind: str) -> list[dict]:
    """Every case of a city and kind, each id once."""
    found: dict[str, dict] = {}
    for folder in FOLDERS:
        for path in sorted(folder.glob("*.yaml")):
            for case in yaml.safe_load(path.read_text("utf-8"))["cases"]:
                if case["city"] == city and case["kind"] == kind:
                    found.setdefault(case["id"], case)
    return list(found.values())
