"""Staff and their roles, and the audit trail."""

from django import forms
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import admin as auth_admin  # noqa: F401  registers groups, so that ours can take its place
from django.contrib.auth.models import Group
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from bureau import audit
from bureau.admin.acts import LABELS, Act, url_of
from bureau.admin.forms import ActForm, pick
from bureau.admin.records import Records
from bureau.admin.sections import EMPTY, Panel, Section
from bureau.models import AuditEntry, Staff
from bureau.services import roles
from bureau.services.staff import change_staff, register_staff, set_password

# Acts of the audit trail that no button stands for.
LABELS |= {
    "session.login": _("Log in"),
    "staff.own_password": _("Change the own password"),
    "session.locked": _("Locked after wrong passwords"),
    "schedule.change": _("Change the schedule"),
    "upload.receive": _("Receive a file"),
    "upload.refuse": _("Refuse a file"),
    "job.create": _("Create a job"),
    "visit.settle_file": _("Settle the visits of a file"),
    "account.opening": _("Take over opening balances"),
    "account.refund": _("Take a refund into a closed account"),
    "proposal.make": _("Make a proposal"),
    "proposal.outdate": _("Close a proposal that is outdated"),
    "proposal.confirm": _("Confirm a proposal"),
    "proposal.drop": _("Drop a proposal"),
    "selection.renew": _("Renew the selections of a year"),
}


def password_field() -> forms.CharField:
    return forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least ten characters, not only figures and not a common word."),
    )


class NewStaffForm(ActForm):
    username = forms.CharField(label=_("user name"), max_length=150)
    name = forms.CharField(label=pgettext_lazy("person", "name"), max_length=60)
    password = password_field()
    area = pick(Staff._meta.get_field("area"), help_text=_("Empty: all areas."))
    county = pick(Staff._meta.get_field("county"), help_text=_("Empty: the whole area."))


class StaffForm(ActForm):
    name = forms.CharField(label=pgettext_lazy("person", "name"), max_length=60)
    area = pick(Staff._meta.get_field("area"), help_text=_("Empty: all areas."))
    county = pick(Staff._meta.get_field("county"), help_text=_("Empty: the whole area."))
    is_active = forms.BooleanField(label=_("may log in"), required=False)


class PasswordForm(ActForm):
    password = password_field()


class RolesForm(ActForm):
    roles = forms.MultipleChoiceField(
        label=_("roles"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=lambda: [(role.code, role.label) for role in roles.ROLES.values()],
        help_text=_("Inspector and the three administrators go with no other role."),
    )


@admin.register(Staff)
class StaffAdmin(Records):
    ordering = ("username",)
    list_display = ["username", "full_name", "role", "area", "county", "is_active", "last_login"]
    list_filter = ["is_active", ("area", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["username", "first_name"]
    list_select_related = ["area", "county"]
    fields = [
        "username", "full_name", "role", "area", "county", "is_active", "must_change_password", "date_joined",
        "last_login",
    ]  # fmt: skip
    area_path = "area"
    area_may_be_empty = True
    list_acts = [
        Act(
            code="staff.register",
            label=_("Register an account for staff"),
            do=register_staff,
            form=NewStaffForm,
            help=_("The account may do nothing until the security administrator assigns a role."),
        ),
    ]
    acts = [
        Act(
            code="staff.change",
            label=_("Change details"),
            do=change_staff,
            record="staff",
            form=StaffForm,
            initial=lambda request, staff: {
                "name": staff.first_name,
                "area": staff.area_id,
                "county": staff.county_id,
                "is_active": staff.is_active,
            },
        ),
        Act(code="staff.password", label=_("New password"), do=set_password, record="staff", form=PasswordForm),
        Act(
            code="staff.roles",
            label=_("Assign roles"),
            do=roles.assign_roles,
            record="staff",
            form=RolesForm,
            initial=lambda request, staff: {"roles": [role.code for role in roles.roles_of(staff)]},
        ),
    ]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("groups")

    def is_near(self, request, record):
        """Readable further than reachable: accounts of every area, and those of the other two duties."""
        return roles.reaches_staff(request.user, record)

    @admin.display(description=pgettext_lazy("person", "name"), ordering="first_name")
    def full_name(self, staff):
        return staff.get_full_name()

    @admin.display(description=_("roles"))
    def role(self, staff):
        names = [role_label(group.name) for group in staff.groups.all()]
        return "、".join(names) if names else EMPTY


def role_label(code: str) -> str:
    return str(roles.ROLES[code].label) if code in roles.ROLES else code


def acts_of_role(request, group: Group) -> Panel | None:
    role = roles.ROLES.get(group.name)
    if role is None:
        return None
    return Panel(
        _("What the role may do"),
        [_("Act"), _("Code")],
        sorted([str(LABELS.get(code, code)), code] for code in role.acts),
        note=_("It reads much and changes nothing.") if not role.acts else "",
    )


admin.site.unregister(Group)


@admin.register(Group)
class RoleAdmin(Records):
    ordering = ("name",)
    list_display = ["role", "name"]
    fields = ["role", "name"]
    sections = [acts_of_role, Section(Staff, "groups", without=["role"])]

    @admin.display(description=_("role"), ordering="name")
    def role(self, group):
        return role_label(group.name)


@admin.register(AuditEntry)
class AuditEntryAdmin(Records):
    list_display = ["at", "actor", "deed", "area"]
    list_display_links = ["at"]
    list_filter = ["at"]
    search_fields = ["=actor__username", "=action"]
    search_help_text = _("User name, or code of an act such as run.approve")
    list_select_related = ["actor", "area"]
    area_path = "area"
    area_may_be_empty = True
    fields = ["at", "actor", "deed", "action", "area", "detail"]

    def get_list_display(self, request):
        return [*super().get_list_display(request), _linked(request)]

    def get_fieldsets(self, request, obj=None):
        [(title, options)] = super().get_fieldsets(request, obj)
        return [(title, options | {"fields": [_linked(request), *options["fields"]]})]

    @admin.display(description=_("action"), ordering="action")
    def deed(self, entry):
        return LABELS.get(audit.FORMER.get(entry.action, entry.action), entry.action)


def _linked(request):
    """The record of an audit entry, as a link for those who may read it."""

    @admin.display(description=_("record"))
    def record(entry):
        try:
            model = apps.get_model(entry.record_type)
        except (LookupError, ValueError):
            return entry.record_id or EMPTY
        text = f"{model._meta.verbose_name} {entry.record_id}"
        if not entry.record_id or not admin.site.is_registered(model):
            return text
        if not admin.site.get_model_admin(model).has_view_permission(request):
            return text
        return format_html('<a href="{}">{}</a>', url_of(model(pk=entry.record_id)), text)

    return record
