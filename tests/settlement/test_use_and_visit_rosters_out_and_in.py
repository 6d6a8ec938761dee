"""What is exported of visits and of uses comes in again as known; of one cell changed exactly that row is told."""

import csv
import io
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from bureau.files import cells
from tests.settlement import factories
from tests.settlement.test_visit_rosters import HEADERS as SHORT
from tests.settlement.test_visit_rosters import bill, load, people, place, reasons  # noqa: F401  fixtures

pytestmark = pytest.mark.django_db

HEADERS = [*SHORT, "全自费金额", "门诊急诊转诊标志", "其他基金支付", "票据代码", "票据号码"]
BEFORE = datetime(2026, 3, 31, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


@pytest.fixture
def lived(city, place, people):  # noqa: F811
    """Visits of every kind: from a file, at the desk, taken back, of other funds, with invoices, filled outside."""
    from settlement.services.visits.invoices import InvoiceNumber
    from settlement.services.visits.requests import VisitRequest
    from settlement.services.visits.reversals import reverse_visit
    from settlement.services.visits.settling import settle_visit

    shop = factories.institution(city, kind="pharmacy", level=None)
    first, second, third = people
    own = {"个人账户使用标志": "1"}
    rows = [
        bill(first, place, 1) | own | {"票据代码": "044002", "票据号码": "00012345"},
        bill(first, place, 2, "80.00") | {"医疗类别": "13"},
        bill(first, place, 3, "-80.00") | {"结算ID": "R2", "退费结算标志": "是", "原结算ID": "S2"},
        bill(second, place, 4, "90.00") | {"符合范围金额": "80.00", "全自费金额": "10.00", "门诊急诊转诊标志": "3"},
        bill(second, place, 5, "70.00") | {"医疗类别": "9901", "结算时间": "2026-03-02 11:00:00"},
        bill(second, place, 6, "60.00") | {"医疗类别": "14", "其他基金支付": "20.00"},
        bill(third, place, 7, "50.00") | own,
        bill(third, shop, 8, "30.00")
        | {"医疗类别": "41", "处方机构编码": place.code, "处方就诊登记号": "E7", "结算时间": "2026-03-03 09:00:00"},
        bill(third, shop, 9, "20.00") | own | {"医疗类别": "41", "结算ID": "'=S9"},
    ]
    upload = load(city, rows, headers=HEADERS)
    assert (upload.accepted, upload.rejected) == (9, 0)
    desk = settle_visit(
        VisitRequest(
            institution_id=place.pk, key="D1", member_id=first.pk, encounter="D1", care_on=date(2026, 3, 20),
            total=Decimal("44.00"), other_remainder=Decimal("4.00"), pay_from="family",
            invoices=(InvoiceNumber.stated("044002", "777001"), InvoiceNumber.stated("044002", "777002")),
        ),
        actor=city.clerk,
        now=BEFORE,
    )  # fmt: skip
    reverse_visit(desk.pk, key="D1R", reason="记错", actor=city.clerk, now=BEFORE)
    return place


def exported(kind):
    from bureau.rosters.exports import blocks
    from bureau.rosters.uploads import roster

    known = roster(kind)
    text = known.export().export("csv")
    generated = b"".join(blocks(known, known.get_queryset())).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(generated))) == list(csv.reader(io.StringIO(text)))
    return list(csv.DictReader(io.StringIO(text)))


def send(city, kind, rows):
    return load(city, rows, kind, f"{kind}.csv", list(rows[0]))


def counts(upload):
    return upload.status, upload.rows, upload.accepted, upload.unchanged, upload.rejected


def test_exported_visits_come_in_again_as_known(city, lived):
    from accounts.models import Entry
    from settlement.models import Visit

    before = Visit.objects.count(), Entry.objects.count()
    assert before[0] == 11
    rows = exported("visits")
    upload = send(city, "visits", rows)
    assert reasons(upload) == []
    assert counts(upload) == ("loaded", 11, 0, 11, 0)
    assert (Visit.objects.count(), Entry.objects.count()) == before


def test_exported_visits_say_what_decided(city, lived):
    rows = {row["结算ID"]: row for row in exported("visits")}
    said = {key: (row["医疗类别"], row["门诊急诊转诊标志"], row["退费结算标志"]) for key, row in rows.items()}
    assert said == {
        "S1": ("11", "0", "否"),
        "S2": ("13", "1", "否"),
        "R2": ("13", "1", "是"),
        "S4": ("13", "1", "否"),
        "S5": ("14", "0", "否"),
        "S6": ("11", "0", "否"),
        "S7": ("11", "0", "否"),
        "S8": ("41", "0", "否"),
        "'=S9": ("11", "0", "否"),
        "D1": ("14", "0", "否"),
        "D1R": ("14", "0", "是"),
    }
    assert (rows["R2"]["原结算ID"], rows["R2"]["医疗费总额"]) == ("S2", "-80.00")
    assert (rows["S1"]["票据代码"], cells.clean(rows["S1"]["票据号码"])) == ("044002", "00012345")
    assert (rows["S8"]["处方机构编码"], rows["S8"]["就诊登记号"]) == (lived.code, "E7")
    assert "个人账户使用标志" not in rows["S1"]


@pytest.mark.parametrize(
    ("key", "heading", "cell", "field", "reason"),
    [
        ("S1", "医疗类别", "13", "结算ID", "used"),
        ("S1", "票据号码", "00012346", "结算ID", "used"),
        ("S7", "就诊登记号", "E8", "结算ID", "used"),
        ("S4", "就诊凭证类型", "02", "结算ID", "used"),
        ("R2", "原结算ID", "S1", "医疗费总额", "80.00"),
    ],
)
def test_a_visit_that_is_said_otherwise_comes_back_alone(city, lived, key, heading, cell, field, reason):
    from settlement.models import Visit

    before = list(Visit.objects.order_by("pk").values())
    rows = exported("visits")
    [row] = [row for row in rows if row["结算ID"] == key]
    row[heading] = cell
    upload = send(city, "visits", rows)
    [(blamed, said)] = reasons(upload)
    assert (blamed, counts(upload)) == (field, ("loaded", 11, 0, 10, 1))
    if reason == "used":
        assert said == f"Number {key} has been used by this institution for another settlement."
    else:
        assert said == "The visit to be taken back cost 100.00; a reversal takes back the whole of it."
    assert list(Visit.objects.order_by("pk").values()) == before


def test_a_line_that_says_which_accounts_pay_is_asked_of_the_receipt(city, lived):
    rows = [
        row | {"个人账户使用标志": "1" if row["结算ID"] in ("S1", "S7", "'=S9") else "0"} for row in exported("visits")
    ]
    rows = [row for row in rows if not row["结算ID"].startswith(("D1", "S5", "S8"))]
    upload = send(city, "visits", rows)
    assert (counts(upload), reasons(upload)) == (("loaded", 7, 0, 7, 0), [])
    rows[0]["个人账户使用标志"] = "2"
    upload = send(city, "visits", rows)
    assert counts(upload) == ("loaded", 7, 0, 6, 1)


def test_uses_go_out_and_come_in_again(city, people):  # noqa: F811
    from settlement.models import OpeningUse, OtherUse

    first, second, _third = people
    opening = ["证件号码", "险种类型", "年度", "月份", "统筹已支付", "其中定额报销", "起付已累计"]
    said = [
        {
            "证件号码": first.document,
            "险种类型": "310",
            "年度": "2026",
            "统筹已支付": "100.00",
            "其中定额报销": "10.00",
        },
        {"证件号码": first.document, "险种类型": "310", "年度": "2026", "月份": "202602", "统筹已支付": "5.00"},
        {"证件号码": second.document, "年度": "2026", "统筹已支付": "7.00", "起付已累计": "7.50"},
    ]
    assert load(city, said, "opening", "o.csv", opening).accepted == 3
    other = ["结算ID", "证件号码", "基金类别", "就诊日期", "基金支付金额"]
    said = [
        {"结算ID": "Z1", "证件号码": first.document, "就诊日期": "2026-03-01", "基金支付金额": "500.00"},
        {"结算ID": "Z2", "证件号码": first.document, "就诊日期": "2026-03-02", "基金支付金额": "-20.00"},
        {
            "结算ID": "-Z3",
            "证件号码": second.document,
            "基金类别": "大额互助",
            "就诊日期": "2026-03-02",
            "基金支付金额": "1",
        },
    ]
    assert load(city, said, "other_uses", "u.csv", other).accepted == 3
    before = list(OpeningUse.objects.order_by("pk").values()), list(OtherUse.objects.order_by("pk").values())
    changed = [
        ("opening", 1, "统筹已支付", "6.00", "统筹已支付", "For 2026 5.00 is recorded already."),
        ("opening", 2, "起付已累计", "7.51", "起付已累计", "For 2026 7.00 is recorded already."),
        (
            "other_uses", 0, "基金支付金额", "501.00", "基金支付金额",
            "The settlement Z1 is recorded with 500.00; send the difference under a number of its own.",
        ),
        (
            "other_uses", 1, "就诊日期", "2026-03-03", "就诊日期",
            "The settlement Z2 is recorded with -20.00; send the difference under a number of its own.",
        ),
    ]  # fmt: skip
    for kind in ("opening", "other_uses"):
        upload = send(city, kind, exported(kind))
        assert (kind, counts(upload), reasons(upload)) == (kind, ("loaded", 3, 0, 3, 0), [])
    for kind, number, heading, cell, field, reason in changed:
        rows = exported(kind)
        rows[number][heading] = cell
        upload = send(city, kind, rows)
        assert (counts(upload), reasons(upload)) == (("loaded", 3, 0, 2, 1), [(field, reason)])
    assert (list(OpeningUse.objects.order_by("pk").values()), list(OtherUse.objects.order_by("pk").values())) == before
