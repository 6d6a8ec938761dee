"""Personal accounts: opening, crediting, using, freezing, and their statements."""

import datetime

from django import forms
from django.contrib import admin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import statements
from accounts.admin.labels import words
from accounts.admin.payouts import PayoutForm
from accounts.models import Account, AccountUse, Credit, CreditRecovery, Entry, FamilyGrant, Freeze, Payout
from accounts.queries import statement
from accounts.services import standing
from accounts.services.credits import credit_month
from accounts.services.family import grant
from accounts.services.payouts import submit_payout
from accounts.services.recoveries import (
    collect_recovery,
    credited_after_death,
    give_back,
    outstanding,
    recover,
    recover_after_death,
)
from accounts.services.uses import use_account
from bureau import clock
from bureau.models import Area, Staff
from bureau.rules.accounts import use as account_use
from bureau.site import (
    Act,
    ActForm,
    Answer,
    KeyField,
    MonthField,
    Panel,
    ReasonForm,
    Report,
    Section,
    form_of,
    is_status,
    money_field,
    pick,
    reason_field,
    when,
)
from bureau.site.answers import table_file
from bureau.site.forms import in_order
from members.admin import OfMember
from members.models import Member


class OpenForm(ActForm):
    area = pick(Account._meta.get_field("area"))
    on = when(_("for members enrolled up to"), initial=clock.today)


def open_accounts(*, area: Area, on: datetime.date, actor: Staff, now: datetime.datetime) -> Answer:
    opened = standing.open_accounts(area_id=area.pk, on=on, actor=actor, now=now)
    return Answer(text=gettext("%(count)d accounts were opened.") % {"count": opened})


class CreditForm(ActForm):
    area = pick(Account._meta.get_field("area"))
    month = MonthField(label=_("month"), initial=clock.today)
    run = forms.IntegerField(
        label=_("number of the run"),
        initial=1,
        min_value=1,
        max_value=99,
        help_text=_("A second run of the same month credits only what has come in since the first."),
    )


class UseForm(ActForm):
    key = KeyField()
    user = pick(AccountUse._meta.get_field("user"), required=False, help_text=_("Empty: the holder of the account."))
    purpose = forms.ChoiceField(label=_("purpose"), choices=lambda: words(account_use.PURPOSES))
    payee = forms.CharField(
        label=_("payee"),
        max_length=40,
        required=False,
        help_text=_("The institution's code, or who is paid. Premiums go to the tax office: leave it empty."),
    )
    amount = money_field(_("bill"))
    on = when(_("used on"), initial=clock.today)


def use(*, account: Account, user: Member | None, **asked) -> AccountUse:
    return use_account(account=account, user=user or account.member, **asked)


GrantForm = form_of(FamilyGrant, "beneficiary", "starts_on", "ends_on")


class RecoverForm(ActForm):
    key = KeyField()
    amount = money_field(_("amount"))
    source = forms.ChoiceField(
        label=_("the credit was paid from"), choices=[("contribution", _("contributions")), ("pool", _("the pool"))]
    )
    month = MonthField(
        label=_("month of the credit"),
        required=False,
        help_text=_("Empty where it is not the credit of a month. What is taken back of a month is not taken twice."),
    )
    reason = reason_field()


class GiveBackForm(ActForm):
    month = MonthField(
        label=_("month of the credit"),
        required=False,
        help_text=_("Empty: all that was taken back for a death that is not recorded, or not for so early a day."),
    )
    reason = reason_field()


class CollectForm(ActForm):
    key = KeyField()
    amount = money_field(_("amount"))
    from_account = forms.BooleanField(label=_("out of the account's balance"), required=False)
    reason = reason_field()


class UnfreezeForm(ReasonForm):
    freeze = forms.ModelChoiceField(
        Freeze.objects.none(),
        label=_("which freeze has ended"),
        required=False,
        help_text=_("Where there are several."),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        open_now = Freeze.objects.filter(account=self.record, ended_at=None)
        self.fields["freeze"].queryset = open_now.exclude(cause=Freeze.Cause.PAYOUT)


class PeriodForm(ActForm):
    starts_on = when(_("first day"), initial=lambda: clock.today().replace(month=1, day=1))
    ends_on = when(_("last day"), initial=clock.today)

    def clean(self):
        data = super().clean()
        in_order(data, "starts_on", "ends_on")
        return data


def account_statement(request, account: Account, data) -> list[Panel]:
    shown = statement(account_id=account.pk, **data)
    into, out = statements.totals(shown)
    first = ["", "", gettext("brought forward"), "", None, None, shown.opening]
    return [
        Panel(
            f"{account.member} · {account.area} · {shown.starts_on} – {shown.ends_on}",
            statements.headers(),
            [first, *statements.rows(shown)],
            foot=["", "", gettext("total"), "", into, out, shown.closing],
        )
    ]


def account_statement_file(request, account: Account, data):
    shown = statement(account_id=account.pk, **data)
    title = gettext("statement")
    name = f"{title}-{account.member.name}-{shown.starts_on}-{shown.ends_on}"
    return table_file(statements.table(account, shown), name, title=title)


def standing_of(request, account: Account) -> Panel | None:
    owed = outstanding(account.pk)
    if not owed:
        return None
    return Panel(_("Recoveries"), [_("still owed by the holder")], [[owed]])


def after_death(account: Account) -> list:
    died_on = account.member.died_on
    return credited_after_death(account.pk, died_on) if died_on is not None else []


def take_back_after_death(*, account: Account, actor: Staff, now: datetime.datetime) -> None:
    recover_after_death(account=account, died_on=account.member.died_on, actor=actor, now=now)


def death_of(request, account: Account) -> Panel | None:
    found = after_death(account)
    if not found:
        return None
    words = {"contribution": gettext("contributions"), "pool": gettext("the pool")}
    return Panel(
        _("Credited after the holder's death"),
        [_("paid from"), _("credited"), _("of it taken back")],
        [[words.get(source, source), credited, back] for source, credited, back in found],
    )


@admin.register(Account)
class AccountAdmin(OfMember):
    list_display = ["member", "area", "status", "balance", "last_number", "opened_on"]
    list_filter = ["status"]
    list_select_related = ["member", "area"]
    list_acts = [
        Act(
            code="account.open",
            label=_("Open missing accounts"),
            do=open_accounts,
            form=OpenForm,
            help=_("For every member whose class has an account by the edition and who has none."),
        ),
        Act(
            code="account.credit",
            label=_("Credit a month"),
            do=credit_month,
            form=CreditForm,
            help=_("All accounts of the area, as a job; missing accounts are opened first. It takes effect once."),
        ),
    ]
    acts = [
        Report(
            code="account.statement",
            label=_("Statement"),
            form=PeriodForm,
            show=account_statement,
            file=account_statement_file,
        ),
        Act(
            code="account.use",
            label=_("Use the account"),
            do=use,
            record="account",
            form=UseForm,
            follow=True,
            offered=is_status(Account.Status.OPEN),
            help=_("A purchase or a premium outside visits. What the rules refuse is recorded and moves nothing."),
        ),
        Act(
            code="family.grant",
            label=_("Grant a relative the use"),
            do=grant,
            record="account",
            form=GrantForm,
            offered=is_status(Account.Status.OPEN),
        ),
        Act(
            code="payout.submit",
            label=_("Submit a payout"),
            do=submit_payout,
            record="account",
            form=PayoutForm,
            follow=True,
            offered=is_status(Account.Status.OPEN, Account.Status.FROZEN),
            help=_("Submitted by one person, approved by another; the account is frozen meanwhile."),
        ),
        Act(
            code="account.freeze",
            label=_("Freeze"),
            do=standing.freeze,
            record="account",
            form=ReasonForm,
            offered=is_status(Account.Status.OPEN, Account.Status.FROZEN),
            help=_("For one more reason, where it is frozen already; each ends for itself."),
        ),
        Act(
            code="account.unfreeze",
            label=_("Unfreeze"),
            do=standing.unfreeze,
            record="account",
            form=UnfreezeForm,
            offered=is_status(Account.Status.FROZEN),
        ),
        Act(
            code="account.close",
            label=_("Close the account"),
            do=standing.close,
            record="account",
            form=ReasonForm,
            offered=lambda account: account.status == Account.Status.OPEN and not account.balance,
        ),
        Act(
            code="account.reopen",
            label=_("Reopen"),
            do=standing.reopen,
            record="account",
            form=ReasonForm,
            offered=is_status(Account.Status.CLOSED),
        ),
        Act(
            code="account.recover",
            label=_("Recover a credit"),
            do=recover,
            record="account",
            form=RecoverForm,
            help=_("What was credited by mistake. What the balance does not cover becomes a receivable."),
        ),
        Act(
            code="account.recover_after_death",
            label=_("Take back credits after the death"),
            do=take_back_after_death,
            record="account",
            offered=lambda account: any(credited > back for _source, credited, back in after_death(account)),
            help=_("A payout to the heirs does the same first."),
        ),
        Act(
            code="account.give_back",
            label=_("Give back what was taken back"),
            do=give_back,
            record="account",
            form=GiveBackForm,
            offered=lambda account: account.credit_recoveries.exists(),
            help=_("Where the death proves wrong or later, or the recovery of a month's credit was a mistake."),
        ),
        Act(
            code="account.recovery_collect",
            label=_("Collect a receivable"),
            do=collect_recovery,
            record="account",
            form=CollectForm,
            offered=lambda account: outstanding(account.pk) > 0,
        ),
    ]
    sections = [
        standing_of,
        death_of,
        Section(Freeze, "account"),
        Section(Entry, "account", without=["fund", "subject", "holder_shown"]),
        Section(Credit, "account"),
        Section(CreditRecovery, "account"),
        Section(FamilyGrant, "account"),
        Section(AccountUse, "account"),
        Section(Payout, "account"),
    ]


class OfMonth(OfMember):
    """What was credited for a month, or taken back of it."""

    list_select_related = ["account__member"]
    member_path = "account__member"

    @admin.display(description=_("month"), ordering="month")
    def for_month(self, row):
        return f"{row.month:%Y-%m}"

    @admin.display(description=_("paid from"), ordering="source")
    def paid_from(self, row):
        return {"contribution": gettext("contributions"), "pool": gettext("the pool")}.get(row.source, row.source)


@admin.register(CreditRecovery)
class CreditRecoveryAdmin(OfMonth):
    hidden = True
    list_display = ["account", "for_month", "paid_from", "amount", "after_death", "journal"]
    list_filter = ["after_death"]
    list_select_related = ["account__member", "journal"]
    fields = ["account", "for_month", "paid_from", "amount", "after_death", "journal"]


@admin.register(Credit)
class CreditAdmin(OfMonth):
    list_display = ["account", "for_month", "kind", "amount", "base", "person_class", "paid_from", "article"]
    list_filter = ["kind", "person_class"]
    fields = [
        "account", "for_month", "number", "kind", "amount", "base", "person_class", "paid_from", "article", "edition",
        "journal",
    ]  # fmt: skip
