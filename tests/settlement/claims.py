"""Claims by hand in a small Chongqing: a remote hospital of the third level, four of staff, and a claim in one call."""

from datetime import UTC, date, datetime
from decimal import Decimal

from accounts.models import Entry, Journal
from bureau.models import AuditEntry, Staff
from members.models import Enrolment
from settlement.models import Claim, ClaimPayment, Invoice, Visit
from settlement.queries.proofs.books import check_books
from settlement.services.claims.payment import pay_claim
from settlement.services.claims.requests import BankAccount, ClaimRequest
from settlement.services.claims.steps import approve_claim, check_claim, enter_claim
from settlement.services.visits.invoices import InvoiceNumber
from tests.settlement import factories

DAY = date(2024, 2, 1)
NOW = datetime(2024, 3, 1, 2, tzinfo=UTC)
FIRST = InvoiceNumber("50060124", "0012345678")
SECOND = InvoiceNumber("50060124", "0012345679")
ACCOUNT = BankAccount("member", "中国工商银行", "6222021234567890123")
PAPERS = ("identity", "receipt", "items", "record", "bank")


class Bureau:
    """A city whose claims are told in few words; every act by the person whose act it is."""

    def __init__(self, city):
        self.city = city
        self.second = Staff.objects.create(username="second", area=city.area)
        self.hospital = factories.institution(city, "成都医院", kind="hospital", level=3, local=False)
        self.hospital.agreements.update(starts_on=date(2024, 1, 1))
        self.hospital.levels.update(starts_on=date(2024, 1, 1))

    def member(self, plan="unit", **facts):
        person = factories.member(self.city, starts_on=date(2024, 1, 1), **facts)
        Enrolment.objects.filter(member=person).update(plan=plan)
        return person

    def asked(self, person, **changes) -> ClaimRequest:
        facts = {
            "member": person,
            "institution": self.hospital,
            "encounter": "M1",
            "care_on": DAY,
            "total": Decimal("1200.00"),
            "invoices": [FIRST],
            "papers": PAPERS,
            "account": ACCOUNT,
            "received_on": date(2024, 2, 20),
        }
        return ClaimRequest(**(facts | changes))

    def enter(self, person, *, key="K1", now=NOW, **changes) -> Claim:
        return enter_claim(
            key=key, area=self.city.area, asked=self.asked(person, **changes), actor=self.city.clerk, now=now
        )

    def checked(self, person, *, now=NOW, **changes) -> Claim:
        return check_claim(claim=self.enter(person, now=now, **changes), actor=self.second, now=now)

    def approved(self, person, *, now=NOW, **changes) -> Claim:
        return approve_claim(claim=self.checked(person, now=now, **changes), actor=self.city.reviewer, now=now)

    def paid(self, person, *, now=NOW, **changes) -> Claim:
        return pay_claim(claim=self.approved(person, now=now, **changes), actor=self.city.finance, now=now)

    def books_are_clean(self) -> bool:
        # What factories write on connections of their own, no act tells of.
        asked = (proof for proof in check_books(self.city.area.pk) if proof.code != "changes_told")
        wrong = [(proof.code, proof.shown) for proof in asked if proof.wrong]
        assert not wrong, wrong
        return True


def chongqing() -> Bureau:
    return Bureau(factories.city_of("chongqing"))


def moved():
    """What a refused act must leave as it is."""
    return (
        *(model.objects.count() for model in (Visit, Journal, Entry, AuditEntry, ClaimPayment)),
        sorted(Claim.objects.values_list("id", "status")),
        sorted(Invoice.objects.values_list("id", "freed_at")),
    )


def entries(source):
    rows = Entry.objects.filter(journal__source=source).order_by("id")
    return [(entry.fund, entry.subject, entry.holder, str(entry.amount)) for entry in rows]
