"""The proof of the ledger, from its rows alone and without trusting its guards."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bureau.audit.proofs import Proof

JOURNALS = "SELECT count(*) FROM accounts_journal WHERE {area}"
ACCOUNTS = "SELECT count(*) FROM accounts_account WHERE {area}"
ENTRIES = "SELECT count(*) FROM accounts_entry AS e JOIN accounts_journal AS j ON j.id = e.journal_id WHERE {area}"
CREDITS = "SELECT count(*) FROM accounts_credit AS c JOIN accounts_account AS a ON a.id = c.account_id WHERE {area}"


@dataclass(frozen=True, slots=True)
class Question:
    """One promise of the books: how many rows it is about, and which break it, with their figures."""

    code: str
    label: Promise
    asked: str
    wrong: str


QUESTIONS = [
    Question(
        "journals_balance",
        _("Journals balance within each fund"),
        JOURNALS,
        """
        SELECT j.key || ' ' || e.fund || ': ' || sum(e.amount)
        FROM accounts_entry AS e JOIN accounts_journal AS j ON j.id = e.journal_id
        WHERE {area} GROUP BY j.id, e.fund HAVING sum(e.amount) <> 0""",
    ),
    Question(
        "journals_whole",
        _("Journals have as many entries as they say"),
        JOURNALS,
        """
        SELECT j.key || ': ' || j.entry_count || ' / ' || count(e.id)
        FROM accounts_journal AS j LEFT JOIN accounts_entry AS e ON e.journal_id = j.id
        WHERE {area} GROUP BY j.id HAVING count(e.id) <> j.entry_count""",
    ),
    Question(
        "journal_keys_once",
        _("The key of a journal is used once"),
        JOURNALS,
        "SELECT key FROM accounts_journal WHERE {area} GROUP BY key HAVING count(*) > 1",
    ),
    Question(
        "entries_belong",
        _("Entries belong to a journal and to an account of its area"),
        ENTRIES,
        """
        SELECT e.id::text FROM accounts_entry AS e
        LEFT JOIN accounts_journal AS j ON j.id = e.journal_id LEFT JOIN accounts_account AS a ON a.id = e.account_id
        WHERE j.id IS NULL OR e.account_id IS NOT NULL AND a.area_id IS DISTINCT FROM j.area_id""",
    ),
    Question(
        "balances_add_up",
        _("Balances equal the sum of their entries, which are numbered without a gap"),
        ACCOUNTS,
        """
        SELECT a.id || ': ' || a.balance || ' / ' || coalesce(e.total, 0)
        FROM accounts_account AS a LEFT JOIN (
            SELECT account_id, sum(amount) AS total, count(*) AS entries, max(number) AS last_number
            FROM accounts_entry WHERE account_id IS NOT NULL GROUP BY account_id) AS e ON e.account_id = a.id
        WHERE {area} AND (a.balance, a.last_number, a.last_number) IS DISTINCT FROM
            (coalesce(e.total, 0), coalesce(e.entries, 0), coalesce(e.last_number, 0))""",
    ),
    Question(
        "balances_run_on",
        _("Balances equal that after their last entry, and none is below zero"),
        ACCOUNTS,
        """
        SELECT a.id || ': ' || a.balance || ' / ' || coalesce(e.balance_after, 0)
        FROM accounts_account AS a
        LEFT JOIN accounts_entry AS e ON e.account_id = a.id AND e.number = a.last_number
        WHERE {area} AND (a.balance < 0 OR a.balance <> coalesce(e.balance_after, 0))""",
    ),
    Question(
        "credits_booked",
        _("Monthly credits equal their entries"),
        CREDITS,
        """
        SELECT coalesce(c.account_id, e.account_id) || ': ' || coalesce(c.total, 0) || ' / ' || coalesce(e.total, 0)
        FROM (
            SELECT account_id, journal_id, sum(amount) AS total
            FROM accounts_credit AS c JOIN accounts_account AS a ON a.id = c.account_id WHERE {area} GROUP BY 1, 2
        ) AS c FULL JOIN (
            SELECT account_id, journal_id, sum(amount) AS total
            FROM accounts_entry AS e JOIN accounts_journal AS j ON j.id = e.journal_id
            WHERE {area} AND j.kind = 'credit' AND account_id IS NOT NULL GROUP BY 1, 2
        ) AS e USING (account_id, journal_id)
        WHERE c.total IS DISTINCT FROM e.total""",
    ),
    Question(
        "credits_taken_back",
        _("What was taken back of months' credits is what was said when it was"),
        """SELECT count(*) FROM accounts_creditrecovery AS c JOIN accounts_account AS a ON a.id = c.account_id
        WHERE {area}""",
        # Entries from before months were said are nothing to compare with.
        """
        WITH act AS (
            SELECT 'recovery:' || (detail ->> 'key') AS key, detail -> 'months' AS months,
                CASE action WHEN 'account.give_back' THEN -1 ELSE 1 END AS sign
            FROM bureau_auditentry WHERE {area} AND action IN ('account.recover', 'account.give_back')
        ), said AS (
            SELECT act.key, m.key AS month, sign * m.value::numeric AS amount
            FROM act, jsonb_each_text(months) AS m
        ), kept AS (
            SELECT j.key, to_char(c.month, 'YYYY-MM') AS month, sum(c.amount) AS amount
            FROM accounts_creditrecovery AS c JOIN accounts_journal AS j ON j.id = c.journal_id
            WHERE {area} GROUP BY 1, 2
        )
        SELECT key || ' ' || month || ': ' || coalesce(k.amount, 0) || ' / ' || coalesce(s.amount, 0)
        FROM kept AS k FULL JOIN said AS s USING (key, month)
        WHERE k.amount IS DISTINCT FROM s.amount AND key NOT IN (SELECT key FROM act WHERE months IS NULL)""",
    ),
]


def balances_agree(area_id: str | None = None) -> Iterator[Proof]:
    """Ask every question of an area's ledger, or of all."""
    area = "area_id = %(area)s" if area_id else "true"
    for question in QUESTIONS:
        with connection.cursor() as cursor:
            cursor.execute(question.asked.format(area=area), {"area": area_id})
            [asked] = cursor.fetchone()
            cursor.execute(question.wrong.format(area=area), {"area": area_id})
            yield Proof(question.code, question.label).all_of(asked, [record for (record,) in cursor])
