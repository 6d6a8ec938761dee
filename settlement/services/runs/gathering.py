"""The facts of each institution's line: read for the whole agency, told in the words of bureau.rules.payment."""

import datetime
from collections import defaultdict
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from bureau.editions.figures import figures
from bureau.editions.rulebook import rulebook
from bureau.errors import DomainError, RefusedError
from bureau.models import County
from bureau.rules import payment as provider
from bureau.rules.errors import Refused
from bureau.rules.format.edition import Edition, Rulebook
from bureau.rules.periods import add_months, last_day, month_of
from institutions import queries as choices
from institutions.models import Institution
from settlement.models import Adjustment, Run
from settlement.queries import run_facts as reading
from settlement.queries.facts import fen
from settlement.queries.lines import (
    Facts,
    charge_by_month,
    funds_of,
    others_are_paid_by_fund,
    pooled_fund,
)
from settlement.queries.run_facts import MonthSettled, QuotaUse, carried_into
from settlement.queries.totals import year_budget

JANUARY = 1


@dataclass(frozen=True, slots=True)
class Scope:
    """Which run: its agency, scheme, kind and period, and the rules of the day that decides."""

    area_id: str
    county_id: str
    scheme: str
    kind: str
    period: datetime.date
    on: datetime.date
    book: Rulebook
    edition: Edition

    @classmethod
    def of(cls, county: County, scheme: str, kind: str, period: datetime.date) -> "Scope":
        """By the rules as they stand now. Raises RefusedError."""
        return cls.by(rulebook(county.area_id), county, scheme, kind, period)

    @classmethod
    def by(cls, book: Rulebook, county: County, scheme: str, kind: str, period: datetime.date) -> "Scope":
        """A month is settled by the rules of its first day, a year by those of its last. Raises RefusedError."""
        on = datetime.date(period.year, 12, 31) if kind == Run.Kind.YEAR_END else period
        try:
            edition = book.on(county.area_id, scheme, on, "provider")
        except Refused as refused:
            raise RefusedError(refused.refusal) from refused
        return cls(county.area_id, county.pk, scheme, kind, period, on, book, edition)

    @property
    def last(self) -> datetime.date:
        """The last day of the period."""
        if self.kind == Run.Kind.YEAR_END:
            return self.on
        return last_day(self.period.year, self.period.month)

    @property
    def kinds(self) -> list[str]:
        return provider.kinds(self.edition, self.on)


ByInstitution = dict[int, Facts]


def gather(scope: Scope) -> ByInstitution:
    """The facts of every institution that the run has to do with. Raises RefusedError where the rules refuse."""
    try:
        return GATHER[scope.kind](scope)
    except Refused as refused:
        raise RefusedError(refused.refusal) from refused


def advance(scope: Scope) -> ByInstitution:
    """Heads of this month and use of the last (own care and others' on the quota, HY-5, HY-21).

    Use follows the months of settlement from January on: a month below zero counts as zero and the rest carries on
    (G-17). January goes by the quota alone.
    """
    heads = choices.heads(scope.area_id, scope.scheme, scope.period, county_id=scope.county_id)
    month, year = month_of(scope.period), scope.period.year
    if scope.period.month == JANUARY:
        return {
            number: {"on": scope.on.isoformat(), "month": month, "headcount": count, "prev_actual": None}
            for number, count in heads.items()
        }
    first, previous = datetime.date(year, 1, 1), add_months(scope.period, -1)
    last = last_day(previous.year, previous.month)
    uses = reading.quota_use(scope.area_id, scope.county_id, scope.scheme, first, last)
    months = [datetime.date(year, number, 1) for number in range(1, previous.month)]
    by_january = scope.edition.part("provider", scope.on)["advance"].get("month_quota") == "january"
    january = choices.heads(scope.area_id, scope.scheme, first, county_id=scope.county_id) if by_january else {}
    found: ByInstitution = {}
    for number in {*heads, *uses}:
        by_month = uses.get(number, {})
        carried = carried_into([by_month[m].total if m in by_month else 0 for m in months])
        used = by_month[previous].total if previous in by_month else 0
        facts = {
            "on": scope.on.isoformat(),
            "month": month,
            "headcount": heads.get(number, 0),
            "used": used,
            "carried": carried,
            "prev_actual": used + carried,
        }
        if by_january:
            facts["january_headcount"] = january.get(number, 0)
        found[number] = facts
    return found


def items(scope: Scope) -> ByInstitution:
    """What each payee of the agency is owed by item for the month, by fund and charge."""
    found: dict[int, dict] = defaultdict(lambda: {"owed": {}, "carried": {}, "adjustments": {}})
    for number, owed in owed_for_month(scope).items():
        found[number]["owed"] = owed
    for number, carried in reading.carried_on(scope.area_id, scope.county_id, scope.scheme, scope.kind).items():
        found[number]["carried"] = carried
    for late in open_adjustments(scope):
        adjusted = found[late.institution_id]["adjustments"]
        adjusted[late.fund] = adjusted.get(late.fund, 0) + fen(late.amount)
    return {
        number: {"on": scope.on.isoformat(), "month": month_of(scope.period)} | facts for number, facts in found.items()
    }


def owed_for_month(scope: Scope) -> dict[int, dict[str, dict[str, int]]]:
    """Institution → fund → charge → fen, without what the monthly settlement or a selected institution pays."""
    settled_by_month = (charge_by_month(scope.edition, scope.on), pooled_fund(scope.edition, scope.on))
    fund_pays_others = others_are_paid_by_fund(scope.edition, scope.on)
    found: dict[int, dict[str, dict[str, int]]] = {}
    for row in reading.owed_by_item(
        scope.area_id, scope.county_id, funds_of(scope.edition, scope.on), scope.period, scope.last
    ):
        if (row.charge, row.fund) == settled_by_month or (row.on_quota and not fund_pays_others):
            continue
        charges = found.setdefault(row.institution, {}).setdefault(row.fund, {})
        charges[row.charge] = charges.get(row.charge, 0) + row.amount
    return found


def open_adjustments(scope: Scope):
    """Adjustments of this agency's institutions that no run carries yet."""
    return Adjustment.objects.filter(
        carried_by=None,
        institution__county_id=scope.county_id,
        origin__area_id=scope.area_id,
        origin__scheme=scope.scheme,
    ).order_by("id")


def month(scope: Scope) -> ByInstitution:
    """The monthly settlement of methods that have one, with what earlier months carry on."""
    county = None if shares_a_pool(scope) else scope.county_id
    return month_with(scope, reading.carried_on(scope.area_id, county, scope.scheme, scope.kind))


def shares_a_pool(scope: Scope) -> bool:
    """A pool is shared by the whole area, whoever pays; other methods ask for the agency's institutions alone."""
    return "fund_budget" in scope.kinds and bool(charge_by_month(scope.edition, scope.on))


def month_with(scope: Scope, carried: dict[int, dict[str, int]]) -> ByInstitution:
    """Each institution's net use of the month: by item, out of the pool, or own care on its quota."""
    book = pooled_fund(scope.edition, scope.on)
    before = {number: by_fund.get(book, 0) for number, by_fund in carried.items()}
    charge = charge_by_month(scope.edition, scope.on)
    if not charge:
        return quota_month(scope, book, before)
    pooled = shares_a_pool(scope)
    county = None if pooled else scope.county_id
    used: dict[int, int] = {}
    for row in reading.owed_by_item(scope.area_id, county, [book], scope.period, scope.last):
        if row.charge == charge:
            used[row.institution] = used.get(row.institution, 0) + row.amount
    net = {number: used.get(number, 0) + before.get(number, 0) for number in {*used, *before}}
    codes = reading.codes(net)
    actual = {codes[number]: max(net[number], 0) for number in sorted(net, key=codes.__getitem__)}
    pool = {"pool": pool_of(scope), **decided_for_year(scope)} if pooled else {}
    return {
        number: told(scope, book, codes[number], net[number], before.get(number, 0))
        | pool
        | {"actual": actual if pooled else {codes[number]: max(net[number], 0)}}
        for number in reading.paid_by(scope.county_id, net)
    }


def told(scope: Scope, book: str, code: str, net: int, carried: int) -> dict:
    """What every line of a monthly settlement says; `net` is with what was carried on from earlier months."""
    return {
        "on": scope.on.isoformat(),
        "month": month_of(scope.period),
        "book": book,
        "code": code,
        "net": net,
        "carried": {book: carried} if carried else {},
    }


def quota_month(scope: Scope, book: str, before: dict[int, int]) -> ByInstitution:
    """A month paid up to a prepayment: own care on the quota, and last month's heads (January's own in January)."""
    uses = reading.quota_use(scope.area_id, scope.county_id, scope.scheme, scope.period, scope.last)
    counted = scope.period if scope.period.month == JANUARY else add_months(scope.period, -1)
    heads = choices.heads(scope.area_id, scope.scheme, counted, county_id=scope.county_id)
    found: ByInstitution = {}
    for number, code in reading.codes({*uses, *heads, *before}).items():
        carried = before.get(number, 0)
        net = carried + (uses[number][scope.period].own if number in uses else 0)
        amounts = {"fund": max(net, 0), "headcount_prev": heads.get(number, 0)}
        found[number] = told(scope, book, code, net, carried) | amounts
    return found


def decided_for_year(scope: Scope) -> Facts:
    """What was decided for the year of what its institutions are paid at most, in hundredths of a percent (ZJ-1)."""
    known = figures(scope.area_id, scope.on) if "bonus_percent" in scope.edition.figures else {}
    return {"bonus_percent": known["bonus_percent"]} if "bonus_percent" in known else {}


def pool_of(scope: Scope) -> int:
    """The month's slice of the year's pool, from the published figures."""
    return year_budget(scope.edition, scope.on)["month_12" if scope.period.month == 12 else "month_1_to_11"]


def year_end(scope: Scope) -> ByInstitution:
    """What the year is settled by: quotas with their use, or what was kept back until the assessment."""
    where = (scope.area_id, scope.county_id, scope.scheme, scope.period, scope.last)
    months = reading.months_settled(*where)
    found = quota_year(scope, months) if has_quota(scope) else retained_year(scope, months)
    return with_scores(scope, found) if "retention_release" in scope.kinds else found


def has_quota(scope: Scope) -> bool:
    return "quota" in scope.kinds


Months = dict[int, dict[datetime.date, MonthSettled]]


def quota_year(scope: Scope, months: Months) -> ByInstitution:
    """Person-months, own use, what others were paid on the quota and what was paid before, by span (HY-14b)."""
    year = scope.period.year
    spans = provider.settlement_spans(scope.book, area=scope.area_id, scheme=scope.scheme, year=year)
    heads = reading.heads_by_month(scope.area_id, scope.county_id, scope.scheme, year, range(1, 13))
    where = (scope.area_id, scope.county_id, scope.scheme, scope.period, scope.last)
    uses = reading.quota_use(*where, reversals_go_back=True)
    advances = reading.advances_paid(*where)
    found: ByInstitution = {}
    for number in {*heads, *uses, *advances, *months}:
        parts = []
        for span in spans:
            use, others = QuotaUse(), {}
            for day, of_month in uses.get(number, {}).items():
                if day in span:
                    use.own += of_month.own
                    for code, amount in of_month.others.items():
                        others[code] = others.get(code, 0) + amount
            settled = [of_month for day, of_month in months.get(number, {}).items() if day in span]
            parts.append(
                {
                    "from": span.starts_on.isoformat(),
                    "to": (span.ends_on or scope.last).isoformat(),
                    "person_months": {
                        name: count
                        for name, count in heads.get(number, {}).items()
                        if datetime.date.fromisoformat(f"{name}-01") in span
                    },
                    "own": use.own,
                    "others": {code: amount for code, amount in sorted(others.items()) if amount},
                    "advanced": sum(paid for day, paid in advances.get(number, {}).items() if day in span),
                    "paid": sum(of_month.paid for of_month in settled),
                    "retained": sum(of_month.retained for of_month in settled),
                }
            )
        found[number] = {"on": scope.on.isoformat(), "cut_off": scope.last.isoformat(), "spans": parts}
    return found


def retained_year(scope: Scope, months: Months) -> ByInstitution:
    return {
        number: {
            "on": scope.on.isoformat(),
            "retained": sum(of_month.retained for of_month in by_month.values()),
        }
        for number, by_month in months.items()
    }


def with_scores(scope: Scope, found: ByInstitution) -> ByInstitution:
    """The facts with each institution's assessment of the year. Refused: money kept back and no score for it."""
    year = scope.period.year
    scores = choices.scores(found, year)
    missing = {number for number, facts in found.items() if number not in scores and kept_back(facts)}
    if missing:
        waiting = choices.scores_waiting(missing, year)
        sentences = [
            (
                _("First record the assessment of %(year)s of %(names)s: money is kept back until then."),
                missing - waiting,
            ),
            (_("First have the assessment of %(year)s confirmed of %(names)s."), waiting),
        ]
        said = [
            str(sentence) % {"year": str(year), "names": ", ".join(names_of(numbers))}
            for sentence, numbers in sentences
            if numbers
        ]
        raise DomainError(" ".join(said), field="score")
    return {number: {**facts, "score": scores.get(number, "0")} for number, facts in found.items()}


def names_of(numbers: set[int]) -> list[str]:
    return list(Institution.objects.filter(pk__in=numbers).order_by("code").values_list("name", flat=True))


def kept_back(facts: Facts) -> int:
    return facts.get("retained", 0) + sum(span["retained"] for span in facts.get("spans", []))


GATHER = {
    Run.Kind.ADVANCE: advance,
    Run.Kind.ITEMS: items,
    Run.Kind.MONTH: month,
    Run.Kind.YEAR_END: year_end,
}
