"""What an account pays is its own area's to say: whoever is treated, wherever insured, whatever the fund answers."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from accounts.models import Account, Entry, FamilyGrant, Journal
from accounts.services.payouts import Payee, approve_payout, pay_payout, submit_payout
from accounts.services.uses import use_account
from bureau.editions.life import load_edition
from bureau.errors import DomainError
from bureau.models import Area, County, Staff
from institutions.models import Institution
from members.models import Enrolment, Member, Relative
from members.services.spans import end_enrolment
from settlement.queries.proofs.books import check_books
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import quote_visit, settle_visit, settle_visits
from tests.settlement import factories
from tests.settlement.visits import moved, request

DAY, NOW = date(2026, 3, 1), datetime(2026, 3, 2, 2, tzinfo=UTC)
SINCE = date(2025, 1, 1)


@pytest.fixture
def kaifeng(db):
    return factories.city_of("kaifeng")


@pytest.fixture
def where(kaifeng):
    return factories.institution(kaifeng, "市一院", kind="hospital", level=1)


@pytest.fixture
def holder(kaifeng):
    return factories.member(kaifeng, balance="1700.00")


@pytest.fixture
def elsewhere(db):
    """Another area, without an edition of its own."""
    area = Area.objects.create(code="441699", name="河源市")
    County.objects.create(code="441624", area=area, name="和平县")
    return area, Staff.objects.create(username="other", area=area)


def related(city, holder, *, relation="child", **died) -> Member:
    [person] = factories.bare_members(1, birth=date(2015, 6, 1))
    Member.objects.filter(pk=person.pk).update(**died)
    relative = Relative.objects.create(member=holder, relative=person, relation=relation, starts_on=SINCE)
    FamilyGrant.objects.create(
        account=Account.objects.get(member=holder, area=city.area), relative=relative, beneficiary=person,
        granted_by=city.clerk, starts_on=SINCE,
    )  # fmt: skip
    return person


def used(city, holder, user, where, amount="100.00", on=DAY):
    return use_account(
        key="U1", account=Account.objects.get(member=holder, area=city.area), user=user, purpose="hospital_selfpay",
        payee=where.code, amount=Decimal(amount), on=on, actor=city.clerk, now=NOW,
    )  # fmt: skip


def through_every_door(city, asked, actor=None) -> tuple[str, ...]:
    """What fund, own account, relatives' accounts and cash pay: in a quote, at the desk, in a batch as files settle."""
    row = quote_visit(asked, now=NOW).row
    actor = actor or city.clerk
    visit = settle_visit(asked, actor=actor, now=NOW)
    [answer] = settle_visits([asked], actor=actor, now=NOW)
    assert (answer.visit_id, answer.repeated) == (visit.pk, True)
    said = [tuple(str(row[name]) for name in ("pooled", "account", "family", "cash"))]
    said.append(tuple(str(getattr(visit, name)) for name in ("pooled", "account", "family", "cash")))
    assert said[0] == said[1]
    return said[0]


def clean(*areas: str) -> None:
    for area in areas:
        for proof in check_books(area):
            assert not proof.wrong, (area, proof.code, proof.shown)


def test_a4_after_the_enrolment_ended_the_account_pays(kaifeng, where, holder):
    end_enrolment(enrolment=Enrolment.objects.get(), ends_on=date(2026, 1, 31), actor=kaifeng.clerk, now=NOW)
    assert through_every_door(kaifeng, request(where, holder)) == ("0.00", "100.00", "0.00", "0.00")
    assert Account.objects.get().balance == Decimal("1600.00")
    assert used(kaifeng, holder, holder, where).paid == Decimal("100.00")
    clean(kaifeng.area.pk)


@pytest.mark.parametrize("insured", ["nowhere", "as a resident", "elsewhere"])
def test_a4_a_relatives_bill_goes_by_the_holders_edition(kaifeng, where, holder, elsewhere, insured):
    child = related(kaifeng, holder)
    if insured != "nowhere":
        area = elsewhere[0] if insured == "elsewhere" else kaifeng.area
        Enrolment.objects.create(member=child, area=area, scheme="390", person_class="resident", starts_on=SINCE)
    asked = request(where, child, pay_from="family")
    actor = elsewhere[1] if insured == "elsewhere" else None  # who settles is where the patient is insured
    assert through_every_door(kaifeng, asked, actor) == ("0.00", "0.00", "100.00", "0.00")
    assert Account.objects.get().balance == Decimal("1600.00")
    journal = Journal.objects.get(kind="visit")
    assert journal.area_id == kaifeng.area.pk  # the holder's books, wherever the visit was settled
    assert list(journal.entries.order_by("subject").values_list("subject", "holder", "amount")) == [
        ("member_accounts", "", Decimal("-100.00")),
        ("payable_items", where.code, Decimal("100.00")),
    ]
    assert used(kaifeng, holder, child, where).paid == Decimal("100.00")
    clean(kaifeng.area.pk, elsewhere[0].pk)


def test_a4_an_account_of_another_area_owes_its_own_clearing_body_and_gets_back_what_it_gave(
    kaifeng, holder, elsewhere
):
    area, clerk = elsewhere
    child = related(kaifeng, holder)
    Enrolment.objects.create(member=child, area=area, scheme="390", person_class="resident", starts_on=SINCE)
    there = Institution.objects.create(
        code="H44160200999", name="他市医院", kind="hospital", area=area, county_id="441624"
    )
    there.agreements.create(starts_on=SINCE)
    asked = request(there, child, pay_from="family")
    assert quote_visit(asked, now=NOW).row["cash"] == "100.00"  # whom would the holder's area owe?
    clearing = factories.institution(kaifeng, "清算中心", kind="clearing", level=None)
    visit = settle_visit(asked, actor=clerk, now=NOW)
    assert (visit.area_id, visit.payee_id, str(visit.family), str(visit.cash)) == (area.pk, there.pk, "100.00", "0.00")
    payment = visit.payments.get()
    assert (payment.payee, payment.relation, payment.amount) == (clearing, "child", Decimal("100.00"))
    assert Journal.objects.get(source=f"visit:{visit.pk}").area_id == kaifeng.area.pk
    clean(kaifeng.area.pk, area.pk)
    reversal = reverse_visit(visit.pk, key="B1", reason="收费错误", actor=clerk, now=NOW)
    assert (str(reversal.family), reversal.payments.get().payee) == ("-100.00", clearing)
    assert Account.objects.get().balance == Decimal("1700.00")
    owed = Entry.objects.filter(subject="payable_items", holder=clearing.code, journal__area=kaifeng.area)
    assert sorted(owed.values_list("amount", flat=True)) == [Decimal("-100.00"), Decimal("100.00")]
    clean(kaifeng.area.pk, area.pk)


def test_a4_of_own_accounts_that_of_the_area_pays_first_and_one_left_behind_the_rest(kaifeng, where, holder, elsewhere):
    area, clerk = elsewhere
    factories.institution(kaifeng, "清算中心", kind="clearing", level=None)
    end_enrolment(enrolment=Enrolment.objects.get(), ends_on=date(2026, 1, 31), actor=kaifeng.clerk, now=NOW)
    texts = {path.name: path.read_text("utf-8") for path in (factories.RULEBOOKS / "heyuan").glob("*.toml")}
    approver = Staff.objects.create(username="approver", area=area)
    load_edition(texts=texts, area=area, actor=clerk, approver=approver, now=NOW)
    figures = ("yearly_cap", "1700.00"), ("average_wage", "85000.00")
    for code, value in figures:
        for year in (2024, 2026):
            factories.figure(area, code, year, value, clerk, approver)
    Enrolment.objects.create(member=holder, area=area, scheme="310", person_class="active", starts_on=date(2026, 2, 1))
    here = Account.objects.create(member=holder, area=area, opened_on=date(2026, 2, 1))
    factories.put_in(factories.City(area, None, None, clerk, approver, approver, None, None), here, Decimal("30.00"))
    there = Institution.objects.create(
        code="H44160200999", name="本市医院", kind="hospital", area=area, county_id="441624"
    )
    there.agreements.create(starts_on=SINCE)
    visit = settle_visit(request(there, holder), actor=clerk, now=NOW)
    assert (visit.area_id, str(visit.pooled), str(visit.account), str(visit.cash)) == (
        area.pk,
        "0.00",
        "100.00",
        "0.00",
    )
    paid = [(p.account.area_id, str(p.amount)) for p in visit.payments.select_related("account")]
    assert paid == [(area.pk, "30.00"), (kaifeng.area.pk, "70.00")]
    clean(kaifeng.area.pk, area.pk)


def test_a4_what_the_holders_edition_does_not_list_is_cash(kaifeng, where, holder):
    sister = related(kaifeng, holder, relation="sibling")
    assert through_every_door(kaifeng, request(where, sister, pay_from="family")) == ("0.00", "0.00", "0.00", "100.00")
    assert used(kaifeng, holder, sister, where).refusal == "relation_not_allowed"
    assert Account.objects.get().balance == Decimal("1700.00")


def test_a4_the_account_pays_in_the_years_of_its_own_edition_alone(kaifeng, where, holder):
    early = date(2022, 6, 30)  # the day before the edition
    where.agreements.update(starts_on=date(2022, 1, 1))
    assert through_every_door(kaifeng, request(where, holder, care_on=early)) == ("0.00", "0.00", "0.00", "100.00")
    with pytest.raises(DomainError):
        used(kaifeng, holder, holder, where, on=early)


class TestTheDead:
    """A3: nothing is paid out of an account for care after its holder's death, nor for one who had died."""

    @pytest.fixture
    def child(self, kaifeng, holder):
        return related(kaifeng, holder)

    def test_a3_a_relatives_bill_is_not_paid_from_a_dead_holders_account(self, kaifeng, where, holder, child):
        Member.objects.filter(pk=holder.pk).update(died_on=date(2026, 2, 28))
        asked = request(where, child, pay_from="family")
        assert through_every_door(kaifeng, asked) == ("0.00", "0.00", "0.00", "100.00")
        before = moved()
        with pytest.raises(DomainError, match="账户本人已死亡"):
            used(kaifeng, holder, child, where)
        assert (moved(), Account.objects.get().balance) == (before, Decimal("1700.00"))

    def test_a3_care_up_to_the_day_of_death_is_paid(self, kaifeng, where, holder, child):
        Member.objects.filter(pk=holder.pk).update(died_on=DAY)
        assert through_every_door(kaifeng, request(where, child, pay_from="family"))[2] == "100.00"
        assert through_every_door(kaifeng, request(where, holder, key="S2", encounter="E2"))[1] == "40.00"
        late = request(where, holder, key="S3", encounter="E3", care_on=date(2026, 3, 2))
        assert through_every_door(kaifeng, late) == ("0.00", "0.00", "0.00", "100.00")

    def test_a3_nobody_is_treated_after_their_own_death(self, kaifeng, where, holder, child):
        Member.objects.filter(pk=child.pk).update(died_on=date(2026, 2, 28))
        asked = request(where, child, pay_from="family")
        assert through_every_door(kaifeng, asked) == ("0.00", "0.00", "0.00", "100.00")
        child.refresh_from_db()
        with pytest.raises(DomainError, match="2026-02-28"):
            used(kaifeng, holder, child, where)
        assert Account.objects.get().balance == Decimal("1700.00")

    def test_a3_the_next_account_pays_where_one_holder_has_died(self, kaifeng, where, holder, child):
        Member.objects.filter(pk=holder.pk).update(died_on=date(2026, 2, 28))
        mother = factories.member(kaifeng, balance="30.00")
        relative = Relative.objects.create(member=mother, relative=child, relation="child", starts_on=SINCE)
        FamilyGrant.objects.create(
            account=mother.accounts.get(), relative=relative, beneficiary=child, granted_by=kaifeng.clerk,
            starts_on=SINCE,
        )  # fmt: skip
        asked = request(where, child, pay_from="family")
        assert through_every_door(kaifeng, asked) == ("0.00", "0.00", "30.00", "70.00")

    def test_a3_a_reversal_gives_back_to_a_closed_account_what_waits_there_to_be_paid_out(self, kaifeng, where, holder):
        visit = settle_visit(request(where, holder), actor=kaifeng.clerk, now=NOW)
        assert visit.account == Decimal("40.00")
        account = Account.objects.get()
        Member.objects.filter(pk=holder.pk).update(died_on=DAY)
        heir = [Payee("张小宁", "工商银行", "6222000000000001")]
        act = {"account": account, "event": "death", "happened_on": DAY, "payees": heir, "now": NOW}
        payout = submit_payout(**act, actor=kaifeng.clerk)
        approve_payout(payout=payout, actor=kaifeng.reviewer, now=NOW)
        pay_payout(payout=payout, actor=kaifeng.finance, now=NOW)
        account.refresh_from_db()
        assert (payout.amount, account.status) == (Decimal("1660.00"), "closed")
        reverse_visit(visit.pk, key="B1", reason="收费错误", actor=kaifeng.clerk, now=NOW)
        account.refresh_from_db()
        assert (account.status, account.status_reason, account.balance) == (
            "frozen", f"visit:{visit.pk}", Decimal("40.00"),
        )  # fmt: skip
        assert submit_payout(**act, actor=kaifeng.clerk).amount == Decimal("40.00")
        clean(kaifeng.area.pk)
