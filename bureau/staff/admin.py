"""Staff and their roles."""

from django import forms
from django.contrib import admin
from django.contrib.auth import admin as auth_admin  # noqa: F401  registers groups, so that ours can take its place
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from bureau.site import start
from bureau.site.acts import LABELS, Act, call_acts
from bureau.site.forms import ActForm, pick
from bureau.site.records import Records
from bureau.site.sections import EMPTY, Panel, Section
from bureau.site.start import Task
from bureau.staff import roles
from bureau.staff.models import Staff
from bureau.staff.services import change_staff, register_staff, set_password

call_acts({
    "session.login": _("Log in"),
    "session.locked": _("Locked after wrong passwords"),
    "staff.own_password": _("Change the own password"),
})  # fmt: skip
start.waits(
    Task("staff", _("staff without a role"), Staff, {"groups__isnull": True, "is_active__exact": 1}, "staff.roles",
         own=True),
)  # fmt: skip


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
    list_filter = ["is_active", "area"]
    search_fields = ["username", "first_name"]
    list_select_related = ["area", "county"]
    fields = [
        "username", "full_name", "role", "area", "county", "is_active", "must_change_password", "date_joined",
        "last_login",
    ]  # fmt: skip
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
