"""What has been settled and paid before a test begins, of any amount and asking no rule: for runs of large sums."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from institutions.models import Institution
from members.models import Member
from settlement.models import Line, Run, Visit
from settlement.services.runs.approval import approve_run, submit_run
from settlement.services.runs.payment import pay_run
from settlement.services.visits.locking import new_visit_ids
from settlement.services.visits.recording import Batch
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.split import AccountShare
from tests.settlement.factories import City


def settled(
    city: City,
    where: Institution,
    person: Member,
    *,
    on: date,
    fund: str | Decimal = "0",
    charge: str = "selected_capitation",
    charged: Institution | None = None,
    payee: Institution | None = None,
    from_account: str | Decimal = "0",
    large_claims: str | Decimal = "0",
    place: Sequence[str] = (),
    settled_on: date | None = None,
    at: datetime | None = None,
    key: str = "",
) -> Visit:
    """A visit of any amount with its journal, recorded as the desk records it, but asking no rule.

    `charged`: whose quota (for charge selected_capitation; the treating institution if not given). `payee`: who is
    owed (the treating institution if not given). All cost is within policy; the account pays `from_account`.
    """
    fund, from_account, large_claims = Decimal(fund), Decimal(from_account), Decimal(large_claims)
    settled_on = settled_on or on
    at = at or datetime(settled_on.year, settled_on.month, settled_on.day, 2, 0, tzinfo=UTC)
    payee = payee or where
    if charge == "selected_capitation":
        charged = charged or where
    number = new_visit_ids(1)[0]
    key = key or f"T{number}"
    nothing = "own_expense over_limit first_self general_fee consultation_fee other_remainder out_of_policy fixed "
    nothing += "deductible other_funds family cash"
    money = dict.fromkeys(nothing.split(), "0.00")
    total = str(fund + from_account + large_claims)
    row = money | {
        "id": number,
        "area_id": city.area.pk,
        "scheme": city.scheme,
        "institution_id": where.pk,
        "key": key,
        "request_hash": f"factory {key}",
        "member_id": person.pk,
        "encounter": key,
        "care_on": on,
        "settled_on": settled_on,
        "settled_at": at,
        "settled_by_id": city.clerk.pk,
        "channel": "ordinary",
        "credential": "03",
        "prescriber_id": None,
        "place": list(place),
        "refusal": "",
        "refusal_article": "",
        "payee_id": payee.pk,
        "charge": charge,
        "charged_institution_id": charged.pk if charged else None,
        "total": total,
        "in_policy": total,
        "counted": total,
        "pool": city.pool if fund else "",
        "pooled": str(fund),
        "large_claims": str(large_claims),
        "account": str(from_account),
        "edition_id": city.edition.pk,
        "receipt": {},
        "reverses_id": None,
        "reason": "",
        "upload_id": None,
    }
    shares = []
    if from_account:
        account = person.accounts.get(area=city.area)
        shares = [AccountShare(account.pk, "self", fen(from_account))]
    batch = Batch(actor_id=city.clerk.pk, now=at)
    batch.add(row, shares, {city.pool: fen(fund), "large_claims": fen(large_claims)}, payee.code)
    batch.write()
    return Visit.objects.get(pk=number)


def reversed(city: City, visit: Visit, *, on: date, at: datetime | None = None) -> Visit:
    """The visit taken back whole, by the service, settled on a day."""
    return reverse_visit(
        visit.pk,
        key=f"R{visit.pk}",
        reason="test",
        actor=city.clerk,
        now=at or datetime(on.year, on.month, on.day, 3, 0, tzinfo=UTC),
        settled_on=on,
    )


def advanced(city: City, where: Institution, month: date, amount: str | Decimal) -> Run:
    """A paid advance run of any amount, with its journal, asking no rule: what the year-end settlement offsets."""
    now = datetime(month.year, month.month, 20, 2, 0, tzinfo=UTC)
    run = Run.objects.create(
        area=city.area,
        county=where.county,
        scheme=city.scheme,
        kind="advance",
        period=month,
        total=Decimal(amount),
        computed_by=city.clerk,
        computed_at=now,
    )
    Line.objects.create(
        run=run,
        institution=where,
        edition=city.edition,
        receipt=[{"edition": city.edition.content_hash, "ends_on": None}],
        facts={"on": month.isoformat()},
        results={"advance": fen(Decimal(amount))},
        amount=Decimal(amount),
        to_pay=Decimal(amount),
    )
    submit_run(run=run, actor=city.clerk, now=now)
    approve_run(run=run, actor=city.reviewer, now=now)
    return pay_run(run=run, actor=city.finance, now=now)


def fen(amount: Decimal) -> int:
    return int(amount.scaleb(2))
