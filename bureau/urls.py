from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from bureau.site import start
from bureau.web import language

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("language/", language.choose, name="language"),
    path("admin/", admin.site.admin_view(start.page)),
    path("admin/", admin.site.urls),
]

handler400 = "bureau.site.failures.bad_request"
handler403 = "bureau.site.failures.forbidden"
handler404 = "bureau.site.failures.not_found"
handler500 = "bureau.site.failures.broken"
