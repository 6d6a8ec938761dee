"""How long somebody stays logged in, what they must do first, and what stands in no address."""

import time
from urllib.parse import unquote, urlencode

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpResponseRedirect
from django.urls import reverse

from bureau.identifiers.identity import numbers_in

BEGAN, SEEN = "began", "seen"
SEEN_AGAIN_SECONDS = 60  # how exactly idleness is measured: not every page writes the session


def begin(*, request, **_signal) -> None:
    """A session starts to count when somebody logs in (signal user_logged_in)."""
    request.session[BEGAN] = request.session[SEEN] = int(time.time())


class SessionLimitsMiddleware:
    """Ends a session eight hours after the log-in, or after thirty minutes without a page."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.user.is_authenticated:
            now, session = int(time.time()), request.session
            began, seen = session.get(BEGAN, 0), session.get(SEEN, 0)
            if now - began > settings.SESSION_COOKIE_AGE or now - seen > settings.SESSION_IDLE_SECONDS:
                logout(request)
            elif now - seen > SEEN_AGAIN_SECONDS:
                session[SEEN] = now
        return self.get_response(request)


class NoNumbersInAddressesMiddleware:
    """An address with an identity number in it leads to the same page without; lists see to their own search."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.method in ("GET", "HEAD"):
            kept = {
                name: values
                for name, values in request.GET.lists()
                if name == "q" or not numbers_in(unquote(unquote(" ".join(values))))
            }
            if len(kept) < len(request.GET):
                return HttpResponseRedirect(f"{request.path}?{urlencode(kept, doseq=True)}" if kept else request.path)
        return self.get_response(request)


class OwnPasswordMiddleware:
    """A password that somebody else chose is changed before anything else is seen or done."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.user.is_authenticated and request.user.must_change_password:
            page = reverse("admin:password_change")
            open_to = {page, reverse("admin:logout"), reverse("language")}
            if request.path not in open_to and not request.path.startswith(f"/{settings.STATIC_URL.lstrip('/')}"):
                return HttpResponseRedirect(page)
        return self.get_response(request)
