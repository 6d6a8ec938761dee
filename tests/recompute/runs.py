"""What institutions are paid: every line of every run, and what late facts made of it, in the order of computing.

What goes into a run is what was recorded when it was computed. What one run hands to another (advances, retentions,
what could not be set off) is what was computed here, not what is stored.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from types import ModuleType
from typing import Any

from tests.recompute.data.reading import Area
from tests.recompute.days import months_later, months_of
from tests.recompute.differences import Findings
from tests.recompute.heads import Heads
from tests.recompute.used import Use, Used

ACCOUNTS = "personal_accounts"


@dataclass(slots=True)
class Line:
    """One institution in a run. `paid` by fund; `facts` and `told` are heads and amounts that went in and came out, by
    the names under which lines show them; `own` and `others` the use that a year is settled by."""

    paid: dict[str, int] = field(default_factory=dict)
    carried: dict[str, int] = field(default_factory=dict)
    owed: dict[str, dict[str, int]] = field(default_factory=dict)
    net: int = 0
    told: dict[str, int] = field(default_factory=dict)
    facts: dict[str, int] = field(default_factory=dict)
    own: int = 0
    others: dict[str, int] = field(default_factory=dict)
    advanced: int = 0
    settled: int = 0  # paid by monthly settlements before
    retained: int = 0
    adjustment: int = 0

    @property
    def to_pay(self) -> int:
        return sum(self.paid.values())


class Runs:
    """Lines by run and institution; amounts of adjustments by their numbers."""

    def __init__(self, area: Area, city: ModuleType, used: Used, heads: Heads):
        self.area, self.city, self.used, self.heads = area, city, used, heads
        self.lines: dict[int, dict[int, Line]] = {}
        self.adjustments: dict[int, int] = {}
        self.adjusted: dict[int, tuple[Line, Line]] = {}  # by adjustment: what the books knew, and what is so now
        self._now: dict[tuple[int, int], Line] = {}  # a line, or what the last adjustment made of it
        self._carried_by = {line.id: line for line in area.lines}
        events = [(run.computed_at, 0, run.id, run) for run in area.runs.values()]
        events += [(late.created_at, 1, late.id, late) for late in area.adjustments]
        for _at, late, _number, record in sorted(events, key=lambda event: event[:3]):
            if late:
                self._adjust(record)
            else:
                self._run(record)

    # Runs

    def _run(self, run: Any) -> None:
        lines = self._lines(run, run.computed_at)
        if run.kind == "items":
            for late in self.area.adjustments:
                carrier = self._carried_by.get(late.carried_by_id)
                if carrier is not None and carrier.run_id == run.id:
                    line = lines.setdefault(late.institution_id, Line())
                    line.told[late.fund] = line.told.get(late.fund, 0) + self.adjustments[late.id]
            for line in lines.values():
                self._pay_items(line)
        self.lines[run.id] = lines
        for institution, line in lines.items():
            self._now[run.id, institution] = line

    def _lines(self, run: Any, at: datetime) -> dict[int, Line]:
        return {"advance": self._advance, "items": self._items, "month": self._month, "year_end": self._year_end}[
            run.kind
        ](run, at)

    def _of_agency(self, run: Any, institutions: Any) -> list[int]:
        return sorted(n for n in set(institutions) if self.area.places[n].county_id == run.county_id)

    def _advance(self, run: Any, at: datetime) -> dict[int, Line]:
        """By this month's heads and last month's use; a month below zero is none, and the rest goes on (G-17)."""
        month = run.period
        heads = self.heads.of_month(month, at)
        uses = {m: self.used.quotas(m, at) for m in months_of(month.year) if m < month}
        found = {}
        for institution in self._of_agency(run, {*heads, *(n for use in uses.values() for n in use)}):
            below = used = 0
            for use in uses.values():
                net = (use[institution].total if institution in use else 0) + below
                below, used = min(net, 0), net
            amount = self.city.advance(month, heads.get(institution, 0), used)
            facts = {"headcount": heads.get(institution, 0)} | ({"prev_actual": used} if month.month > 1 else {})
            found[institution] = Line({self.city.FUND: amount}, told={"advance": amount}, facts=facts)
        return found

    def _items(self, run: Any, at: datetime) -> dict[int, Line]:
        """What is owed for the month by item, without what the monthly settlement pays."""
        before = self._carried(run, at)
        owed = self.used.owed(run.period, at)
        found: dict[int, Line] = {}
        for institution in self._of_agency(run, {*owed, *before}):
            line = Line(carried=dict(before.get(institution, {})))
            for fund, charges in owed.get(institution, {}).items():
                for charge, fen in charges.items():
                    if self.city.MONTHLY and (charge, fund) == (self.city.MONTHLY, self.city.FUND):
                        continue
                    line.owed.setdefault(fund, {})[charge] = fen
            if line.owed or line.carried:
                found[institution] = line
        return found

    def _pay_items(self, line: Line) -> None:
        """Each fund out of its own books; below zero nothing is paid and the rest goes on."""
        late, carried, without = line.told, line.carried, 0
        line.told, line.carried = {}, {}
        for fund in sorted({*line.owed, *carried, *late}):
            owed = sum(line.owed.get(fund, {}).values()) + carried.get(fund, 0)
            without += max(owed, 0)
            net = owed + late.get(fund, 0)
            if net > 0:
                line.paid[fund] = net
            elif net < 0:
                line.carried[fund] = net
        line.adjustment = line.to_pay - without

    def _carried(self, run: Any, at: datetime, *, everywhere: bool = False) -> dict[int, dict[str, int]]:
        """What the last approved run of the kind could not set off."""
        found: dict[int, dict[str, int]] = {}
        for earlier in sorted(
            (r for r in self.area.runs.values() if r.approved_at is not None and r.approved_at <= at),
            key=lambda r: (r.approved_at, r.id),
        ):
            alike = earlier.kind == run.kind and (everywhere or earlier.county_id == run.county_id)
            if alike and earlier.id != run.id and earlier.id in self.lines:
                found |= {institution: line.carried for institution, line in self.lines[earlier.id].items()}
        return {institution: carried for institution, carried in found.items() if carried}

    def _month(self, run: Any, at: datetime, carried: dict[int, int] | None = None) -> dict[int, Line]:
        city, month = self.city, run.period
        pooled = city.MONTHLY == "pool"
        if carried is None:
            before = self._carried(run, at, everywhere=pooled)
            carried = {institution: by_fund.get(city.FUND, 0) for institution, by_fund in before.items()}
        if not city.MONTHLY:
            return self._quota_month(run, at, carried)
        net: dict[int, int] = defaultdict(int, carried)
        for institution, funds in self.used.owed(month, at).items():
            if city.MONTHLY in funds.get(city.FUND, {}):
                net[institution] += funds[city.FUND][city.MONTHLY]
        if pooled:
            codes = {self.area.places[n].code: max(fen, 0) for n, fen in net.items()}
            decided = self.area.figures.get("bonus_percent", {}).get(month.year)
            shares = city.month_settled(codes, city.pool(month, self.area.figures), decided)
        found = {}
        for institution in self._of_agency(run, net):
            used = max(net[institution], 0)
            told = {"settled": used, "paid": used, "retained": 0}
            if pooled:
                told = shares[self.area.places[institution].code]
            found[institution] = self._monthly(net[institution], told)
        return found

    def _quota_month(self, run: Any, at: datetime, carried: dict[int, int]) -> dict[int, Line]:
        """Own care on the quota, up to a prepayment for last month's heads (January: its own, SG-7)."""
        month = run.period
        uses = self.used.quotas(month, at)
        heads = self.heads.of_month(month if month.month == 1 else months_later(month, -1), at)
        found = {}
        for institution in self._of_agency(run, {*uses, *heads, *carried}):
            net = carried.get(institution, 0) + (uses[institution].own if institution in uses else 0)
            told = self.city.month_settled(max(net, 0), heads.get(institution, 0))
            found[institution] = self._monthly(net, told)
            found[institution].facts["headcount_prev"] = heads.get(institution, 0)
        return found

    def _monthly(self, net: int, told: dict[str, int]) -> Line:
        fund = self.city.FUND
        carried = {fund: net} if net < 0 else {}
        return Line({fund: told["paid"]}, carried, net=net, told=dict(told), facts={"net": net})

    def _year_end(self, run: Any, at: datetime, advanced: dict[int, int] | None = None) -> dict[int, Line]:
        city, year = self.city, run.period.year
        months = self._settled_months(run, at)
        score = {n: Fraction(str(row.score)) for (n, y), row in self.area.scores.items() if y == year}
        found: dict[int, Line] = {}
        if city.MONTHLY:  # no quota: what was kept back is released by the assessment
            for institution, lines in months.items():
                retained = sum(line.told["retained"] for line in lines)
                released = city.released(retained, score.get(institution, Fraction(0)))
                told = {"released": released, "forfeited": retained - released}
                facts = {"retained": retained}
                found[institution] = Line({city.FUND: released}, told=told, facts=facts, retained=retained)
            return found
        heads: dict[int, int] = defaultdict(int)
        for month in months_of(year):
            for institution, count in self.heads.of_month(month, at).items():
                heads[institution] += count
        uses = self.used.year(year, at)
        if advanced is None:
            advanced = self._advances(run, at)
        for institution in self._of_agency(run, {*heads, *uses, *advanced, *months}):
            use = uses.get(institution) or Use()
            lines = months.get(institution, [])
            line = Line(
                own=use.own,
                others=dict(use.others),
                advanced=advanced.get(institution, 0),
                settled=sum(m.told["paid"] for m in lines),
                retained=sum(m.told["deposit"] for m in lines),
            )
            line.facts = {
                "person_months": heads.get(institution, 0),
                "own": line.own,
                "others": sum(line.others.values()),
                "advanced": line.advanced,
                "paid": line.settled,
                "retained": line.retained,
            }
            asked: dict[str, Any] = {
                "quota": city.quota_of(heads.get(institution, 0)),
                "use": use.total,
                "others": sum(use.others.values()),
            }
            if hasattr(city, "advance"):
                line.told = city.year_end(**asked, advanced=line.advanced)
            else:
                line.told = city.year_end(
                    **asked, paid=line.settled, deposit=line.retained, score=score.get(institution, Fraction(0))
                )
            line.paid = {city.FUND: line.told["clearing"]}
            found[institution] = line
        return found

    def _before(self, run: Any, kind: str, at: datetime) -> list[Any]:
        return [
            r
            for r in self.area.runs.values()
            if (r.kind, r.county_id, r.period.year) == (kind, run.county_id, run.period.year)
            and r.paid_at is not None
            and r.paid_at <= at
        ]

    def _advances(self, run: Any, at: datetime) -> dict[int, int]:
        found: dict[int, int] = defaultdict(int)
        for earlier in self._before(run, "advance", at):
            for institution, line in self.lines[earlier.id].items():
                found[institution] += line.to_pay
        return found

    def _settled_months(self, run: Any, at: datetime) -> dict[int, list[Line]]:
        """The months of a year as late facts have left them."""
        found: dict[int, list[Line]] = defaultdict(list)
        for earlier in self._before(run, "month", at):
            for (number, institution), line in self._now.items():
                if number == earlier.id:
                    found[institution].append(line)
        return found

    # Late facts

    def _adjust(self, late: Any) -> None:
        """What the origin would be now, less what was known of it before."""
        run, institution, at = self.area.runs[late.origin_id], late.institution_id, late.created_at
        known = self._now.get((run.id, institution), Line())
        if run.kind == "items":
            now = self._items(run, at).get(institution, Line())
            after, before = (sum(line.owed.get(late.fund, {}).values()) for line in (now, known))
            self.adjustments[late.id] = after - before
            kept = Line(dict(known.paid), known.carried, {**known.owed, late.fund: now.owed.get(late.fund, {})})
            self._now[run.id, institution] = kept
            return
        if run.kind == "month":
            lines = self._month(run, at, self._carried_then(run))
        else:
            advanced = {n: self._now[run.id, n].advanced for number, n in self._now if number == run.id}
            lines = self._year_end(run, at, advanced)
        now = lines.get(institution, Line())
        self.adjustments[late.id] = now.to_pay - known.to_pay
        self.adjusted[late.id] = (known, now)
        self._now[run.id, institution] = now

    def _carried_then(self, run: Any) -> dict[int, int]:
        """What was carried into a month when it was computed stays one of its facts."""
        found = {}
        for number, carried in self._carried(run, run.computed_at, everywhere=self.city.MONTHLY == "pool").items():
            found[number] = carried.get(self.city.FUND, 0)
        return found


SHOWN = (
    "quota", "bonus", "award", "due", "clearing", "advance", "settled", "paid", "retained", "prepay", "presettle",
    "deposit", "deferred", "released", "forfeited", "deposit_paid", "deposit_forfeited", "borne_by_institution",
)  # fmt: skip


def told(facts: dict[str, Any], name: str) -> int | None:
    """A fact of a stored line; of a year over all its spans, months and payees."""
    if "spans" not in facts:
        return facts.get(name)
    parts = [span[name] for span in facts["spans"]]
    return sum(sum(part.values()) if isinstance(part, dict) else part for part in parts)


def compare(runs: Runs, findings: Findings) -> None:
    area = runs.area
    stored: dict[int, dict[int, Any]] = defaultdict(dict)
    for line in area.lines:
        stored[line.run_id][line.institution_id] = line
    orders: dict[tuple[int, str], int] = defaultdict(int)
    for order in area.orders:
        if order.status != "reissued":
            orders[order.line_id, order.fund] += order.amount
    for run in area.runs.values():
        lines, kind = runs.lines[run.id], f"run {run.kind}"
        for institution in {*lines, *stored[run.id]}:
            line, row = lines.get(institution), stored[run.id].get(institution)
            place = f"{run.period:%Y-%m} {area.places[institution].code}"
            if row is None or line is None:
                findings.compare(kind, "line", f"run:{run.id}", "no line" if line is None else "a line",
                                 "no line" if row is None else "a line", place)  # fmt: skip
                continue
            record = f"line:{row.id}"
            findings.compare(kind, "to_pay", record, line.to_pay, row.to_pay, place)
            findings.compare(kind, "adjustment", record, line.adjustment, row.adjustment, place)
            for name, expected in line.facts.items():
                findings.compare(kind, name, record, expected, told(row.facts, name), place)
            for name in SHOWN:
                if name in line.told and isinstance(row.results.get(name), int):
                    findings.compare(kind, name, record, line.told[name], row.results[name], place)
            if run.paid_at is not None:
                for fund, fen in line.paid.items():
                    findings.compare(kind, "ordered", record, max(fen, 0), orders.pop((row.id, fund), 0), place)
        findings.compare(kind, "total", f"run:{run.id}", sum(line.to_pay for line in lines.values()), run.total)
    for (line, fund), fen in orders.items():
        findings.compare("payment", "ordered", f"line:{line}", 0, fen, fund)
    for late in area.adjustments:
        findings.compare("adjustment", "amount", f"adjustment:{late.id}", runs.adjustments[late.id], late.amount)
