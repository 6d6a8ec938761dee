"""Visits as the institutions' own files have them, where the files are kept and can be read."""

import csv
import io
from collections import defaultdict
from datetime import date
from typing import Any

from tests.recompute.data.reading import Area
from tests.recompute.data.sealed import opened
from tests.recompute.differences import Findings

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
NEEDED = (
    "结算ID", "就诊登记号", "证件号码", "定点机构编码", "就诊日期", "结算时间", "医疗类别", "门诊急诊转诊标志",
    "处方机构编码", "处方就诊登记号", "个人账户使用标志", "原结算ID", *AMOUNTS,
)  # fmt: skip
EMERGENCIES, PHARMACY = ("13", "1301"), "41"


def read(area: Area, findings: Findings) -> dict[int, str]:
    """Whose accounts each bill may use, by visit; everything the file says is held against the visit on the way."""
    visits: dict[int, dict[tuple[str, str], Any]] = defaultdict(dict)
    for visit in area.visits:
        if visit.upload_id is not None:
            visits[visit.upload_id][area.places[visit.institution_id].code, visit.key] = visit
    flags: dict[int, str] = {}
    documents, unread = area.documents(), 0
    for upload in area.rows("SELECT id, original FROM bureau_upload WHERE kind = 'visits' AND area_id = %(area)s"):
        lines = lines_of(opened(upload.original) or b"", NEEDED)
        if lines is None:
            unread += bool(visits[upload.id])
            continue
        for line in lines:
            visit = visits[upload.id].pop((line["定点机构编码"], line["结算ID"]), None)
            if visit is None:
                continue  # turned away, or settled before
            flags[visit.id] = FLAGS.get(line["个人账户使用标志"], "none")
            for name, said in _said(line).items():
                stored = getattr(visit, name)
                stored = stored.isoformat() if isinstance(stored, date) else stored
                findings.compare("file", name, f"visit:{visit.id}", said, stored)
            prescriber = area.places[visit.prescriber_id].code if visit.prescriber_id is not None else ""
            written_at = line["处方机构编码"] if visit.channel == "prescription" else ""
            findings.compare("file", "prescriber", f"visit:{visit.id}", written_at, prescriber)
            whose = documents.get(visit.member_id, "?") == line["证件号码"].strip().upper()
            findings.compare("file", "member", f"visit:{visit.id}", True, whose)
        for visit in visits[upload.id].values():
            findings.compare("file", "row", f"visit:{visit.id}", "no line", "a visit", f"upload {upload.id}")
    findings.unread["visits"] += unread
    return flags


def _said(line: dict[str, str]) -> dict[str, Any]:
    """What a line says of its visit, by the names under which visits store it."""
    channel, encounter = "ordinary", line["就诊登记号"]
    if line["医疗类别"] in EMERGENCIES or line["门诊急诊转诊标志"] in ("1", "3"):
        channel = "emergency"
    elif line["医疗类别"] == PHARMACY and line["处方机构编码"]:
        channel, encounter = "prescription", line["处方就诊登记号"] or encounter
    said = {name: fen_of(line[header]) for header, name in AMOUNTS.items()}
    if line["原结算ID"]:
        return said  # a reversal is of the visit it names, whatever else it says
    return said | {
        "channel": channel,
        "encounter": encounter,
        "care_on": line["就诊日期"][:10],
        "settled_on": line["结算时间"][:10],
    }


def lines_of(content: bytes, needed: tuple[str, ...]) -> list[dict[str, str]] | None:
    """A file's lines by their headings; None where it is no such file."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            lines = list(csv.DictReader(io.StringIO(content.decode(encoding), newline="")))
        except (UnicodeDecodeError, csv.Error):
            continue
        if lines and all(header in lines[0] for header in needed):
            return lines
    return None


def fen_of(written: str) -> int:
    whole, _point, part = written.strip().lstrip("-").partition(".")
    fen = int(whole or 0) * 100 + int((part + "00")[:2])
    return -fen if written.strip().startswith("-") else fen
