"""Rosters as CSV and XLSX: sheets described as data, rows checked one by one. No Django, no database.

    rows = read_rows(name, content, MEMBERS)      # FileProblem: the file as a whole cannot be read
    for row in rows:
        if row.problems: ...                      # its line and they, for write_rejects with the cells of rows.lines()
        else: ...                                 # row.values: column name → checked Python value

Sentences are English msgids; `Problem.text(gettext)` and `FileProblem.text(gettext)` show them.
"""

from bureau.files.problems import FileProblem, Problem, Refused
from bureau.files.reading import Rows, read_rows
from bureau.files.rejects import write_rejects
from bureau.files.sheets import Column, Row, Sheet

__all__ = [
    "Column",
    "FileProblem",
    "Problem",
    "Refused",
    "Row",
    "Rows",
    "Sheet",
    "read_rows",
    "write_rejects",
]
