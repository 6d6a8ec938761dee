"""Rosters that reach back over settled days: what they change is proposed, and they are not undone any more (A8)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import Account, FamilyGrant
from bureau import audit
from bureau.errors import DomainError
from bureau.models import Upload
from bureau.rosters.undo import undo_upload
from bureau.rosters.uploads import load_now, receive_upload
from institutions.models import Agreement, HospitalStay, Institution, Level, OutOfAreaRegistration, Referral
from members.models import BenefitPeriod, Relative
from settlement.models import Proposal, Visit
from settlement.queries.roster_days import ROSTERS, settled_before
from settlement.services.replays.proposals import decide_proposal, propose_late_facts
from settlement.services.visits.settling import settle_visit
from tests.roster_files import rejects
from tests.settlement import factories
from tests.settlement.visits import assert_clean, moved, request

BEFORE = datetime(2026, 3, 2, 2, tzinfo=UTC)
LATER = datetime(2026, 3, 20, 2, tzinfo=UTC)
AFTER = datetime(2026, 3, 25, 2, tzinfo=UTC)
HEADINGS = "机构编码,机构名称,机构类型,统筹区,经办区县,上级机构编码,结算等级,协议开始,协议结束,开户行,银行账号,户名"
VISITS_REST = "已有门诊结算依据本名册办理，请改为更正记录。"


def settle(city, where, person, key="S1", now=BEFORE, **changes):
    facts = {"key": key, "encounter": key, "total": Decimal("55.00")} | changes
    return settle_visit(request(where, person, **facts), actor=city.clerk, now=now)


def roster(city, where, level="一级", starts_on="2025-01-01", ends_on="", now=LATER):
    """A line of the roster of institutions about one that is recorded, as it would be sent."""
    line = f"{where.code},{where.name},乡镇卫生院,{city.area.pk},{city.county.pk},,{level},{starts_on},{ends_on},,,"
    content = f"{HEADINGS}\n{line}\n".encode()
    upload = receive_upload(
        kind="institutions", name="机构.csv", content=content, area=city.area, actor=city.clerk, now=now
    )
    upload = load_now(upload, actor=city.clerk, now=now)
    assert (upload.status, upload.accepted) == ("loaded", 1), (upload.problem, rejects(upload))
    return upload


def late(city):
    return propose_late_facts(area_id=city.area.pk, year=2026, actor=city.clerk, now=AFTER)


def undo_refused(city, upload, message=VISITS_REST):
    before = moved(), list(Level.objects.order_by("id").values()), list(Agreement.objects.order_by("id").values())
    with pytest.raises(DomainError) as refused:
        undo_upload(upload, actor=city.clerk, now=AFTER)
    assert str(refused.value) == message
    assert Upload.objects.get(pk=upload.pk).status == "loaded"
    now = moved(), list(Level.objects.order_by("id").values()), list(Agreement.objects.order_by("id").values())
    assert now == before


@pytest.fixture
def where(city):
    return factories.institution(city, "源城社区")


@pytest.fixture
def person(city, where):
    return factories.member(city, selected=where)


def test_a8_level_over_settled_days_becomes_proposals_and_the_roster_says_how_many(db):
    """55.00 at the first level is 33.00 (60 %), at the second 30.25 (55 %): those before it are proposed."""
    city = factories.city_of("zhanjiang")
    factories.publish_cap(city, "1000.00")
    where = factories.institution(city)
    people = [factories.member(city) for _ in range(3)]
    day = date(2025, 10, 8)
    visits = [settle(city, where, person, key=f"S{n}", care_on=day) for n, person in enumerate(people)]
    assert {str(v.pooled) for v in visits} == {"33.00"}
    upload = roster(city, where, level="二级")
    assert settled_before(upload, 10) == 3
    assert {str(v.pooled) for v in Visit.objects.all()} == {"33.00"}
    assert str(settle(city, where, people[0], key="T", care_on=day + timedelta(1), now=AFTER).pooled) == "30.25"
    proposals = propose_late_facts(area_id=city.area.pk, year=2025, actor=city.clerk, now=AFTER)
    assert [(p.visit, str(p.settled), str(p.proposed), p.cause) for p in proposals] == [
        (visit, "33.00", "30.25", "late_fact") for visit in visits
    ]
    for proposal in proposals:
        decide_proposal(proposal.pk, confirm=True, actor=city.reviewer, now=AFTER)
    assert_clean(city)


@pytest.mark.parametrize("ends_on", ["2026-02-28", "2026-03-01"])
def test_a8_agreement_that_ends_earlier_is_recovered_from_its_last_day_on(city, where, person, ends_on):
    visit = settle(city, where, person)
    assert str(visit.pooled) == "38.50"
    roster(city, where, ends_on=ends_on)
    told = [(p.visit, str(p.proposed), p.reason) for p in late(city)]
    assert told == ([(visit, "0.00", "not_designated")] if ends_on == "2026-02-28" else [])


def test_a8_agreement_that_came_late_is_proposed_for_payment(city, where, person):
    Agreement.objects.filter(institution=where).update(ends_on=date(2025, 12, 31))
    visit = settle(city, where, person)
    assert (visit.refusal, str(visit.pooled)) == ("not_designated", "0.00")
    roster(city, where, starts_on="2026-01-01")
    [proposal] = late(city)
    assert (proposal.visit, str(proposal.proposed)) == (visit, "38.50")


# Undo


def test_a8_roster_is_undone_while_no_visit_rests_on_it(city, where, person):
    settle(city, where, person)
    upload = roster(city, where, level="二级")
    undo_upload(upload, actor=city.clerk, now=AFTER)
    assert Level.objects.get(institution=where).level == 1
    assert late(city) == []


@pytest.mark.parametrize("change", ["level", "level from a day", "agreement that ends"])
def test_a8_roster_of_institutions_stays_once_a_visit_was_settled_by_it(city, where, person, change):
    said = {
        "level": {"level": "二级"},
        "level from a day": {"level": "二级", "starts_on": "2026-03-01"},
        "agreement that ends": {"ends_on": "2026-02-28"},
    }[change]
    if change == "level from a day":
        Agreement.objects.filter(institution=where).update(ends_on=date(2026, 2, 28))
    upload = roster(city, where, **said)
    settle(city, where, person, now=AFTER)
    undo_refused(city, upload)


def test_a8_shortened_agreement_is_undone_if_only_visits_before_its_new_end_follow(city, where, person):
    upload = roster(city, where, ends_on="2026-12-31")
    settle(city, where, person, now=AFTER)
    undo_upload(upload, actor=city.clerk, now=AFTER)
    assert Agreement.objects.get(institution=where).ends_on is None


def test_a8_roster_stays_once_a_difference_that_it_made_was_confirmed(city, where, person):
    settle(city, where, person)
    upload = roster(city, where, ends_on="2026-02-28")
    [proposal] = late(city)
    decide_proposal(proposal.pk, confirm=True, actor=city.reviewer, now=AFTER)
    undo_refused(city, upload)


def test_a8_level_of_the_prescriber_and_of_the_selected_institution_holds_the_roster_too(city, where, person):
    shop = factories.institution(city, kind="pharmacy", level=None)
    hospital = factories.institution(city, kind="hospital", level=2)
    settle(city, where, person, encounter="E")
    upload = roster(city, where, level="二级")
    settle(city, shop, person, key="T", encounter="E", channel="prescription", prescriber_id=where.pk, now=AFTER)
    undo_refused(city, upload)
    other = factories.member(city, selected=factories.institution(city, "另一中心"))
    home = Institution.objects.get(name="另一中心")
    upload = roster(city, home, level="二级")
    factories.refer(other, home, hospital, date(2026, 3, 1), date(2026, 3, 1))
    settle(city, hospital, other, key="U", now=AFTER)
    undo_refused(city, upload)


def changed(upload, row, **became):
    """Let an upload have changed a row, and no more."""
    audit.record("upload.receive", actor=upload.uploaded_by, now=upload.uploaded_at, subject=upload)
    type(row).objects.filter(pk=row.pk).update(**became)
    audit.record("upload.load", actor=upload.uploaded_by, now=upload.uploaded_at, subject=upload)


def made(city, kind, row):
    """An upload that made a row."""
    upload = Upload.objects.create(
        area=city.area, kind=kind, name=f"{kind}.csv", size=0, sha256=kind.ljust(64, "0"), status="loaded",
        uploaded_by=city.clerk, uploaded_at=LATER,
    )  # fmt: skip
    type(row).objects.filter(pk=row.pk).update(upload=upload)
    return upload


FACTS = {
    "members": lambda city, where, person: person.enrolments.get(),
    "changes": lambda city, where, person: person.enrolments.get(),
    "benefit_periods": lambda city, where, person: BenefitPeriod.objects.get(member=person),
    "selections": lambda city, where, person: person.selections.get(),
    "referrals": lambda city, where, person: Referral.objects.create(
        member=person,
        from_institution=where,
        to_institution=factories.institution(city, kind="hospital", level=2),
        starts_on=date(2026, 1, 1),
        ends_on=date(2026, 3, 31),
    ),
    "out_of_area": lambda city, where, person: OutOfAreaRegistration.objects.create(
        member=person, kind="temporary", destination="440300", starts_on=date(2026, 1, 1)
    ),
    "hospital_stays": lambda city, where, person: HospitalStay.objects.create(
        member=person, institution=where, admitted_on=date(2026, 3, 1)
    ),
}


@pytest.mark.parametrize("kind", sorted(FACTS))
def test_a8_every_roster_of_a_members_facts_stays_once_a_visit_rests_on_it(city, where, person, kind):
    upload = made(city, kind, FACTS[kind](city, where, person))
    settle(city, where, person, now=AFTER)
    undo_refused(city, upload)


def test_a8_roster_of_relatives_stays_once_an_account_has_paid_for_one(city, where, person):
    wife = factories.member(city, balance="30.00")
    relative = Relative.objects.create(
        member=wife, relative=person, relation="spouse", starts_on=date(2026, 1, 1), ends_on=date(2026, 2, 28)
    )
    earlier = Upload.objects.create(
        area=city.area, kind="relatives", name="relatives.csv", size=0, sha256="0" * 64, status="loaded",
        uploaded_by=city.clerk, uploaded_at=LATER,
    )  # fmt: skip
    FamilyGrant.objects.create(
        account=Account.objects.get(member=wife), relative=relative, beneficiary=person, granted_by=city.clerk,
        starts_on=date(2026, 1, 1),
    )  # fmt: skip
    changed(earlier, relative, ends_on=None)
    visit = settle(city, where, person, pay_from="family", now=AFTER)
    assert str(visit.family) == "16.50"
    undo_refused(city, earlier)


def test_a8_shortened_facts_hold_the_roster_for_the_days_that_they_lost(city, where, person):
    """A benefit period that a roster cut short: the visit refused after its new end rests on it."""
    period = BenefitPeriod.objects.get(member=person)
    upload = made(city, "suspensions", period)
    Upload.objects.filter(pk=upload.pk).update(kind="benefit_periods")
    BenefitPeriod.objects.filter(pk=period.pk).update(upload=None)
    upload.refresh_from_db()
    changed(upload, period, ends_on=date(2026, 2, 28))
    assert settle(city, where, person, now=AFTER).refusal == "no_benefit_period"
    undo_refused(city, upload)


def test_a8_roster_that_only_changed_phone_numbers_is_no_ground(city, where, person):
    upload = made(city, "members", person)
    type(person).objects.filter(pk=person.pk).update(upload=None)
    changed(upload, person, phone="1")
    settle(city, where, person, now=AFTER)
    assert settled_before(upload, 5) == 0
    undo_upload(upload, actor=city.clerk, now=AFTER)


def test_a8_every_roster_that_settling_reads_has_its_objection(db):
    from bureau.rosters.uploads import objections, rosters

    without = {roster.kind for roster in rosters() if not objections(roster.kind)}
    assert without == {"employers"}
    assert set(ROSTERS) < {roster.kind for roster in rosters()}
    assert Proposal.objects.count() == 0
