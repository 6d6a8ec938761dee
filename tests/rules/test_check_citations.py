"""The command that holds editions against archived texts; it starts without a database."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "check_citations", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def editions(tmp_path: Path) -> Path:
    folder = tmp_path / "editions"
    folder.mkdir()
    shutil.copy(DOCS / "example-city.toml", folder)
    return folder


def test_counts_of_a_clean_edition_are_printed(editions: Path) -> None:
    done = run("--texts", DOCS, "--rulebooks", editions)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "柳政规〔2026〕7号: 见于条文 45, 由条文推得 6, 经办机构声明的理解 0, 条文未载 0\n",
        "",
    )


def test_missing_number_is_named_and_fails(editions: Path) -> None:
    path = editions / "example-city.toml"
    path.write_text(path.read_text("utf-8").replace("quota = 280", "quota = 290"), "utf-8")
    done = run("--texts", DOCS, "--rulebooks", editions)
    assert done.returncode == 1
    counted, named = done.stdout.splitlines()
    assert counted == "柳政规〔2026〕7号: 见于条文 44, 由条文推得 6, 经办机构声明的理解 0, 条文未载 1"
    assert named.startswith("  example-city.toml: provider: quota: ") and "290" in named


def test_folder_without_files_and_a_broken_edition_are_refused(editions: Path, tmp_path: Path) -> None:
    done = run("--texts", editions, "--rulebooks", editions)
    assert (done.returncode, "holds no *.txt" in done.stderr) == (1, True)
    (editions / "example-city.toml").write_text("document = ", "utf-8")
    done = run("--texts", DOCS, "--rulebooks", editions)
    assert (done.returncode, "is not TOML" in done.stderr, "Traceback" in done.stderr) == (1, True, False)
    text = (DOCS / "example-city.toml").read_text("utf-8")
    (editions / "example-city.toml").write_text(text.replace("83% = 75%", "83% = 74%"), "utf-8")
    done = run("--texts", DOCS, "--rulebooks", editions)
    assert (done.returncode, "write formulas that come out" in done.stderr) == (1, True)
    (tmp_path / "broken.txt").write_bytes(b"\xff\xfe\x00")
    done = run("--texts", tmp_path, "--rulebooks", editions)
    assert (done.returncode, "cannot be read as UTF-8" in done.stderr) == (1, True)


def test_the_five_cities_and_the_frame_are_clean() -> None:
    """Where the archived texts lie beside the checkout."""
    texts = ROOT.parent / "shared" / "policies"
    if texts.is_dir():
        done = run("--texts", texts)
        assert done.returncode == 0
        assert len(done.stdout.splitlines()) == 6
        assert all(line.endswith("条文未载 0") for line in done.stdout.splitlines())
