"""Rows a second that roster files are read at, against a bare csv.reader in the same run.

    python tests/bench/bench_files.py [ROWS]

CSV of members (nine columns), of contributions (seven) and of visits (twelve), and members as XLSX.
"""

from __future__ import annotations

import csv
import io
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import openpyxl

from bureau.files import Sheet, read_rows
from bureau.identifiers.identity import with_check_digit


def number(serial: int) -> str:
    year, month, day = 1940 + serial % 60, 1 + serial % 12, 1 + serial % 28
    return with_check_digit(f"4416{serial // 999 % 10:02d}{year}{month:02d}{day:02d}{1 + serial % 999:03d}")


MEMBER_HEADINGS = [
    "姓名",
    "证件号码",
    "险种类型",
    "人员类别",
    "本次参保日期",
    "参保所属医保区划",
    "单位编号",
    "参保状态",
    "联系电话",
]
CONTRIBUTION_HEADINGS = ["证件号码", "费款所属期", "险种类型", "缴费基数", "单位缴费金额", "个人缴费金额", "入国库时间"]
VISIT_HEADINGS = [
    "结算ID",
    "就诊登记号",
    "证件号码",
    "定点机构编码",
    "就诊日期",
    "结算时间",
    "医疗类别",
    "就诊凭证类型",
    "医疗费总额",
    "全自费金额",
    "先行自付金额",
    "符合范围金额",
]


def member(serial: int) -> list[str]:
    day = f"20{10 + serial % 15}-{1 + serial % 12:02d}-01"
    return ["张三", number(serial), "310", "11", day, "441602", f"E{serial % 500}", "1", "13800000000"]


def contribution(serial: int) -> list[str]:
    base = f"{4000 + serial % 9000}.{serial % 100:02d}"
    return [number(serial), f"2026{1 + serial % 12:02d}", "310", base, "330.00", "120.00", "2026-01-15"]


def visit(serial: int) -> list[str]:
    day = f"2026-{1 + serial % 12:02d}-{1 + serial % 28:02d}"
    return [
        *(f"S{serial:09d}", f"M{serial:09d}", number(serial), f"H4416020000{serial % 10}", day),
        *(f"{day} 10:{serial % 60:02d}:00", "11", "01", "100.50", "10.00", "0.50", "90.00"),
    ]


def as_csv(headings: list[str], line: Callable[[int], list[str]], rows: int) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(headings)
    writer.writerows(line(serial) for serial in range(rows))
    return out.getvalue().encode("utf-8-sig")


def as_xlsx(headings: list[str], line: Callable[[int], list[str]], rows: int) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(headings)
    for serial in range(rows):
        sheet.append(line(serial))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def timed(name: str, rows: Iterable[object], expected: int) -> None:
    started = time.process_time()
    read = sum(1 for row in rows if not getattr(row, "problems", None))
    spent = time.process_time() - started
    assert read == expected, (name, read, expected)
    print(f"{name:28} {read:8,} rows  {spent:6.2f} s CPU  {read / spent:10,.0f} rows/s")


def bare(content: bytes) -> Iterable[object]:
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline=""))
    next(reader)
    return reader


def main(rows: int) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bureau.settings")
    django.setup()
    from tests.sheets import SHEETS

    rosters: list[tuple[str, list[str], Callable[[int], list[str]]]] = [
        ("members", MEMBER_HEADINGS, member),
        ("contributions", CONTRIBUTION_HEADINGS, contribution),
        ("visits", VISIT_HEADINGS, visit),
    ]
    for name, headings, line in rosters:
        sheet: Sheet = SHEETS[name]
        content = as_csv(headings, line, rows)
        timed(f"{name}, bare csv.reader", bare(content), rows)
        timed(f"{name}, CSV", read_rows("roster.csv", content, sheet), rows)
    few = rows // 10
    timed("members, XLSX", read_rows("r.xlsx", as_xlsx(MEMBER_HEADINGS, member, few), SHEETS["members"]), few)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
