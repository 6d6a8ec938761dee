"""What is stored of one area, read in one snapshot with plain SQL."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from psycopg.types.json import JsonbLoader

from tests.recompute.data.history import History, Version
from tests.recompute.data.sealed import document

FEN = "(%s * 100)::bigint AS %s"


def fen(*columns: str) -> str:
    return ", ".join(FEN % (column, column.rpartition(".")[2]) for column in columns)


MEMBERS = """
SELECT member_id FROM members_enrolment WHERE area_id = %(area)s
UNION SELECT member_id FROM settlement_visit WHERE area_id = %(area)s
UNION SELECT member_id FROM accounts_account WHERE area_id = %(area)s
"""

# By member: the dated facts that decide a visit or a credit.
FACTS = {
    "members_enrolment": "id, upload_id, member_id, area_id, scheme, person_class, plan, large_claims,"
    " by_hand_elsewhere, paid_on, starts_on, ends_on",
    "members_benefitperiod": "id, upload_id, member_id, area_id, scheme, starts_on, ends_on",
    "members_suspension": "id, upload_id, member_id, area_id, kind, starts_on, ends_on",
    "institutions_hospitalstay": "id, upload_id, member_id, admitted_on, discharged_on",
    "institutions_outofarearegistration": "id, upload_id, member_id, kind, destination, starts_on, ends_on",
    "institutions_selection": "id, upload_id, member_id, area_id, scheme, year, role, route, institution_id,"
    " requested_on, starts_on, ends_on, counts_from, counts_to",
    "institutions_referral": "id, upload_id, member_id, from_institution_id, to_institution_id, starts_on, ends_on",
}
LABELS = {
    "members_member": "members.member",
    "members_enrolment": "members.enrolment",
    "members_benefitperiod": "members.benefitperiod",
    "members_suspension": "members.suspension",
    "institutions_hospitalstay": "institutions.hospitalstay",
    "institutions_outofarearegistration": "institutions.outofarearegistration",
    "institutions_selection": "institutions.selection",
    "institutions_referral": "institutions.referral",
    "institutions_level": "institutions.level",
    "institutions_agreement": "institutions.agreement",
    "institutions_assessment": "institutions.assessment",
    "members_relative": "members.relative",
    "accounts_familygrant": "accounts.familygrant",
    "accounts_account": "accounts.account",
}
VISITS = f"""
SELECT v.id, v.scheme, v.institution_id, v.key, v.member_id, v.encounter, v.care_on, v.settled_on, v.settled_at,
       v.channel, v.prescriber_id, v.refusal, v.payee_id, v.charge, v.charged_institution_id, v.pool, v.reverses_id,
       v.upload_id, v.place @> ARRAY['hand_claim']::varchar[] AS by_hand,
       {
    fen(
        *(
            "v." + name
            for name in (
                "total",
                "own_expense",
                "over_limit",
                "first_self",
                "in_policy",
                "general_fee",
                "consultation_fee",
                "other_remainder",
                "other_funds",
                "out_of_policy",
                "fixed",
                "deductible",
                "pooled",
                "large_claims",
                "account",
                "family",
                "cash",
            )
        )
    )
}
  FROM settlement_visit v WHERE v.area_id = %(area)s ORDER BY v.id
"""
PROPOSALS = f"""
SELECT x.id, x.visit_id, x.status, x.proposed_at, x.decided_at,
       {fen("x.settled", "x.proposed", "x.large_claims", "x.deductible", "x.fixed", "x.accounts", "x.accounts_again")}
  FROM settlement_proposal x JOIN settlement_visit v ON v.id = x.visit_id WHERE v.area_id = %(area)s ORDER BY x.id
"""
CREDITS = f"""
SELECT c.id, c.account_id, c.month, c.kind, c.source, c.journal_id, {fen("c.amount", "c.base")}
  FROM accounts_credit c JOIN accounts_journal j ON j.id = c.journal_id WHERE j.area_id = %(area)s ORDER BY c.id
"""
CONTRIBUTIONS = f"""
SELECT id, upload_id, member_id, scheme, month, kind, paid_on, {fen("base", "own_amount")}
  FROM members_contribution WHERE area_id = %(area)s
"""
ACCOUNTS = f"""
SELECT id, member_id, area_id, status, opened_on, last_number, {fen("balance")}
  FROM accounts_account WHERE area_id = %(area)s
"""
POSTINGS = f"""
SELECT e.account_id, e.number, e.journal_id, j.area_id, j.kind, j.source, {fen("e.amount")}
  FROM accounts_entry e JOIN accounts_journal j ON j.id = e.journal_id JOIN accounts_account a ON a.id = e.account_id
 WHERE a.area_id = %(area)s ORDER BY e.account_id, e.number
"""
BALANCES = """
SELECT j.kind, e.fund, e.subject, e.holder, (sum(e.amount) * 100)::bigint AS amount,
       CASE WHEN COALESCE(v.area_id, w.area_id) <> j.area_id THEN 'elsewhere' ELSE split_part(j.source, ':', 1) END
           AS source
  FROM accounts_entry e JOIN accounts_journal j ON j.id = e.journal_id
  LEFT JOIN settlement_visit v ON 'visit:' || v.id = j.source
  LEFT JOIN settlement_proposal x ON 'proposal:' || x.id = j.source
  LEFT JOIN settlement_visit w ON w.id = x.visit_id
 WHERE j.area_id = %(area)s GROUP BY 1, 2, 3, 4, 6
"""
RUNS = """
SELECT r.id, r.county_id, r.scheme, r.kind, r.period, r.status, r.computed_at, r.approved_at, r.paid_at,
       (r.total * 100)::bigint AS total
  FROM settlement_run r WHERE r.area_id = %(area)s ORDER BY r.computed_at, r.id
"""
LINES = f"""
SELECT l.id, l.run_id, l.institution_id, l.results, l.facts, {fen("l.amount", "l.adjustment", "l.to_pay")}
  FROM settlement_line l JOIN settlement_run r ON r.id = l.run_id WHERE r.area_id = %(area)s ORDER BY l.id
"""
ADJUSTMENTS = f"""
SELECT a.id, a.institution_id, a.origin_id, a.carried_by_id, a.fund, a.created_at, a.results, {fen("a.amount")}
  FROM settlement_adjustment a JOIN settlement_run r ON r.id = a.origin_id
 WHERE r.area_id = %(area)s ORDER BY a.created_at, a.id
"""


TURNS = ("account.close", "account.reopen", "account.refund")


class Area:
    """One area's rows. Lists by member or institution hold versions; everything else stands as it was written."""

    def __init__(self, connection: psycopg.Connection, code: str):
        self.code = code
        self._cursor = connection.cursor(row_factory=namedtuple_row)
        self._cursor.adapters.register_loader("jsonb", JsonbLoader)  # whatever the connection itself does with it
        self._documents: dict[int, str] | None = None
        self._read_history()
        self._read_people()
        self._read_places()
        self._read_settlement()
        self._read_accounts()
        self._read_runs()

    def rows(self, sql: str, **params: Any) -> list[Any]:
        return self._cursor.execute(sql, {"area": self.code} | params).fetchall()

    # When things became known

    def _read_history(self) -> None:
        # What a job loaded is known when the job has ended.
        loaded = self.rows(
            """SELECT u.id, COALESCE(b.finished_at, u.uploaded_at) AS at
                 FROM bureau_upload u LEFT JOIN bureau_job b ON b.key = 'upload ' || u.id"""
        )
        uploads = {row.id: row.at for row in loaded}
        history = self.history = History(uploads)
        tables = {label: table for table, label in LABELS.items()}
        for row in self.rows(
            """SELECT c.table_name AS name, c.first_row AS row, c.before, u.id AS upload_id
                 FROM (SELECT *, lag(last_change, 1, 0::bigint) OVER (
                              PARTITION BY transaction, began_at ORDER BY id) AS earlier FROM bureau_auditentry) e
                 JOIN bureau_upload u ON u.id::text = e.record_id
                 JOIN bureau_change c ON c.transaction = e.transaction AND c.at = e.began_at
                  AND c.id > e.earlier AND c.id <= e.last_change
                WHERE e.action = 'upload.load' AND u.status <> 'undone'
                  AND c.before IS NOT NULL AND c.after IS NOT NULL ORDER BY c.id"""
        ):
            history.changed(row.name, row.row, uploads[row.upload_id], row.before)
        self._turned: dict[int, list[tuple[datetime, str]]] = defaultdict(list)  # accounts closed and taken back
        for row in self.rows(
            """SELECT at, action, record_type, record_id, detail FROM bureau_auditentry
                WHERE record_type = ANY(%(types)s) ORDER BY id""",
            types=list(tables),
        ):
            table, number = tables[row.record_type], int(row.record_id)
            if table == "accounts_account":
                self._turned[number].append((row.at, row.action))
                continue
            before = row.detail.get("before")
            if table == "institutions_level":
                history.made(table, number, row.at)
            elif isinstance(before, dict) and before:
                history.changed(table, number, row.at, before)
            else:
                history.made(table, number, row.at)

    def closed(self, account: int, at: datetime) -> bool:
        """Whether an account had been closed by then and not been taken back into use."""
        turned = [action for when, action in self._turned.get(account, ()) if when <= at and action in TURNS]
        return bool(turned) and turned[-1] == "account.close"

    def _known(self, table: str, sql: str, **params: Any) -> list[Version]:
        return self.history.versions(table, self.rows(sql, **params))

    # People

    def _read_people(self) -> None:
        self.members: dict[int, list[Version]] = _by(
            "id",
            self._known(
                "members_member",
                "SELECT id, upload_id, sex, birth, reached_age_on, died_on FROM members_member"
                f" WHERE id IN ({MEMBERS})",
            ),
        )
        self.facts: dict[str, dict[int, list[Version]]] = {}
        for table, columns in FACTS.items():
            sql = f"SELECT {columns} FROM {table} WHERE member_id IN ({MEMBERS}) ORDER BY id"
            self.facts[table] = _by("member_id", self._known(table, sql))
        self.contributions = _by("member_id", self._known("members_contribution", CONTRIBUTIONS))
        self.relatives = {
            row.id: row for row in self.rows("SELECT id, relation, starts_on, ends_on FROM members_relative")
        }

    def documents(self) -> dict[int, str]:
        """The numbers of the members' documents, decrypted; read only where files are held against rows."""
        if self._documents is None:
            rows = self.rows(f"SELECT id, document_cipher FROM members_member WHERE id IN ({MEMBERS})")
            self._documents = {row.id: document(bytes(row.document_cipher)) for row in rows}
        return self._documents

    # Places

    def _read_places(self) -> None:
        places = self.rows("SELECT id, code, kind, area_id, county_id, parent_id FROM institutions_institution")
        self.places = {row.id: row for row in places}
        self.clearing = next((p.id for p in places if p.kind == "clearing" and p.area_id == self.code), None)
        for name in ("level", "agreement"):
            columns = "id, upload_id, institution_id, starts_on, ends_on" + (", level" if name == "level" else "")
            sql = f"SELECT {columns} FROM institutions_{name} ORDER BY id"
            setattr(self, f"{name}s", _by("institution_id", self._known(f"institutions_{name}", sql)))
        self.scores = {
            (row.institution_id, row.year): row
            for row in self.rows(
                "SELECT institution_id, year, score, confirmed_at FROM institutions_assessment"
                " WHERE confirmed_at IS NOT NULL"
            )
        }
        self.figures: dict[str, dict[int, int]] = defaultdict(dict)
        for row in self.rows(
            "SELECT code, year, (value * 100)::bigint AS value FROM bureau_publishedfigure"
            " WHERE area_id = %(area)s AND confirmed_at IS NOT NULL"
        ):
            self.figures[row.code][row.year] = row.value
        self.choices = self.rows(
            "SELECT document, choices FROM bureau_edition WHERE area_id = %(area)s AND approved_at IS NOT NULL"
        )

    # Settlement and accounts

    def _read_settlement(self) -> None:
        self.visits = self.rows(VISITS)
        self.payments: dict[int, list[Any]] = _rows_by(
            "visit_id",
            self.rows(
                f"""SELECT p.visit_id, p.account_id, p.relation, {fen("p.amount")} FROM settlement_visitpayment p
                      JOIN settlement_visit v ON v.id = p.visit_id WHERE v.area_id = %(area)s ORDER BY p.id"""
            ),
        )
        self.proposals = self.rows(PROPOSALS)
        self.recoveries: dict[int, list[Any]] = _rows_by(
            "proposal_id",
            self.rows(
                f"""SELECT r.proposal_id, r.account_id, {fen("r.amount", "r.short")} FROM settlement_accountrecovery r
                      JOIN settlement_proposal x ON x.id = r.proposal_id
                      JOIN settlement_visit v ON v.id = x.visit_id WHERE v.area_id = %(area)s ORDER BY r.id"""
            ),
        )
        opening = f"SELECT id, upload_id, member_id, scheme, year, month, {fen('fund', 'fixed', 'deductible')}"
        self.opening = _by(
            "member_id",
            self._known("settlement_openinguse", f"{opening} FROM settlement_openinguse WHERE area_id = %(area)s"),
        )
        other = f"SELECT id, upload_id, member_id, scheme, fund, paid_on, {fen('amount')} FROM settlement_otheruse"
        self.other = _by("member_id", self._known("settlement_otheruse", f"{other} WHERE area_id = %(area)s"))
        self.claims = self.rows(
            "SELECT c.id, c.status, c.visit_id, c.member_id FROM settlement_claim c WHERE c.area_id = %(area)s"
        )
        self.claim_orders = self.rows(
            f"""SELECT p.id, p.claim_id, p.fund, p.status, {fen("p.amount")} FROM settlement_claimpayment p
                  JOIN settlement_claim c ON c.id = p.claim_id WHERE c.area_id = %(area)s ORDER BY p.id"""
        )

    def _read_accounts(self) -> None:
        self.accounts = {row.id: row for row in self.rows(ACCOUNTS)}
        self.account_of = {row.member_id: row.id for row in self.accounts.values()}
        self.postings = self.rows(POSTINGS)
        self.balances = self.rows(BALANCES)
        self.credits = self.rows(CREDITS)
        self.credit_jobs = self.rows(
            "SELECT id, params, created_at FROM bureau_job WHERE kind = 'credit' AND area_id = %(area)s ORDER BY id"
        )
        self.grants = _by(
            "beneficiary_id",
            self._known(
                "accounts_familygrant",
                """SELECT g.id, g.account_id, g.beneficiary_id, g.relative_id, g.starts_on, g.ends_on
                     FROM accounts_familygrant g JOIN accounts_account a ON a.id = g.account_id
                    WHERE a.area_id = %(area)s ORDER BY g.id""",
            ),
        )
        self.uses = self.rows(
            f"""SELECT u.id, u.account_id, u.user_id, u.relation, u.purpose, u.payee, u.used_on, u.refusal,
                       u.recorded_at, u.reverses_id, {fen("u.asked", "u.paid", "u.cash")}
                  FROM accounts_accountuse u JOIN accounts_account a ON a.id = u.account_id
                 WHERE a.area_id = %(area)s ORDER BY u.id"""
        )
        self.payouts = self.rows(
            f"""SELECT p.id, p.account_id, p.event, p.action, p.status, p.payees, p.happened_on, p.submitted_at,
                       p.approved_at, p.paid_at, p.returned_at, {fen("p.amount")}
                  FROM accounts_payout p JOIN accounts_account a ON a.id = p.account_id
                 WHERE a.area_id = %(area)s ORDER BY p.id"""
        )
        self.taken_back: dict[int, list[Any]] = _rows_by(
            "account_id",
            self.rows(
                f"""SELECT c.account_id, c.month, j.posted_at, {fen("c.amount")} FROM accounts_creditrecovery c
                      JOIN accounts_journal j ON j.id = c.journal_id WHERE j.area_id = %(area)s ORDER BY c.id"""
            ),
        )
        self.freezes: dict[int, list[Any]] = _rows_by(
            "account_id",
            self.rows(
                """SELECT f.account_id, f.frozen_at, f.ended_at FROM accounts_freeze f
                     JOIN accounts_account a ON a.id = f.account_id WHERE a.area_id = %(area)s ORDER BY f.id"""
            ),
        )
        self.journals = self.rows(
            "SELECT id, source, posted_at FROM accounts_journal WHERE area_id = %(area)s ORDER BY id"
        )

    def _read_runs(self) -> None:
        self.runs = {row.id: row for row in self.rows(RUNS)}
        self.lines = self.rows(LINES)
        self.adjustments = self.rows(ADJUSTMENTS)
        self.orders = self.rows(
            f"""SELECT p.id, p.line_id, p.fund, p.status, {fen("p.amount")} FROM settlement_payment p
                  JOIN settlement_line l ON l.id = p.line_id JOIN settlement_run r ON r.id = l.run_id
                 WHERE r.area_id = %(area)s ORDER BY p.id"""
        )
        self.extractions = self.rows(
            """SELECT j.id, j.source, j.posted_on, j.posted_at, (sum(e.amount) * 100)::bigint AS amount
                 FROM accounts_journal j JOIN accounts_entry e ON e.journal_id = j.id
                  AND e.subject = 'transfer_income' AND e.fund = 'residents_outpatient'
                WHERE j.area_id = %(area)s AND j.source LIKE 'extraction:%%' GROUP BY j.id ORDER BY j.id"""
        )


def _by(column: str, versions: Iterable[Version]) -> dict[int, list[Version]]:
    found: dict[int, list[Version]] = defaultdict(list)
    for version in versions:
        found[getattr(version.row, column)].append(version)
    return found


def _rows_by(column: str, rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[getattr(row, column)].append(row)
    return found
