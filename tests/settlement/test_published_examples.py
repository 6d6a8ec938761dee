"""The five examples that Chongqing published, as a year in files: rosters, premiums, credits, bills, statements."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from accounts.models import Account
from accounts.queries import statement
from accounts.services.credits import credit_month
from accounts.statements import rows, totals
from bureau.identifiers.identity import with_check_digit
from bureau.jobs import services as jobs
from bureau.rosters.uploads import load_now, receive_upload
from bureau.rules.accounts import use as account_use
from bureau.rules.money import fen, whole_yuan
from settlement.models import Visit
from settlement.queries.explain import explain
from tests.roster_files import rejects
from tests.settlement import factories
from tests.settlement.cases import cases
from tests.settlement.story import books_are_clean

pytestmark = pytest.mark.django_db

FIRST, LAST = date(2024, 1, 1), date(2024, 12, 31)
HOSPITALS = {2: "H50010100002", 3: "H50010100003"}


@dataclass(frozen=True)
class Patient:
    """A member of the leaflet: the case's id, the name it gives, a day of birth of that age, and twelve bases."""

    case: str
    name: str
    birth: str
    plan: str = "单位"
    bases: tuple[str, ...] = ()

    @property
    def document(self) -> str:
        return with_check_digit(f"500101{self.birth}001")

    @property
    def person(self) -> str:
        return f"{self.name},{self.document}"

    @property
    def member_type(self) -> str:
        return "11" if self.bases else "12"


# Twelve credits of 2 % that come to 2000.00, 989.00 and 1068.00; the retired get 12 x 105 and 12 x 115.
PATIENTS = [
    Patient("CQ-Q1", "李某", "19620301"),
    Patient("CQ-Q2", "程某", "19920301", bases=("8333.50",) * 8 + ("8333.00",) * 4),
    Patient("CQ-Q3", "谢某", "19860301", bases=("4121.00",) * 8 + ("4120.50",) * 4),
    Patient("CQ-Q4", "张某", "19480301"),
    Patient("CQ-Q5", "曾某", "19880301", plan="个人二档", bases=("4450.00",) * 12),
]
CASES = {case["id"]: case for case in cases("chongqing", "published_example") if case["id"].startswith("CQ-Q")}


def load(city, kind: str, now: datetime, headings: str, lines: list[str]):
    content = "\r\n".join([headings, *lines, ""]).encode("utf-8-sig")
    upload = receive_upload(kind=kind, name="roster.csv", content=content, area=city.area, actor=city.clerk, now=now)
    upload = load_now(upload, actor=city.clerk, now=now)
    assert (upload.status, upload.accepted, upload.rejected) == ("loaded", len(lines), 0), rejects(upload)


def rosters(city, now: datetime) -> None:
    load(
        city,
        "institutions",
        now,
        "机构编码,机构名称,机构类型,统筹区,经办区县,结算等级,协议开始",
        [
            f"{code},{level}级医院,医院,500000,{city.county.pk},{'二级' if level == 2 else '三级'},2024-01-01"
            for level, code in HOSPITALS.items()
        ],
    )
    load(
        city,
        "members",
        now,
        "姓名,证件号码,险种类型,人员类别,本次参保日期,参保所属医保区划,参保档次,大额互助参保",
        [f"{p.person},310,{p.member_type},2024-01-01,500000,{p.plan},是" for p in PATIENTS],
    )
    load(
        city,
        "benefit_periods",
        now,
        "姓名,证件号码,险种类型,开始日期",
        [f"{p.person},310,2024-01-01" for p in PATIENTS],
    )


def credits(city) -> None:
    """Each month's premiums come in, and the accounts are credited."""
    for month in range(1, 13):
        now = datetime(2024, month, 20, 2, tzinfo=UTC)
        lines = [
            f"{p.person},2024-{month:02},310,{p.bases[month - 1]},0.00,{Decimal(p.bases[month - 1]) * 2 / 100:.2f},"
            f"2024-{month:02}-15"
            for p in PATIENTS
            if p.bases
        ]
        load(
            city,
            "contributions",
            now,
            "姓名,证件号码,费款所属期,险种类型,缴费基数,单位缴费金额,个人缴费金额,入国库时间",
            lines,
        )
        job = credit_month(area=city.area, month=now.date().replace(day=1), actor=city.clerk, now=now)
        jobs.work(job.pk, clock=lambda now=now: now)
        job.refresh_from_db()
        assert job.status == "done"


def bills(city, now: datetime) -> None:
    """Bills of which the fund for special diseases has paid first are of that kind (14); the rest are ordinary (11)."""
    lines = []
    for number, patient in enumerate(PATIENTS, 1):
        facts = CASES[patient.case]["facts"]
        other, total = facts["other_fund_paid"], facts["total_cost"]
        kind = "14" if Decimal(other) else "11"
        lines.append(
            f"S{number},E{number},{patient.person},{HOSPITALS[facts['lvl']]},2024-12-23,2024-12-23 10:00:00,{kind},"
            f"01,{total},{total},{other},1"
        )
    load(
        city,
        "visits",
        now,
        "结算ID,就诊登记号,姓名,证件号码,定点机构编码,就诊日期,结算时间,医疗类别,就诊凭证类型,医疗费总额,符合范围金额,"
        "其他基金支付,个人账户使用标志",
        lines,
    )


def test_published_examples_come_out_of_files_services_and_statements():
    assert sorted(CASES) == [patient.case for patient in PATIENTS]
    city = factories.city_of("chongqing")
    rosters(city, datetime(2024, 1, 2, 2, tzinfo=UTC))
    credits(city)
    bills(city, datetime(2024, 12, 24, 2, tzinfo=UTC))
    for patient in PATIENTS:
        facts, expected = CASES[patient.case]["facts"], CASES[patient.case]["expected"]
        visit = Visit.objects.get(member__name=patient.name)
        account = Account.objects.get(member=visit.member)
        fund = visit.pooled + visit.large_claims + visit.other_funds
        assert visit.total == fund + visit.account + visit.family + visit.cash == Decimal(facts["total_cost"])
        found = {
            "pooled_fund": visit.pooled,
            "all_fund": fund,
            "pa_paid": visit.account,
            "cash": visit.cash,
            "pa_left": account.balance,
        }
        assert found == {name: Decimal(expected[name]) for name in found}, patient.name

        printed = expected["published"]
        shown = whole_yuan(fen(fund))
        paid, cash = account_use.split(int(visit.total) - shown, int(Decimal(facts["pa_credit"])))
        assert (shown, paid, cash) == (printed["all_fund"], printed["pa_paid"], printed["cash"])

        page = statement(account_id=account.pk, starts_on=FIRST, ends_on=LAST)
        assert totals(page) == (Decimal(facts["pa_credit"]), Decimal(expected["pa_paid"]))
        assert (page.opening, page.closing) == (Decimal("0.00"), Decimal(expected["pa_left"]))
        assert len(rows(page)) == 13
        assert {"4", "5", "6"} <= {line.article for line in explain(visit)}
    books_are_clean(city)
