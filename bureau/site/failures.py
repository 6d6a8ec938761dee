"""What staff see when something is missing, forbidden or broken: a plain page and a number, never a traceback."""

import logging
import secrets
import sys

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bureau.errors import waited_too_long

logger = logging.getLogger(__name__)


def reference(request: HttpRequest, error: BaseException | None) -> str:
    """Log an unexpected error and return the number under which the log has it."""
    number = secrets.token_hex(4).upper()
    logger.error("%s %s %s by %s", number, request.method, request.path, request.user.pk, exc_info=error)
    return number


def sentence(number: str) -> str:
    return gettext(
        "Something unexpected happened and nothing was recorded. Tell the system administrator the number %(number)s."
    ) % {"number": number}


def _page(request: HttpRequest, status: int, title, text) -> HttpResponse:
    return render(request, "failure.html", {"title": title, "text": text, "status": status}, status=status)


def bad_request(request: HttpRequest, exception=None) -> HttpResponse:
    return _page(request, 400, _("The request cannot be read"), _("Go back and try again."))


def forbidden(request: HttpRequest, exception=None) -> HttpResponse:
    return _page(
        request, 403, _("Not allowed"), _("Your role does not allow this. The security administrator assigns roles.")
    )


def not_found(request: HttpRequest, exception=None) -> HttpResponse:
    return _page(request, 404, _("Not found"), _("There is no such page or record."))


def broken(request: HttpRequest) -> HttpResponse:
    if (waited := waited_too_long(sys.exc_info()[1])) is not None:
        return _page(request, 503, _("Not now"), waited)
    number = reference(request, sys.exc_info()[1]) if hasattr(request, "user") else ""
    return _page(request, 500, _("Something went wrong"), sentence(number))


def no_token(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _page(
        request,
        403,
        _("The form has expired"),
        _("Go back, load the page again and send the form once more. The browser must accept cookies."),
    )
