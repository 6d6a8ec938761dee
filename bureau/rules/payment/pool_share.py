"""按比例分配全市资金: a monthly pool of the whole city, shared by use, with a retention for the assessment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bureau.rules.benefits.trace import Step
from bureau.rules.errors import _
from bureau.rules.format.schema import Tree
from bureau.rules.money import UNIT, apportion, millionths, percent, round_half_up
from bureau.rules.payment.prepaid_capitation import retention_release


def fund_budget(tree: Tree, facts: Mapping[str, Any], steps: list[Step] | None) -> dict[str, Any]:
    """The year's pool. Facts in fen: levy_y_minus_2, remote_reserve, emergency_reserve.

    What is kept for contingencies is a part of the budget as it is printed (G-20). Months 1 to 11 are a rounded
    twelfth, December takes the rest (ZJ-4).
    """
    rule = tree["budget"]
    levy, ratio, share = int(facts["levy_y_minus_2"]), millionths(rule["ratio"]), millionths(rule["contingency"])
    budget = round_half_up(levy * ratio, UNIT)
    contingency = round_half_up(budget * share, UNIT)
    distributable = budget - contingency - int(facts["remote_reserve"]) - int(facts["emergency_reserve"])
    if distributable < 0:
        raise ValueError("the reserves exceed the budget; correct them")
    month = round_half_up(distributable, 12)
    if steps is not None:
        params = {"ratio": percent(ratio), "levy": levy}
        template = _("{ratio} of the levy of the year before last {levy}")
        steps.append(Step("budget", rule["article"], template, params, budget))
        params = {"ratio": percent(share)}
        article = rule["contingency_article"]
        steps.append(Step("contingency", article, _("{ratio} is kept for contingencies"), params, contingency))
        template = _("Left after contingency and reserves")
        steps.append(Step("distributable", article, template, {}, distributable))
        steps.append(Step("month", article, _("A twelfth of it each month"), {}, month))
    return {
        "budget": budget,
        "contingency": contingency,
        "distributable": distributable,
        "month_1_to_11": month,
        "month_12": distributable - 11 * month,
    }


def decided_bonus(rule: Tree, facts: Mapping[str, Any]) -> int:
    """The factor of a month within the pool, in millionths: the text's, or what was decided for the year below it.

    Fact bonus_percent: a published figure, 103.50 for 103.5 %, held in hundredths as amounts are in fen (ZJ-1).
    """
    bonus = millionths(rule["bonus"])
    if rule.get("decision", "full") == "full" or facts.get("bonus_percent") is None:
        return bonus
    return min(bonus, int(facts["bonus_percent"]) * (UNIT // 10_000))


def month_settlement(tree: Tree, facts: Mapping[str, Any], steps: list[Step] | None) -> dict[str, Any]:
    """A month of the whole city. Facts: pool (fen), actual (fen by institution code), bonus_percent if decided.

    Up to the pool: the use with the bonus factor, never above the pool; beyond it: the pool. Either is
    split in proportion to use by largest remainders (ZJ-2). Negative use counts as none (G-17). What is
    retained is what is settled less what is paid, so that the two always tie.
    """
    rule, pool = tree["settlement"], int(facts["pool"])
    actual = {name: max(int(use), 0) for name, use in facts["actual"].items()}
    total = sum(actual.values())
    bonus, kept = decided_bonus(rule, facts), millionths(tree["retention"]["ratio"])
    target = pool if total > pool else min(round_half_up(total * bonus, UNIT), pool)
    settled = apportion(target, actual)
    paid = {name: round_half_up(amount * (UNIT - kept), UNIT) for name, amount in settled.items()}
    if steps is not None:
        params = {"use": total, "pool": pool, "bonus": percent(bonus)}
        if total > pool:
            article, template = rule["over_article"], _("Use {use} exceeds the pool {pool}: the pool is shared")
        else:
            article = rule["article"]
            template = _("Use {use} within the pool {pool}: {bonus} of it, at most the pool")
        steps.append(Step("target", article, template, params, target))
        for name, amount in settled.items():
            params = {"institution": name, "use": actual[name]}
            template = _("{institution}: share for use {use}")
            steps.append(Step(f"settled {name}", article, template, params, amount))
        params = {"ratio": percent(kept), "label": tree["retention"]["label"]}
        template = _("{ratio} of each share is kept back as {label}")
        article = tree["retention"]["article"]
        steps.append(Step("retained", article, template, params, target - sum(paid.values())))
    return {
        "settled": settled,
        "paid": paid,
        "retained": {name: amount - paid[name] for name, amount in settled.items()},
        "total_settled": target,
    }


KINDS = {
    "month_settlement": month_settlement,
    "retention_release": retention_release,
    "fund_budget": fund_budget,
}
