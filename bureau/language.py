"""Chinese by default, English by one click: the choice lies with the member of staff, not with the browser."""

from django.utils import translation

COOKIE = "gongji_language"
LANGUAGES = ("zh-hans", "en")


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
