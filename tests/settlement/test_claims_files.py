"""Invoices in a file of visits: the same register as the desk's and as that of claims by hand."""

from datetime import date
from decimal import Decimal

import pytest

from bureau.rosters.uploads import load_upload, receive_upload
from members.models import BenefitPeriod, Enrolment
from members.services.people import register_member
from settlement.models import Invoice, Visit
from tests.roster_files import rejects
from tests.settlement import factories
from tests.settlement.claims import NOW

NUMBER = "11010519491231002X"
HEADINGS = (
    "结算ID,就诊登记号,姓名,证件号码,定点机构编码,就诊日期,结算时间,就诊凭证类型,医疗费总额,符合范围金额,退费标志,原结算ID,"
    "票据代码,票据号码"
)


@pytest.fixture
def person(bureau):
    city = bureau.city
    person = register_member(name="张三", document_kind="01", document_number=NUMBER, actor=city.clerk, now=NOW)
    facts = {"member": person, "area": city.area, "scheme": "310", "starts_on": date(2024, 1, 1)}
    Enrolment.objects.create(person_class="active", plan="unit", **facts)
    BenefitPeriod.objects.create(**facts)
    return person


@pytest.fixture
def load(bureau):
    factories.institution(bureau.city, "清算中心", kind="clearing", level=None)
    city, hospital = bureau.city, bureau.hospital

    def load(*rows):
        lines = [
            f"{key},{encounter},张三,{NUMBER},{hospital.code},2024-02-01,2024-02-01,03,{total},{total},{back},{first},{code},{number}"
            for key, encounter, total, back, first, code, number in rows
        ]
        content = "\n".join([HEADINGS, *lines]).encode("utf-8-sig")
        upload = receive_upload(
            kind="visits", name=f"{rows[0][0]}.csv", content=content, area=city.area, actor=city.clerk, now=NOW
        )
        return load_upload(upload, actor=city.clerk, now=NOW)

    return load


def test_file_registers_invoices_and_turns_away_what_is_claimed_or_repeated(bureau, person, load):
    claim = bureau.enter(bureau.member())
    upload = load(
        ("S1", "E1", "300.00", "否", "", "50060124", "0099 000001"),
        ("S2", "E2", "300.00", "否", "", "50060124", "99000001"),
        ("S3", "E3", "300.00", "否", "", "５００６０１２４", "0012345678"),
        ("S4", "E4", "300.00", "否", "", "", "0012345678"),
        ("S5", "E5", "300.00", "否", "", "", ""),
    )
    assert upload.problem == ""
    assert (upload.accepted, upload.rejected) == (2, 3)
    rejected = rejects(upload)
    assert f"{claim}" in rejected and "99000001" in rejected
    assert sorted(Visit.objects.values_list("key", "pooled")) == [("S1", Decimal("50.00")), ("S5", Decimal("150.00"))]
    assert sorted(str(invoice) for invoice in Invoice.objects.all()) == ["50060124 0012345678", "50060124 0099000001"]
    assert bureau.books_are_clean()


def test_reversal_in_a_file_frees_the_invoice_of_its_visit(bureau, person, load):
    load(("S1", "E1", "300.00", "否", "", "50060124", "0012345678"))
    load(("R1", "E1", "-300.00", "是", "S1", "50060124", "0012345678"))
    assert [str(visit.total) for visit in Visit.objects.order_by("id")] == ["300.00", "-300.00"]
    claim = bureau.approved(person)
    assert claim.visit.pooled == Decimal("500.00")
    assert bureau.books_are_clean()
