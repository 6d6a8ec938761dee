"""Differences of which fund pays, though all pay as much together: found, booked between the funds, counted (A2)."""

import random
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import Entry
from accounts.services import EntryRequest, JournalRequest, post
from bureau import audit
from bureau.errors import DomainError
from bureau.identifiers.identity import with_check_digit
from bureau.rosters.undo import undo_upload
from bureau.rosters.uploads import load_now, receive_upload
from members.identity import keyed_hash
from members.models import Enrolment
from settlement.models import OtherUse, Proposal
from settlement.services.replays.late_facts import search_late_facts
from settlement.services.replays.proposals import Outdated, decide_proposal, propose_late_facts, propose_replay
from settlement.services.visits.recording import between, difference_entries
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import settle_visit
from tests.settlement import factories
from tests.settlement.visits import assert_clean, moved, request

pytestmark = pytest.mark.django_db

SINCE, DAY = date(2023, 1, 1), date(2024, 11, 1)
NOW, LATER = datetime(2024, 11, 20, 2, tzinfo=UTC), datetime(2024, 11, 25, 2, tzinfo=UTC)
USES = "结算ID,姓名,证件号码,险种类型,基金类别,就诊日期,基金支付金额"
DOCUMENT = with_check_digit("50010119800520001")


@pytest.fixture
def town(db):
    """Chongqing with its two limits, and a member of the large-claims insurance: 200.00 to bear, then 60 %."""
    city = factories.city_of("chongqing")
    for code, value in (("pooled_limit", "50000.00"), ("mutual_limit", "300000.00")):
        factories.figure(city.area, code, 2024, value, city.clerk, city.reviewer)
    person = factories.member(city, starts_on=SINCE, account=False)
    person.document_hash = keyed_hash(DOCUMENT)
    person.save()
    person.enrolments.update(plan="unit", large_claims=True)
    return city, factories.institution(city, kind="hospital", level=2, since=SINCE), person


def settle(city, where, person, key, total="700.00", on=DAY, **more):
    asked = request(where, person, key=key, encounter=key, care_on=on, total=Decimal(total), **more)
    return settle_visit(asked, actor=city.clerk, now=NOW)


def use(city, person, number, amount, on="2024-03-01", fund="统筹基金", at=LATER):
    line = f"{number},{person.name},{DOCUMENT},310,{fund},{on},{amount}"
    upload = receive_upload(
        kind="other_uses", name="uses.csv", content=f"{USES}\r\n{line}\r\n".encode("utf-8-sig"), area=city.area,
        actor=city.clerk, now=at,
    )  # fmt: skip
    upload = load_now(upload, actor=city.clerk, now=at)
    assert (upload.accepted, upload.rejected) == (1, 0)
    return upload


def late(city, year=2024, **which):
    return propose_late_facts(area_id=city.area.pk, year=year, actor=city.clerk, now=LATER, **which)


def decide(city, proposal, confirm=True):
    note = "" if confirm else "已核实"
    return decide_proposal(proposal.pk, confirm=confirm, note=note, actor=city.reviewer, now=LATER)


def paid(visit):
    return str(visit.pooled), str(visit.large_claims)


def told(proposal):
    parts = {fund: str(amount) for fund, amount in proposal.parts.items()}
    return str(proposal.settled), str(proposal.proposed), parts


def posted(source):
    rows = Entry.objects.filter(journal__source=source)
    return sorted((e.fund, e.subject, e.holder, str(e.amount)) for e in rows)


def spent(fund):
    return -sum(e.amount for e in Entry.objects.filter(subject="benefit_expenditure", fund=fund))


def test_a2_hospital_spending_learnt_late_moves_a_visit_to_the_large_claims_fund(town):
    """49900.00 of the pooled fund's 50000.00 were spent in hospital: of 300.00 it pays 100.00, not all."""
    city, where, person = town
    visit = settle(city, where, person, "S1")
    assert paid(visit) == ("300.00", "0.00")
    use(city, person, "Z1", "49900.00")
    [proposal] = late(city, month=11)
    assert (proposal.cause, proposal.reason) == ("late_fact", "late_fact")
    assert told(proposal) == ("300.00", "300.00", {"employees_pool": "-200.00", "large_claims": "200.00"})
    assert (late(city), propose_replay(member_id=person.pk, year=2024, actor=city.clerk, now=LATER)) == ([], [])
    decide(city, proposal)
    assert posted(f"proposal:{proposal.pk}") == [
        ("employees_pool", "benefit_expenditure", "", "200.00"),
        ("employees_pool", "interfund", "large_claims", "-200.00"),
        ("large_claims", "benefit_expenditure", "", "-200.00"),
        ("large_claims", "interfund", "employees_pool", "200.00"),
    ]
    assert (spent("employees_pool"), spent("large_claims")) == (100, 200)
    assert (late(city), propose_replay(member_id=person.pk, year=2024, actor=city.clerk, now=LATER)) == ([], [])
    assert_clean(city)
    # It counts fund by fund from now on: nothing is left of the pooled fund's limit.
    assert paid(settle(city, where, person, "S2", "100.00")) == ("0.00", "60.00")
    reverse_visit(visit.pk, key="R", reason="错", actor=city.clerk, now=LATER)
    assert (spent("employees_pool"), spent("large_claims")) == (0, 60)
    assert sum(e.amount for e in Entry.objects.filter(subject="interfund", fund="employees_pool")) == 0
    # Given back with its visit: 100.00 are left, and of the bill 200.00 are to bear again.
    assert paid(settle(city, where, person, "S3", "400.00")) == ("100.00", "20.00")
    assert_clean(city)


def test_a2_hospital_spending_taken_back_moves_a_visit_to_the_pooled_fund(town):
    city, where, person = town
    use(city, person, "Z1", "49900.00", at=NOW)
    visit = settle(city, where, person, "S1")
    assert paid(visit) == ("100.00", "200.00")
    assert late(city) == []
    use(city, person, "Z2", "-49900.00")
    [proposal] = late(city)
    assert told(proposal) == ("300.00", "300.00", {"employees_pool": "200.00", "large_claims": "-200.00"})
    decide(city, proposal)
    assert posted(f"proposal:{proposal.pk}") == [
        ("employees_pool", "benefit_expenditure", "", "-200.00"),
        ("employees_pool", "interfund", "large_claims", "200.00"),
        ("large_claims", "benefit_expenditure", "", "200.00"),
        ("large_claims", "interfund", "employees_pool", "-200.00"),
    ]
    assert (spent("employees_pool"), spent("large_claims")) == (300, 0)
    assert late(city) == []
    assert_clean(city)
    reverse_visit(visit.pk, key="R", reason="错", actor=city.clerk, now=LATER)
    assert (spent("employees_pool"), spent("large_claims")) == (0, 0)
    assert_clean(city)


@pytest.mark.parametrize(
    ("left", "mutual", "entries"),
    [
        (
            "149.99",
            "149.99",
            [
                ("employees_pool", "benefit_expenditure", "", "200.00"),
                ("employees_pool", "interfund", "large_claims", "-149.99"),
                ("employees_pool", "recoveries", "member", "-50.01"),
                ("large_claims", "benefit_expenditure", "", "-149.99"),
                ("large_claims", "interfund", "employees_pool", "149.99"),
            ],
        ),
        (
            "0.00",
            "0.00",
            [
                ("employees_pool", "benefit_expenditure", "", "200.00"),
                ("employees_pool", "recoveries", "member", "-200.00"),
            ],
        ),
    ],
)
def test_a2_what_no_fund_pays_any_more_is_the_members_and_only_the_rest_is_between_funds(town, left, mutual, entries):
    city, where, person = town
    visit = settle(city, where, person, "S1")
    use(city, person, "Z1", "49900.00")
    use(city, person, "Z2", str(Decimal("300000.00") - Decimal(left)), fund="大额互助")
    [proposal] = late(city)
    assert (str(proposal.proposed), str(proposal.large_claims)) == (str(100 + Decimal(mutual)), mutual)
    decide(city, proposal)
    member = f"member:{person.pk}"
    assert posted(f"proposal:{proposal.pk}") == [
        (fund, subject, member if holder == "member" else holder, amount) for fund, subject, holder, amount in entries
    ]
    assert_clean(city)
    reverse_visit(visit.pk, key="R", reason="错", actor=city.clerk, now=LATER)
    assert (spent("employees_pool"), spent("large_claims")) == (0, 0)
    assert_clean(city)


def test_a2_move_between_funds_is_dropped_for_good_and_refused_once_outdated(town):
    city, where, person = town
    settle(city, where, person, "S1")
    use(city, person, "Z1", "49900.00")
    [first] = late(city)
    use(city, person, "Z2", "50.00")
    before = moved()
    with pytest.raises(Outdated) as refused:
        decide(city, first)
    assert str(refused.value) == "该待遇重算差额已失效：就诊或其所依据的事实此后已有变化。请重新查找差额。"
    assert moved() == before
    [second] = late(city)
    assert told(second)[2] == {"employees_pool": "-250.00", "large_claims": "250.00"}
    assert Proposal.objects.get(pk=first.pk).status == "outdated"
    decide(city, second, confirm=False)
    assert late(city) == []
    assert spent("large_claims") == 0
    assert paid(settle(city, where, person, "S2", "100.00")) == ("0.00", "60.00")
    assert_clean(city)


def test_a2_search_for_a_year_finds_the_move_as_a_job_and_looks_at_nobody_else(town):
    from bureau.jobs.services import work

    city, where, person = town
    other = factories.member(city, starts_on=SINCE, account=False)
    other.enrolments.update(plan="unit", large_claims=True)
    settle(city, where, person, "S1")
    settle(city, where, other, "S2")
    use(city, person, "Z0", "49900.00", on="2023-03-01")  # of another year's limit
    assert late(city) == []
    use(city, person, "Z1", "49900.00")
    job = search_late_facts(area=city.area, year=2024, actor=city.clerk, now=LATER)
    work(job.pk, clock=lambda: LATER)
    job.refresh_from_db()
    assert job.result == {"members": 2, "proposals": 1}
    assert Proposal.objects.get().visit.member_id == person.pk


def test_a2_search_of_a_month_reads_other_uses_in_few_statements(town, django_assert_max_num_queries):
    city, where, _person = town
    people = [factories.member(city, starts_on=SINCE, account=False) for _ in range(30)]
    Enrolment.objects.filter(member__in=people).update(plan="unit", large_claims=True)
    for number, one in enumerate(people):
        settle(city, where, one, f"T{number}")
    OtherUse.objects.bulk_create(
        OtherUse(
            member=one, area=city.area, scheme="310", fund="employees_pool", number="Z", paid_on=DAY, amount=amount
        )
        for one, amount in zip(people, [Decimal("49700.00")] * 30, strict=True)
    )
    with django_assert_max_num_queries(45):  # twice those of a search that finds nobody to replay
        assert late(city, month=11) == []


def test_a2_uses_on_which_a_confirmed_difference_rests_are_not_undone(town):
    city, where, person = town
    settle(city, where, person, "S1")
    upload = use(city, person, "Z1", "49900.00")
    [proposal] = late(city)
    decide(city, proposal)
    with pytest.raises(DomainError) as refused:
        undo_upload(upload, actor=city.reviewer, now=LATER)
    assert str(refused.value) == "已有门诊依据这些累计结算。"
    assert OtherUse.objects.count() == 1


# From one pooled fund to another


@pytest.mark.parametrize("learnt", ["a newborn's first premium", "no newborn"])
def test_a2_visit_is_moved_from_one_book_to_the_other(learnt):
    """Shaoguan, where the residents' fund bears what no quota does: 70.00 stay 70.00 (SG-15)."""
    city = factories.city_of("shaoguan", direct_book="residents")
    home = factories.institution(city, since=SINCE)
    person = factories.member(city, person_class="resident", starts_on=SINCE, account=False)
    factories.choose(city, person, home, year=2024)
    facts = [("residents_outpatient", None), ("residents", date(2024, 12, 1))]
    if learnt == "no newborn":
        facts.reverse()
    (before, first), (after, second) = facts
    person.enrolments.update(paid_on=first)
    visit = settle(city, home, person, "S1", "100.00", settled_on=DAY)
    assert (visit.pool, str(visit.pooled)) == (before, "70.00")
    person.enrolments.update(paid_on=second)
    [proposal] = late(city, month=11)
    assert told(proposal) == ("70.00", "70.00", {before: "-70.00", after: "70.00"})
    assert (proposal.pool, proposal.former_pool, str(proposal.former_pooled)) == (after, before, "-70.00")
    decide(city, proposal)
    assert posted(f"proposal:{proposal.pk}") == sorted(
        [
            (before, "benefit_expenditure", "", "70.00"),
            (before, "interfund", after, "-70.00"),
            (after, "benefit_expenditure", "", "-70.00"),
            (after, "interfund", before, "70.00"),
        ]
    )
    assert late(city) == []
    assert_clean(city)
    person.enrolments.update(paid_on=first)  # and back again
    [back] = late(city)
    assert told(back) == ("70.00", "70.00", {after: "-70.00", before: "70.00"})
    decide(city, back)
    assert (spent(before), spent(after)) == (70, 0)
    assert_clean(city)
    reverse_visit(visit.pk, key="R", reason="错", actor=city.clerk, now=LATER)
    assert (spent(before), spent(after)) == (0, 0)
    assert_clean(city)


# However many funds


def test_a2_what_lies_between_funds_is_said_by_the_proof_as_it_is_posted(town):
    """Differences of three funds at random: the journal and the proof work them out apart."""
    city, where, person = town
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    visit = settle(city, where, person, "S1")
    for _ in range(40):
        parts = {fund: Decimal(chance.choice([0, chance.randint(-300, 300)])) / 100 for fund in ("pool", "large")}
        former = -Decimal(chance.choice([0, chance.randint(1, 300)])) / 100
        if not any(parts.values()) and not former:
            continue
        proposal = Proposal.objects.create(
            visit=visit, cause="replay", scheme="310", place=[], pool="employees_pool", settled=Decimal("3.00"),
            proposed=Decimal("3.00") + sum(parts.values()) + former, large_claims=parts["large"],
            former_pool="residents" if former else "", former_pooled=former, reason="replay", proposed_by=city.clerk,
            proposed_at=NOW,
        )  # fmt: skip
        audit.record("proposal.make", actor=city.clerk, now=NOW, subject=proposal, area_id=city.area.pk)
        Proposal.objects.filter(pk=proposal.pk).update(status="confirmed", decided_by=city.reviewer, decided_at=NOW)
        audit.record("proposal.confirm", actor=city.reviewer, now=NOW, subject=proposal, area_id=city.area.pk)
        name = f"proposal:{proposal.pk}"
        [(area, entries)] = difference_entries(proposal).items()
        journal = JournalRequest(
            name, area, "recovery", timezone.localdate(NOW), name, [EntryRequest(*entry) for entry in entries]
        )
        post([journal], actor=city.clerk, now=NOW)
        member = sum(amount for _fund, _subject, holder, _account, amount in entries if holder.startswith("member:"))
        assert member == proposal.proposed - proposal.settled
    assert_clean(city)
    reverse_visit(visit.pk, key="R", reason="错", actor=city.clerk, now=LATER)
    assert_clean(city)


def test_a2_between_funds_nothing_is_left_over():
    parts = {"a": Decimal("-1.00"), "b": Decimal("3.00"), "c": Decimal("-1.50")}
    assert between(parts) == [("c", "b", Decimal("1.50")), ("a", "b", Decimal("1.00"))]


def test_a2_another_reading_of_settled_days_moves_their_visits_to_the_other_book():
    """Shaoguan, approved with replay: emergencies are the residents' fund's from July on."""
    from bureau.editions.life import approve_edition, choose_readings, submit_edition
    from bureau.jobs.services import work
    from bureau.models import Job

    city = factories.city_of("shaoguan")
    home = factories.institution(city, since=SINCE)
    hospital = factories.institution(city, kind="hospital", level=3, since=SINCE)
    person = factories.member(city, person_class="resident", starts_on=SINCE, account=False)
    factories.choose(city, person, home, year=2024)
    visit = settle(city, hospital, person, "S1", "100.00", settled_on=DAY, channel="emergency")
    own = settle(city, home, person, "S2", "100.00", settled_on=DAY)
    assert (visit.pool, own.pool) == ("residents_outpatient", "residents_outpatient")
    edition = choose_readings(
        edition=city.edition,
        choices={"direct_book": "residents"},
        starts_on=date(2024, 7, 1),
        actor=city.clerk,
        now=NOW,
    )
    edition = submit_edition(edition=edition, actor=city.clerk, now=NOW)
    approve_edition(edition=edition, note="改由居民基金支付", replay=True, actor=city.reviewer, now=LATER)
    work(Job.objects.get(kind="edition_replay").pk, clock=lambda: LATER)
    proposal = Proposal.objects.get()
    assert (proposal.visit, proposal.cause) == (visit, "late_fact")
    assert told(proposal) == ("70.00", "70.00", {"residents_outpatient": "-70.00", "residents": "70.00"})
    proposer = proposal.proposed_by
    decide_proposal(proposal.pk, confirm=True, actor=city.clerk if proposer != city.clerk else city.reviewer, now=LATER)
    assert (spent("residents"), spent("residents_outpatient")) == (70, 70)
    assert late(city) == []
    assert_clean(city)
