"""An edition is submitted by one person and approved by another; what is no edition is refused in words."""

from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from bureau.editions import report as edition_report
from bureau.editions.life import (
    UnfitEdition,
    approve_edition,
    draft_edition,
    return_edition,
    submit_edition,
    withdraw_edition,
)
from bureau.errors import DomainError
from bureau.models import Area, AuditEntry, Edition
from bureau.rules.errors import NoEdition
from bureau.rules.format.edition import RULEBOOKS
from tests.flow.editions import JULY, NOTE, NOW, approved, draft, in_force, stored, successor, work_in
from tests.settlement import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def city():
    return factories.heyuan()


# What is no edition


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "[provider.advance]\narticle",
            "[provider.advance]\nadvanced = 1\narticle",
            "new.toml: provider advance: advanced: is not a key of this table; write one of article,",
        ),
        (
            "level = 2, ratio = 0.60 }",
            "level = 2, ratio = 1.7 }",
            "new.toml: benefits terms ratio rows #2: ratio: 1.7 does not fit; write a ratio between 0 and 1"
            " with at most six decimals",
        ),
        (
            "quota = 320 ",
            "quota = [{ from = 2025-08-01, to = 2026-12-31, value = 320 }, { from = 2026-12-01, value = 340 }] ",
            "new.toml: provider: quota: days overlap at 2026-12-01; let each value start later",
        ),
        (
            'ratio = 0.02\nsource = "contribution"\narticle = "7"',
            'ratio = 0.02\nsource = "contribution"\narticle = "77"',
            "new.toml: credits lines #1: article: article 77 is unknown; list it under [articles]",
        ),
        (
            'id = "ratio"\nkind = "ratio"',
            'id = "ratio"',
            "new.toml: benefits terms ratio: kind: is missing; add it",
        ),
    ],
)
def test_unfit_texts_are_refused_with_place_and_reason(city, old, new, said):
    before = stored()
    with pytest.raises(UnfitEdition) as refused:
        draft(city, successor(**{old: new}))
    assert str(refused.value.problems[0]).startswith(said)
    assert said in str(refused.value)
    assert stored() == before


def test_an_edition_of_another_area_is_refused(city):
    text = (RULEBOOKS / "kaifeng" / "2022-33.toml").read_text("utf-8")
    with pytest.raises(DomainError, match="of the area 410299, not of 河源市"):
        draft(city, {"kaifeng.toml": text})
    assert Edition.objects.count() == 1


def test_texts_that_bind_into_one_are_one_edition(city):
    folder = RULEBOOKS / "chongqing"
    texts = {path.name: path.read_text("utf-8") for path in folder.glob("*.toml")}
    area = Area.objects.create(code="500000", name="重庆市")
    work_in(area, city.clerk)
    edition = draft_edition(texts=texts, area=area, actor=city.clerk, now=NOW)
    assert (edition.document, sorted(edition.texts)) == ("渝医保发〔2023〕32号", sorted(texts))


# Step by step


def test_only_an_approved_edition_counts_and_the_one_before_ends(city):
    first = city.edition
    edition = draft(city, successor())
    assert in_force(city, JULY) == "河府〔2025〕27号"
    submit_edition(edition=edition, actor=city.clerk, now=NOW)
    assert in_force(city, JULY) == "河府〔2025〕27号"
    edition = approve_edition(edition=edition, note=NOTE, actor=city.reviewer, now=NOW)
    assert in_force(city, date(2026, 6, 30)) == "河府〔2025〕27号"
    assert in_force(city, JULY) == "河府〔2026〕9号"
    first.refresh_from_db()
    assert (first.ends_on, first.ended_on, first.last_day) == (
        date(2030, 7, 31),
        date(2026, 6, 30),
        date(2026, 6, 30),
    )
    acts = AuditEntry.objects.filter(record_id=str(edition.pk), record_type="bureau.edition").order_by("pk")
    assert list(acts.values_list("action", "actor__username")) == [
        ("edition.draft", "clerk"),
        ("edition.submit", "clerk"),
        ("edition.approve", "reviewer"),
    ]
    assert acts.last().detail["ended"] == first.pk


def test_each_step_twice_is_one(city):
    edition = draft(city, successor())
    assert draft(city, successor()) == edition
    submit_edition(edition=edition, actor=city.clerk, now=NOW)
    submit_edition(edition=edition, actor=city.clerk, now=NOW)
    approve_edition(edition=edition, note=NOTE, actor=city.reviewer, now=NOW)
    approve_edition(edition=edition, note=NOTE, actor=city.reviewer, now=NOW)
    assert AuditEntry.objects.filter(record_type="bureau.edition", record_id=str(edition.pk)).count() == 3


def test_whoever_submitted_does_not_approve(city):
    edition = submit_edition(edition=draft(city, successor()), actor=city.clerk, now=NOW)
    before = stored()
    with pytest.raises(DomainError, match="approved by someone other than who submitted it"):
        approve_edition(edition=edition, note=NOTE, actor=city.clerk, now=NOW)
    assert stored() == before


@pytest.mark.parametrize(
    ("statement", "promise"),
    [
        ("SET status = 'approved', approved_by_id = submitted_by_id", "edition_approved_by_another"),
        ("SET status = 'approved'", "edition_steps_in_order"),
        ("SET status = 'approved', approved_by_id = submitted_by_id, submitted_by_id = {other}", "cannot go from"),
        ("SET submitted_by_id = {other}", "what is recorded there stays"),
        ("SET title = 'x'", "what is recorded there stays"),
        ('SET choices = \'{{"a": "b"}}\'', "what is recorded there stays"),
        ("SET ended_on = '2026-12-31'", "what is recorded there stays"),
        ("SET status = 'draft', submitted_by_id = NULL", "cannot go from submitted to draft"),
    ],
)
def test_database_keeps_the_steps(city, statement, promise):
    edition = submit_edition(edition=draft(city, successor()), actor=city.clerk, now=NOW)
    connection.check_constraints()
    before = stored()
    said = statement.format(other=city.reviewer.pk)
    with pytest.raises(IntegrityError, match=promise), transaction.atomic():
        connection.cursor().execute(f"UPDATE bureau_edition {said} WHERE id = %s", [edition.pk])
    assert stored() == before


def test_database_lets_an_edition_begin_as_a_draft_only_and_keeps_it(city):
    copy = """INSERT INTO bureau_edition (area_id, scheme, document, title, starts_on, texts, choices, content_hash,
                  loaded_by_id, loaded_at, status, note, submitted_by_id, approved_by_id)
              SELECT area_id, scheme, 'x', 'x', '2031-01-01', '{}', '{}', 'x', loaded_by_id, loaded_at, 'approved',
                  '', submitted_by_id, approved_by_id FROM bureau_edition"""
    connection.check_constraints()
    for statement, promise in (
        (copy, "An edition begins as draft"),
        ("DELETE FROM bureau_edition", "what is recorded there stays"),
        ("UPDATE bureau_edition SET status = 'returned'", "cannot go from approved to returned"),
    ):
        with pytest.raises(IntegrityError, match=promise), transaction.atomic():
            connection.cursor().execute(statement)
    assert Edition.objects.count() == 1


def test_database_refuses_two_editions_for_a_day(city):
    """An elder that would run into the one in force: the service says so, and so does the database."""
    elder = successor(**{"starts_on = 2026-07-01": "starts_on = 2025-07-01"})
    edition = draft(city, elder)
    with pytest.raises(DomainError, match=r"河府〔2025〕27号 .* begins on a day of this edition"):
        submit_edition(edition=edition, actor=city.clerk, now=NOW)
    step = "UPDATE bureau_edition SET status = %s, {0}_by_id = %s, {0}_at = now() WHERE id = %s"
    cursor = connection.cursor()
    cursor.execute(step.format("submitted"), ["submitted", city.clerk.pk, edition.pk])
    connection.check_constraints()
    with pytest.raises(IntegrityError, match="edition_one_a_day"), transaction.atomic():
        cursor.execute(step.format("approved"), ["approved", city.reviewer.pk, edition.pk])


def test_returned_edition_may_be_submitted_again(city):
    edition = submit_edition(edition=draft(city, successor()), actor=city.clerk, now=NOW)
    with pytest.raises(DomainError, match="Say why"):
        return_edition(edition=edition, note=" ", actor=city.reviewer, now=NOW)
    edition = return_edition(edition=edition, note="请核对条4", actor=city.reviewer, now=NOW)
    assert (edition.status, edition.note) == ("returned", "请核对条4")
    with pytest.raises(DomainError, match="The edition is returned"):
        approve_edition(edition=edition, note=NOTE, actor=city.reviewer, now=NOW)
    edition = submit_edition(edition=edition, actor=city.reviewer, now=NOW)
    assert approve_edition(edition=edition, note=NOTE, actor=city.clerk, now=NOW).approved_by == city.clerk


def test_withdrawn_edition_lets_the_one_before_go_on(city):
    edition = approved(city, successor())
    with pytest.raises(DomainError, match="Say why"):
        withdraw_edition(edition=edition, note="", actor=city.reviewer, now=NOW)
    withdraw_edition(edition=edition, note="文件未印发", actor=city.reviewer, now=NOW)
    assert in_force(city, JULY) == "河府〔2025〕27号"
    city.edition.refresh_from_db()
    assert city.edition.ended_on is None
    assert approved(city, edition=edition).status == "approved"
    assert in_force(city, JULY) == "河府〔2026〕9号"


def test_edition_between_two_is_withdrawn_and_the_elder_ends_before_the_younger(city):
    later = {"河府〔2026〕9号": "河府〔2027〕1号", "starts_on = 2026-07-01": "starts_on = 2027-01-01"}
    younger = approved(city, successor(**later))
    middle = approved(
        city, successor(**{"starts_on = 2026-07-01\nvalid_years = 5": "starts_on = 2026-07-01\nends_on = 2026-11-30"})
    )
    city.edition.refresh_from_db()
    assert city.edition.ended_on == date(2026, 6, 30)
    with pytest.raises(NoEdition):
        in_force(city, date(2026, 12, 1))
    withdraw_edition(edition=middle, note="撤回", actor=city.clerk, now=NOW)
    city.edition.refresh_from_db()
    assert city.edition.ended_on == date(2026, 12, 31)
    younger.refresh_from_db()
    assert (younger.ended_on, in_force(city, date(2027, 1, 1))) == (None, "河府〔2027〕1号")


def test_edition_in_force_is_not_withdrawn(city):
    edition = approved(city, successor())
    before = stored()
    with pytest.raises(DomainError, match="The edition is in force"):
        withdraw_edition(edition=edition, note="晚", actor=city.reviewer, now=datetime(2026, 6, 30, 17, 0, tzinfo=UTC))
    assert stored() == before


# The national frame, the difference, cases


def test_edition_that_leaves_the_national_frame_is_not_submitted(city):
    edition = draft(city, successor(**{"level = 3, ratio = 0.65 }": "level = 3, ratio = 0.45 }"}))
    with pytest.raises(DomainError) as refused:
        submit_edition(edition=edition, actor=city.clerk, now=NOW)
    assert "A ratio of 45% is below the national 50% (国办发〔2021〕14号, article" in str(refused.value)
    edition.refresh_from_db()
    assert edition.status == "draft"


def test_warnings_are_answered_for_in_a_note(city):
    edition = submit_edition(edition=draft(city, successor()), actor=city.clerk, now=NOW)
    assert {finding.level for finding in edition_report.findings(edition)} == {"warning"}
    with pytest.raises(DomainError, match="in spite of its warnings") as refused:
        approve_edition(edition=edition, note=" ", actor=city.reviewer, now=NOW)
    assert refused.value.field == "note"
    edition.refresh_from_db()
    assert edition.status == "submitted"


def test_difference_is_told_article_by_article(city):
    edition = draft(city, successor())
    told = {(change.article, edition_report.told(change)) for change in edition_report.changes(edition)}
    assert ("4", "benefits terms ratio rows level 3, person active, ratio: 55% becomes 65%") in told
    assert all("level 2" not in sentence for _article, sentence in told)


EXAMPLE = """
[[examples]]
id = "tertiary"
kind = "pa_use"
facts = { relation = "self", purpose = "hospital_selfpay", amount = "1.00", balance = "2.00" }
expected = { allowed = true, pay = "%s", cash = "0.00" }
"""


def test_edition_that_does_not_reproduce_its_examples_is_not_submitted(city):
    [(name, text)] = successor().items()
    edition = draft(city, {name: text + EXAMPLE % "0.99"})
    with pytest.raises(DomainError, match=r"Example tertiary does not come out: pay: expected '0.99', got '1.00'"):
        submit_edition(edition=edition, actor=city.clerk, now=NOW)
    assert (
        submit_edition(edition=draft(city, {name: text + EXAMPLE % "1.00"}), actor=city.clerk, now=NOW).status
        == "submitted"
    )


CASES = """
cases:
  - id: A1
    city: heyuan
    kind: pa_use
    facts: {relation: self, purpose: hospital_selfpay, amount: '1.00', balance: '2.00'}
    expected: {pay: '1.00'}
  - id: A2
    city: heyuan
    kind: pa_use
    facts: {relation: self, purpose: hospital_selfpay, amount: '1.00', balance: '2.00'}
    expected: {pay: '0.50'}
  - {id: B1, city: kaifeng, kind: pa_use, facts: {}, expected: {}}
"""


def test_case_file_is_run_against_a_draft(city):
    edition = draft(city, successor())
    results = edition_report.run_case_file(edition, CASES.encode())
    assert [(result.name, result.differences) for result in results] == [
        ("A1", ()),
        ("A2", ("pay: expected '0.50', got '1.00'",)),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe", "cannot be read as YAML"),
        (b"cases: [", "cannot be read as YAML"),
        (b"[]", "holds no list of cases"),
        (b"cases: [1]", "holds no list of cases"),
        (b"cases: [{city: kaifeng}]", "no case of the city"),
        (b"cases: [{city: heyuan}]", ""),
    ],
)
def test_case_file_that_is_none_is_refused(city, content, said):
    if not said:
        [result] = edition_report.run_case_file(city.edition, content)
        assert result.differences
        return
    with pytest.raises(DomainError, match=said):
        edition_report.run_case_file(city.edition, content)
