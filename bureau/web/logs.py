"""The application's log without people's data: of an error of the database it keeps what says no value."""

import copy
import logging
from collections.abc import Iterator

import psycopg

from bureau.identifiers.identity import without_numbers

BROKEN = 500  # the first status of a server that is at fault
DATA_EXCEPTION = "22"  # the class of SQLSTATE whose sentences quote the value


class WithoutValues(logging.Formatter):
    """A line as its format says, with its traceback; rows, parameters and identity numbers stay out of it.

    What a browser asked wrongly, a forbidden page say, is one line: only what is broken brings its traceback.
    """

    def format(self, record: logging.LogRecord) -> str:
        if record.exc_info and getattr(record, "status_code", BROKEN) < BROKEN:
            record = copy.copy(record)
            record.exc_info = record.exc_text = None
        return without_numbers(super().format(record))

    def formatException(self, ei) -> str:
        text = super().formatException(ei)
        for error in _chain(ei[1]):
            if isinstance(error, psycopg.Error) and error.sqlstate:
                text = text.replace(str(error), _sentence(error))
        return text


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _sentence(error: psycopg.Error) -> str:
    """State, table and constraint, and the server's sentence without its details, context and query."""
    diag = error.diag
    said = None if (error.sqlstate or "").startswith(DATA_EXCEPTION) else diag.message_primary
    named = (error.sqlstate, said, diag.table_name, diag.column_name, diag.constraint_name)
    return " · ".join(part for part in named if part)
