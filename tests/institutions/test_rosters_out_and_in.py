"""What is exported comes in again: nothing new, and of one cell changed exactly that row, old and new."""

import csv
import io
from datetime import UTC, date, datetime

import pytest
import tablib

from bureau.identifiers.identity import with_check_digit
from bureau.models import Staff, Upload
from bureau.rosters.exports import blocks
from bureau.rosters.uploads import roster
from institutions.models import AccountChange, Assessment, Institution, Selection
from institutions.services import care, places
from institutions.services.selection import choose
from tests.history import changes_of

pytestmark = pytest.mark.django_db

SENT = datetime(2026, 12, 31, 9, 30, tzinfo=UTC)  # when the fixture `load` sends
NOW = datetime(2026, 3, 10, 1, 30, tzinfo=UTC)
LI = with_check_digit("44162119800101001")
WANG = with_check_digit("44162119850215002")
HEADINGS = "机构编码,机构名称,机构类型,统筹区,经办区县,上级机构编码,结算等级,协议开始,协议结束,开户行,银行账号,户名"
LINES = (
    "H44160200002,东埠田心村卫生站,村卫生站,441699,441602,H44160200001,,2025-01-01,,,,",
    "H44160200001,东埠卫生院,乡镇卫生院,441699,441602,,一级,2025-01-01,,工商银行,622200000001,东埠卫生院",
    "H44160200003,和安医院,综合医院,441602,441602,,三级,2025-01-01,2025-12-31,农业银行,622200000003,和安医院",
    "H44160200003,和安医院,综合医院,441602,441602,,二级,2026-01-01,,农业银行,622200000003,和安医院",
    "P44160200004,'=康民大药房,定点零售药店,441699,441602,,,2025-01-01,,,,",
    "H44010000005,广州和安医院,综合医院,,,,三级,2025-01-01,,,,",
)


@pytest.fixture
def city(load, county, edition, person, clerk, reviewer):
    """Some institutions and two members, who have lived with them for a while."""
    assert load("institutions", HEADINGS, *LINES).accepted == 6
    li, wang = person(name="李明", document=LI), person(name="王芳", document=WANG)
    at = {place.code[-5:]: place for place in Institution.objects.all()}
    centre, station, hospital = at["00001"], at["00002"], at["00003"]
    places.set_level(institution=centre, level=2, starts_on=date(2026, 2, 1), actor=clerk, now=NOW)
    places.register_institution(
        code="H44160200009", name="省结算中心", kind="clearing", area=centre.area, county=county, actor=clerk, now=NOW
    )
    places.designate(
        institution=Institution.objects.get(kind="clearing"), starts_on=date(2025, 1, 1), actor=clerk, now=NOW
    )
    chosen = {"year": 2026, "actor": clerk, "now": NOW}
    [first] = choose(member=li, institutions=centre, requested_on=date(2025, 10, 10), **chosen)
    Selection.objects.create(
        member=li, area=centre.area, scheme="310", year=2026, role="station", institution=station, route="window",
        requested_on=first.requested_on, starts_on=first.starts_on, ends_on=first.ends_on, recorded_by=clerk,
    )  # fmt: skip
    choose(member=wang, institutions=centre, requested_on=date(2025, 10, 11), **chosen)
    choose(member=wang, institutions=hospital, requested_on=date(2026, 3, 5), reason="迁居, 'E1'", **chosen)
    done = {"actor": clerk, "now": NOW}
    care.refer(
        member=li, from_institution=centre, to_institution=hospital, starts_on=date(2026, 3, 2),
        ends_on=date(2026, 3, 31), reason="-专科", **done,
    )  # fmt: skip
    care.record_stay(
        member=li, institution=hospital, admitted_on=date(2026, 3, 1), discharged_on=date(2026, 3, 9), **done
    )
    care.record_stay(member=wang, admitted_on=date(2026, 3, 9), **done)
    care.register_out_of_area(
        member=wang, kind="posted_worker", destination="310100", starts_on=date(2026, 4, 1), **done
    )
    load("assessments", "定点机构编码,年度,得分,文号", "H44160200001,2025,92.5,一号文", "H44160200003,2025,90,")
    places.confirm_assessments(area=centre.area, year=2025, actor=reviewer, now=NOW)
    return at


def exported(kind: str) -> list[dict[str, str]]:
    known = roster(kind)
    text = known.export().export("csv")
    generated = b"".join(blocks(known, known.get_queryset())).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(generated))) == list(csv.reader(io.StringIO(text)))
    assert LI not in text
    assert WANG not in text
    return list(csv.DictReader(io.StringIO(text)))


def send(load, kind: str, rows: list[dict[str, str]]):
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return load(kind, out.getvalue().removesuffix("\r\n"))


def counts(upload):
    return upload.status, upload.rows, upload.accepted, upload.unchanged, upload.rejected


# Kind, records, the line to be changed (a heading and its cell), the cell and what it becomes, old and new values.
ROSTERS = [
    ("institutions", 6, ("协议开始", "2026-01-01"), ("协议结束", "2026-12-31"), "ends_on", None, "2026-12-31"),
    ("institutions", 6, ("协议开始", "2026-01-01"), ("机构名称", "和安总医院"), "name", "和安医院", "和安总医院"),
    ("institutions", 6, ("机构编码", "P44160200004"), ("结算等级", "1"), "level", 0, 1),
    ("institutions", 6, ("协议开始", "2026-01-01"), ("结算等级", "1"), "level", 2, 1),
    ("selections", 4, ("改点类型", "改点"), ("变更原因", "搬家"), "reason", "迁居, 'E1'", "搬家"),
    ("referrals", 1, ("姓名", "李明"), ("有效期止", "2026-04-15"), "ends_on", "2026-03-31", "2026-04-15"),
    ("hospital_stays", 2, ("姓名", "王芳"), ("出院日期", "2026-03-10"), "discharged_on", None, "2026-03-10"),
    ("out_of_area", 1, ("姓名", "王芳"), ("结束日期", "2026-12-31"), "ends_on", None, "2026-12-31"),
    ("assessments", 2, ("得分", "90.00"), ("得分", "91.00"), "score", 90, 91),
]


@pytest.mark.parametrize(("kind", "records"), sorted({row[:2] for row in ROSTERS}))
def test_an_export_comes_in_again_and_changes_nothing(load, city, reasons, kind, records):
    upload = send(load, kind, exported(kind))
    assert reasons(upload) == []
    assert counts(upload) == ("loaded", records, 0, records, 0)
    assert changes_of(upload) == []


@pytest.mark.parametrize(("kind", "records", "line", "cell", "column", "old", "new"), ROSTERS)
def test_one_cell_changed_is_one_row_changed_old_and_new(
    load, city, reasons, kind, records, line, cell, column, old, new
):
    rows = exported(kind)
    [row] = [row for row in rows if row[line[0]] == line[1]]
    was, row[cell[0]] = row[cell[0]], cell[1]
    assert previewed(kind, rows) == {(cell[0], was, cell[1])}
    upload = send(load, kind, rows)
    assert reasons(upload) == []
    assert counts(upload) == ("loaded", records, 1, records - 1, 0)
    [effect] = changes_of(upload)
    assert (effect.before[column], effect.after[column]) == (old, new)


def previewed(kind: str, rows: list[dict[str, str]]) -> set[tuple[str, str, str]]:
    """What the import would change: heading, old and new cell; of one row, and nothing else."""
    by = Staff.objects.get(username="clerk")
    upload = Upload.objects.create(
        area=by.area, kind=kind, name="seen.csv", size=0, sha256=kind, uploaded_by=by, uploaded_at=SENT
    )
    dataset = tablib.Dataset(*(list(row.values()) for row in rows), headers=list(rows[0]))
    result = roster(kind).import_data(dataset, dry_run=True, upload=upload, actor=by, now=SENT)
    assert (result.totals["new"], result.totals["update"], result.totals["skip"]) == (0, 1, len(rows) - 1)
    assert result.totals["invalid"] == 0
    return {difference for row in result.rows for difference in row.diff}


def test_an_account_changed_in_an_export_waits_for_another_person(load, city):
    rows = exported("institutions")
    [row] = [row for row in rows if row["协议开始"] == "2026-01-01"]
    row["银行账号"] = "622200009999"
    assert previewed("institutions", rows) == {("银行账号", "622200000003\t", "622200009999\t")}
    assert counts(send(load, "institutions", rows)) == ("loaded", 6, 1, 5, 0)
    change = AccountChange.objects.get()
    assert (change.institution.code, change.bank_account, change.bank_name) == (
        "H44160200003",
        "622200009999",
        "农业银行",
    )
    assert Institution.objects.get(code="H44160200003").bank_account == "622200000003"
    # What is exported meanwhile says the account that stands.
    assert counts(send(load, "institutions", exported("institutions")))[2:] == (0, 6, 0)
    assert AccountChange.objects.get().status == "open"


def test_a_selection_says_what_a_roster_does_not_change(load, city, reasons):
    rows = exported("selections")
    [row] = [row for row in rows if row["改点类型"] == "改点"]
    row["定点开始时间"] = "2026-03-06"
    before = list(Selection.objects.order_by("pk").values())
    upload = send(load, "selections", rows)
    assert reasons(upload) == [
        (str(rows.index(row) + 2), "定点开始时间", "The record says 2026-03-05 here; a roster does not change that.")
    ]
    assert counts(upload) == ("loaded", 4, 0, 3, 1)
    assert list(Selection.objects.order_by("pk").values()) == before


def test_another_institution_in_an_exported_selection_is_another_request_of_the_day(load, city, reasons):
    rows = exported("selections")
    [row] = [row for row in rows if row["改点类型"] == "改点"]
    row["医院编码"] = "H44160200001"
    upload = send(load, "selections", rows)
    assert (counts(upload), reasons(upload)) == (("loaded", 4, 1, 3, 0), [])
    [effect] = changes_of(upload)
    places = effect.before["institution_id"], effect.after["institution_id"]
    assert places == (city["00003"].pk, city["00001"].pk)


def test_a_confirmed_score_that_is_sent_again_stays_confirmed(load, city):
    send(load, "assessments", exported("assessments"))
    assert Assessment.objects.filter(confirmed_at__isnull=False).count() == 2
