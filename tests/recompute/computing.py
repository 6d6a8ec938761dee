"""Everything in its order: visits, credits, accounts, heads, runs, books."""

from collections.abc import Iterable, Iterator
from types import ModuleType

import psycopg

from tests.recompute import accounts, books, credits, heads, proposals, runs, visits
from tests.recompute.accounts import Accounts
from tests.recompute.books import Books
from tests.recompute.cities import BY_AREA
from tests.recompute.credits import Credits
from tests.recompute.data import files, rosters
from tests.recompute.data.reading import Area
from tests.recompute.differences import Findings
from tests.recompute.heads import Heads
from tests.recompute.proposals import Replays
from tests.recompute.runs import Runs
from tests.recompute.used import Used
from tests.recompute.visits import Visits


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


def compute_area(area: Area, city: ModuleType, findings: Findings) -> None:
    for row in area.choices:
        if row.choices:
            findings.notes.append(f"{row.document} is read as {row.choices}; here it is read as usual")
    settled = Visits(area, city)
    visits.compare(settled, findings)
    credited = Credits(area, city)
    credits.compare(credited, findings)
    rosters.compare(area, findings)
    moved = Accounts(area, city, settled, credited, files.read(area, findings))
    accounts.compare(moved, findings)
    proposals.compare(Replays(settled), moved, findings)
    counted = Heads(area)
    heads.compare(counted, findings)
    paid = Runs(area, city, Used(area, city, settled, moved), counted)
    runs.compare(paid, findings)
    books.compare(Books(area, city, settled, credited, moved, paid), findings)
