"""An auditor's second program: everything that moved money, computed again and held against what is stored.

It shares nothing with the product. The cities' rules are written down a second time, from the texts, as plain Python
(`cities/`); the data is read with SQL, and as it was known when each thing was decided: what a later file changed is
taken back, by the history that uploads and the audit trail keep. Nothing is written.

    python -m tests.recompute [--database URL] [--area 441699]

ends with 1 where anything differs. Amounts are whole fen throughout.
"""
