"""What the pooled fund pays for one visit: an ordered list of terms, walked once, in whole fen.

G-7: cost within the policy range, entitlement and place, deductible, ratio, caps, the fund's own limit,
and one rounding half up at the end. The counter at the desk, a batch, a what-if and the trace call the
same `adjudicate`; they differ only in where `used` comes from. Visits are the counters: what has been
used of a term is a sum over the member's earlier visits, reversals included as negative rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from bureau.rules.benefits.places import CHARGE_LABELS
from bureau.rules.benefits.program import CAP, COST_CAP, DEDUCTIBLE, Counter, Program, Term, figure_codes, program_of
from bureau.rules.benefits.trace import Message, Step, exact, window
from bureau.rules.benefits.visit import FUNDS, SPANS, YEAR, Care, Outcome, Past, past_of
from bureau.rules.errors import NoEdition, Refusal, _
from bureau.rules.format.edition import Edition
from bureau.rules.format.figures import Figure
from bureau.rules.money import UNIT, percent, round_half_up
from bureau.rules.periods import last_day, quarter


def counters(edition: Edition, care: Care, past: Iterable[Past]) -> dict[str, int]:
    """What earlier visits have used of each term that the visit meets, in fen by counter id."""
    counted = [_bounds(counter, care) for counter in program_of(edition, care).counters]
    used = dict.fromkeys((counter[0] for counter in counted), 0)
    if not used:
        return used
    for visit in past:
        on, rank = visit.on, SPANS[visit.span]
        for key, opens, first, last, grain, encounter, institution, needs, bars, what in counted:
            if (
                (opens if rank == YEAR else first) <= on <= last
                and rank <= grain
                and (encounter is None or encounter == visit.encounter)
                and (institution is None or institution == visit.institution)
                and (not needs or needs <= visit.place)
                and (not bars or bars.isdisjoint(visit.place))
            ):
                if what == "fund":
                    used[key] += visit.fund - visit.fixed
                elif what == "deductible":
                    used[key] += visit.deductible
                elif what == "cost":
                    used[key] += visit.cost
                elif what == "net":
                    used[key] += visit.cost - visit.deductible
                else:
                    used[key] += visit.shares.get(what, 0)
    return used


Bounds = tuple[str, date, date, date, int, str | None, str | None, frozenset[str], frozenset[str], str]


def _bounds(counter: Counter, care: Care) -> Bounds:
    """A counter's window around one visit: days, and the encounter or institution it is bound to.

    What is opened for a year as a whole counts in a period that begins inside that year.
    """
    on, encounter, institution, grain = care.on, None, None, 0
    first = last = on
    if counter.window == "year":
        first, last, grain = date(on.year, 1, 1), date(on.year, 12, 31), 3
    elif counter.window == "visit":
        first, last, encounter = date.min, date.max, care.encounter
    elif counter.window == "month":
        first, last, grain = on.replace(day=1), last_day(on.year, on.month), 1
    elif counter.window == "institution_day":
        institution = care.institution
    elif counter.window == "quarter":
        span = quarter(on)
        first, last, grain = span.starts_on, span.ends_on or on, 2
    elif counter.window == "period":
        grain = 3
        for start, end in counter.periods:
            if start <= on <= end:
                first, last = start, end
    opens = date(first.year, 1, 1)
    return (counter.key, opens, first, last, grain, encounter, institution, counter.needs, counter.bars, counter.what)


def adjudicate(edition: Edition, care: Care, used: Mapping[str, int], steps: list[Step] | None = None) -> Outcome:
    """What the fund pays for a visit, given what earlier visits have used (`counters`).

    With a list in `steps` the same walk records each step, its article and its amount.
    """
    if not edition.in_force(care.on, "benefits"):
        return refused(care, Refusal("no_edition"), steps)
    program = program_of(edition, care)
    costs = dict(care.costs)
    cost, out_of_policy = _policy_range(program, costs, steps)
    refusal = program.refusal
    if care.standing:
        for standing, barred in program.entitlement:
            if standing in care.standing:
                refusal = barred
                break
    if refusal is None and not cost:
        refusal = Refusal("cost_not_covered" if out_of_policy else "no_cost", program.article)
    if refusal is None:
        if steps is not None:
            params = {"charge": Message(CHARGE_LABELS[program.charge])}
            steps.append(Step("place", program.place_article, _("Charged to: {charge}"), params))
        outcome = _walk(program, care, costs, used, cost, out_of_policy, steps)
        if isinstance(outcome, Outcome):
            return outcome
        refusal = outcome
    _refuse(refusal, steps)
    return Outcome(0, cost, 0, out_of_policy, 0, "", refusal, {}, 0, "")


def refused(care: Care, refusal: Refusal, steps: list[Step] | None = None) -> Outcome:
    """The outcome of a visit that no edition covers: nothing is paid, and the reason says why."""
    _refuse(refusal, steps)
    return Outcome(0, sum(care.costs.values()), 0, 0, 0, "", refusal, {}, 0, "")


def _refuse(refusal: Refusal, steps: list[Step] | None) -> None:
    if steps is not None:
        params = {"reason": Message(refusal.reason), **refusal.params}
        steps.append(Step("refusal", refusal.article, _("Not payable: {reason}"), params, 0))


def _policy_range(program: Program, costs: dict[str, int], steps: list[Step] | None) -> tuple[int, int]:
    """Cut the costs to the policy range; returns what is inside and what is outside of it."""
    out_of_policy = 0
    for name, amount in costs.items():
        if amount < 0:
            raise ValueError(f"the cost {name!r} is negative; a reversal is not adjudicated but taken back")
        limit, article = program.prices.get(name, (None, ""))
        if name not in program.costs:
            limit, article = 0, program.article
        if limit is not None and amount > limit:
            out_of_policy += amount - limit
            costs[name] = limit
            if steps is not None:
                params = {"over": amount - limit, "limit": limit}
                template = _("Above the standard price of {limit}, {over} is outside the policy range")
                steps.append(Step("price", article, template, params, limit))
    cost = sum(costs.values())
    if steps is not None:
        steps.append(Step("cost", program.article, _("Cost within the policy range"), {}, cost))
    return cost, out_of_policy


def _walk(
    program: Program,
    care: Care,
    costs: dict[str, int],
    used: Mapping[str, int],
    cost: int,
    out_of_policy: int,
    steps: list[Step] | None,
) -> Outcome | Refusal:
    """Walk the terms. Returns a refusal instead where a figure is missing; nothing is paid then."""
    figures = care.figures
    fixed, deductible, fund, scale = 0, 0, 0, 1
    binding: Term | None = None
    for name, limit in program.fixed:
        if name in costs:
            amount = limit.value(figures)
            if amount is None:
                return Refusal("figure_missing", limit.article, {"figure": limit.figure})
            fixed += min(costs.pop(name), amount)
            if steps is not None:
                steps.append(Step("fixed", limit.article, _("Fixed amount of {amount}"), {"amount": amount}, fixed))
    left = sum(costs.values())
    for term in program.terms:
        kind = term.kind
        if kind in (DEDUCTIBLE, COST_CAP):
            amount = term.limit.value(figures)
            if amount is None:
                return Refusal("figure_missing", term.article, {"figure": term.limit.figure})
            room = amount - used.get(term.id, 0)
            if term.ceiling is not None:
                ceiling = term.ceiling.value(figures)
                if ceiling is None:
                    return Refusal("figure_missing", term.article, {"figure": term.ceiling.figure})
                room = min(room, ceiling - used.get(term.id + " ceiling", 0))
            room = max(room, 0)
            if kind == DEDUCTIBLE:
                taken = min(room, left)
                deductible += taken
            else:
                taken = max(left - room, 0)
            if taken:
                _take(program, costs, taken)
                left -= taken
                if kind == COST_CAP or not left:
                    binding = term
            if steps is not None:
                steps.append(_limit_step(term, amount, used, taken, left))
        elif kind == CAP:
            amount = term.limit.value(figures)
            if amount is None:
                return Refusal("figure_missing", term.article, {"figure": term.limit.figure})
            room = max(amount - used.get(term.id, 0), 0)
            if fund > room * scale:
                fund, binding = room * scale, term
            if steps is not None:
                steps.append(_cap_step(term, amount, room, used, fund, scale))
        else:
            fund = _rated(program, term, costs, used, fund, scale)
            scale *= UNIT
            if steps is not None:
                steps.append(_ratio_step(program, term, costs, fund, scale))
    paid = round_half_up(fund, scale)
    if steps is not None:
        steps.append(Step("rounding", program.article, _("Rounded half up to the fen, once"), {}, paid))
    shares = _shares(program, care, used, paid + fixed, steps)
    if isinstance(shares, Refusal):
        return shares
    total = sum(shares.values())
    limited = program.shares[-1].id if total < paid + fixed else ""
    refusal = None
    if not total:
        if limited:
            refusal = Refusal("fund_cap", program.shares[-1].article)
        elif binding is not None:
            refusal = Refusal(binding.code, binding.article)
        else:
            refusal = Refusal("rounds_to_nothing", program.article)
        _refuse(refusal, steps)
    return Outcome(
        fund=total,
        self_pay=cost - total,
        deductible=deductible,
        out_of_policy=out_of_policy,
        cost=cost,
        charge=program.charge,
        refusal=refusal,
        shares=shares,
        fixed=min(fixed, total),
        binding=limited or (binding.id if binding is not None else ""),
    )


def _take(program: Program, costs: dict[str, int], taken: int) -> None:
    """Take an amount off the cost classes in the edition's order."""
    for name in program.costs:
        if name in costs:
            part = min(costs[name], taken)
            costs[name] -= part
            taken -= part


def _rated(
    program: Program, term: Term, costs: Mapping[str, int], used: Mapping[str, int], fund: int, scale: int
) -> int:
    """The fund after a ratio, as a numerator over scale × UNIT; a second ratio works on the fund itself."""
    if scale > 1:
        return fund * term.ratio
    if term.bands:
        low = used.get(term.id, 0)
        high, fund = low + sum(costs.values()), 0
        for over, until, ratio in term.bands:
            upper = high if until is None else min(high, until)
            fund += max(upper - max(low, over), 0) * ratio
        return fund
    return sum(amount * term.ratios.get(name, 0) for name, amount in costs.items())


def _shares(
    program: Program, care: Care, used: Mapping[str, int], paid: int, steps: list[Step] | None
) -> dict[str, int] | Refusal:
    """Who pays: each fund in turn up to what is left in it (overflow into a second fund)."""
    shares: dict[str, int] = {}
    for share in program.shares:
        part = paid
        if share.standing and share.standing not in care.standing:
            part = 0
        elif share.left and paid:
            left = care.figures.get(share.left)
            if left is None and not share.optional:
                return Refusal("figure_missing", share.article, {"figure": share.left})
            if left is not None:
                part = min(paid, max(left - used.get(share.id, 0), 0))
        shares[share.fund] = part
        paid -= part
        if steps is not None:
            steps.append(
                Step(
                    share.id,
                    share.article,
                    _("Paid by {fund}"),
                    {"fund": Message(FUNDS.get(share.fund, share.fund))},
                    part,
                )
            )
    return shares


def _limit_step(term: Term, amount: int, used: Mapping[str, int], taken: int, left: int) -> Step:
    params = {"limit": amount, "window": window(term.window), "used": used.get(term.id, 0), "taken": taken}
    if term.kind == DEDUCTIBLE:
        template = _("Deductible of {limit} for the {window}, {used} used before: {taken} is taken off")
    else:
        template = _("Cost of at most {limit} for the {window}, {used} used before: {taken} is taken off")
    return Step(term.id, term.article, template, params, left)


def _cap_step(term: Term, amount: int, room: int, used: Mapping[str, int], fund: int, scale: int) -> Step:
    params = {
        "limit": amount,
        "window": window(term.window),
        "used": used.get(term.id, 0),
        "room": room,
        "fund": exact(fund, scale),
    }
    template = _("At most {limit} for the {window}, {used} used before, {room} left: {fund}")
    return Step(term.id, term.article, template, params, fund // scale if fund % scale == 0 else None)


def _ratio_step(program: Program, term: Term, costs: Mapping[str, int], fund: int, scale: int) -> Step:
    shown = {term.ratios[name] for name, amount in costs.items() if amount and name in term.ratios}
    ratio = " / ".join(percent(value) for value in sorted(shown or {term.ratio}))
    params = {"ratio": ratio, "cost": sum(costs.values()), "fund": exact(fund, scale)}
    template = _("{ratio} of {cost}: {fund}")
    return Step(term.id, term.article, template, params, fund // scale if fund % scale == 0 else None)


def replay_chain(
    edition_on: Callable[[date], Edition], cares: Sequence[Care | Past], opening: Iterable[Past] = ()
) -> list[Outcome]:
    """Adjudicate surviving visits again in their order: the adjustment proposed after a reversal (G-6).

    `edition_on` gives the edition of a day or raises NoEdition, as `Rulebook.on` does. A Past among the visits
    counts as it stands and is not adjudicated.
    """
    past = list(opening)
    outcomes: list[Outcome] = []
    for care in cares:
        if isinstance(care, Past):
            past.append(care)
            continue
        try:
            edition = edition_on(care.on)
        except NoEdition as error:
            outcomes.append(refused(care, error.refusal))
            continue
        outcome = adjudicate(edition, care, counters(edition, care, past))
        outcomes.append(outcome)
        past.append(past_of(care, outcome))
    return outcomes


def figures_needed(edition: Edition, on: date) -> list[Figure]:
    """The published figures that visits of a day may need; look each up for `figure.year_for(on)`."""
    cache = edition.cache(on)
    found: list[Figure] | None = cache.get("figures needed")
    if found is None:
        codes = figure_codes(edition.at(on)["benefits"])
        found = cache["figures needed"] = [f for f in edition.figures.values() if f.code in codes]
    return found
