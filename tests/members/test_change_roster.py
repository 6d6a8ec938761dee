"""增减变动: stops, resumptions, changes of class, retirements, deaths."""

from datetime import date

import pytest

from tests.members.samples import CHEN, LI, NOW, WANG, ZHAO, roster

pytestmark = pytest.mark.django_db

HEADINGS = "姓名,证件号码,变更类型,变更日期,变更原因,险种类型,变更后人员类别,单位编号"


def changes(*lines: str) -> bytes:
    return roster(HEADINGS, *(line + "," * (7 - line.count(",")) for line in lines))


def counts(upload) -> tuple:
    return upload.status, upload.rows, upload.accepted, upload.unchanged, upload.rejected


def spans(name: str) -> list[tuple]:
    from members.models import Enrolment

    return list(
        Enrolment.objects.filter(member__name=name)
        .order_by("starts_on")
        .values_list("person_class", "starts_on", "ends_on")
    )


def test_changes_take_effect_in_the_order_of_their_days(load, four):
    from members.models import Member

    upload = load(
        "changes",
        changes(
            f"李明,{LI},续保,2026-05-01",
            f"李明,{LI},停保,2026-03-01,离职",
            f"李明,{LI},人员类别变更,2026-08-01,,,灵活就业",
            f"王芳,{WANG},退休,2026-07-01",
            f"陈强,{CHEN},死亡,2026-02-03",
        ),
    )
    assert counts(upload) == ("loaded", 5, 5, 0, 0)
    assert spans("李明") == [
        ("active", date(2026, 1, 1), date(2026, 2, 28)),
        ("active", date(2026, 5, 1), date(2026, 7, 31)),
        ("flexible", date(2026, 8, 1), None),
    ]
    assert spans("王芳") == [
        ("active", date(2026, 1, 1), date(2026, 6, 30)),
        ("retired", date(2026, 7, 1), None),
    ]
    assert spans("陈强") == [("active", date(2026, 1, 1), date(2026, 2, 3))]
    assert Member.objects.get(name="陈强").died_on == date(2026, 2, 3)
    assert spans("赵小") == [("active", date(2026, 1, 1), None)]


def test_same_changes_again_are_unchanged(load, four):
    lines = [
        f"李明,{LI},停保,2026-03-01,离职",
        f"李明,{LI},续保,2026-05-01",
        f"王芳,{WANG},退休,2026-07-01",
        f"陈强,{CHEN},死亡,2026-02-03",
    ]
    load("changes", changes(*lines))
    before = {name: spans(name) for name in ("李明", "王芳", "陈强")}
    again = load("changes", changes(*reversed(lines)))
    assert counts(again) == ("loaded", 4, 0, 4, 0)
    assert {name: spans(name) for name in ("李明", "王芳", "陈强")} == before


def test_move_between_employers_on_one_day(load, four):
    load("employers", "单位编号,单位名称\nE1,一公司\n".encode())
    lines = [f"李明,{LI},续保,2026-03-01,,,,E1", f"李明,{LI},停保,2026-03-01"]
    assert counts(load("changes", changes(*lines))) == ("loaded", 2, 2, 0, 0)
    assert spans("李明") == [
        ("active", date(2026, 1, 1), date(2026, 2, 28)),
        ("active", date(2026, 3, 1), None),
    ]
    assert counts(load("changes", changes(*reversed(lines)))) == ("loaded", 2, 0, 2, 0)


def test_retirement_on_the_first_day_corrects_the_enrolment(load, four):
    load("changes", changes(f"李明,{LI},退休,2026-01-01"))
    assert spans("李明") == [("retired", date(2026, 1, 1), None)]


def test_death_ends_the_benefit_period(load, four):
    from members.models import BenefitPeriod

    load(
        "benefit_periods",
        roster("姓名,证件号码,险种类型,开始日期,结束日期", f"陈强,{CHEN},310,2026-01-01,2026-12-31"),
    )
    load("changes", changes(f"陈强,{CHEN},死亡,2026-02-03"))
    assert BenefitPeriod.objects.get().ends_on == date(2026, 2, 3)


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        (f"李明,{LI},停保,2025-12-01", "变更日期", "The member is not enrolled on this day."),
        (f"李明,{LI},退休,2025-12-01", "变更日期", "The member is not enrolled on this day."),
        (
            f"李明,{LI},停保,2026-01-01",
            "变更日期",
            "The enrolment begins on this very day; correct or undo what began it.",
        ),
        (f"李明,{LI},续保,2026-03-01", "变更日期", "The person is enrolled from 2026-01-01 to … already."),
        (f"李明,{LI},续保,2025-03-01", "变更日期", "The person is enrolled again from 2026-01-01."),
        (f"李明,{LI},停保,2026-03-01,,390", "险种类型", "The member is enrolled in another scheme."),
        (
            f"李明,{LI},人员类别变更,2026-03-01,,,居民",
            "变更后人员类别",
            "The person class belongs to the other scheme.",
        ),
        (f"李明,{LI},死亡,2026-03-11", "变更日期", "The day of death lies in the future."),
        (f"陈强,{CHEN},死亡,2026-02-01", "变更日期", "The death is recorded for 2026-02-03."),
        (f"陈强,{CHEN},续保,2026-03-01", "变更日期", "The member died on 2026-02-03."),
        (
            f"李敏,{LI},停保,2026-03-01",
            "姓名",
            "The roster says 李敏, the record of this document 李明; correct the one or the other.",
        ),
    ],
)
def test_impossible_change_moves_nothing(load, four, reasons, line, field, reason):
    from members.models import Enrolment, Member

    load("changes", changes(f"陈强,{CHEN},死亡,2026-02-03"))
    before = list(Member.objects.order_by("id").values()), list(Enrolment.objects.order_by("id").values())
    upload = load("changes", changes(line))
    assert counts(upload) == ("refused", 1, 0, 0, 1)
    assert reasons(upload) == [("2", field, reason)]
    assert (
        list(Member.objects.order_by("id").values()),
        list(Enrolment.objects.order_by("id").values()),
    ) == before


def test_undo_puts_every_change_back(load, four, clerk):
    from bureau.rosters.undo import undo_upload
    from members.models import Member

    load(
        "benefit_periods",
        roster("姓名,证件号码,险种类型,开始日期,结束日期", f"陈强,{CHEN},310,2026-01-01,2026-12-31"),
    )
    upload = load(
        "changes",
        changes(
            f"李明,{LI},停保,2026-03-01",
            f"李明,{LI},续保,2026-05-01",
            f"李明,{LI},停保,2026-08-01",
            f"陈强,{CHEN},死亡,2026-02-03",
            f"赵小,{ZHAO},人员类别变更,2026-01-01,,,灵活就业",
        ),
    )
    assert len(spans("李明")) == 2
    undo_upload(upload, actor=clerk, now=NOW)
    for name in ("李明", "陈强", "赵小"):
        assert spans(name) == [("active", date(2026, 1, 1), None)]
    chen = Member.objects.get(name="陈强")
    assert chen.died_on is None
    assert chen.benefit_periods.get().ends_on == date(2026, 12, 31)
