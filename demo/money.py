"""What moves the accounts in the story: opening balances, credits, family use, payouts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from django.db import connection
from django.db.models import Sum
from django.utils.translation import gettext as _

from accounts.models import Account, Credit, Entry, Payout
from accounts.services.credits import credit_month
from accounts.services.family import grant as grant_use
from accounts.services.payouts import Payee, approve_payout, pay_payout, return_payout, submit_payout
from accounts.services.standing import load_opening_balances, without_account
from accounts.services.uses import use_account
from bureau.editions.figures import enter_figure
from bureau.errors import DomainError
from bureau.rules.periods import next_month_start
from demo.acts import Stage
from demo.people import LATE_DEATHS, Person, Tie
from demo.visits import Bill
from institutions.models import Institution
from members.models import Member


def take_over_balances(stage: Stage, people: Sequence[Person]) -> None:
    """What the old system held in the personal accounts on the first day of the year."""
    ids = stage.member_ids(person.document for person in people)
    balances = {
        ids[person.document]: Decimal(person.balance).scaleb(-2)
        for person in people
        if person.balance and person.document in ids
    }
    for member in without_account(stage.area.pk, balances, on=stage.day):
        del balances[member]
    count = load_opening_balances(
        key=str(stage.profile.year),
        area=stage.area,
        balances=balances,
        on=stage.day,
        actor=stage.office.clerk,
        now=stage.at(),
    )
    with connection.cursor() as cursor:
        # Autovacuum would do it within a minute; the story has reached the next fortnight by then.
        cursor.execute(f"ANALYZE {Account._meta.db_table}, {Entry._meta.db_table}")
    total = sum(balances.values())
    stage.say(_("Opening balances: %(count)d accounts, %(total)s yuan"), count=count, total=f"{total:,.2f}")


def credit(stage: Stage, first: date) -> None:
    """The month's credit of all accounts, as one job."""
    started = time.monotonic()
    stage.work(credit_month(area=stage.area, month=first, actor=stage.office.clerk, now=stage.at()))
    posted = Credit.objects.filter(account__area=stage.area, journal__posted_on=stage.day)
    sums = posted.aggregate(total=Sum("amount"))
    accounts = posted.values("account").distinct().count()
    stage.say(
        _("Monthly credit: %(accounts)d accounts, %(total)s yuan (%(seconds).1f s)"),
        accounts=accounts,
        total=f"{sums['total'] or 0:,.2f}",
        seconds=time.monotonic() - started,
    )


# Families


def grant(stage: Stage, ties: Sequence[Tie]) -> None:
    """Holders let their relatives use the account, from the day on which they ask."""
    ids = stage.member_ids(person.document for tie in ties for person in (tie.holder, tie.relative))
    accounts = _accounts(stage, (tie.holder for tie in ties))
    relatives = Member.objects.in_bulk([ids[tie.relative.document] for tie in ties])
    for tie in ties:
        grant_use(
            account=accounts[ids[tie.holder.document]],
            beneficiary=relatives[ids[tie.relative.document]],
            starts_on=stage.day,
            actor=stage.office.clerk,
            now=stage.at(10),
        )
    if ties:
        stage.say(_("Family grants: %(count)d"), count=len(ties))


def use(stage: Stage, ties: Sequence[Tie], first: date) -> None:
    """Relatives who are not enrolled use the account at a pharmacy; in November it pays their premium."""
    children = [tie for tie in ties if not tie.relative.person_class and _comes(tie, first.month)]
    ids = stage.member_ids(person.document for tie in children for person in (tie.holder, tie.relative))
    accounts = _accounts(stage, (tie.holder for tie in children))
    relatives = Member.objects.in_bulk([ids[tie.relative.document] for tie in children])
    pharmacies = Institution.objects.filter(area=stage.area, kind="pharmacy").order_by("code")
    codes = list(pharmacies.values_list("code", flat=True))
    paid = Decimal(0)
    count = 0
    for tie in children:
        premium = first.month == 11
        number = int(tie.relative.number)
        try:
            used = use_account(
                key=f"demo:{first:%Y%m}:{tie.relative.number}",
                account=accounts[ids[tie.holder.document]],
                user=relatives[ids[tie.relative.document]],
                purpose="resident_premium" if premium else "pharmacy_drug",
                payee=codes[number % len(codes)],  # a premium goes to the tax office
                amount=Decimal("400.00") if premium else Decimal(2000 + number * 97 % 9000).scaleb(-2),
                on=stage.day,
                actor=stage.office.clerk,
                now=stage.at(14),
            )
        except DomainError:  # the grant is of a later day
            continue
        paid += used.paid
        count += 1
    if count:
        stage.say(_("Accounts used for relatives: %(count)d times, %(paid)s yuan"), count=count, paid=f"{paid:,.2f}")


def buy(stage: Stage, bill: Bill) -> None:
    """Something bought at a pharmacy without a prescription: the buyer's account pays as far as it goes."""
    [account] = _accounts(stage, [bill.person]).values() or [None]
    if account is None:
        return
    use_account(
        key=f"{bill.place.code}:{bill.key}",
        account=account,
        user=account.member,
        purpose="pharmacy_drug",
        payee=bill.place.code,
        amount=Decimal(bill.total).scaleb(-2),
        on=bill.care_on,
        actor=stage.office.clerk,
        now=stage.at(bill.settled_at.hour, bill.settled_at.minute),
    )


def _comes(tie: Tie, month: int) -> bool:
    return month == 11 or int(tie.relative.number) % 4 == month % 4


def _accounts(stage: Stage, holders: Iterable[Person]) -> dict[int, Account]:
    """Accounts by their members' numbers."""
    documents = [holder.document for holder in holders]
    ids = stage.member_ids(documents)
    numbers = [ids[document] for document in documents if document in ids]
    found = Account.objects.filter(area=stage.area, member__in=numbers).select_related("member")
    return {account.member_id: account for account in found}


# Payouts


def pay_out(stage: Stage, people: Sequence[Person], first: date) -> None:
    """Balances of those whose death was learnt this month, and of those who left for elsewhere."""
    ids = stage.member_ids(person.document for person in people)
    office = stage.office
    total, count = Decimal(0), 0
    for person, event, happened_on, payees in _leaving(stage, people, first):
        account = Account.objects.filter(member=ids.get(person.document), area=office.area, balance__gt=0).first()
        if account is None or Payout.objects.filter(account=account).exists():
            continue
        payout = submit_payout(
            account=account,
            event=event,
            happened_on=happened_on,
            payees=payees,
            papers="死亡证明、继承公证书" if event == "death" else "转移接续申请表",
            actor=office.clerk,
            now=stage.at(9),
        )
        payout = approve_payout(payout=payout, actor=office.reviewer, now=stage.at(14))
        payout = pay_payout(payout=payout, actor=office.finance, now=stage.at(16))
        total += payout.amount
        count += 1
    if count:
        stage.say(_("Payouts: %(count)d, %(total)s yuan"), count=count, total=f"{total:,.2f}")


def _leaving(stage: Stage, people: Sequence[Person], first: date):
    events = {payout["event"] for payout in stage.profile.rules["account"]["payouts"]}
    moved = next(name for name in ("transfer_out_of_province", "transfer_out_of_area") if name in events)
    for person in people:
        number = int(person.number)
        if person.dies_on and next_month_start(person.dies_on) == first and not _dies_late(person):
            several = number % 2
            heirs = [_heir(person, "氏", Decimal(60 if several else 100))]
            if several:
                heirs.append(_heir(person, "小宁", Decimal(40)))
            yield person, "death", person.dies_on, heirs
        elif person.leaves_on == first and person.returns_on is None and number % 3 == 0:
            agency = Payee("外省医疗保险经办机构", "工商银行演示支行", "62000000000000009")
            yield person, moved, first, [agency]


def _dies_late(person: Person) -> bool:
    """Whether the heirs are still waiting when the story ends."""
    return person.dies_on is not None and (person.dies_on.month, person.dies_on.day) in LATE_DEATHS


def _heir(person: Person, name: str, share: Decimal = Decimal(100)) -> Payee:
    return Payee(person.name[0] + name, "建设银行演示支行", f"6217{person.number[-8:]}{share:04.0f}", share)


def leave_for_staff(stage: Stage, people: Sequence[Person]) -> None:
    """Some things are left as they are, for whoever signs in: payouts at each of their steps, a figure to confirm."""
    office = stage.office
    dead = [person for person in people if _dies_late(person)]
    ids = stage.member_ids(person.document for person in dead)
    accounts = {
        account.member_id: account
        for account in Account.objects.filter(area=office.area, member__in=ids.values(), balance__gt=0)
    }
    steps = ["submitted", "approved", "returned"]
    for person in dead:
        account = accounts.get(ids[person.document])
        if account is None or not steps:
            continue
        step = steps.pop(0)
        payout = submit_payout(
            account=account,
            event="death",
            happened_on=person.dies_on,
            payees=[_heir(person, "氏")],
            papers="死亡证明",
            actor=office.clerk,
            now=stage.at(16),
        )
        if step == "approved":
            payout = approve_payout(payout=payout, actor=office.reviewer, now=stage.at(17))
        elif step == "returned":
            note = "缺少继承关系证明，请补齐"
            payout = return_payout(payout=payout, note=note, actor=office.reviewer, now=stage.at(17))
        stage.say(_("A payout is left as %(status)s"), status=payout.get_status_display())
    if "average_wage" not in stage.profile.edition.figures:
        return
    enter_figure(
        area=office.area,
        code="average_wage",
        year=stage.profile.year,
        value=Decimal("93800.00"),
        document="演示数据（虚构）",
        actor=office.clerk,
        now=stage.at(16),
    )
    stage.say(_("A published figure waits to be confirmed"))
