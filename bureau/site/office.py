"""The admin site itself: its names, and the door. Apart from bureau.site, which registers with it."""

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.db import DataError
from django.http import JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bureau import audit, clock
from bureau.staff import door
from bureau.staff.models import Staff
from bureau.staff.roles import roles_of
from bureau.staff.services import change_own_password


class DoorForm(AdminAuthenticationForm):
    """Five wrong passwords lock a user name for a quarter of an hour, whether or not it exists."""

    def clean(self):
        username = self.cleaned_data.get("username", "")
        # By the real time: a demonstration's day stands still.
        attempts = door.count_attempt(username, now=timezone.now())
        if attempts > door.FAILURES_ALLOWED:
            raise ValidationError(_("Too many wrong passwords. Try again in a quarter of an hour."), code="locked")
        try:
            cleaned = super().clean()
        except ValidationError:
            if attempts == door.FAILURES_ALLOWED:
                self._record("session.locked", Staff.objects.filter(username=username).first())
            raise
        door.forget_attempts(username)
        self._record("session.login", self.get_user())
        return cleaned

    def _record(self, action: str, staff: Staff | None) -> None:
        if staff is not None:
            audit.record(action, actor=staff, now=clock.now(), subject=staff)


class OwnPasswordForm(AdminPasswordChangeForm):
    """Another password for oneself: not the old one again, and written down by the house's service."""

    def clean(self):
        cleaned = super().clean()
        if "old_password" in cleaned and cleaned["old_password"] == cleaned.get("new_password1"):
            self.add_error("new_password1", _("The new password is the old one; choose another."))
        return cleaned

    def save(self, commit=True):
        self.user = change_own_password(staff=self.user, password=self.cleaned_data["new_password1"], now=clock.now())
        return self.user


class Choices(AutocompleteJsonView):
    """What a picker offers; asked by POST, so that what is typed stands in no address."""

    def get(self, request, *args, **kwargs):
        try:
            return super().get(request, *args, **kwargs)
        except (DataError, ValueError):  # what was typed fits no column
            return JsonResponse({"results": [], "pagination": {"more": False}})

    def post(self, request, *args, **kwargs):
        request.GET = request.POST
        return self.get(request, *args, **kwargs)


# What the house itself keeps comes after the rooms, which stand in the order in which they are installed.
HOUSE = ("bureau", "auth", "django_celery_beat")


class Office(admin.AdminSite):
    site_header = _("Gongji back office")
    site_title = _("Gongji")
    index_title = _("Today's work")
    site_url = None
    login_form = DoorForm
    enable_nav_sidebar = True

    def get_app_list(self, request, app_label=None):
        installed = list(apps.app_configs)
        return sorted(
            super().get_app_list(request, app_label),
            key=lambda app: (app["app_label"] in HOUSE, installed.index(app["app_label"])),
        )

    def autocomplete_view(self, request):
        return Choices.as_view(admin_site=self)(request)

    def password_change(self, request, extra_context=None):
        view = PasswordChangeView.as_view(
            form_class=OwnPasswordForm,
            success_url=reverse("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)

    def each_context(self, request):
        context = super().each_context(request)
        if request.user.is_authenticated:
            context["roles"] = [role.label for role in roles_of(request.user)]
        return context
