"""Editions are loaded once, by two people, and never change; figures count once a second person has confirmed them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from bureau.errors import DomainError
from bureau.rules.errors import NoEdition
from bureau.rules.format.edition import RULEBOOKS

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)


def texts(city: str = "heyuan") -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in (RULEBOOKS / city).glob("*.toml")}


@pytest.fixture
def load(area, clerk, reviewer):
    from bureau.editions.life import load_edition

    return lambda files: load_edition(texts=files, area=area, actor=clerk, approver=reviewer, now=NOW)


@pytest.fixture
def reviewer(area):
    from bureau.models import Staff

    return Staff.objects.create(username="reviewer", area=area)


def test_edition_is_loaded_once(load):
    from bureau.editions.rulebook import stored_edition
    from bureau.models import AuditEntry, Edition

    first = load(texts())
    assert load(texts()) == first
    assert (first.scheme, first.starts_on, first.ends_on) == ("310", date(2025, 8, 1), date(2030, 7, 31))
    assert stored_edition(first.content_hash) == first.pk
    assert Edition.objects.count() == 1
    acts = AuditEntry.objects.order_by("pk").values_list("action", "actor__username")
    assert list(acts) == [
        ("edition.draft", "clerk"), ("edition.submit", "clerk"), ("edition.approve", "reviewer"),
    ]  # fmt: skip


def test_rulebook_sees_a_new_edition_at_once(load, area):
    from bureau.editions.rulebook import rulebook

    with pytest.raises(NoEdition):
        rulebook(area.pk).on(area.pk, "310", date(2026, 3, 1))
    stored = load(texts())
    found = rulebook(area.pk).on(area.pk, "310", date(2026, 3, 1))
    assert found.content_hash == stored.content_hash
    assert rulebook(area.pk).on(area.pk, "310", date(2026, 3, 1)) is found
    with pytest.raises(NoEdition):
        rulebook(area.pk).on(area.pk, "310", date(2030, 8, 1))


def test_rulebook_asks_one_question(load, area, django_assert_num_queries):
    from bureau.editions.rulebook import rulebook

    load(texts())
    rulebook(area.pk)
    with django_assert_num_queries(1):
        rulebook(area.pk)


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (lambda: {"a.toml": "document = "}, "The rulebook cannot be loaded. a.toml: top level: file: is not TOML"),
        (dict, "The rulebook cannot be loaded. rulebook: top level: binds: 0 of the files"),
        (
            lambda: {name: text.replace("starts_on = 2025-08-01", "") for name, text in texts().items()},
            "The rulebook cannot be loaded. 2025-27.toml: top level: starts_on",
        ),
        (lambda: texts("kaifeng"), "The rulebook is of the area 410299, not of 河源市."),
    ],
)
def test_unfit_edition_is_refused(load, files, problem):
    from bureau.models import AuditEntry, Edition

    load(texts())
    with pytest.raises(DomainError) as refused:
        load(files())
    assert str(refused.value).startswith(problem)
    assert refused.value.field == "texts"
    assert (Edition.objects.count(), AuditEntry.objects.count()) == (1, 3)


@pytest.fixture
def publish(load, area, clerk):
    """Enter a figure, by the clerk."""
    from bureau.editions.figures import enter_figure

    load(texts())

    def enter(code: str, year: int, value: str, *, actor=clerk):
        return enter_figure(
            area=area, code=code, year=year, value=Decimal(value), document="河医保〔2026〕1号", actor=actor, now=NOW
        )

    return enter


def test_figure_counts_once_confirmed_by_another(publish, area, clerk, reviewer):
    from bureau.editions.figures import confirm_figure, figures

    wage = publish("average_wage", 2024, "85000.00")
    assert publish("average_wage", 2024, "85000.00") == wage
    assert figures(area.pk, date(2026, 5, 1)) == {}
    with pytest.raises(DomainError, match="confirmed by someone other than who entered it"):
        confirm_figure(figure=wage, actor=clerk, now=NOW)
    confirm_figure(figure=wage, actor=reviewer, now=NOW)
    cap = confirm_figure(figure=publish("yearly_cap", 2026, "1700.00"), actor=reviewer, now=NOW)
    assert confirm_figure(figure=cap, actor=reviewer, now=NOW).confirmed_by == reviewer
    assert figures(area.pk, date(2026, 5, 1)) == {"average_wage": 8500000, "yearly_cap": 170000}
    assert figures(area.pk, date(2027, 1, 1)) == {}
    assert figures(area.pk, date(2031, 1, 1)) == {}


@pytest.mark.parametrize(
    ("code", "year", "value", "problem"),
    [
        ("yearly_cap", 2026, "1699.99", "The figure is below its floor of 1700.00 (article 4)"),
        (
            "yearly_cap",
            2027,
            "1800.00",
            "First “城镇在岗职工年平均工资” of 2025 must be entered and confirmed: this figure is held against it.",
        ),
        ("levy_total", 2026, "1.00", "No edition of 河源市 asks for the figure “levy_total”."),
        ("yearly_cap", 2026, "1700.001", "Enter yuan with at most two decimals."),
        ("yearly_cap", 2026, "0", "The figure must be above zero."),
        ("average_wage", 2024, "90000.00", "The figure of 2024 is confirmed and stays as it is."),
    ],
)
def test_unfit_figure_is_refused(publish, area, reviewer, code, year, value, problem):
    from bureau.editions.figures import confirm_figure
    from bureau.models import PublishedFigure

    confirm_figure(figure=publish("average_wage", 2024, "85000.00"), actor=reviewer, now=NOW)
    with pytest.raises(DomainError) as refused:
        publish(code, year, value)
    assert str(refused.value) == problem
    assert list(PublishedFigure.objects.values_list("code", "year", "value")) == [
        ("average_wage", 2024, Decimal("85000.00"))
    ]


def test_cap_is_confirmed_against_confirmed_wages_only(publish, reviewer):
    from bureau.editions.figures import confirm_figure
    from bureau.models import PublishedFigure

    publish("average_wage", 2024, "85000.00")
    cap = publish("yearly_cap", 2026, "1700.00")
    with pytest.raises(DomainError, match="must be entered and confirmed"):
        confirm_figure(figure=cap, actor=reviewer, now=NOW)
    assert not PublishedFigure.objects.filter(confirmed_at__isnull=False).exists()


def test_unconfirmed_figure_may_be_entered_anew(publish, clerk, reviewer):
    from bureau.editions.figures import confirm_figure

    publish("average_wage", 2024, "58000.00")
    figure = publish("average_wage", 2024, "85000.00", actor=reviewer)
    assert (figure.value, figure.entered_by) == (Decimal("85000.00"), reviewer)
    assert confirm_figure(figure=figure, actor=clerk, now=NOW).confirmed_by == clerk


def test_database_keeps_confirmed_figures(publish, clerk, reviewer):
    from bureau.editions.figures import confirm_figure

    figure = publish("average_wage", 2024, "85000.00")
    connection.check_constraints()
    statements = ["UPDATE bureau_publishedfigure SET value = 1", "DELETE FROM bureau_publishedfigure"]
    with pytest.raises(IntegrityError, match="figure_confirmed_by_another"), transaction.atomic():
        connection.cursor().execute(
            "UPDATE bureau_publishedfigure SET confirmed_by_id = entered_by_id, confirmed_at = now()"
        )
    confirm_figure(figure=figure, actor=reviewer, now=NOW)
    connection.check_constraints()
    for statement in statements:
        with pytest.raises(IntegrityError, match="what is recorded there stays"), transaction.atomic():
            connection.cursor().execute(statement)
