"""A6: a line is explained, proved and paid by the editions that it was computed by, whatever came after."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import translation

from bureau.editions.life import choose_readings, withdraw_edition
from bureau.errors import DomainError
from bureau.rules.format.edition import RULEBOOKS
from settlement import statements
from settlement.models import Adjustment, Line
from settlement.queries.proofs.runs import lines_replay
from settlement.services.replays.edition_change import lines_under
from settlement.services.runs.compute import decide_advance
from settlement.services.runs.late import find_adjustments
from settlement.services.runs.payment import pay_run
from tests.flow.editions import approved, heyuan, replaced
from tests.settlement import factories, history
from tests.settlement.runs import approve, compute, disagreements, pay

pytestmark = pytest.mark.django_db

JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
AFTER = datetime(2027, 1, 10, 2, 0, tzinfo=UTC)
RETROACTIVE = {
    "河府〔2025〕27号": "河府〔2026〕9号",
    "starts_on = 2025-08-01": "starts_on = 2026-01-01",
    "starts_on = 2025-01-01              # ": "starts_on = 2026-01-01    # ",
    "quota = 320": "quota = 350",
}


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


def retroactive(city, **changes: str):
    """A document that begins before what has been computed: 350 a head instead of 320."""
    [(name, text)] = heyuan().items()
    return approved(city, {name: replaced(text, RETROACTIVE | changes)}, replay=True)


def explained(line: Line) -> list[str]:
    return [step.text for step in statements.statement(line).steps]


def stored(model) -> list[dict]:
    return list(model.objects.order_by("pk").values())


def test_a6_advance_is_explained_by_its_own_edition_after_a_retroactive_one(city):
    factories.heads(city, factories.institution(city), 1000)
    line = pay(city, compute(city, "advance", JANUARY)).lines.get()
    said, rows = explained(line), stored(Line)
    assert any("26666.66" in sentence for sentence in said)
    retroactive(city)
    assert explained(line) == said
    assert stored(Line) == rows
    assert disagreements(city) == []
    assert line.receipt == [{"edition": city.edition.content_hash, "ends_on": "2030-07-31"}]
    # What is computed now is computed by what holds now, and says so.
    new = compute(city, "advance", FEBRUARY).lines.get()
    assert (new.receipt[0]["edition"], new.edition.document) != (city.edition.content_hash, line.edition.document)
    assert disagreements(city) == []


def test_a6_approved_line_is_paid_by_its_own_edition(city):
    where = factories.institution(city)
    factories.heads(city, where, 1000)
    run = approve(city, compute(city, "advance", JANUARY))
    retroactive(city)
    pay_run(run=run, actor=city.finance, now=AFTER)
    assert run.lines.get().payments.get().amount == Decimal("21333.33")
    assert disagreements(city) == []


def test_a6_items_are_explained_by_their_own_edition(city):
    where = factories.institution(city)
    person = factories.member(city)
    history.settled(city, where, person, on=date(2026, 3, 5), charge="fee_for_service", fund="20.00")
    line = pay(city, compute(city, "items", MARCH)).lines.get()
    said = [(step.article, step.text) for step in statements.statement(line).steps]
    retroactive(city, **{'[provider]\narticle = "': '[provider]\narticle = "12, '})
    assert [(step.article, step.text) for step in statements.statement(line).steps] == said
    assert disagreements(city) == []


def test_a6_year_names_the_editions_of_its_months_and_keeps_to_them(city):
    where = factories.institution(city)
    factories.heads(city, where, 1000)
    history.settled(city, where, factories.member(city), on=MARCH, fund="300000.00")
    [(name, text)] = heyuan().items()
    half = RETROACTIVE | {"starts_on = 2025-08-01": "starts_on = 2026-07-01"}
    half["starts_on = 2025-01-01              # "] = "starts_on = 2026-07-01    # "
    second = approved(city, {name: replaced(text, half)})
    run = approve(city, compute(city, "year_end", JANUARY, now=AFTER))
    line = run.lines.get()
    assert line.results["quota"] == 16_000_000 + 17_500_000
    assert [(one["edition"], one["ends_on"]) for one in line.receipt] == [
        (second.content_hash, None if second.ends_on is None else second.ends_on.isoformat()),
        (city.edition.content_hash, "2026-06-30"),
    ]
    assert [lines_under(edition) for edition in (city.edition, second)] == [1, 1]
    with pytest.raises(DomainError):
        withdraw_edition(edition=second, note="误发", actor=city.reviewer, now=AFTER)
    said = explained(line)
    third = {"河府〔2025〕27号": "河府〔2026〕11号", "quota = 320": "quota = 400"}
    third |= {"starts_on = 2025-08-01": "starts_on = 2026-10-01"}
    third["starts_on = 2025-01-01              # "] = "starts_on = 2026-10-01    # "
    approved(city, {name: replaced(text, half | third)}, replay=True)
    assert explained(line) == said
    assert lines_replay(city.area.pk) == (1, [])


def test_a6_adjustment_names_its_edition_and_replays(city):
    where = factories.institution(city)
    factories.heads(city, where, 1000)
    history.settled(city, where, factories.member(city), on=MARCH, fund="300000.00")
    pay(city, compute(city, "year_end", JANUARY, now=AFTER), now=AFTER)
    retroactive(city)
    find_adjustments(area=city.area, kind="year_end", period=JANUARY, actor=city.clerk, now=AFTER)
    late = Adjustment.objects.get()
    assert late.results["quota"] == 35_000_000
    assert [one["edition"] for one in late.receipt] != [city.edition.content_hash]
    assert lines_replay(city.area.pk) == (2, [])
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE settlement_adjustment DISABLE TRIGGER USER")
        cursor.execute("UPDATE settlement_adjustment SET results = jsonb_set(results, '{due}', '1')")
        cursor.execute("ALTER TABLE settlement_adjustment ENABLE TRIGGER USER")
    asked, differences = lines_replay(city.area.pk)
    assert (asked, len(differences)) == (2, 1)


def test_a6_decision_on_an_advance_goes_by_the_edition_of_its_line():
    city = factories.heyuan(january_advance="decided")
    where = factories.institution(city)
    factories.heads(city, where, 1000)
    run = compute(city, "advance", JANUARY)
    retroactive(city)
    act = {"run": run, "institution": where, "note": "minutes 3", "actor": city.reviewer, "now": AFTER}
    with pytest.raises(DomainError, match=r"The amount lies between 0 and 21333\.33\."):
        decide_advance(**act, amount=Decimal("21333.34"))
    decide_advance(**act, amount=Decimal("15000.00"))
    assert disagreements(city) == []


@pytest.mark.parametrize("key", ["zhanjiang", "shaoguan", "kaifeng"])
def test_a6_month_is_explained_by_its_own_edition_under_every_method(key):
    """A second edition of the same texts, from the month that was computed, with another reading of the payment."""
    city = factories.city_of(key)
    where = factories.institution(city)
    month = date(2023, 3, 1) if key != "shaoguan" else date(2024, 3, 1)
    if key == "zhanjiang":
        factories.publish_pool(city, month.year, "1000.00")
    charge = {"zhanjiang": "pool", "shaoguan": "selected_capitation", "kaifeng": "fee_for_service"}[key]
    if key == "shaoguan":
        factories.heads(city, where, 1000, year=month.year)
    person = factories.member(city, starts_on=month)
    history.settled(city, where, person, on=month, charge=charge, fund="900.00")
    line = pay(city, compute(city, "month", month, now=AFTER), now=AFTER).lines.get()
    said = explained(line)
    texts = {path.name: path.read_text("utf-8") for path in sorted((RULEBOOKS / key).glob("*.toml"))}
    assert texts and said
    old = city.edition
    name, switch = next((name, switch) for name, switch in city.rules.switches.items() if len(switch.options) > 1)
    other = next(option for option in switch.options if option != switch.chosen)
    newer = choose_readings(edition=old, choices={name: other}, starts_on=month, actor=city.clerk, now=AFTER)
    approved(city, edition=newer, replay=True)
    assert explained(line) == said
    assert [one["edition"] for one in line.receipt] == [old.content_hash]
    assert disagreements(city) == []
