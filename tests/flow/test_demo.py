"""The demonstration: a tiny city lives its year once, and its roster files have the oddities that real ones have."""

import datetime
from collections import Counter
from io import BytesIO, StringIO

import pytest
from openpyxl import load_workbook

MEMBERS = 300
CITIES = ["heyuan", "zhanjiang", "kaifeng", "shaoguan", "chongqing"]


@pytest.fixture(scope="module")
def city():
    """The tiny city's people, places and bills; nothing of it is in a database."""
    return built("heyuan")


def built(name: str):
    from demo import profile
    from demo.city import build

    known = profile.load(name)
    return build(known, MEMBERS, known.seed)


# The files


def test_city_has_sixty_institutions_of_every_kind(city):
    kinds = {place.kind for place in city.places.all}
    assert len(city.places.all) == 60
    assert {"综合医院", "乡镇卫生院", "社区卫生服务中心", "村卫生站", "定点零售药店", "异地清算机构"} <= kinds
    assert all(place.parent is not None for place in city.places.all if place.kind == "村卫生站")


def test_same_seed_makes_same_files(city):
    from demo import files

    again = built("heyuan")
    assert files.members(again.members, again.profile).csv() == files.members(city.members, city.profile).csv()
    assert files.visits(again.months[11].bills).csv() == files.visits(city.months[11].bills).csv()


def test_identity_numbers_are_valid_and_used_once(city):
    from bureau.identifiers.identity import birth_and_sex

    documents = [person.document for person in city.members]
    assert len(set(documents)) == MEMBERS
    assert all(birth_and_sex(person.document) == (person.birth, person.sex) for person in city.members)


def test_members_roster_has_bad_rows_with_reasons(city):
    from bureau.files import read_rows
    from demo import files
    from tests.sheets import SHEETS
    SHEET = SHEETS["members"]

    rows = list(read_rows("members.csv", files.members(city.members, city.profile).csv(), SHEET))
    codes = {problem.code for row in rows for problem in row.problems}
    assert len(rows) == MEMBERS + 7
    assert {"identity_checksum", "identity_old", "required", "no_such_day", "choice", "formula"} <= codes


def test_contributions_come_in_gb18030(city):
    from bureau.files import read_rows
    from demo import files
    from tests.sheets import SHEETS
    SHEET = SHEETS["contributions"]

    month, paid_on = datetime.date(2026, 3, 1), datetime.date(2026, 3, 9)
    paying = [(person, month, person.base, "正常缴费", paid_on) for person in city.members if person.base]
    content = files.contributions(paying, city.profile).csv("gb18030")
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")
    rows = list(read_rows("contributions.csv", content, SHEET))
    assert [row.values["name"] for row in rows if not row.problems] == [row[0].name for row in paying]


def test_relatives_come_as_workbook_with_title(city):
    from bureau.files import read_rows
    from demo import files
    from tests.sheets import SHEETS
    SHEET = SHEETS["relatives"]

    content = files.relatives(city.people.ties).xlsx("家庭共济近亲属备案表")
    sheet = load_workbook(BytesIO(content)).active
    assert [sheet["A1"].value, sheet["A2"].value] == ["家庭共济近亲属备案表", "主账户人姓名"]
    rows = list(read_rows("relatives.xlsx", content, SHEET))
    assert sum(not row.problems for row in rows) == len(city.people.ties)
    assert any(row.problems for row in rows)


def test_year_of_bills_has_every_kind_of_visit(city):
    bills = [bill for month in city.months for bill in (*month.bills, *month.at_desk)]
    keys = [bill.key for bill in bills]
    assert len(set(keys)) == len(keys)
    assert {bill.med_type for bill in bills} == {"11", "13", "41"}
    assert all(bill.prescriber for bill in bills if bill.med_type == "41")
    assert any(bill.prescriber for bill in bills)
    assert any(bill.reverses for bill in bills)
    assert any(bill.place.away for bill in bills)
    assert any(month.referrals for month in city.months)
    assert all(bill.total == bill.in_policy + bill.own_expense + bill.over_limit + bill.first_self for bill in bills)


@pytest.mark.parametrize("name", CITIES)
def test_city_is_what_its_rules_ask_for(name):
    city = built(name)
    profile, bills = city.profile, [bill for month in city.months for bill in month.bills]
    assert profile.members >= 10_000
    assert {bill.care_on.year for bill in bills} == {profile.year}
    assert {person.person_class for person in city.members} == set(profile.classes)
    assert bool(city.people.ties) == bool(city.people.employers) == profile.has_accounts == (name != "shaoguan")
    assert any(month.referrals for month in city.months) == profile.chooses == (name in ("heyuan", "shaoguan"))
    assert any(bill.other_funds for bill in bills) == (name == "chongqing")
    assert any(person.first_premium_on for person in city.members) == (name == "shaoguan")
    assert any(month.claimed for month in city.months)


@pytest.mark.parametrize("name", CITIES)
def test_nobody_is_ill_more_often_than_people_are(name):
    by_person = Counter(bill.person for month in built(name).months for bill in (*month.bills, *month.at_desk))
    assert max(by_person.values()) <= 45


def test_clinics_are_full_on_mondays_and_quiet_on_feast_days(city):
    by_day = Counter(bill.care_on for month in city.months for bill in month.bills if not bill.reverses)
    spring_festival = [datetime.date(2026, 2, day) for day in range(15, 24)]
    workdays = [datetime.date(2026, 3, day) for day in (9, 10, 11, 12, 13, 16, 17, 18, 19)]
    assert sum(by_day[day] for day in spring_festival) * 2 < sum(by_day[day] for day in workdays)
    weekdays = Counter(day.weekday() for day in by_day.elements())
    assert weekdays[0] > weekdays[3] > weekdays[6]


def test_staff_act_on_working_days_and_month_ends_alone(city):
    from bureau.rules.periods import last_day
    from demo.days import is_working
    from demo.year import story

    at_desks = {bill.care_on for month in city.months for bill in (*month.at_desk, *month.purchases)}
    taken_back = {day + datetime.timedelta(days=1) for day in at_desks}
    automatic = {datetime.date(2026, 1, 1), datetime.date(2027, 1, 1)}
    off = {act.day for act in story(city) if not is_working(act.day)} - at_desks - taken_back - automatic
    assert {day for day in off if day != last_day(day.year, day.month)} == set()


@pytest.mark.parametrize(
    ("birth", "age", "day"),
    [
        (datetime.date(1964, 12, 31), 60, datetime.date(2025, 1, 1)),
        (datetime.date(1965, 1, 1), 60, datetime.date(2025, 3, 1)),
        (datetime.date(1966, 5, 20), 60, datetime.date(2026, 11, 1)),
        (datetime.date(1971, 1, 9), 55, datetime.date(2026, 6, 1)),
        (datetime.date(1980, 1, 1), 60, datetime.date(2043, 2, 1)),
    ],
)
def test_retirement_age_rises_month_by_month(birth, age, day):
    from demo.days import retires_on

    assert retires_on(birth, age) == day


def test_who_has_no_employer_pays_no_share_of_one(city):
    from demo import files

    month, paid_on = datetime.date(2026, 5, 1), datetime.date(2026, 5, 9)
    flexible = next(person for person in city.members if person.person_class == "flexible")
    employed = next(person for person in city.members if person.employer)
    rows = [(person, month, 4200, "正常缴费", paid_on) for person in (flexible, employed)]
    shares = {row[0]: row[6:8] for row in files.contributions(rows, city.profile).rows if row[5] == "4200.00"}
    assert shares[flexible.number] == ["0.00", "84.00"]
    assert shares[employed.number] == ["231.00", "84.00"]


def test_bills_come_in_a_file_for_each_institution_and_some_files_late(city):
    from demo.months import sent

    for month in city.months:
        sent_in = sent(city, month)
        assert sum(len(file.bills) for file in sent_in) == len(month.bills)
        senders = [file.sender for file in sent_in]
        assert len(senders) == len(set(senders)) and all(sender.parent is None for sender in senders)
    assert any(file.late for month in city.months for file in sent(city, month))


# The story


def tell(city: str = "heyuan", members: int = MEMBERS, **options) -> str:
    from django.core.management import call_command

    out = StringIO()
    call_command("demo", city=[city], members=members, stdout=out, **options)
    return out.getvalue()


def what_there_is() -> dict[str, int]:
    """Rows by table: what a second life would double."""
    from django.apps import apps

    labels = ("bureau", "members", "institutions", "accounts", "settlement")
    return {
        model._meta.db_table: model.objects.count()
        for label in labels
        for model in apps.get_app_config(label).get_models()
    }


@pytest.mark.usefixtures("as_application")  # as in production
def test_tiny_city_lives_its_year_once():
    from django.core.management import CommandError, call_command

    from accounts.models import AccountUse, Payout
    from bureau.models import AuditEntry, Staff, Upload
    from institutions.models import Referral, Selection
    from members.models import Enrolment, Member
    from settlement.models import Adjustment, Claim, Payment, Proposal, Run, Visit

    told = tell(today=datetime.date(2026, 4, 10))
    assert "2026-04" in told and "2026-05" not in told
    told = tell(today=datetime.date(2027, 1, 20))
    months = [f"2025-{number:02d}" for number in range(9, 13)] + [f"2026-{number:02d}" for number in range(1, 13)]
    assert all(f"\n{month}\n" in told for month in [*months, "2027-01"])

    uploads = Upload.objects.all()
    assert not uploads.filter(status__in=["received", "loading"]).exists()
    assert uploads.filter(status="undone").count() == 1
    assert uploads.filter(rejected_rows__isnull=False).distinct().count() > 80
    assert uploads.filter(kind="contributions", accepted=0, unchanged__gt=0).count() == 1
    assert Visit.objects.filter(care_on__year=2026).count() > 2000
    assert Visit.objects.filter(upload=None, reverses=None).exists()
    assert set(Visit.objects.values_list("channel", flat=True)) == {"ordinary", "emergency", "prescription"}
    assert {"", "not_selected", "visit_cap"} <= set(Visit.objects.values_list("refusal", flat=True))
    assert Enrolment.objects.filter(person_class="retired", starts_on__year=2026).exists()
    assert Member.objects.filter(died_on__year=2026).exists()
    assert Payout.objects.filter(event="death", status="paid").exists()
    assert set(Payout.objects.filter(event="death").values_list("status", flat=True)) == {
        "paid", "submitted", "approved", "returned",
    }  # fmt: skip
    assert AccountUse.objects.filter(paid__gt=0).exclude(relation="self").exists()
    assert Selection.objects.filter(route="change").exists()
    assert Referral.objects.exists()
    assert Run.objects.filter(kind="year_end", status="paid").count() == 6
    left = Run.objects.exclude(status="paid")
    assert {(run.kind, run.period) for run in left} == {("items", datetime.date(2026, 12, 1))}
    assert {"approved", "submitted", "computed"} == set(left.values_list("status", flat=True))
    assert left.filter(status="computed").exclude(note="").exists()
    assert Payment.objects.filter(status="returned", line__run__kind="items").count() == 1
    assert AccountUse.objects.filter(relation="self", purpose="pharmacy_drug").count() > 50
    assert not Visit.objects.filter(refusal="no_prescription").exists()
    notes = set(Proposal.objects.filter(status="dropped").values_list("cause", "reason", "note"))
    assert all("追回" in note or "补付" in note or "再核" in note for _cause, _reason, note in notes)
    assert Adjustment.objects.filter(origin__kind="year_end", carried_by__isnull=False).exists()
    assert {"paid", "received", "checked", "returned"} <= set(Claim.objects.values_list("status", flat=True))
    assert not Staff.objects.filter(is_superuser=True).exists()
    assert Staff.objects.filter(is_active=True).count() == 8
    assert Staff.objects.get(groups=None, is_active=True).username == "heyuan-xinren"
    assert not AuditEntry.objects.filter(at__date__gt=datetime.date(2027, 1, 20)).exists()

    before = what_there_is()
    told = tell(today=datetime.date(2027, 1, 20))
    assert "2027-01" in told
    assert what_there_is() == before
    with pytest.raises(CommandError):
        call_command("demo", city=["heyuan"], members=MEMBERS + 1, stdout=StringIO())
    assert what_there_is() == before


@pytest.mark.usefixtures("as_application")  # as in production
def test_residents_live_their_year_without_accounts():
    from accounts.models import Account, Entry
    from institutions.models import Selection
    from settlement.models import Claim, MonthlyReturn, Run, Visit

    told = tell("shaoguan", members=150, today=datetime.date(2027, 1, 20))
    assert "2027-01" in told
    assert not Account.objects.exists()
    assert set(Selection.objects.values_list("role", flat=True)) == {"primary", "station"}
    assert not Visit.objects.exclude(account=0).exists()
    assert Run.objects.filter(kind="month", status="paid").count() == 12 * 6
    assert Counter(Run.objects.filter(kind="year_end").values_list("status", flat=True)) == {
        "paid": 2, "approved": 1, "submitted": 1, "computed": 2,
    }  # fmt: skip
    assert not Run.objects.filter(kind="advance").exists()
    assert MonthlyReturn.objects.filter(status="accepted").exclude(note="").exists()
    assert Claim.objects.filter(status="paid").exists()
    assert Entry.objects.filter(fund="residents_outpatient", subject="transfer_income").count() >= 1


@pytest.mark.django_db
def test_a_pool_is_too_small_in_some_months_and_large_enough_in_others():
    from settlement.models import Line

    tell("zhanjiang", members=200, today=datetime.date(2027, 1, 20))
    lines = Line.objects.filter(run__kind="month").values_list("facts", flat=True)
    months = {facts["month"]: (sum(facts["actual"].values()), facts["pool"]) for facts in lines}
    assert len(months) == 12
    assert 2 <= sum(used > pool for used, pool in months.values()) <= 8
