"""按人头付费: a quota a head, a monthly advance out of it, bands at the end of the year."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bureau.rules.benefits.trace import Step, exact
from bureau.rules.errors import Refused, _
from bureau.rules.format.schema import Tree
from bureau.rules.money import UNIT, fen, millionths, percent, round_half_up
from bureau.rules.payment.year_end import others_paid, quota_of, settle_year
from bureau.rules.periods import month_start


def advance(tree: Tree, facts: Mapping[str, Any], steps: list[Step] | None) -> dict[str, Any]:
    """A month's advance. Facts: month, headcount, prev_actual (fen, None in January).

    January: the ratio of the month's quota. Later: the ratio of the smaller of last month's use and this
    month's quota; a negative use counts as none (G-17). Computed from heads, rounded once (HY-12).
    With the reading `january`, the month's quota is a twelfth of January's (fact january_headcount). With
    the reading `decided`, a lower recorded amount (fact decided) stands in January (HY-11).
    """
    rule = tree["advance"]
    january = month_start(facts["month"]).month == 1
    heads = int(facts["headcount"])
    if rule.get("month_quota") == "january" and not january:
        heads = int(facts["january_headcount"])
    if heads < 0:
        raise ValueError("a headcount must not be negative")
    quota, ratio = fen(tree["quota"]) * heads, millionths(rule["ratio"])  # quota: fen × 12
    base = quota
    if not january:
        if facts["prev_actual"] is None:
            raise Refused("fact_missing", rule["article"], fact="prev_actual")
        base = min(quota, 12 * max(int(facts["prev_actual"]), 0))
    amount = round_half_up(base * ratio, 12 * UNIT)
    if january and rule.get("january") == "decided" and facts.get("decided") is not None:
        amount = min(amount, int(facts["decided"]))
    if steps is not None:
        article, params = rule["article"], {"heads": str(heads), "quota": exact(quota, 12)}
        steps.append(Step("month_quota", article, _("{heads} heads: a month's quota of {quota}"), params))
        if not january:
            params = {"use": int(facts["prev_actual"]), "base": exact(base, 12)}  # type: ignore[dict-item]
            template = _("Use of last month {use}: the smaller is {base}")
            steps.append(Step("last_month", article, template, params))
        params = {"ratio": percent(ratio), "base": exact(base, 12)}
        steps.append(Step("advance", article, _("{ratio} of {base} is advanced"), params, amount))
    return {"advance": amount}


def year_end(tree: Tree, facts: Mapping[str, Any], steps: list[Step] | None) -> dict[str, Any]:
    """The year-end settlement. Facts in fen: quota, actual, advanced, paid_to_others (0 if absent).

    clearing = due − advanced − paid to others on this quota, and may be negative.
    """
    rule = tree["year_end"]
    quota, use, advanced = int(facts["quota"]), int(facts["actual"]), int(facts["advanced"])
    settled = settle_year(rule, quota=quota, use=use, steps=steps)
    others = others_paid(rule, facts)
    clearing = settled.total - advanced - others
    if steps is not None:
        params = {"due": settled.total, "advanced": advanced, "others": others}
        template = _("Due {due}, less advances {advanced}, less paid to others {others}")
        steps.append(Step("clearing", rule["article"], template, params, clearing))
    return {
        "bonus": settled.award,
        "due": settled.total,
        "clearing": clearing,
        "kept_by_fund": settled.kept,
        "borne_by_institution": settled.borne,
    }


KINDS = {"quota": quota_of, "advance": advance, "year_end": year_end}
