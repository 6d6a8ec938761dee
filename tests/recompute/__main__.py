"""`python -m tests.recompute`."""

import argparse
import os
import sys
from collections import Counter

import psycopg

from tests.recompute.computing import compute


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.recompute", description=__doc__)
    parser.add_argument("--database", default=os.environ.get("DATABASE_URL"), help="PostgreSQL address (DATABASE_URL)")
    parser.add_argument("--area", action="append", help="this area alone; may be repeated")
    parser.add_argument("--most", type=int, default=20, help="differences shown of each kind (20)")
    options = parser.parse_args()
    if not options.database:
        parser.error("name a database, or set DATABASE_URL")
    differing = 0
    with psycopg.connect(options.database) as connection:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for findings in compute(connection, options.area):
            print(f"{findings.area}: " + ", ".join(f"{count} {kind}" for kind, count in findings.asked.items()))
            if unread := ", ".join(f"{count} of {kind}" for kind, count in findings.unread.items() if count):
                findings.notes.append(f"files not read, being under another data key or of another form: {unread}")
            for note in findings.notes:
                print(f"  {note}")
            shown: Counter[str] = Counter()
            for difference in findings.differences:
                shown[difference.code] += 1
                if shown[difference.code] <= options.most:
                    print(f"  {difference}")
            for code, count in shown.items():
                print(f"  {code}: {count} differ")
            differing += len(findings.differences)
    print("nothing differs" if not differing else f"{differing} differ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
