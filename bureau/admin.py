from django.contrib import admin
from django.utils.translation import gettext_lazy as _


class Office(admin.AdminSite):
    site_header = _("Gongji back office")
    site_title = _("Gongji")
    index_title = _("Today's work")
