"""Chinese by default, English by one click: the choice lies with the member of staff, not with the browser."""

from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

COOKIE = "gongji_language"
LANGUAGES = ("zh-hans", "en")
A_YEAR = 365 * 24 * 3600


class StaffLanguageMiddleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        chosen = request.COOKIES.get(COOKIE)
        with translation.override(chosen if chosen in LANGUAGES else LANGUAGES[0]):
            request.LANGUAGE_CODE = translation.get_language()
            response = self.get_response(request)
            if hasattr(response, "render") and not response.is_rendered:
                response.render()
            response.headers.setdefault("Content-Language", translation.get_language())
            return response


@require_POST
def choose(request):
    """Remember the language and go back to the page."""
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = reverse("admin:index")
    response = HttpResponseRedirect(back)
    language = request.POST.get("language")
    if language in LANGUAGES:
        response.set_cookie(COOKIE, language, max_age=A_YEAR, httponly=True, samesite="Lax", secure=request.is_secure())
    return response
