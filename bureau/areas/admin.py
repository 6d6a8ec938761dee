"""Areas and their county agencies."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from bureau.areas.models import Area, County
from bureau.areas.services import register_area, register_county
from bureau.editions.models import Edition
from bureau.site import Act, Records, Section, form_of


@admin.register(Area)
class AreaAdmin(Records):
    ordering = ("code",)
    list_display = ["code", "name"]
    search_fields = ["code", "name"]
    list_acts = [
        Act(code="area.register", label=_("Register an area"), do=register_area, form=form_of(Area, "code", "name")),
    ]
    sections = [Section(County, "area"), Section(Edition, "area")]


@admin.register(County)
class CountyAdmin(Records):
    ordering = ("code",)
    list_display = ["code", "name", "area"]
    search_fields = ["code", "name"]
    list_acts = [
        Act(
            code="county.register",
            label=_("Register a county agency"),
            do=register_county,
            form=form_of(County, "code", "area", "name"),
        ),
    ]
