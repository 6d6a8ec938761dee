"""单建统筹 in rosters, forms and older records: a plan, beside the class of person."""

from datetime import date
from importlib import import_module

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from bureau.errors import DomainError
from tests.files.test_rosters import MEMBER, ZHANG, reasons, values
from tests.members.samples import LI, NOW, WANG, roster
from tests.members.test_plans_and_newborns import CHANGES, terms
from tests.sheets import SHEETS

BOTH = "姓名,证件号码,险种类型,人员类别,本次参保日期,参保所属医保区划,待遇人员类别,参保档次,参保方式,是否单建统筹"
FIRST = date(2026, 1, 1)


@pytest.mark.parametrize(
    ("said", "person_class", "plan"),
    [
        ({"待遇人员类别": "单建统筹"}, "active", "pooled_only"),
        ({"待遇人员类别": "pooled_only"}, "active", "pooled_only"),
        ({"人员类别": "12", "待遇人员类别": "单建统筹"}, "retired", "pooled_only"),
        ({"人员类别": "退休", "参保方式": "单建统筹"}, "retired", "pooled_only"),
        ({"人员类别": "退休（单建统筹）"}, "retired", "pooled_only"),
        ({"人员类别": "单建统筹退休人员"}, "retired", "pooled_only"),
        ({"人员类别": "12 退休-单建统筹"}, "retired", "pooled_only"),
        ({"人员类别": "单建统筹", "待遇人员类别": "退休"}, "retired", "pooled_only"),
        ({"人员类别": "退休", "参保档次": "单建统筹"}, "retired", "pooled_only"),
        ({"人员类别": "退休", "是否单建统筹": "是"}, "retired", "pooled_only"),
        ({"人员类别": "退休", "单建统筹": "1"}, "retired", "pooled_only"),
        ({"人员类别": "退休", "统账结合": "否"}, "retired", "pooled_only"),
        ({"待遇人员类别": "灵活就业（单建统筹）"}, "flexible", "pooled_only"),
        ({"待遇人员类别": "灵活就业统账结合"}, "flexible", ""),
        ({"人员类别": "退休", "参保方式": "统账结合"}, "retired", ""),
        ({"人员类别": "退休", "是否单建统筹": "否"}, "retired", ""),
        ({"人员类别": "退休", "参保方式": "统账结合", "参保档次": "二档"}, "retired", "personal_2"),
        ({"人员类别": "退休"}, "retired", None),
    ],
)
def test_b1_rosters_say_class_and_plan_together_or_apart(said, person_class, plan):
    read = values(SHEETS["members"], **MEMBER | said)
    assert (read["person_class"], read["plan"]) == (person_class, plan)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (
            {"人员类别": "单建统筹"},
            {"person_type": "Whether in service or retired is missing; how the person is insured does not say it."},
        ),
        (
            {"待遇人员类别": "单建统筹", "参保方式": "统账结合"},
            {"way": "The row says both 单建统筹 and 统账结合."},
        ),
        (
            {"是否单建统筹": "是", "参保档次": "二档"},
            {"plan": "The row says both 单建统筹 and the plan personal_2."},
        ),
        (
            {"险种类型": "390", "人员类别": "15", "参保方式": "单建统筹"},
            {"plan": "Pooled fund only is a plan of the employees' scheme."},
        ),
    ],
)
def test_b1_rows_that_cannot_be_are_refused(said, problem):
    assert reasons(SHEETS["members"], **MEMBER | said) == problem


def test_b1_a_no_says_nothing_of_residents():
    read = values(
        SHEETS["members"], **MEMBER | {"险种类型": "390", "人员类别": "15", "是否单建统筹": "否", "统账结合": "否"}
    )
    assert (read["person_class"], read["plan"]) == ("resident", None)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"变更类型": "人员类别变更", "变更后人员类别": "单建统筹"}, ("plan_change", None, "pooled_only")),
        (
            {"变更类型": "人员类别变更", "变更后人员类别": "灵活就业（单建统筹）"},
            ("class_change", "flexible", "pooled_only"),
        ),
        ({"变更类型": "参保档次变更", "变更后参保方式": "统账结合"}, ("plan_change", None, "")),
        ({"变更类型": "参保档次变更", "变更后参保档次": "单建统筹"}, ("plan_change", None, "pooled_only")),
        ({"变更类型": "退休"}, ("retirement", "retired", None)),
    ],
)
def test_b1_changes_say_either(said, expected):
    read = values(SHEETS["changes"], 身份证号=ZHANG, 变更日期="2026-03-01", **said)
    assert (read["kind"], read["person_class"], read["plan"]) == expected


@pytest.mark.django_db
class TestRecords:
    @pytest.fixture
    def two(self, load):
        lines = (
            f"李明,{LI},310,11,2026-01-01,441699,单建统筹,,,",
            f"王芳,{WANG},310,12,2026-01-01,441699,,二档,统账结合,",
        )
        upload = load("members", roster(BOTH, *lines))
        assert (upload.accepted, upload.rejected) == (2, 0)

    def test_b1_retirement_leaves_the_plan_and_the_plan_leaves_the_class(self, load, two):
        assert terms("李明") == [("active", "pooled_only", False, FIRST, None)]
        assert terms("王芳") == [("retired", "personal_2", False, FIRST, None)]
        lines = (
            f"李明,{LI},退休,2026-05-01,,,",
            f"李明,{LI},参保档次变更,2026-07-01,统账结合,,",
            f"王芳,{WANG},参保档次变更,2026-04-01,统账结合,,",  # ends no 单建统筹, so changes nothing
            f"王芳,{WANG},人员类别变更,2026-06-01,,,单建统筹",
        )
        upload = load("changes", roster(CHANGES, *lines))
        assert (upload.accepted, upload.rejected, upload.unchanged) == (3, 0, 1)
        assert terms("李明") == [
            ("active", "pooled_only", False, FIRST, date(2026, 4, 30)),
            ("retired", "pooled_only", False, date(2026, 5, 1), date(2026, 6, 30)),
            ("retired", "", False, date(2026, 7, 1), None),
        ]
        assert terms("王芳") == [
            ("retired", "personal_2", False, FIRST, date(2026, 5, 31)),
            ("retired", "pooled_only", False, date(2026, 6, 1), None),
        ]

    def test_b1_the_same_class_with_another_plan_is_a_change(self, load, two):
        line = f"李明,{LI},人员类别变更,2026-05-01,统账结合,,在职"
        assert load("changes", roster(CHANGES, line)).unchanged == 0
        assert [row[:2] for row in terms("李明")] == [("active", "pooled_only"), ("active", "")]
        assert load("changes", roster(CHANGES, line + "职工")).unchanged == 1  # another file that says the same

    def test_b1_a_single_act_speaks_the_same(self, two, area, clerk):
        from members.models import Member
        from members.services.spans import change_class, change_plan, enrol

        act = {"actor": clerk, "now": NOW}
        li, wang = Member.objects.get(name="李明"), Member.objects.get(name="王芳")
        change_class(member=li, on=date(2026, 3, 1), person_class="retired", **act)
        change_plan(member=wang, on=date(2026, 3, 1), plan="", **act)
        assert [row[:2] for row in terms("李明")] == [("active", "pooled_only"), ("retired", "pooled_only")]
        assert [row[:2] for row in terms("王芳")] == [("retired", "personal_2")]
        change_plan(member=li, on=date(2026, 4, 1), plan="", **act)
        assert [row[:2] for row in terms("李明")][2:] == [("retired", "")]
        with pytest.raises(DomainError, match="Pooled fund only is a plan of the employees' scheme"):
            enrol(
                member=Member.objects.create(name="新", document_cipher=b"", document_hash=b"9" * 32), area=area,
                scheme="390", person_class="resident", plan="pooled_only", starts_on=FIRST, **act,
            )  # fmt: skip

    def test_b1_rows_that_had_it_as_a_class_become_plans(self, two):
        from members.models import Enrolment

        Enrolment.objects.filter(member__name="李明").update(person_class="pooled_only", person_type="1105", plan="")
        Enrolment.objects.filter(member__name="王芳").update(person_class="pooled_only", person_type="1204", plan="")
        migration = import_module("members.migrations.0005_pooled_only_is_a_plan")
        with connection.cursor() as cursor:
            cursor.execute(migration.AS_A_PLAN)
        assert [row[:2] for row in terms("李明")] == [("active", "pooled_only")]
        assert [row[:2] for row in terms("王芳")] == [("retired", "pooled_only")]

    def test_b1_the_forms_take_the_words_of_rosters(self):
        from members.admin import EnrolmentForm, PlanForm

        field = EnrolmentForm.base_fields["plan"]
        assert [field.clean(said) for said in ("单建统筹", "二档", "")] == ["pooled_only", "personal_2", ""]
        for nonsense in ("x" * 21, "单位\x00", "乙" * 400):
            with pytest.raises(ValidationError):
                field.clean(nonsense)
        field = PlanForm.base_fields["plan"]
        assert [field.clean(said) for said in ("单建统筹", "统账结合", "")] == ["pooled_only", "", None]
