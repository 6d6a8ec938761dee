"""Everything in its order: visits, credits, accounts, heads, runs, books."""

from collections.abc import Iterable, Iterator

import psycopg

from . import accounts, credits, files, visits
from .accounts import Accounts
from .cities import BY_AREA
from .credits import Credits
from .differences import Findings
from .reading import Area
from .visits import Visits


def compute(connection: psycopg.Connection, areas: Iterable[str] | None = None) -> Iterator[Findings]:
    """One area after the other; those whose rules are not written down here are named and passed over."""
    known = [code for (code,) in connection.execute("SELECT code FROM bureau_area ORDER BY code").fetchall()]
    for code in known:
        if areas and code not in areas:
            continue
        findings = Findings(code)
        city = BY_AREA.get(code)
        if city is None:
            findings.notes.append("the rules of this area are not written down here")
        else:
            compute_area(Area(connection, code), city, findings)
        yield findings


def compute_area(area: Area, city, findings: Findings) -> None:
    settled = Visits(area, city)
    visits.compare(settled, findings)
    credited = Credits(area, city)
    credits.compare(credited, findings)
    moved = Accounts(area, city, settled, credited, files.read(area, findings))
    accounts.compare(moved, findings)
