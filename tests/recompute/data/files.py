"""Visits as the institutions' own files have them, where the files are kept and can be read."""

import csv
import io
from collections import defaultdict
from typing import Any

from ..differences import Findings
from .reading import Area
from .sealed import opened

FLAGS = {"0": "none", "1": "own", "2": "family"}
AMOUNTS = {
    "医疗费总额": "total",
    "全自费金额": "own_expense",
    "超限价自费金额": "over_limit",
    "先行自付金额": "first_self",
    "符合范围金额": "in_policy",
    "一般诊疗费": "general_fee",
    "定额报销诊察费": "consultation_fee",
    "其他基金支付": "other_funds",
}
NEEDED = ("结算ID", "定点机构编码", "个人账户使用标志", *AMOUNTS)


def read(area: Area, findings: Findings) -> dict[int, str]:
    """Whose accounts each bill may use, by visit; every amount of the file is held against the visit on the way."""
    visits: dict[int, dict[tuple[str, str], Any]] = defaultdict(dict)
    for visit in area.visits:
        if visit.upload_id is not None:
            visits[visit.upload_id][area.places[visit.institution_id].code, visit.key] = visit
    flags: dict[int, str] = {}
    unread = 0
    for upload in area.rows("SELECT id, content FROM bureau_upload WHERE kind = 'visits' AND area_id = %(area)s"):
        lines = _lines(opened(bytes(upload.content)) or b"")
        if lines is None:
            unread += bool(visits[upload.id])
            continue
        for line in lines:
            visit = visits[upload.id].pop((line["定点机构编码"], line["结算ID"]), None)
            if visit is None:
                continue  # turned away, or settled before
            flags[visit.id] = FLAGS.get(line["个人账户使用标志"], "none")
            for header, name in AMOUNTS.items():
                findings.compare("file", name, f"visit:{visit.id}", _fen(line[header]), getattr(visit, name))
        for visit in visits[upload.id].values():
            findings.compare("file", "row", f"visit:{visit.id}", "no row", "a visit", f"upload {upload.id}")
    if unread:
        findings.notes.append(f"{unread} files of visits were not read: another data key, or another form")
    return flags


def _lines(content: bytes) -> list[dict[str, str]] | None:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            lines = list(csv.DictReader(io.StringIO(content.decode(encoding), newline="")))
        except (UnicodeDecodeError, csv.Error):
            continue
        if lines and all(header in lines[0] for header in NEEDED):
            return lines
    return None


def _fen(written: str) -> int:
    whole, _point, part = written.strip().lstrip("-").partition(".")
    fen = int(whole or 0) * 100 + int((part + "00")[:2])
    return -fen if written.strip().startswith("-") else fen
