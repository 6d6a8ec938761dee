"""How files of visits come in, row by row through the desk's own path.

A visits file of more than a part's rows is settled by a job: each chunk has the rows of whole families, those who use
each other's accounts, in the order in which they were settled. So prescriptions and reversals follow their visits, and
what an account pays does not depend on which of two workers is faster.
"""

import datetime
from collections.abc import Iterable, Iterator

from django.db import connection

from accounts.models import Entry, Journal
from bureau.files import Problem
from bureau.jobs import services as jobs
from bureau.models import Chunk, Job, Staff
from bureau.rosters import rejected, uploads
from bureau.rosters.staging import STAGED, Batch
from settlement.models import Visit, VisitPayment
from settlement.services.visits.bills import Bill, settle_bills

VISITS_JOB = "visits"
ROWS_IN_A_PART = 2_000

GROWN = (Visit, VisitPayment, Journal, Entry)
GROWTH = 0.2


def settle_staged(batch: Batch) -> None:
    """Settle the staged rows at once, or leave them to a job."""
    if not batch.accepted_rows():
        return
    batch.run(FAMILIES)
    batch.run(f"ANALYZE {STAGED}")
    if batch.accepted_rows() > ROWS_IN_A_PART:
        _leave_to_a_job(batch)
    else:
        _settle_now(batch)


# Who reaches whose account over any number of grants; a family is named by its lowest member.
FAMILIES = f"""
WITH RECURSIVE tie AS (
    SELECT a.member_id AS one, g.beneficiary_id AS other
      FROM accounts_familygrant g JOIN accounts_account a ON a.id = g.account_id
    UNION
    SELECT g.beneficiary_id, a.member_id FROM accounts_familygrant g JOIN accounts_account a ON a.id = g.account_id
), reach AS (
    SELECT DISTINCT s.member_id, t.other FROM {STAGED} s JOIN tie t ON t.one = s.member_id
    UNION
    SELECT r.member_id, t.other FROM reach r JOIN tie t ON t.one = r.other
), family AS (
    SELECT s.line, LEAST(s.member_id, r.lowest) AS lowest
      FROM {STAGED} s LEFT JOIN (SELECT member_id, min(other) AS lowest FROM reach GROUP BY 1) r USING (member_id)
)
UPDATE {STAGED} s SET family = f.lowest FROM family f WHERE f.line = s.line
"""


def _staged_bills(batch: Batch) -> Iterator[Bill]:
    """The staged rows, those of a family together and in the order in which they were settled."""
    rows = batch.rows(
        f"""
        SELECT line, family, member_id, institution_id, prescriber_id, key, settled_encounter, care_on::text,
               settled_at::text, channel, credential, total::text, own_expense::text, over_limit::text,
               first_self::text, general_fee::text, consultation_fee::text, other_funds::text,
               other_remainder::text, pay_from, reverses, invoice_code, invoice
        FROM {STAGED} ORDER BY family, settled_at, line
        """
    )
    return map(Bill._make, rows)


def _settle_now(batch: Batch) -> None:
    repeated, turned = settle_bills(
        list(_staged_bills(batch)), area_id=batch.area_id, upload_id=batch.upload.pk, actor=batch.actor, now=batch.now
    )
    batch.unchanged("s.line = ANY(%(lines)s)", lines=repeated)
    for row in turned:
        # The sentence is complete: there is nothing left to fill in.
        batch.refuse(row.field, row.sentence.replace("%", "%%"), "s.line = %(line)s", line=row.line)
    _tell_planner(batch.accepted_rows())


def _leave_to_a_job(batch: Batch) -> None:
    """Keep the checked rows, sealed, as chunks of a job; the upload stays in loading until the last of them."""
    jobs.create_job(
        kind=VISITS_JOB,
        key=f"visits {batch.upload.pk}",
        area_id=batch.area_id,
        params={"upload": batch.upload.pk, "unchanged": batch.unchanged_rows},
        chunks=[jobs.Sealed({"rows": len(part)}, {"bills": part}) for part in _parts(_staged_bills(batch))],
        actor=batch.actor,
        now=batch.now,
    )
    batch.goes_on = True


def _parts(bills: Iterable[Bill]) -> Iterator[list[Bill]]:
    part: list[Bill] = []
    for bill in bills:
        if len(part) >= ROWS_IN_A_PART and bill.family != part[-1].family:
            yield part
            part = []
        part.append(bill)
    if part:
        yield part


def settle_part(params: dict, *, job: Job, actor: Staff, now: datetime.datetime) -> dict:
    """The work of one chunk of a job of kind `visits`."""
    bills = [Bill(*values) for values in params["bills"]]
    repeated, turned = settle_bills(bills, area_id=job.area_id, upload_id=job.params["upload"], actor=actor, now=now)
    rejected.keep(
        job.params["upload"],
        ((row.line, [Problem(row.line, row.field, "", "", row.sentence.replace("%", "%%"), {})]) for row in turned),
    )
    return {"settled": len(bills) - len(repeated) - len(turned), "repeated": len(repeated)}


def finish_visits(*, job: Job, actor: Staff, now: datetime.datetime) -> dict:
    """Say of the upload what became of its rows."""
    results = list(Chunk.objects.filter(job=job).values_list("result", flat=True))
    upload = uploads.loaded(
        job.params["upload"],
        accepted=sum(result["settled"] for result in results),
        unchanged=job.params["unchanged"] + sum(result["repeated"] for result in results),
    )
    _tell_planner(upload.accepted)
    return {"accepted": upload.accepted, "unchanged": upload.unchanged, "rejected": upload.rejected}


def _tell_planner(settled: int) -> None:
    """Let the planner hear of many new rows at once, not when autovacuum comes round."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [Visit._meta.db_table])
        if settled > GROWTH * cursor.fetchone()[0]:
            cursor.execute(f"ANALYZE {', '.join(model._meta.db_table for model in GROWN)}")
