"""The roster of selections: the same outcome as one by one, bad lines with their reasons, undo, and speed."""

from datetime import UTC, date, datetime
from itertools import product

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bureau.errors import DomainError, RefusedError
from bureau.identifiers.identity import with_check_digit
from bureau.rosters.undo import undo_upload
from institutions import queries
from institutions.models import Selection
from institutions.services.choices import Ask, plan_for
from institutions.services.selection import choose, end_selections, write
from members.identity import keyed_hash
from members.models import Enrolment, Member

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 1, 30, tzinfo=UTC)
HEADINGS = "姓名,证件号码,医院编码,选点年度,申请时间,定点开始时间,所属险种,改点类型,变更原因"
LI = with_check_digit("44162119800101001")
WANG = with_check_digit("44162119850215002")


@pytest.fixture
def people(person, edition):
    return person(name="李明", document=LI), person(name="王芳", document=WANG)


def counts(upload):
    return upload.status, upload.rows, upload.accepted, upload.unchanged, upload.rejected


def everything():
    return list(
        Selection.objects.order_by("member", "starts_on").values_list(
            "member", "institution__name", "route", "requested_on", "starts_on", "ends_on", "counts_from", "counts_to"
        )
    )


def line(name, document, place, day, *rest, year=2026):
    starts, scheme, route, reason = [*rest, "", "", "", ""][:4]
    return f"{name},{document},{place.code},{year},{day},{starts},{scheme},{route},{reason}"


def test_choices_and_changes_go_in_in_the_order_of_their_days(load, people, place, area):
    a, b = place("甲"), place("乙")
    upload = load(
        "selections",
        HEADINGS,
        line("李明", LI, b, "2026-03-05", "2026-03-05", "310", "改点", "迁居"),
        line("李明", LI, a, "2025-10-10", "2026-01-01", "职工", "集中选点"),
        line("王芳", WANG, a, "2026-02-05", "", "310", "年内选点"),
    )
    assert counts(upload) == ("loaded", 3, 3, 0, 0)
    li, wang = people
    year_end, december = date(2026, 12, 31), date(2026, 12, 1)
    window, first = date(2025, 10, 10), date(2026, 1, 1)
    assert everything() == [
        (li.pk, "甲", "window", window, first, date(2026, 3, 4), first, date(2026, 3, 1)),
        (li.pk, "乙", "change", date(2026, 3, 5), date(2026, 3, 5), year_end, date(2026, 4, 1), december),
        (wang.pk, "甲", "in_year", date(2026, 2, 5), date(2026, 2, 5), year_end, date(2026, 3, 1), december),
    ]
    assert queries.person_months(area.pk, "310", 2026) == {a.pk: 13, b.pk: 9}
    assert set(Selection.objects.values_list("upload", "recorded_by__username")) == {(upload.pk, "clerk")}


def test_lines_known_already_change_nothing(load, people, place):
    a, b = place("甲"), place("乙")
    lines = [line("李明", LI, a, "2025-10-10"), line("李明", LI, b, "2026-03-05", "", "", "", "迁居")]
    load("selections", HEADINGS, *lines)
    before = everything()
    assert load("selections", HEADINGS, *lines).rows == 2
    assert counts(load("selections", HEADINGS, *reversed(lines))) == ("loaded", 2, 0, 2, 0)
    again = load("selections", HEADINGS, *lines, line("王芳", WANG, a, "2025-10-10"))
    assert counts(again) == ("loaded", 3, 1, 2, 0)
    assert everything()[:2] == before


def test_change_by_roster_is_undone_with_the_months(load, people, place, area, clerk):
    a, b = place("甲"), place("乙")
    load("selections", HEADINGS, line("李明", LI, a, "2025-10-10"), line("王芳", WANG, a, "2025-10-10"))
    before = everything()
    upload = load("selections", HEADINGS, line("李明", LI, b, "2026-03-05", "", "", "", "迁居"))
    assert queries.person_months(area.pk, "310", 2026) == {a.pk: 15, b.pk: 9}
    undo_upload(upload, actor=clerk, now=NOW)
    assert everything() == before
    assert queries.person_months(area.pk, "310", 2026) == {a.pk: 24}


def test_choice_overwritten_in_the_window_comes_back_by_undo(load, people, place, clerk):
    a, b = place("甲"), place("乙")
    load("selections", HEADINGS, line("李明", LI, a, "2025-10-10"))
    before = everything()
    upload = load("selections", HEADINGS, line("李明", LI, b, "2025-11-10"))
    assert [row[1] for row in everything()] == ["乙"]
    undo_upload(upload, actor=clerk, now=NOW)
    assert everything() == before


@pytest.mark.parametrize("act", ["change", "end", "roster"])
def test_roster_with_later_acts_on_its_selections_is_not_undone(load, people, place, clerk, act):
    a, b = place("甲"), place("乙")
    upload = load("selections", HEADINGS, line("李明", LI, a, "2025-10-10"))
    facts = {"member": people[0], "actor": clerk, "now": NOW}
    if act == "change":
        choose(institutions=b, year=2026, requested_on=date(2026, 3, 5), reason="迁居", **facts)
    elif act == "end":
        end_selections(last_day=date(2026, 3, 5), event="death", **facts)
    else:
        load("selections", HEADINGS, line("李明", LI, b, "2026-03-05", "", "", "", "迁居"))
    before = everything()
    with pytest.raises(DomainError):
        undo_upload(upload, actor=clerk, now=NOW)
    assert everything() == before


def test_bad_lines_come_back_each_with_its_reason(load, people, place, person, reasons):
    a, b = place("甲"), place("乙")
    other = with_check_digit("44162119900101003")
    person(name="陈强", document=other, died_on=date(2025, 12, 1))
    late = with_check_digit("44162119920101004")
    person(name="赵小", document=late, starts_on=date(2026, 2, 1))
    stranger = with_check_digit("44162119950101005")
    upload = load(
        "selections",
        HEADINGS,
        line("李明", LI, a, "2025-10-10"),
        line("李明", LI, b, "2026-03-05"),
        line("李明", LI, a, "2026-04-05", "", "", "", "迁居"),
        line("王芳", WANG, a, "2025-08-20"),
        line("王芳", WANG, a, "2026-02-05", "2026-01-01"),
        line("王芳", WANG, a, "2026-02-06", "", "", "集中选点"),
        line("王芳", WANG, a, "2026-02-07", "", "390"),
        line("王芳", WANG, a, "2026-02-08", "", "", "改点", "迁居"),
        line("王五", WANG, a, "2026-02-09"),
        line("陈强", other, a, "2025-10-10"),
        line("赵小", late, a, "2025-10-10"),
        line("某人", stranger, a, "2025-10-10"),
        line("王芳", WANG, a, "2026-02-10").replace(a.code, "H44160299999"),
        line("王芳", WANG[:-1] + ("0" if WANG[-1] != "0" else "1"), a, "2026-02-11"),
        line("王芳", WANG, place("药店", "pharmacy"), "2026-02-12"),
        line("李明", LI, a, "2025-10-10", "", "", "", "重复"),
    )
    assert counts(upload) == ("loaded", 16, 1, 0, 15)
    assert reasons(upload) == [
        ("3", "变更原因", "A change needs a reason (article 15)"),
        ("4", "医院编码", "The institution is selected already (article 15)"),
        ("5", "申请时间", "Outside the selection window (article 15)"),
        ("6", "定点开始时间", "By the day of the request the selection begins on 2026-02-05."),
        ("7", "改点类型", "By the day of the request this is another kind of choice: first choice in the year."),
        ("8", "证件号码", "Not enrolled on this day"),
        ("9", "医院编码", "There is no selection to change (article 15)"),
        ("10", "姓名", "The roster says 王五, the record of this document 王芳; correct the one or the other."),
        ("11", "证件号码", "The member died on 2025-12-01."),
        ("12", "证件号码", "Not enrolled on this day"),
        ("13", "证件号码", "No member is recorded with this document; load the roster of members first."),
        (
            "14",
            "医院编码",
            "No institution is recorded under H44160299999; load the roster of institutions first.",
        ),
        ("15", "证件号码", "The check digit of the identity number is wrong; compare it with the card."),
        ("16", "医院编码", "This kind of institution cannot be selected (article 15)"),
        ("17", "", "The line repeats line 2."),
    ]
    assert [row[1:3] for row in everything()] == [("甲", "window")]


def test_roster_equals_one_request_after_the_other(person, place, edition, clerk, area):
    """Every pair of days and places, once as a roster's plan and once through the desk."""
    offered = [place(name) for name in ("甲", "乙", "丙")]
    days = [date(2025, 8, 1), date(2025, 9, 1), date(2026, 1, 1), date(2026, 3, 15), date(2026, 12, 31)]
    stories = [
        [(first, offered[0], ""), (second, offered[1], reason), (date(2026, 11, 2), offered[number], "迁居")]
        for first, second, reason, number in product(days, days, ("", "迁居"), (0, 2))
    ]
    at_desk, by_roster = [person() for _story in stories], [person() for _story in stories]
    for member, story in zip(at_desk, stories, strict=True):
        for on, chosen, reason in story:
            try:
                choose(
                    member=member, institutions=chosen, year=2026, requested_on=on, reason=reason, actor=clerk, now=NOW
                )
            except (RefusedError, DomainError):
                continue
    asks = [
        Ask(member.pk, (chosen.pk,), 2026, on, reason=reason)
        for member, story in zip(by_roster, stories, strict=True)
        for on, chosen, reason in story
    ]
    plan = plan_for(asks, actor=clerk)
    for ask in asks:
        try:
            plan.choose(ask)
        except DomainError:
            continue
    write(plan)
    outcome = [row[1:] for row in everything() if row[0] in {member.pk for member in at_desk}]
    assert outcome == [row[1:] for row in everything() if row[0] in {member.pk for member in by_roster}]
    assert len(outcome) == 155


def test_large_roster_asks_the_database_no_more_often_than_a_small_one(
    load, place, edition, area, django_assert_max_num_queries
):
    a = place("甲")
    numbers = [with_check_digit(f"441602198001{n // 1000 + 1:02d}{n % 1000:03d}") for n in range(2_020)]
    members = Member.objects.bulk_create(
        [
            Member(name="成员", document_cipher=b"", document_hash=keyed_hash(number), document_last4=number[-4:])
            for number in numbers
        ]
    )
    first_day = date(2025, 1, 1)
    Enrolment.objects.bulk_create(
        [Enrolment(member=m, area=area, scheme="310", person_class="active", starts_on=first_day) for m in members]
    )
    lines = [line("成员", number, a, "2025-10-10") for number in numbers]
    with CaptureQueriesContext(connection) as small:
        load("selections", HEADINGS, *lines[:20])
    with django_assert_max_num_queries(len(small) + 5):
        upload = load("selections", HEADINGS, *lines)
    assert counts(upload) == ("loaded", 2_020, 2_000, 20, 0)
    assert queries.heads(area.pk, "310", date(2026, 1, 1)) == {a.pk: 2_020}
