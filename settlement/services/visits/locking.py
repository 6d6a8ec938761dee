"""What settling takes hold of before it reads: members first, then accounts, each in the order of their numbers."""

from collections.abc import Sequence

from settlement.queries.facts import ACCOUNTS, accounts_of, fetch

ONE_PLAN = """
SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)
"""
LOCK_MEMBERS = """
SELECT id FROM members_member WHERE id = ANY(%(members)s::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""
LOCK_ACCOUNTS = f"{ACCOUNTS} FOR NO KEY UPDATE OF a"
LOCK_THESE = "SELECT id FROM accounts_account WHERE id = ANY(%(ids)s::bigint[]) ORDER BY id FOR NO KEY UPDATE"
NEW_IDS = "SELECT nextval(pg_get_serial_sequence('settlement_visit', 'id')) AS id FROM generate_series(1, %(n)s)"


def keep_one_plan() -> None:
    """For the rest of the transaction, plan each prepared statement once, by its indexes.

    Planning a visit's statements anew costs more than running them; and a plan made while a table was still small
    must not scan it when it has grown.
    """
    fetch(ONE_PLAN)


def lock_members(member_ids: Sequence[int]) -> None:
    """Serialise the visits of these members. Always before accounts, always in the order of their numbers."""
    fetch(LOCK_MEMBERS, {"members": sorted(set(member_ids))})


def lock_accounts_of(member_ids: Sequence[int]) -> dict[int, dict]:
    """The accounts that may pay for these members, with balances in fen, locked in the order of their numbers."""
    return accounts_of(member_ids, sql=LOCK_ACCOUNTS)


def lock_accounts(account_ids: Sequence[int]) -> None:
    """Lock these accounts in the order of their numbers."""
    fetch(LOCK_THESE, {"ids": sorted(set(account_ids))})


def new_visit_ids(count: int) -> list[int]:
    """Numbers for visits that are about to be recorded."""
    return [row["id"] for row in fetch(NEW_IDS, {"n": count})]
