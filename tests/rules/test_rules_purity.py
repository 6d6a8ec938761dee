"""The rules load no framework and do not read the clock."""

import subprocess
import sys
from pathlib import Path

import bureau.rules

FOLDER = Path(bureau.rules.__file__).parent


def test_importing_every_module_loads_neither_django_nor_celery() -> None:
    code = (
        "import importlib, pkgutil, sys, bureau.rules\n"
        "for module in pkgutil.walk_packages(bureau.rules.__path__, 'bureau.rules.'):\n"
        "    importlib.import_module(module.name)\n"
        "from bureau.rules.format.edition import load_folder\n"
        "assert load_folder().editions\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'django', 'celery', 'rest_framework', 'psycopg', 'yaml', 'redis'}))\n"
    )
    root = FOLDER.parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_no_module_asks_the_clock_or_uses_floats() -> None:
    for path in FOLDER.rglob("*.py"):
        text = path.read_text("utf-8")
        for forbidden in (".today(", ".now(", "import time", "float(", "random"):
            assert forbidden not in text, (path.name, forbidden)


def test_no_module_knows_a_city() -> None:
    cities = [folder.name for folder in (FOLDER / "rulebooks").iterdir() if folder.is_dir()]
    assert len(cities) >= 5
    for path in FOLDER.rglob("*.py"):
        text = path.read_text("utf-8").lower()
        assert not [city for city in cities if city in text], path.name
