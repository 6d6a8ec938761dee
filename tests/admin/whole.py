"""What a small Heyuan lacks to have a record of every kind: claims, payments, credits, proposals, closed months."""

import datetime
from dataclasses import replace
from decimal import Decimal

from accounts.services.credits import credit_month
from accounts.services.months import close_month
from accounts.services.recoveries import recover
from bureau.jobs import services as jobs
from institutions.services.bank_accounts import change_account
from institutions.services.care import register_out_of_area
from institutions.services.windows import open_window
from members.models import Enrolment, Member
from settlement.models import OtherUse, Run
from settlement.services.replays.proposals import decide_proposal, propose_replay
from settlement.services.runs.late import search_run
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.settling import settle_visit
from tests.settlement import factories, runs
from tests.settlement.claims import FIRST, Bureau

DAY = datetime.date


def complete(city, places: dict, now: datetime.datetime) -> None:
    """Live on in `full_city`, by the services, until no list is empty."""
    by = {"actor": city.clerk, "now": now}
    change_account(
        institution=places["centre"], account_name="源南卫生院", bank_name="工商银行", bank_account="6222000000000009",
        **by,
    )  # fmt: skip
    open_window(area=city.area, scheme="310", year=2026, on=now.date(), **by)
    close_month(area=city.area, month=DAY(2025, 12, 1), actor=city.finance, now=now)
    jobs.work(credit_month(area=city.area, month=DAY(2026, 1, 1), **by).pk, clock=lambda: now)
    recover(
        key="rec-1", account=places["account"], amount=Decimal("1.00"), source="contribution", reason="多划",
        month=DAY(2026, 1, 1), actor=city.finance, now=now,
    )  # fmt: skip
    OtherUse.objects.create(
        member=places["other"], area=city.area, scheme="310", fund="employees_pool", number="Z1",
        paid_on=DAY(2026, 2, 2), amount=Decimal("300.00"),
    )  # fmt: skip
    pay_and_search(city, places, now)
    propose(city, places, now)
    claim(city, places, now)


def pay_and_search(city, places: dict, now: datetime.datetime) -> None:
    """February's items are paid; a visit of February that came later is a difference."""
    run = Run.objects.get(kind="items", area=city.area, period=DAY(2026, 2, 1))
    run = runs.pay(city, run, now=now)
    settle(places["member"], places["centre"], "V3", DAY(2026, 2, 6), city.clerk, now)
    search_run(run=run, actor=city.clerk, now=now)


def settle(member, place, key: str, day: datetime.date, actor, now: datetime.datetime):
    bill = VisitRequest(
        institution_id=place.pk, key=key, member_id=member.pk, encounter=f"E-{key}", care_on=day,
        total=Decimal("50.00"),
    )  # fmt: skip
    return settle_visit(bill, actor=actor, now=now.replace(month=day.month, day=day.day))


def propose(city, places: dict, now: datetime.datetime) -> None:
    """It is learnt that the relative had retired, and that somebody treated later had died. The first is confirmed."""
    settle(places["relative"], places["centre"], "V4", DAY(2026, 2, 7), city.clerk, now)
    dead = factories.member(city, selected=places["centre"], balance="60")
    settle(dead, places["centre"], "V5", DAY(2026, 2, 8), city.clerk, now)
    Member.objects.filter(pk=dead.pk).update(died_on=DAY(2026, 2, 7))
    propose_replay(member_id=dead.pk, year=2026, actor=city.clerk, now=now)
    Enrolment.objects.filter(member=places["relative"]).update(person_class="retired")
    first, *_others = propose_replay(member_id=places["relative"].pk, year=2026, actor=city.clerk, now=now)
    decide_proposal(first.pk, confirm=True, actor=city.reviewer, now=now)


def claim(city, places: dict, now: datetime.datetime) -> None:
    """One claim is paid, another waits."""
    bureau = Bureau(city)
    register_out_of_area(
        member=places["relative"], kind="long_term_resident", destination=bureau.hospital.code[1:7],
        starts_on=DAY(2026, 3, 1), actor=city.clerk, now=now,
    )  # fmt: skip
    asked = {"care_on": DAY(2026, 3, 5), "received_on": DAY(2026, 3, 10), "total": Decimal("200.00"), "now": now}
    bureau.paid(places["relative"], **asked)
    other = replace(FIRST, number="0012345680")
    bureau.enter(places["relative"], key="K2", encounter="M2", invoices=[other], **asked)
