"""Proposals in the second reading: prescriptions of visits taken back, moves between funds, account money (A2)."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection, transaction

from bureau import audit
from settlement.services.replays.proposals import decide_proposal, propose_late_facts, propose_replay
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import settle_visit
from tests.recompute import accounts, books, proposals, visits
from tests.recompute.accounts import Accounts
from tests.recompute.books import Books
from tests.recompute.cities import BY_AREA
from tests.recompute.credits import Credits
from tests.recompute.data.reading import Area
from tests.recompute.differences import Findings
from tests.recompute.heads import Heads
from tests.recompute.proposals import Replays
from tests.recompute.runs import Runs
from tests.recompute.used import Used
from tests.recompute.visits import Visits
from tests.settlement import factories

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 1)


def at(day: int) -> datetime:
    return datetime(2026, 3, day, 2, tzinfo=UTC)


def settle(city, person, where, key, on=DAY, *, day=2, total="100.00", **more):
    asked = VisitRequest(
        **{"institution_id": where.pk, "key": key, "member_id": person.pk, "encounter": "E1", "care_on": on}
        | {"total": Decimal(total)}
        | more
    )
    return settle_visit(asked, actor=city.clerk, now=at(day))


def decide(city, proposal, day, confirm=True):
    note = "" if confirm else "已核实"
    return decide_proposal(proposal.pk, confirm=confirm, note=note, actor=city.reviewer, now=at(day))


def learnt(city, row, day, **before):
    """What the audit trail says of a row: made on a day, or changed then from what it was."""
    detail = {"before": before} if before else {}
    audit.record(f"{row._meta.model_name}.record", actor=city.clerk, now=at(day), subject=row, **detail)


def findings_of(city):
    """All but what is held against files, which these cities have none of."""
    connection.ensure_connection()
    area, rules = Area(connection.connection, city.area.pk), BY_AREA[city.area.pk]
    findings = Findings(area.code)
    settled, credited, heads = Visits(area, rules), Credits(area, rules), Heads(area)
    moved = Accounts(area, rules, settled, credited, {})
    paid = Runs(area, rules, Used(area, rules, settled, moved), heads)
    visits.compare(settled, findings)
    accounts.compare(moved, findings)
    proposals.compare(Replays(settled), moved, findings)
    books.compare(Books(area, rules, settled, credited, moved, paid), findings)
    return findings


def second_reading(city):
    """How many figures of proposals were computed again, and what differs anywhere."""
    findings = findings_of(city)
    return findings.asked["proposal"], [str(difference) for difference in findings.differences]


def found_if(city, change, proposal):
    """The codes under which a wrong proposal is found when its row is changed past every guard."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("settlement_proposal", "settlement_accountrecovery"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(change, [proposal.pk])
        codes = {difference.code for difference in findings_of(city).differences}
        transaction.set_rollback(True)
    return codes


@pytest.fixture
def city():
    return factories.heyuan()


@pytest.mark.parametrize("confirmed", [False, True])
def test_a2_prescription_follows_what_is_known_of_the_visit_that_was_taken_back(city, confirmed):
    """70 % of 60.00, once the clinic that wrote it is known to be the chosen one."""
    where, shop = factories.institution(city), factories.institution(city, kind="pharmacy", level=None)
    person = factories.member(city)
    first = settle(city, person, where, "S1", pay_from="none")
    filled = settle(
        city, person, shop, "P1", total="60.00", channel="prescription", prescriber_id=where.pk, pay_from="none"
    )
    assert (first.refusal, filled.refusal) == ("not_selected", "not_selected")
    reverse_visit(first.pk, key="R", reason="重复", actor=city.clerk, now=at(3))
    learnt(city, factories.choose(city, person, where), 4)
    [proposal] = propose_replay(member_id=person.pk, year=2026, actor=city.clerk, now=at(5))
    assert (str(proposal.settled), str(proposal.proposed)) == ("0.00", "42.00")
    if confirmed:
        decide(city, proposal, 6)
    asked, differences = second_reading(city)
    assert (asked, differences) == (7, [])
    assert "proposal.proposed" in found_if(city, "UPDATE settlement_proposal SET proposed = 41 WHERE id = %s", proposal)


@pytest.mark.parametrize("dropped", [False, True])
def test_a2_moves_between_funds_are_computed_again(dropped):
    from settlement.models import OtherUse

    city = factories.city_of("chongqing")
    for code, value in (("pooled_limit", "50000.00"), ("mutual_limit", "300000.00")):
        factories.figure(city.area, code, 2026, value, city.clerk, city.reviewer)
    where = factories.institution(city, kind="hospital", level=2)
    person = factories.member(city, account=False)
    person.enrolments.update(plan="unit", large_claims=True)
    first = settle(city, person, where, "S1", total="700.00", pay_from="none")
    second = settle(city, person, where, "S2", encounter="E2", total="100.00", pay_from="none")
    spent = OtherUse.objects.create(
        member=person, area=city.area, scheme="310", fund="employees_pool", number="Z1", paid_on=DAY,
        amount=Decimal("49900.00"), upload=upload(city, 4),
    )  # fmt: skip
    assert spent.upload.uploaded_at == at(4)
    moves = propose_late_facts(area_id=city.area.pk, year=2026, month=3, actor=city.clerk, now=at(5))
    assert [(p.visit_id, str(p.large_claims)) for p in moves] == [(first.pk, "200.00"), (second.pk, "60.00")]
    if dropped:
        decide(city, moves[0], 6, confirm=False)
        moves = propose_late_facts(area_id=city.area.pk, year=2026, actor=city.clerk, now=at(6))
        assert moves == []
    for number, proposal in enumerate(moves):
        decide(city, proposal, 7 + number)
    if not dropped:
        assert "proposal.large_claims" in found_if(
            city, "UPDATE settlement_proposal SET large_claims = 199 WHERE id = %s", moves[0]
        )
    settle(city, person, where, "S3", encounter="E3", total="100.00", day=9, pay_from="none")
    asked, differences = second_reading(city)
    assert differences == []
    assert asked == (7 if dropped else 14)


def upload(city, day):
    from bureau.models import Upload

    return Upload.objects.create(
        area=city.area, kind="other_uses", name="uses.csv", size=0, uploaded_by=city.clerk, uploaded_at=at(day)
    )


def test_a2_account_money_that_is_given_back_is_computed_again(city):
    """25.00 recovered for a death that proves wrong, of which 15.00 have been spent meanwhile."""
    from accounts.models import Account
    from members.models import Member

    where = factories.institution(city)
    person = factories.member(city, selected=where, balance="25.00")
    visit = settle(city, person, where, "S1")
    assert (str(visit.pooled), str(visit.account)) == ("60.00", "25.00")
    Member.objects.filter(pk=person.pk).update(died_on=date(2026, 2, 10))
    learnt(city, person, 4, died_on="")
    [proposal] = propose_late_facts(area_id=city.area.pk, year=2026, actor=city.clerk, now=at(5))
    assert (str(proposal.proposed), str(proposal.accounts)) == ("0.00", "-25.00")
    decide(city, proposal, 6)
    assert second_reading(city) == (9, [])
    Member.objects.filter(pk=person.pk).update(died_on=None)
    learnt(city, person, 7, died_on="2026-02-10")
    settle(city, person, factories.institution(city, kind="pharmacy", level=None), "P", day=8, total="15.00")
    assert str(Account.objects.get(member=person).balance) == "10.00"
    [again] = propose_late_facts(area_id=city.area.pk, year=2026, actor=city.clerk, now=at(9))
    assert (str(again.accounts), [str(back.short) for back in again.recoveries.all()]) == ("25.00", ["15.00"])
    decide(city, again, 10)
    assert second_reading(city) == (18, [])
    change = "UPDATE settlement_accountrecovery SET short = 14 WHERE proposal_id = %s"
    assert "proposal.short" in found_if(city, change, again)
    reverse_visit(visit.pk, key="R", reason="错", actor=city.clerk, now=at(11))
    assert second_reading(city) == (18, [])
