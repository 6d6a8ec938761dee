"""Opening figures and payments outside outpatient care, by their files: what they leave of caps and limits."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from bureau.errors import DomainError
from bureau.identifiers.identity import with_check_digit
from bureau.models import Area, Staff
from bureau.rosters.undo import undo_upload
from bureau.rosters.uploads import load_now, receive_upload
from members.identity import keyed_hash
from members.models import Enrolment
from settlement.models import OpeningUse, OtherUse
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.settling import settle_visit
from tests.settlement import factories

pytestmark = pytest.mark.django_db

SINCE = date(2023, 1, 1)
NOW = datetime(2024, 11, 20, 2, tzinfo=UTC)
DOCUMENT = with_check_digit("50010119800520001")


class Office:
    def __init__(self, key: str, **enrolment):
        self.city = factories.city_of(key)
        self.member = factories.member(self.city, starts_on=SINCE, account=False)
        self.member.document_hash = keyed_hash(DOCUMENT)
        self.member.save()
        self.member.enrolments.update(**enrolment)
        self.where = factories.institution(self.city, kind="hospital", level=2, since=SINCE)

    def load(self, kind: str, headings: str, *lines: str):
        content = "\r\n".join([headings, *lines, ""]).encode("utf-8-sig")
        upload = receive_upload(
            kind=kind, name="roster.csv", content=content, area=self.city.area, actor=self.city.clerk, now=NOW
        )
        return load_now(upload, actor=self.city.clerk, now=NOW)

    def settle(self, key: str, total: str, on: date, *, clerk: Staff | None = None, **more):
        request = VisitRequest(
            institution_id=self.where.pk,
            key=key,
            member_id=self.member.pk,
            encounter=key,
            care_on=on,
            total=Decimal(total),
            **more,
        )
        return settle_visit(request, actor=clerk or self.city.clerk, now=NOW)


OPENING = "姓名,证件号码,险种类型,年度,月份,统筹已支付,其中定额报销,起付已累计"


def test_opening_of_a_month_counts_in_its_month_and_its_year():
    office = Office("kaifeng")
    name = office.member.name
    upload = office.load(
        "opening", OPENING, f"{name},{DOCUMENT},310,2024,,800.00,,", f"{name},{DOCUMENT},,2024,2024-05,140.00,,"
    )
    assert (upload.accepted, upload.rejected) == (2, 0)
    may, june = office.settle("1", "100.00", date(2024, 5, 8)), office.settle("2", "1000.00", date(2024, 6, 3))
    # (100 - 40) x 55 % = 33.00, of which 10.00 are left in May; 50.00 are left in the year after it.
    assert (may.pooled, june.pooled) == (Decimal("10.00"), Decimal("50.00"))
    assert office.load("opening", OPENING, f"{name},{DOCUMENT},310,2024,,800.00,,").unchanged == 1
    wrong = office.load(
        "opening",
        OPENING,
        f"{name},{DOCUMENT},310,2024,,900.00,,",
        f"{name},{DOCUMENT},310,2023,2024-05,1.00,,",
        f"{name},{DOCUMENT},310,2023,,1.00,2.00,",
    )
    assert (wrong.accepted, wrong.rejected) == (0, 3)
    assert OpeningUse.objects.count() == 2


OTHER = "结算ID,姓名,证件号码,险种类型,基金类别,就诊日期,基金支付金额"


def test_what_the_pooled_fund_paid_in_hospital_leaves_less_of_its_own_limit_alone():
    office = Office("chongqing", plan="unit", large_claims=True)
    for code, value in (("pooled_limit", "50000.00"), ("mutual_limit", "300000.00")):
        factories.figure(office.city.area, code, 2024, value, office.city.clerk, office.city.reviewer)
    name = office.member.name
    upload = office.load(
        "other_uses",
        OTHER,
        f"Z1,{name},{DOCUMENT},310,统筹基金,2024-03-01,50000.00",
        f"Z2,{name},{DOCUMENT},,统筹基金,2024-03-02,-100.00",
        f"Z3,{name},{DOCUMENT},,统筹基金,2023-12-31,7777.00",
        f"Z4,{name},{DOCUMENT},,大额互助,2024-04-01,299950.00",
    )
    assert (upload.accepted, upload.rejected) == (4, 0)
    visit = office.settle("1", "700.00", date(2024, 11, 1))
    # (700 - 200) x 60 % = 300.00; 100.00 are left of the pooled fund's limit and 50.00 of the second fund's.
    assert (visit.pooled, visit.large_claims, visit.deductible) == (
        Decimal("100.00"),
        Decimal("50.00"),
        Decimal("200.00"),
    )
    again = office.load(
        "other_uses",
        OTHER,
        f"Z1,{name},{DOCUMENT},310,统筹基金,2024-03-01,50000.00",
        f"Z2,{name},{DOCUMENT},310,统筹基金,2024-03-02,-99.00",
    )
    assert (again.unchanged, again.accepted, again.rejected) == (1, 0, 1)
    assert OtherUse.objects.count() == 4


def test_member_outside_large_claims_insurance_is_paid_by_the_pooled_fund_alone():
    office = Office("chongqing", plan="unit")
    for code, value in (("pooled_limit", "100.00"), ("mutual_limit", "300000.00")):
        factories.figure(office.city.area, code, 2024, value, office.city.clerk, office.city.reviewer)
    visit = office.settle("1", "700.00", date(2024, 11, 1))
    assert (visit.pooled, visit.large_claims) == (Decimal("100.00"), Decimal("0.00"))


def test_bill_of_another_fund_enters_with_what_it_left_over():
    office = Office("chongqing", plan="unit")
    name, where = office.member.name, office.where.code
    headings = (
        "结算ID,就诊登记号,姓名,证件号码,定点机构编码,就诊日期,结算时间,医疗类别,就诊凭证类型,医疗费总额,全自费金额,"
        "符合范围金额,其他基金支付,定额报销诊察费,原结算ID,退费结算标志"
    )
    factories.figure(office.city.area, "consultation_fee_paid", 2024, "12.00", office.city.clerk, office.city.reviewer)
    upload = office.load(
        "visits",
        headings,
        f"1,E1,{name},{DOCUMENT},{where},2024-11-01,2024-11-01 10:00:00,9901,03,1000.00,80.00,920.00,400.00,20.00,,否",
        f"2,E2,{name},{DOCUMENT},{where},2024-11-02,2024-11-02 10:00:00,11,03,10.00,0.00,10.00,11.00,,,否",
        f"3,E1,{name},{DOCUMENT},{where},2024-11-01,2024-11-03 10:00:00,9901,03,-1000.00,-80.00,-920.00,-400.00,"
        "-20.00,1,是",
    )
    assert (upload.accepted, upload.rejected) == (2, 1)
    visit, reversal = office.where.visits.order_by("id")
    # 920 - 400 - 20 = 500 left over: (500 - 200) x 60 % = 180.00, and 12.00 of the consultation.
    assert (visit.other_remainder, visit.pooled, visit.fixed) == (
        Decimal("500.00"),
        Decimal("192.00"),
        Decimal("12.00"),
    )
    assert (visit.other_funds, visit.cash) == (Decimal("400.00"), Decimal("408.00"))
    assert (reversal.other_funds, reversal.other_remainder, reversal.cash) == (
        Decimal("-400.00"),
        Decimal("-500.00"),
        Decimal("-408.00"),
    )


def test_figures_that_visits_rest_on_are_not_undone():
    office = Office("chongqing", plan="unit")
    line = f"Z1,{office.member.name},{DOCUMENT},310,统筹基金,2024-03-01,50.00"
    upload = office.load("other_uses", OTHER, line)
    undo_upload(upload, actor=office.city.reviewer, now=NOW)
    assert not OtherUse.objects.exists()
    upload = office.load("other_uses", OTHER, line)
    office.settle("1", "700.00", date(2024, 11, 1))
    with pytest.raises(DomainError):
        undo_upload(upload, actor=office.city.reviewer, now=NOW)
    assert OtherUse.objects.count() == 1


def test_a5_visits_settled_in_another_area_do_not_close_our_opening_figures():
    """Moved here in June: what the old area settled in the year is counted there, and our figures still load."""
    office = Office("kaifeng")
    elsewhere = Area.objects.create(code="440899", name="湛江市")
    office.member.enrolments.update(starts_on=date(2024, 6, 1))
    Enrolment.objects.create(
        member=office.member, area=elsewhere, scheme="310", person_class="active",
        starts_on=SINCE, ends_on=date(2024, 5, 31),
    )  # fmt: skip
    there = Staff.objects.create(username="there", area=elsewhere)
    assert office.settle("1", "100.00", date(2024, 3, 8), clerk=there).area_id == elsewhere.pk
    line = f"{office.member.name},{DOCUMENT},310,2024,,990.00,,"
    assert office.load("opening", OPENING, line).accepted == 1
    assert office.settle("2", "1000.00", date(2024, 6, 3)).pooled == Decimal("10.00")
