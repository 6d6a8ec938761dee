"""What counts with a visit: over the end of a year, of an opening figure, of a confirmed adjustment."""

from datetime import UTC, date, datetime
from decimal import Decimal

from accounts.models import Entry
from bureau.editions.life import load_edition
from bureau.models import Area, County, Staff
from bureau.rules.format.edition import RULEBOOKS, load
from settlement.models import OpeningUse, Visit
from settlement.queries.proofs.books import check_books
from settlement.services.replays.proposals import decide_proposal, propose_replay
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import settle_visit, settle_visits
from tests.settlement import factories

NOW = datetime(2027, 12, 31, 2, tzinfo=UTC)
CAP = """
[[benefits.terms]]
id = "{id}"
kind = "cap"
base = "{base}"
window = "{window}"
amount = {amount}
article = "5"
"""
PERIOD = "periods = [{ from = 2026-07-01, to = 2027-06-30 }]\n"


def asked(person, where, number, on, total="100.00", **more) -> VisitRequest:
    facts = {"key": f"{person.pk}-{number}", "encounter": f"E{number}", "total": Decimal(total)} | more
    return VisitRequest(institution_id=where.pk, member_id=person.pk, care_on=on, **facts)


def pooled(visits) -> list[str]:
    return [str(visit.pooled) for visit in visits]


def heyuan_with(term: str, *, before_ratio: bool = False) -> factories.City:
    """Heyuan with a further term."""
    text = (RULEBOOKS / "heyuan" / "2025-27.toml").read_text("utf-8").partition("[[examples]]")[0]
    head, marker, rest = text.partition("[[benefits.terms]]" if before_ratio else "[[benefits.shares]]")
    text = head + term + marker + rest
    rules = load({"a.toml": text})
    area = Area.objects.create(code=rules.area, name=rules.name)
    county = County.objects.create(code=factories.COUNTY, area=area, name="源城区")
    clerk, reviewer = (Staff.objects.create(username=name, area=area) for name in ("clerk", "reviewer"))
    edition = load_edition(
        texts={"a.toml": text}, area=area, actor=clerk, approver=reviewer, now=factories.LOADED_AT
    )
    city = factories.City(area, county, county, clerk, reviewer, clerk, edition, rules)
    factories.publish_cap(city, "1700.00")
    return city


def test_prescription_filled_after_new_year_shares_the_cap_of_its_visit(city):
    where, shop = factories.institution(city), factories.institution(city, kind="pharmacy", level=None)
    desk, batch = (factories.member(city, selected=where) for _ in range(2))
    visits = {}
    for person in (desk, batch):
        factories.choose(city, person, where, year=2027)
        filled = {"encounter": "E1", "channel": "prescription", "prescriber_id": where.pk}
        visits[person] = [
            asked(person, where, 1, date(2026, 12, 31), "50.00"),
            asked(person, shop, 2, date(2027, 1, 2), "60.00", **filled),
        ]
    one_by_one = [settle_visit(request, actor=city.clerk, now=NOW) for request in visits[desk]]
    assert pooled(one_by_one) == ["35.00", "25.00"]
    settle_visits(visits[batch], actor=city.clerk, now=NOW)
    assert pooled(Visit.objects.filter(member=batch).order_by("id")) == ["35.00", "25.00"]
    assert propose_replay(member_id=desk.pk, year=2027, actor=city.clerk, now=NOW) == []


def test_period_over_new_year_is_one_window_at_the_desk_and_in_the_replay(db):
    city = heyuan_with(CAP.format(id="benefit_year", base="fund", window="period", amount=100) + PERIOD)
    where = factories.institution(city)
    desk, batch = (factories.member(city, selected=where) for _ in range(2))
    days = [date(2026, 8, 3), date(2027, 2, 1), date(2027, 6, 30), date(2027, 7, 1)]
    for person in (desk, batch):
        factories.choose(city, person, where, year=2027)
    requests = {
        person: [asked(person, where, number, on) for number, on in enumerate(days)] for person in (desk, batch)
    }
    visits = [settle_visit(request, actor=city.clerk, now=NOW) for request in requests[desk]]
    assert pooled(visits) == ["60.00", "40.00", "0.00", "60.00"]
    settle_visits(requests[batch], actor=city.clerk, now=NOW)
    assert pooled(Visit.objects.filter(member=batch).order_by("id")) == ["60.00", "40.00", "0.00", "60.00"]
    for year in (2026, 2027):
        assert propose_replay(member_id=desk.pk, year=year, actor=city.clerk, now=NOW) == []
    reverse_visit(visits[0].pk, key="R", reason="错", actor=city.clerk, now=NOW)
    proposals = propose_replay(member_id=desk.pk, year=2027, actor=city.clerk, now=NOW)
    assert [(p.visit_id, str(p.proposed)) for p in proposals] == [
        (visits[1].pk, "60.00"),
        (visits[2].pk, "40.00"),
    ]


def test_prescription_of_a_visit_outside_enrolment_is_filled_alike_at_the_desk_and_in_a_batch(city):
    """The visit is refused and recorded; what it prescribed is answered the same whichever way both come."""
    where, shop = factories.institution(city), factories.institution(city, kind="pharmacy", level=None)
    written = []
    for _ in range(2):
        person = factories.member(city, selected=where)
        person.enrolments.update(starts_on=date(2026, 3, 3))
        filled = {"encounter": "E1", "channel": "prescription", "prescriber_id": where.pk}
        written.append(
            [asked(person, where, 1, date(2026, 3, 2)), asked(person, shop, 2, date(2026, 3, 3), **filled)]
        )
    desk, batch = written
    one_by_one = [settle_visit(request, actor=city.clerk, now=NOW) for request in desk]
    answers = settle_visits(batch, actor=city.clerk, now=NOW)
    together = [Visit.objects.get(pk=answer.visit_id) for answer in answers]
    assert [(v.refusal, v.pooled, v.place) for v in one_by_one] == [(v.refusal, v.pooled, v.place) for v in together]
    assert [v.refusal for v in one_by_one] == ["not_enrolled", "remote_not_filed"]


def test_opening_deductible_counts_as_cost_that_bore_it(db):
    city = heyuan_with(CAP.format(id="cost", base="cost", window="year", amount=100), before_ratio=True)
    where = factories.institution(city)
    person = factories.member(city, selected=where)
    OpeningUse.objects.create(
        member=person, area=city.area, scheme="310", year=2026, deductible=Decimal("40.00"), fund=Decimal("10.00")
    )
    visit = settle_visit(asked(person, where, 1, date(2026, 3, 2), "80.00"), actor=city.clerk, now=NOW)
    assert str(visit.pooled) == "42.00"  # 70 % of 100.00 - 40.00


def test_confirmed_adjustment_counts_the_deductible_it_took(db):
    """The deductible of a reversed visit is borne by the next once, not by every one that follows."""
    city = factories.city_of("chongqing")
    where, person = factories.institution(city), factories.member(city)
    person.enrolments.update(plan="unit")
    requests = [asked(person, where, number, date(2026, 3, number), "300.00") for number in range(1, 4)]
    first, second = [settle_visit(request, actor=city.clerk, now=NOW) for request in requests[:2]]
    assert pooled([first, second]) == ["60.00", "180.00"]  # deductible 200, level 1: 60 %
    reverse_visit(first.pk, key="R", reason="错", actor=city.clerk, now=NOW)
    [proposal] = propose_replay(member_id=person.pk, year=2026, actor=city.clerk, now=NOW)
    assert (str(proposal.proposed), str(proposal.deductible)) == ("60.00", "200.00")
    decide_proposal(proposal.pk, confirm=True, actor=city.reviewer, now=NOW)
    third = settle_visit(requests[2], actor=city.clerk, now=NOW)
    assert (str(third.pooled), str(third.deductible)) == ("180.00", "0.00")
    assert propose_replay(member_id=person.pk, year=2026, actor=city.clerk, now=NOW) == []
    assert not [proof.shown for proof in check_books(city.area.pk) if proof.wrong]


def test_confirmed_adjustment_goes_back_to_the_fund_it_came_from(db):
    """What the large-claims fund paid is taken back from it, and the pooled fund has room again."""
    city = factories.city_of("chongqing")
    where, person = factories.institution(city), factories.member(city)
    person.enrolments.update(plan="unit", large_claims=True)
    factories.figure(city.area, "pooled_limit", 2026, "100.00", city.clerk, city.reviewer)
    requests = [asked(person, where, number, date(2026, 3, number), "300.00") for number in range(1, 3)]
    first, second = [settle_visit(request, actor=city.clerk, now=NOW) for request in requests]
    assert [(str(v.pooled), str(v.large_claims)) for v in (first, second)] == [("60.00", "0.00"), ("40.00", "140.00")]
    reverse_visit(first.pk, key="R", reason="错", actor=city.clerk, now=NOW)
    [proposal] = propose_replay(member_id=person.pk, year=2026, actor=city.clerk, now=NOW)
    assert (str(proposal.proposed), str(proposal.large_claims)) == ("60.00", "-140.00")
    decide_proposal(proposal.pk, confirm=True, actor=city.reviewer, now=NOW)
    lines = Entry.objects.filter(journal__source=f"proposal:{proposal.pk}", subject="benefit_expenditure")
    amounts = {entry.fund: str(entry.amount) for entry in lines}
    assert amounts == {"employees_pool": "-20.00", "large_claims": "140.00"}
    assert not [proof.shown for proof in check_books(city.area.pk) if proof.wrong]
