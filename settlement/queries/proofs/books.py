"""The proof of the books: each question is asked of every row, and answered with how many and which do not agree."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from accounts import queries as ledger
from bureau.audit.proofs import SHOWN, Proof, one_moment
from bureau.editions.rulebook import edition_by_hash
from bureau.models import Edition
from bureau.rules.benefits import receipts
from settlement.models import Visit
from settlement.queries.facts import fen, fetch
from settlement.queries.lines import NO_RESULT
from settlement.queries.proofs import acts, claims, journals, paid_to, runs


def check_books(area_id: str) -> Iterator[Proof]:
    """Every proof for an area, one after the other, so that progress shows; all of one moment, whatever is settled
    meanwhile."""
    with one_moment():
        yield from ledger.balances_agree(area_id)
        yield ledger.credits_replay(area_id)
        yield visits_replay(area_id)
        yield visits_match_ledger(area_id)
        yield payments_match_visits(area_id)
        yield reversals_mirror(area_id)
        yield from runs.runs_agree(area_id)
        yield from paid_to.accounts_agree(area_id)
        yield from claims.claims_agree(area_id)
        yield from journals.records_agree(area_id)
        yield from acts.acts_agree(area_id)


REPLAYED = (
    "edition", "receipt", "pooled", "large_claims", "deductible", "refusal", "charge", "counted", "fixed", "care_on",
    "encounter", "place", "in_policy", "other_funds",
)  # fmt: skip


def visits_replay(area_id: str) -> Proof:
    """Every visit computed again from its receipt gives the stored fen, and the receipt is of its bill.

    Without an edition there is nothing to compute, and nothing that a fund pays.
    """
    proof = Proof("visits_replay", _("Visits replay to the stored fen"))
    visits = Visit.objects.filter(area_id=area_id, reverses=None)
    editions = dict(Edition.objects.values_list("pk", "content_hash"))
    for visit in visits.order_by().only(*REPLAYED).iterator(5000):
        proof.asked += 1
        if visit.edition_id is None and visit.pooled == visit.large_claims == 0:
            continue
        try:
            again = computed_again(visit)
        except NO_RESULT as error:
            proof.disagree(f"visit {visit.pk}: {type(error).__name__} {error}")
            continue
        stored = (
            fen(visit.pooled) + fen(visit.large_claims),
            fen(visit.large_claims),
            fen(visit.deductible),
            visit.refusal,
            visit.charge,
            fen(visit.counted),
            fen(visit.fixed),
            visit.care_on,
            visit.encounter,
            frozenset(visit.place),
            editions.get(visit.edition_id),
            fen(visit.in_policy) - fen(visit.other_funds),
        )
        if again != stored:
            proof.disagree(f"visit {visit.pk}: {stored} / {again}")
    return proof


def computed_again(visit: Visit) -> tuple:
    """What a visit's receipt gives, and the bill that it was told. Raises one of NO_RESULT."""
    outcome = receipts.replay(edition_by_hash(visit.receipt["edition"]), visit.receipt)
    care = receipts.care_from(visit.receipt)
    return (
        outcome.fund,
        outcome.shares.get("large_claims", 0),
        outcome.deductible,
        outcome.refusal.code if outcome.refusal else "",
        outcome.charge,
        outcome.cost,
        outcome.fixed,
        care.on,
        care.encounter,
        care.place,
        visit.receipt["edition"],
        sum(care.costs.values()),
    )


LEDGER = """
WITH booked AS (
    SELECT substr(j.source, 7) AS visit,
           -sum(e.amount) FILTER (WHERE e.subject = 'benefit_expenditure') AS fund,
           -sum(e.amount) FILTER (WHERE e.subject = 'member_accounts') AS accounts
      FROM accounts_journal j JOIN accounts_entry e ON e.journal_id = j.id
      LEFT JOIN settlement_visit v ON v.id::text = substr(j.source, 7)
     WHERE COALESCE(v.area_id, j.area_id) = %(area)s AND j.source LIKE 'visit:%%'
     GROUP BY 1
), stated AS (
    SELECT v.id, v.account + v.family + COALESCE((
               SELECT sum(y.amount + y.short)
                 FROM settlement_proposal p JOIN settlement_accountrecovery y ON y.proposal_id = p.id
                WHERE p.visit_id = v.reverses_id AND p.status = 'confirmed'), 0) AS accounts,
           v.pooled + v.large_claims - COALESCE((
               SELECT sum(p.proposed - p.settled) FROM settlement_proposal p
                WHERE p.visit_id = v.reverses_id AND p.status = 'confirmed'), 0) AS fund
      FROM settlement_visit v WHERE v.area_id = %(area)s
)
SELECT count(*) OVER () AS asked, COALESCE(s.id::text, b.visit) AS visit, s.fund, b.fund AS booked, s.accounts,
       b.accounts AS booked_accounts,
       COALESCE(s.fund, 0) IS DISTINCT FROM COALESCE(b.fund, 0)
       OR COALESCE(s.accounts, 0) IS DISTINCT FROM COALESCE(b.accounts, 0) AS wrong
  FROM stated s FULL JOIN booked b ON b.visit = s.id::text
 ORDER BY wrong DESC LIMIT %(shown)s
"""


def visits_match_ledger(area_id: str) -> Proof:
    """What the funds' books and the accounts say of each visit is what the visit says."""
    proof = Proof("visits_booked", _("Visits agree with the ledger"))
    for row in fetch(LEDGER, {"area": area_id, "shown": SHOWN}):
        proof.asked = row["asked"]
        if row["wrong"]:
            proof.disagree(
                f"visit {row['visit']}: {row['fund']} / {row['booked']}, {row['accounts']} / {row['booked_accounts']}"
            )
    return proof


PAYMENTS = """
SELECT count(*) OVER () AS asked, v.id, v.account + v.family AS stated, COALESCE(p.paid, 0) AS paid,
       v.account + v.family <> COALESCE(p.paid, 0)
       OR v.account <> COALESCE(p.own, 0) AS wrong
  FROM settlement_visit v
  LEFT JOIN (SELECT visit_id, sum(amount) AS paid, sum(amount) FILTER (WHERE relation = 'self') AS own
               FROM settlement_visitpayment GROUP BY visit_id) p ON p.visit_id = v.id
 WHERE v.area_id = %(area)s
 ORDER BY wrong DESC LIMIT %(shown)s
"""


def payments_match_visits(area_id: str) -> Proof:
    """A visit's account payments add up to what it says of own and family accounts."""
    proof = Proof("visit_payments_add_up", _("Account payments add up to their visits"))
    for row in fetch(PAYMENTS, {"area": area_id, "shown": SHOWN}):
        proof.asked = row["asked"]
        if row["wrong"]:
            proof.disagree(f"visit {row['id']}: {row['stated']} / {row['paid']}")
    return proof


MIRRORED = """
SELECT count(*) OVER () AS asked, r.id,
       (r.total, r.in_policy, r.counted, r.fixed, r.deductible, r.pooled, r.large_claims, r.other_funds,
        r.out_of_policy, r.account, r.family, r.cash,
        r.member_id, r.institution_id, r.care_on, COALESCE(r.payee_id, 0),
        COALESCE(r.charged_institution_id, 0))
       <> (-v.total, -v.in_policy, -v.counted, -v.fixed, -v.deductible, -v.pooled, -v.large_claims,
           -v.other_funds, -v.out_of_policy, -v.account, -v.family, -v.cash,
           v.member_id, v.institution_id, v.care_on, COALESCE(v.payee_id, 0),
           COALESCE(v.charged_institution_id, 0)) AS wrong
  FROM settlement_visit r JOIN settlement_visit v ON v.id = r.reverses_id
 WHERE r.area_id = %(area)s
 ORDER BY wrong DESC LIMIT %(shown)s
"""


def reversals_mirror(area_id: str) -> Proof:
    """Every reversal is the exact negative of its visit."""
    proof = Proof("reversals_mirror", _("Reversals are the exact negative of their visits"))
    for row in fetch(MIRRORED, {"area": area_id, "shown": SHOWN}):
        proof.asked = row["asked"]
        if row["wrong"]:
            proof.disagree(f"visit {row['id']}")
    return proof
