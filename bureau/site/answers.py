"""What a page answers beside itself: a file to keep, and the wish to be asked again soon."""

from collections.abc import Iterator
from urllib.parse import quote

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from bureau.files import tables

CONTENT = {tables.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
ENDINGS = {tables.GB18030: "csv"}


def attachment(content: bytes | Iterator[bytes], name: str, kind: str = "application/octet-stream") -> HttpResponseBase:
    """A file to keep, whatever characters its name has; whole, or piece by piece."""
    answer = HttpResponse if isinstance(content, bytes) else StreamingHttpResponse
    response = answer(content, content_type=kind)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def table_file(table: tables.Table, name: str, kind: str = tables.XLSX, *, title: str = "") -> HttpResponseBase:
    """A small table to keep; `name` without ending, `title` that of a workbook's sheet."""
    content = tables.as_xlsx(table, title or name) if kind == tables.XLSX else tables.as_csv(table)
    return attachment(content, file_name(name, kind), content_type(kind))


def file_name(name: str, kind: str) -> str:
    return f"{name}.{ENDINGS.get(kind, kind)}"


def content_type(kind: str) -> str:
    return CONTENT.get(kind) or f"text/csv; charset={tables.ENCODINGS[kind]}"


def again_soon(response, is_open: bool):
    """Let the browser ask again while work goes on."""
    if is_open:
        response.headers["Refresh"] = "3"
    return response
