"""Relatives who may use an account, and what an account was used for."""

from django.contrib import admin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.labels import payee_label, refusal_label, relation_label
from accounts.admin.ledger import journals_of
from accounts.models import AccountUse, FamilyGrant, Freeze
from accounts.queries.after_death import used_after_death
from accounts.services.family import revoke
from accounts.services.uses import reverse_use
from bureau.rules.accounts import use as account_use
from bureau.site import Act
from members.admin import OfMember, end_form


@admin.register(Freeze)
class FreezeAdmin(OfMember):
    hidden = True
    list_display = ["reason", "account", "cause", "frozen_by", "frozen_at", "ended_by", "ended_at", "end_reason"]
    list_filter = ["cause"]
    list_select_related = ["account__member", "frozen_by", "ended_by"]
    member_path = "account__member"
    fields = [
        "account", "cause", "reason", "payout", "frozen_by", "frozen_at", "ended_by", "ended_at", "end_reason",
    ]  # fmt: skip


@admin.register(FamilyGrant)
class FamilyGrantAdmin(OfMember):
    list_display = ["account", "beneficiary", "relation", "starts_on", "ends_on", "granted_by"]
    list_select_related = ["account__member", "beneficiary", "relative", "granted_by"]
    member_path = "account__member"
    acts = [
        Act(
            code="family.revoke",
            label=_("Revoke the grant"),
            do=revoke,
            record="grant",
            form=end_form(_("last day"), "last_day"),
        ),
    ]

    @admin.display(description=_("relation"))
    def relation(self, made):
        return made.relative.get_relation_display()


class AfterDeathFilter(admin.SimpleListFilter):
    title = _("days after a death")
    parameter_name = "after_death"

    def lookups(self, request, model_admin):
        return [("yes", _("after the holder's or the user's death"))]

    def queryset(self, request, queryset):
        return used_after_death(queryset) if self.value() == "yes" else queryset


@admin.register(AccountUse)
class AccountUseAdmin(OfMember):
    list_display = [
        "account", "used_on", "user", "relation_shown", "what_for", "payee_shown", "asked", "paid", "cash", "why",
    ]  # fmt: skip
    list_filter = [
        ("refusal", admin.EmptyFieldListFilter), ("reverses", admin.EmptyFieldListFilter), AfterDeathFilter,
    ]  # fmt: skip
    list_select_related = ["account__member", "user"]
    member_path = "account__member"
    fields = [
        "account", "used_on", "user", "relation_shown", "what_for", "payee_shown", "asked", "paid", "cash", "why",
        "article", "reverses", "key", "recorded_by", "recorded_at",
    ]  # fmt: skip
    acts = [
        Act(
            code="account.use_reverse",
            label=_("Reverse"),
            do=reverse_use,
            record="use",
            follow=True,
            help=_("The account gets back exactly what was taken."),
            offered=lambda use: use.reverses_id is None and not use.refusal,
        ),
    ]
    sections = [journals_of("use")]

    @admin.display(description=_("relation"), ordering="relation")
    def relation_shown(self, use):
        return relation_label(use.relation)

    @admin.display(description=_("purpose"), ordering="purpose")
    def what_for(self, use):
        return gettext(account_use.PURPOSES.get(use.purpose, use.purpose))

    @admin.display(description=_("payee"), ordering="payee")
    def payee_shown(self, use):
        return payee_label(use.payee)

    @admin.display(description=_("refusal"), ordering="refusal")
    def why(self, use):
        return refusal_label(use.refusal, use.article)
