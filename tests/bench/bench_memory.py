"""Memory of a process that reads a roster, whatever the file: at most 200 MB.

    python tests/bench/bench_memory.py [MEGABYTES [WORD OF A FILE'S NAME]]

Each file is read in a process of its own, which reports its peak with Django loaded, as a worker has it.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

MOST = 200  # MB
HEADINGS = "姓名,证件号码,险种类型,人员类别,本次参保日期,参保所属医保区划,单位编号,联系电话"


def line(n: int) -> str:
    from tests.bench.bench_rosters import number

    return f"成员{n},{number(n)},310,11,2026-01-01,441699,E{n % 500},138{n:08d}\n"


def csv_of(lines: Callable[[int], str], encoding: str = "utf-8") -> Callable[[Path, int], None]:
    def write(path: Path, size: int) -> None:
        with path.open("wb") as file:
            file.write(f"{HEADINGS}\n".encode(encoding))
            n = 0
            while file.tell() < size:
                file.write("".join(map(lines, range(n, n + 1000))).encode(encoding))
                n += 1000

    return write


def workbook(inline: bool) -> Callable[[Path, int], None]:
    def write(path: Path, size: int) -> None:
        import xlsxwriter

        with xlsxwriter.Workbook(path, {"constant_memory": inline}) as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, HEADINGS.split(","))
            for n in range(min(size // 150, 1_000_000)):
                sheet.write_row(n + 1, 0, line(n).rstrip("\n").split(","))

    return write


def hostile(part: str) -> Callable[[Path, int], None]:
    """Noise in a part of a workbook, so that it does not shrink a hundredfold."""

    def write(path: Path, size: int) -> None:
        from tests.files.test_e9_hostile_workbooks import MAIN, workbook

        chance = random.Random(7)

        def noise(before: str, after: str) -> Iterator[str]:
            for _ in range(size // 40):
                yield f"{before}{chance.getrandbits(40)}{after}"

        shared = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
        override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{shared}"/></Types>'
        import io

        with zipfile.ZipFile(io.BytesIO(workbook(""))) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                if part == "texts" or not name.endswith("sheet1.xml"):
                    text = old.read(name).decode()
                    new.writestr(name, text.replace("</Types>", override) if part == "texts" else text)
            if part == "texts":
                pieces = {"xl/sharedStrings.xml": ("<sst ", noise("<si><t>", "</t></si>"), "</sst>")}
            else:
                pieces = {"xl/worksheets/sheet1.xml": ("<worksheet ", noise("<x a='", "'/>"), "</worksheet>")}
            for name, (start, between, end) in pieces.items():
                with new.open(name, "w") as file:
                    file.write(f"{start}{MAIN}>".encode())
                    for piece in between:
                        file.write(piece.encode())
                    file.write(end.encode())

    return write


FILES: dict[str, tuple[str, Callable[[Path, int], None]]] = {
    "CSV, UTF-8": ("r.csv", csv_of(line)),
    "CSV, GB18030": ("r.csv", csv_of(line, "gb18030")),
    "CSV, every row wrong": ("r.csv", csv_of(lambda n: f"成员{n},{n},999,77,26/1/5,1,,\n")),
    "CSV, a quotation mark never closed in each line": ("r.csv", csv_of(lambda n: f'"成员{n},{n}\n')),
    "CSV, one line": ("r.csv", csv_of(lambda n: f"成员{n},")),
    "XLSX, inline texts": ("r.xlsx", workbook(inline=True)),
    "XLSX, shared texts": ("r.xlsx", workbook(inline=False)),
    "XLSX, millions of shared texts": ("r.xlsx", hostile("texts")),
    "XLSX, millions of tags that mean nothing": ("r.xlsx", hostile("tags")),
}


def begin() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bureau.settings")
    django.setup()


def read(path: str) -> None:
    begin()
    from bureau.files import FileProblem, read_rows
    from tests.sheets import SHEETS

    before, started, rows, wrong = peak(), time.process_time(), 0, 0
    try:
        for row in read_rows(path, path, SHEETS["members"]):
            rows += 1
            wrong += bool(row.problems)
        said = ""
    except FileProblem as problem:
        said = problem.text(str)
    spent = time.process_time() - started
    print(f"{rows:>10,} rows {wrong:>10,} wrong {spent:7.1f} s CPU {before:5} MB before {peak():5} MB peak  {said}")
    sys.exit(peak() > MOST)


def peak() -> int:
    """MB that this process has held at most; what getrusage says begins with the parent's."""
    [held] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(held.split()[1]) >> 10


def main(megabytes: int, word: str) -> int:
    begin()
    failed = 0
    for name, (file, write) in FILES.items():
        if word not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, file)
            write(path, megabytes << 20)
            print(f"{name:50}{path.stat().st_size >> 20:5} MB", end="", flush=True)
            failed += subprocess.run([sys.executable, __file__, "--read", str(path)], cwd=ROOT).returncode
    return failed


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        read(sys.argv[2])
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, sys.argv[2] if len(sys.argv) > 2 else ""))
