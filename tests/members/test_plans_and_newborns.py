"""Plans, large-claims insurance and newborns' first premiums: by rosters and by single acts."""

from datetime import UTC, date, datetime

import pytest

from bureau.errors import DomainError
from bureau.identifiers.identity import with_check_digit
from tests.members.samples import LI, NOW, WANG, roster

pytestmark = pytest.mark.django_db

LATER = datetime(2025, 12, 20, 2, tzinfo=UTC)
MEMBERS = "姓名,证件号码,险种类型,人员类别,本次参保日期,终止日期,参保所属医保区划,参保档次,大额互助参保,首次缴费日期"
CHANGES = "姓名,证件号码,变更类型,变更日期,变更后参保档次,变更后大额互助参保,变更后人员类别"
CHILD, SISTER = with_check_digit("44020020240115001"), with_check_digit("44020020240831002")


def terms(name: str) -> list[tuple]:
    from members.models import Enrolment

    return list(
        Enrolment.objects.filter(member__name=name)
        .order_by("starts_on")
        .values_list("person_class", "plan", "large_claims", "starts_on", "ends_on")
    )


@pytest.fixture
def two(load):
    """李明 of the unit's plan and in large-claims insurance, 王芳 of the first plan and not."""
    return load(
        "members",
        roster(
            MEMBERS,
            f"李明,{LI},310,11,2026-01-01,,441699,单位,是,",
            f"王芳,{WANG},310,11,2026-01-01,,441699,一档,,",
        ),
    )


def test_roster_knows_plans_by_the_bureaus_words_and_keeps_others(load, two):
    assert terms("李明") == [("active", "unit", True, date(2026, 1, 1), None)]
    assert terms("王芳") == [("active", "personal_1", False, date(2026, 1, 1), None)]
    again = load("members", roster(MEMBERS, f"李明,{LI},310,11,2026-01-01,,441699,特惠档,,"))
    assert (again.accepted, again.unchanged) == (1, 0)
    assert terms("李明") == [("active", "特惠档", True, date(2026, 1, 1), None)]


def test_roster_of_changes_gives_another_plan_from_its_day(load, two):
    lines = (
        f"王芳,{WANG},参保档次变更,2026-05-01,单位,,",
        f"王芳,{WANG},大额互助变更,2026-07-01,,是,",
        f"王芳,{WANG},退休,2026-08-01,,,",
        f"李明,{LI},参保档次变更,2026-01-01,二档,否,",
    )
    upload = load("changes", roster(CHANGES, *lines))
    assert (upload.accepted, upload.rejected) == (4, 0)
    assert terms("王芳") == [
        ("active", "personal_1", False, date(2026, 1, 1), date(2026, 4, 30)),
        ("active", "unit", False, date(2026, 5, 1), date(2026, 6, 30)),
        ("active", "unit", True, date(2026, 7, 1), date(2026, 7, 31)),
        ("retired", "unit", True, date(2026, 8, 1), None),
    ]
    assert terms("李明") == [("active", "personal_2", False, date(2026, 1, 1), None)]
    again = load("changes", roster(CHANGES, f"王芳,{WANG},参保档次变更,2026-05-02,单位,,"))
    assert (again.accepted, again.unchanged) == (0, 1)


def test_rosters_say_who_claims_care_elsewhere_by_hand(load):
    from members.models import Enrolment

    line = f"李明,{LI},310,11,2026-01-01,,441699,单位,是,,是"
    load("members", roster(MEMBERS + ",市外手工报销", line))
    headings = "姓名,证件号码,变更类型,变更日期,变更后市外手工报销"
    upload = load("changes", roster(headings, f"李明,{LI},市外手工报销变更,2026-05-01,否"))
    assert (upload.accepted, upload.rejected) == (1, 0)
    told = Enrolment.objects.order_by("starts_on").values_list("starts_on", "by_hand_elsewhere", "large_claims")
    assert list(told) == [(date(2026, 1, 1), True, True), (date(2026, 5, 1), False, True)]
    load("changes", roster(CHANGES, f"李明,{LI},退休,2026-08-01,,,"))
    assert list(told.all())[-1] == (date(2026, 8, 1), False, True)


def test_change_of_plan_must_say_what_changes(load, two, reasons):
    upload = load("changes", roster(CHANGES, f"王芳,{WANG},参保档次变更,2026-05-01,,,"))
    assert (upload.accepted, upload.rejected) == (0, 1)
    assert reasons(upload)[0][1] == "变更后参保档次"
    assert len(terms("王芳")) == 1


def test_change_plan_begins_a_new_span_and_keeps_the_rest(two, clerk):
    from members.models import Member
    from members.services.spans import change_plan

    member = Member.objects.get(name="李明")
    act = {"member": member, "on": date(2026, 6, 1), "actor": clerk, "now": NOW}
    changed = change_plan(**act, plan="personal_2")
    assert change_plan(**act, plan="personal_2") == changed
    assert terms("李明") == [
        ("active", "unit", True, date(2026, 1, 1), date(2026, 5, 31)),
        ("active", "personal_2", True, date(2026, 6, 1), None),
    ]
    change_plan(**act | {"on": date(2026, 9, 1)}, large_claims=False)
    assert terms("李明")[-1] == ("active", "personal_2", False, date(2026, 9, 1), None)
    with pytest.raises(DomainError):
        change_plan(**act | {"on": date(2025, 12, 31)}, plan="unit")
    assert len(terms("李明")) == 3


def shaoguan(*lines: str):
    """A small Shaoguan, and a roster of residents sent in."""
    from bureau.rosters.uploads import load_now, receive_upload
    from tests.settlement import factories

    city = factories.city_of("shaoguan")
    upload = receive_upload(
        kind="members",
        name="roster.csv",
        content=roster(MEMBERS, *lines),
        area=city.area,
        actor=city.clerk,
        now=LATER,
    )
    return load_now(upload, actor=city.clerk, now=LATER)


def test_roster_enrols_newborns_for_the_days_that_the_first_premium_covers(reasons):
    upload = shaoguan(
        f"早宝,{CHILD},390,1401,2024-01-15,2024-12-31,440299,,,2024-07-15",
        f"月末宝,{SISTER},390,1401,2024-08-31,2025-12-31,440299,,,2025-02-28",
    )
    assert (upload.accepted, upload.rejected) == (2, 0), reasons(upload)
    assert terms("早宝") == [("resident", "", False, date(2024, 1, 15), date(2024, 12, 31))]


def test_roster_turns_away_days_that_the_first_premium_does_not_cover(reasons):
    upload = shaoguan(
        f"晚宝,{CHILD},390,1401,2024-01-15,2024-12-31,440299,,,2024-07-16",
        f"月末宝,{SISTER},390,1401,2024-08-31,2024-12-31,440299,,,2024-08-30",
    )
    assert (upload.accepted, upload.rejected) == (0, 2)
    late, before = reasons(upload)
    assert late[1] == "本次参保日期" and "2024-08-01" in late[2]
    assert before[1] == "首次缴费日期"
    assert terms("晚宝") == []
