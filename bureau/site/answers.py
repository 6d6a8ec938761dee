"""What a page answers beside itself: a file to keep, and the wish to be asked again soon."""

from collections.abc import Iterator
from urllib.parse import quote

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def attachment(
    content: bytes | Iterator[bytes], name: str, kind: str = "application/octet-stream"
) -> HttpResponseBase:
    """A file to keep, whatever characters its name has; whole, or piece by piece."""
    answer = HttpResponse if isinstance(content, bytes) else StreamingHttpResponse
    response = answer(content, content_type=kind)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def again_soon(response, is_open: bool):
    """Let the browser ask again while work goes on."""
    if is_open:
        response.headers["Refresh"] = "3"
    return response
