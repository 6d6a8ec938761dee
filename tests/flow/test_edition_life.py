"""An edition is submitted by one person and approved by another; what was settled before it stays as it was."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from bureau.errors import DomainError
from bureau.models import AuditEntry, Edition, Job
from bureau.rules.edition import RULEBOOKS
from bureau.rules.errors import NoEdition
from bureau.services import edition_report, jobs
from bureau.services.edition_life import (
    UnfitEdition,
    approve_edition,
    choose_readings,
    draft_edition,
    return_edition,
    submit_edition,
    withdraw_edition,
)
from bureau.services.editions import rulebook
from bureau.services.figures import Missing, enter_figure, missing_figures
from settlement.models import Proposal, Visit
from settlement.queries.books import check_books
from settlement.services.requests import VisitRequest
from settlement.services.visits import settle_visit
from tests.settlement import factories

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 10, 2, 0, tzinfo=UTC)
JULY = date(2026, 7, 1)
NOTE = "已核对"


@pytest.fixture
def city():
    return factories.heyuan()


def heyuan(**changes: str) -> dict[str, str]:
    """The texts of Heyuan without their examples, with some passages replaced; each must be there."""
    text = (RULEBOOKS / "heyuan" / "2025-27.toml").read_text("utf-8").partition("[[examples]]")[0]
    return {"new.toml": replaced(text, changes)}


def replaced(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


SUCCESSOR = {
    "河府〔2025〕27号": "河府〔2026〕9号",
    "starts_on = 2025-08-01": "starts_on = 2026-07-01",
    "starts_on = 2025-01-01              # ": "starts_on = 2026-07-01    # ",
    'level = 3, ratio = 0.55 }': 'level = 3, ratio = 0.65 }',
}  # fmt: skip


def successor(**changes: str) -> dict[str, str]:
    """A document of July 2026 by which level 3 pays 65 % instead of 55 %."""
    [(name, text)] = heyuan().items()
    return {name: replaced(replaced(text, SUCCESSOR), changes)}


def draft(city, texts, **more) -> Edition:
    return draft_edition(texts=texts, area=city.area, actor=city.clerk, now=NOW, **more)


def approved(city, texts=None, *, edition=None, replay=False) -> Edition:
    edition = edition or draft(city, texts)
    edition = submit_edition(edition=edition, actor=city.clerk, now=NOW)
    return approve_edition(edition=edition, note=NOTE, replay=replay, actor=city.reviewer, now=NOW)


def in_force(city, on: date) -> str:
    return rulebook(city.area.pk).on(city.area.pk, "310", on).document


def settle(city, where, person, on: date, total: str = "100.00", now: datetime | None = None) -> Visit:
    request = VisitRequest(
        institution_id=where.pk,
        key=f"{on}-{total}",
        member_id=person.pk,
        encounter=f"{on}",
        care_on=on,
        total=Decimal(total),
        credential="03",
    )
    return settle_visit(request, actor=city.clerk, now=now or datetime(on.year, on.month, on.day, 4, 0, tzinfo=UTC))


def stored() -> tuple:
    return tuple(Visit.objects.order_by("pk").values_list()), tuple(Edition.objects.order_by("pk").values_list())


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
    from bureau.models import Area

    area = Area.objects.create(code="509999", name="重庆市")
    code = next(line for line in texts["2023-32.toml"].splitlines() if line.startswith("area = ")).split('"')[1]
    area = Area.objects.create(code=code, name="重庆市") if code != area.pk else area
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
        (copy, "An edition begins as a draft"),
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
    step = "UPDATE bureau_edition SET status = %s, {}_by_id = %s WHERE id = %s"
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


# What was settled


@pytest.fixture
def care(city):
    where = factories.institution(city, level=3)
    return where, factories.member(city, selected=where)


def test_new_edition_in_mid_year_carries_the_years_use_on_and_changes_nothing_settled(city, care):
    where, person = care
    for day in range(1, 12):
        assert settle(city, where, person, date(2026, 3, day), "300.00").pooled == Decimal("150.00")
    before = tuple(Visit.objects.order_by("pk").values_list())
    approved(city, successor())
    assert tuple(Visit.objects.order_by("pk").values_list()) == before
    # 1700.00 a year, 1650.00 of it used under the edition before: 65 of 100 become 50.00.
    visit = settle(city, where, person, date(2026, 7, 2), "100.00")
    assert (visit.pooled, visit.edition.document) == (Decimal("50.00"), "河府〔2026〕9号")
    # Care of a day before is decided by the edition of that day, however late it is settled.
    late = settle(
        city, where, factories.member(city, selected=where), date(2026, 6, 30), "100.00", NOW.replace(month=8)
    )
    assert (late.pooled, late.edition.document) == (Decimal("55.00"), "河府〔2025〕27号")
    assert {str(proof.question): proof.wrong for proof in check_books(city.area.pk) if proof.wrong} == {}


def test_edition_that_reaches_settled_days_is_refused_unless_they_are_replayed(city, care):
    where, person = care
    settle(city, where, person, date(2026, 6, 30), "100.00")
    settle(city, where, person, date(2026, 7, 1), "101.00")
    settle(city, where, person, date(2026, 7, 2), "102.00")
    visits = tuple(Visit.objects.order_by("pk").values_list())
    edition = submit_edition(edition=draft(city, successor()), actor=city.clerk, now=NOW)
    with pytest.raises(DomainError) as refused:
        approve_edition(edition=edition, note=NOTE, actor=city.reviewer, now=NOW)
    assert (refused.value.field, str(refused.value)) == (
        "replay",
        "Settled already on days of this edition: Visits from 2026-07-01 on: 2."
        " Let it begin later, or have that replayed.",
    )
    edition.refresh_from_db()
    assert edition.status == "submitted"
    approve_edition(edition=edition, note=NOTE, replay=True, actor=city.reviewer, now=NOW)
    job = Job.objects.get(kind="edition_replay")
    jobs.work(job.pk, clock=lambda: NOW)
    job.refresh_from_db()
    assert (job.status, job.result) == ("done", {"members": 1, "proposals": 2})
    proposals = Proposal.objects.order_by("visit_id").values_list(
        "settled", "proposed", "status", "proposed_by__username"
    )
    assert list(proposals) == [
        (Decimal("55.55"), Decimal("65.65"), "open", "reviewer"),
        (Decimal("56.10"), Decimal("66.30"), "open", "reviewer"),
    ]
    assert tuple(Visit.objects.order_by("pk").values_list()) == visits


def test_edition_under_which_something_was_settled_is_not_withdrawn(city, care):
    where, person = care
    edition = approved(city, successor())
    settle(city, where, person, JULY)
    with pytest.raises(DomainError, match="Settled under this edition: Visits 1"):
        withdraw_edition(edition=edition, note="晚", actor=city.reviewer, now=NOW)


def test_expired_edition_settles_nothing(city, care):
    where, person = care
    factories.choose(city, person, where, year=2030)
    factories.figure(city.area, "average_wage", 2028, "85000.00", city.clerk, city.reviewer)
    factories.figure(city.area, "yearly_cap", 2030, "1700.00", city.clerk, city.reviewer)
    assert settle(city, where, person, date(2030, 7, 31)).pooled == Decimal("55.00")
    after = settle(city, where, person, date(2030, 8, 1))
    assert (after.refusal, after.pooled, after.edition) == ("no_edition", Decimal("0.00"), None)


# Readings


def test_another_reading_is_another_edition_of_the_same_texts(city, care):
    where, person = care
    before = settle(city, where, person, date(2026, 6, 1), "300.00")
    other = choose_readings(
        edition=city.edition, choices={"visit_cap": "cost_per_encounter"}, starts_on=JULY, actor=city.clerk, now=NOW
    )
    assert other.texts == city.edition.texts
    assert (other.choices, other.starts_on) == ({"visit_cap": "cost_per_encounter"}, JULY)
    assert other.content_hash != city.edition.content_hash
    approved(city, edition=other)
    visit = settle(city, where, person, date(2026, 7, 3), "300.00")
    # 150.00 of the cost count instead of 150.00 of what the fund pays.
    assert (before.pooled, visit.pooled) == (Decimal("150.00"), Decimal("82.50"))
    assert [receipt["edition"] for receipt in Visit.objects.order_by("pk").values_list("receipt", flat=True)] == [
        city.edition.content_hash,
        other.content_hash,
    ]
    assert sum(proof.wrong for proof in check_books(city.area.pk)) == 0
    # Its credits begin with it, although those of the texts begin in 2025.
    credits = rulebook(city.area.pk).on(city.area.pk, "310", date(2026, 6, 1), "credits")
    assert credits.content_hash == city.edition.content_hash


@pytest.mark.parametrize(
    ("choices", "starts_on", "said"),
    [
        ({"visit_cap": "fund_per_encounter"}, JULY, "Choose a reading that differs"),
        ({"visit_cap": "never"}, JULY, "visit_cap: has no 'never'"),
        ({"weather": "fine"}, JULY, "weather: is not a switch of this edition"),
        ({"visit_cap": "fund_per_day"}, date(2030, 8, 1), "2030-08-01 is not among its days"),
        ({"visit_cap": "fund_per_day"}, date(2025, 7, 31), "2025-07-31 is not among its days"),
    ],
)
def test_unfit_reading_is_refused(city, choices, starts_on, said):
    with pytest.raises(DomainError, match=said):
        choose_readings(edition=city.edition, choices=choices, starts_on=starts_on, actor=city.clerk, now=NOW)
    assert Edition.objects.count() == 1


def test_going_back_to_a_reading_is_an_edition_of_its_own(city):
    other = choose_readings(
        edition=city.edition, choices={"visit_cap": "fund_per_day"}, starts_on=JULY, actor=city.clerk, now=NOW
    )
    approved(city, edition=other)
    back = choose_readings(
        edition=other,
        choices={"visit_cap": "fund_per_encounter"},
        starts_on=date(2026, 10, 1),
        actor=city.clerk,
        now=NOW,
    )
    approved(city, edition=back)
    chosen = [
        rulebook(city.area.pk).on(city.area.pk, "310", day).switches["visit_cap"].chosen
        for day in (date(2026, 6, 30), date(2026, 9, 30), date(2026, 10, 1))
    ]
    assert chosen == ["fund_per_encounter", "fund_per_day", "fund_per_encounter"]
    assert len({city.edition.content_hash, other.content_hash, back.content_hash}) == 3


# Figures


def test_missing_figures_are_listed_for_this_year_and_the_next(city):
    from bureau.models import PublishedFigure

    assert missing_figures(city.area.pk, date(2026, 11, 1)) == []
    wage = Missing("average_wage", "城镇在岗职工年平均工资", "4", 2026, (2028,), False)
    cap = Missing("yearly_cap", "普通门诊统筹年度最高支付限额", "4", 2028, (2028,), False)
    assert missing_figures(city.area.pk, date(2027, 11, 1)) == [wage, cap]
    enter_figure(
        area=city.area,
        code="average_wage",
        year=2026,
        value=Decimal("90000"),
        document="统计",
        actor=city.clerk,
        now=NOW,
    )
    assert [one.entered for one in missing_figures(city.area.pk, date(2027, 11, 1))] == [True, False]
    assert PublishedFigure.objects.filter(confirmed_at=None).count() == 1
    assert missing_figures(city.area.pk, date(2031, 1, 1)) == []
