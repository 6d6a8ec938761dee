"""Files of visits and of opening figures: every row answered by a visit or by a reason, in one go or in parts."""

import csv
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from zoneinfo import ZoneInfo

import pytest

from bureau.identifiers.identity import with_check_digit
from tests.roster_files import rejects

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
HEADERS = [
    "结算ID", "就诊登记号", "证件号码", "定点机构编码", "就诊日期", "结算时间", "医疗类别", "处方机构编码",
    "处方就诊登记号", "就诊凭证类型", "医疗费总额", "符合范围金额", "个人账户使用标志", "退费结算标志", "原结算ID",
]  # fmt: skip


def bill(person, where, number, total="100.00"):
    return {
        "结算ID": f"S{number}",
        "就诊登记号": f"E{number}",
        "证件号码": person.document,
        "定点机构编码": where.code,
        "就诊日期": "2026-03-02",
        "结算时间": f"2026-03-02 10:{number % 60:02d}:00",
        "就诊凭证类型": "01",
        "医疗费总额": total,
        "符合范围金额": total,
    }


def table(rows, headers=HEADERS):
    out = StringIO()
    writer = csv.DictWriter(out, headers, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def load(city, rows, kind="visits", name="bills.csv", headers=HEADERS):
    from bureau.rosters.uploads import load_now, receive_upload

    content = table(rows, headers)
    upload = receive_upload(kind=kind, name=name, content=content, area=city.area, actor=city.clerk, now=NOW)
    return load_now(upload, actor=city.clerk, now=NOW)


def reasons(upload):
    """Field and reason of each rejected row."""
    from django.utils import translation

    with translation.override("en"):
        rows = list(csv.reader(StringIO(rejects(upload))))
    return [(row[-2], row[-1]) for row in rows[1:]]


@pytest.fixture
def place(city):
    from tests.settlement.factories import institution

    return institution(city, level=1)


@pytest.fixture
def people(city, place):
    """Three members who have chosen the place, with a document each and 50.00 in the account."""
    from members.identity import keyed_hash
    from tests.settlement.factories import member

    found = []
    for number in range(3):
        person = member(city, selected=place, balance="50.00")
        person.document = with_check_digit(f"44160219800520{number:03d}")
        person.document_hash = keyed_hash(person.document)
        person.save()
        found.append(person)
    return found


def test_visits_file_settles_each_row(city, place, people):
    from settlement.models import Visit

    upload = load(city, [bill(person, place, n) for n, person in enumerate(people)])
    assert (upload.status, upload.accepted, upload.rejected) == ("loaded", 3, 0)
    assert [visit.pooled for visit in Visit.objects.order_by("id")] == [Decimal("60.00")] * 3
    assert {visit.settled_on for visit in Visit.objects.all()} == {date(2026, 3, 2)}


def test_same_visits_again_are_unchanged(city, place, people):
    from settlement.models import Visit

    rows = [bill(person, place, n) for n, person in enumerate(people)]
    first = load(city, rows)
    assert load(city, rows).pk == first.pk
    again = load(city, list(reversed(rows)))
    assert (again.status, again.accepted, again.unchanged) == ("loaded", 0, 3)
    assert Visit.objects.count() == 3


def test_each_bad_visit_comes_back_with_its_reason(city, place, people):
    from settlement.models import Visit

    person = people[0]
    late = {"结算时间": "2026-04-02 10:00:00"}
    upload = load(
        city,
        [
            bill(person, place, 1),
            bill(person, place, 1) | {"结算ID": "S1x", "定点机构编码": "H44160299999"},
            bill(person, place, 2) | {"医疗类别": "41", "处方机构编码": place.code, "处方就诊登记号": "none"},
            bill(person, place, 3) | late,
            bill(person, place, 4, "-100.00") | {"退费结算标志": "1", "原结算ID": "S9"},
            bill(person, place, 5) | {"证件号码": with_check_digit("44160219800520777")},
        ],
    )
    assert (upload.accepted, upload.rejected) == (2, 4)
    assert list(Visit.objects.order_by("id").values_list("refusal", flat=True)) == ["", "prescription_unknown"]
    fields = [field for field, _reason in reasons(upload)]
    assert fields == ["定点机构编码", "结算时间", "原结算ID", "证件号码"]
    assert all(reason for _field, reason in reasons(upload))


def test_reversal_in_a_file_frees_the_cap_for_the_next_visit(city, place, people):
    from settlement.models import Visit

    person = people[0]
    upload = load(
        city,
        [
            bill(person, place, 1, "80.00"),
            bill(person, place, 2, "-80.00") | {"结算ID": "R1", "退费结算标志": "1", "原结算ID": "S1"},
            bill(person, place, 3, "80.00") | {"就诊登记号": "E1"},
        ],
    )
    assert (upload.accepted, upload.rejected) == (3, 0)
    pooled = list(Visit.objects.order_by("settled_on", "id").values_list("pooled", flat=True))
    assert sorted(pooled) == [Decimal("-56.00"), Decimal("56.00"), Decimal("56.00")]


def test_reversal_of_another_amount_is_refused(city, place, people):
    from settlement.models import Visit

    load(city, [bill(people[0], place, 1)])
    back = bill(people[0], place, 2, "-99.00") | {"退费结算标志": "1", "原结算ID": "S1"}
    other = bill(people[1], place, 3, "-100.00") | {"退费结算标志": "1", "原结算ID": "S1"}
    upload = load(city, [back, other])
    assert (upload.status, upload.accepted, upload.rejected) == ("refused", 0, 2)
    assert [field for field, _reason in reasons(upload)] == ["医疗费总额", "证件号码"]
    assert Visit.objects.count() == 1


def test_large_file_is_settled_in_parts_with_families_whole(city, place, people, monkeypatch):
    from accounts.models import Account, FamilyGrant
    from bureau.jobs import services as jobs
    from bureau.models import Job
    from members.models import Relative
    from settlement.models import Visit
    from settlement.services.rosters import visits as rosters

    monkeypatch.setattr(rosters, "ROWS_IN_A_PART", 2)
    holder, stranger, child = people
    tie = Relative.objects.create(member=holder, relative=child, relation="child", starts_on=date(2026, 1, 1))
    FamilyGrant.objects.create(
        account=Account.objects.get(member=holder),
        relative=tie,
        beneficiary=child,
        starts_on=date(2026, 1, 1),
        granted_by=city.clerk,
    )
    Account.objects.get(member=child)
    family = {"个人账户使用标志": "2"}
    rows = [
        bill(child, place, 1, "200.00") | family,
        bill(stranger, place, 2),
        bill(holder, place, 3, "100.00") | {"个人账户使用标志": "1"},
        bill(stranger, place, 4) | {"定点机构编码": "H44160299999"},
    ]
    upload = load(city, rows)
    assert (upload.status, Visit.objects.count()) == ("loading", 0)
    job = Job.objects.get(key=f"visits {upload.pk}")
    lines = [[row[0] for row in chunk.sealed["bills"]] for chunk in job.chunks.order_by("number")]
    assert lines == [[2, 4], [3]]
    jobs.work(job.pk, clock=lambda: NOW)
    upload.refresh_from_db()
    assert (upload.status, upload.accepted, upload.rejected) == ("loaded", 3, 1)
    assert [field for field, _reason in reasons(upload)] == ["定点机构编码"]
    paid = {visit.key: (visit.account, visit.family, visit.cash) for visit in Visit.objects.all()}
    # The child came first: 60 by the fund, 50 of its own, the holder's 50; nothing is left for the holder's visit.
    assert paid["S1"] == (Decimal("50.00"), Decimal("50.00"), Decimal("40.00"))
    assert paid["S3"] == (Decimal("0.00"), Decimal("0.00"), Decimal("40.00"))
    assert jobs.work(job.pk, clock=lambda: NOW) == 0
    assert Visit.objects.count() == 3


def test_visits_file_cannot_be_undone(city, place, people):
    from bureau.errors import DomainError
    from bureau.rosters.undo import undo_upload
    from settlement.models import Visit

    upload = load(city, [bill(people[0], place, 1)])
    with pytest.raises(DomainError):
        undo_upload(upload, actor=city.clerk, now=NOW)
    assert Visit.objects.count() == 1


OPENING = ["证件号码", "险种类型", "年度", "统筹已支付"]


def opened(person, year="2026", fund="1650.00"):
    return {"证件号码": person.document, "险种类型": "310", "年度": year, "统筹已支付": fund}


def test_opening_figure_counts_against_the_yearly_cap(city, place, people):
    from settlement.models import Visit

    upload = load(city, [opened(people[0])], "opening", "opening.csv", OPENING)
    assert (upload.status, upload.accepted) == ("loaded", 1)
    load(city, [bill(people[0], place, 1)])
    assert Visit.objects.get().pooled == Decimal("50.00")


def test_opening_figure_is_not_changed_nor_undone_after_a_visit(city, place, people):
    from bureau.errors import DomainError
    from bureau.rosters.undo import undo_upload
    from settlement.models import OpeningUse

    upload = load(city, [opened(people[0])], "opening", "opening.csv", OPENING)
    same = load(city, [opened(people[0]), opened(people[1])], "opening", "again.csv", OPENING)
    assert (same.accepted, same.unchanged) == (1, 1)
    other = load(city, [opened(people[0], fund="1.00")], "opening", "other.csv", OPENING)
    assert (other.status, [field for field, _reason in reasons(other)]) == ("refused", ["统筹已支付"])
    load(city, [bill(people[0], place, 1), bill(people[2], place, 2)])
    late = load(city, [opened(people[2])], "opening", "late.csv", OPENING)
    assert (late.status, [field for field, _reason in reasons(late)]) == ("refused", ["年度"])
    with pytest.raises(DomainError):
        undo_upload(upload, actor=city.clerk, now=NOW)
    assert OpeningUse.objects.count() == 2
