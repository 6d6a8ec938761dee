"""月预付、年终清算: a quota a head, paid monthly up to a prepayment, with a retention until the assessment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bureau.rules.benefits.trace import Step
from bureau.rules.errors import _
from bureau.rules.format.schema import Tree
from bureau.rules.money import UNIT, fen, millionths, percent, round_half_up
from bureau.rules.payment.year_end import others_paid, quota_of, release, settle_year


def advance(tree: Tree, facts: Mapping[str, Any], steps: list[Step] | None) -> dict[str, Any]:
    """A month's prepayment from last month's contracted heads. Facts: headcount_prev."""
    rule, heads = tree["prepay"], int(facts["headcount_prev"])
    ratio = millionths(rule["ratio"])
    amount = round_half_up(fen(tree["quota"]) * heads * ratio, 12 * UNIT)
    if steps is not None:
        params = {"heads": str(heads), "ratio": percent(ratio), "rate": fen(tree["quota"])}
        template = _("{ratio} of a twelfth of {rate} for {heads} heads of last month")
        steps.append(Step("prepay", rule["article"], template, params, amount))
    return {"advance": amount}


def month_settlement(tree: Tree, facts: Mapping[str, Any], steps: list[Step] | None) -> dict[str, Any]:
    """A month's settlement. Facts: fund (fen accounted in the month), headcount_prev.

    presettle is the fund less the retention; paid is the smaller of it and the prepayment; what is over
    waits for the year's end (SG-8). A negative month counts as none (G-17).
    """
    rule = tree["retention"]
    fund = max(int(facts["fund"]), 0)
    prepay = advance(tree, facts, steps)["advance"]
    ratio = millionths(rule["ratio"])
    presettle = round_half_up(fund * (UNIT - ratio), UNIT)
    paid = min(presettle, prepay)
    deposit = fund - presettle
    if rule.get("base", "month_fund") == "paid" and paid < presettle:
        deposit = round_half_up(paid * ratio, UNIT - ratio)
    deferred = fund - paid - deposit
    if steps is not None:
        params = {"ratio": percent(UNIT - ratio), "fund": fund}
        template = _("{ratio} of the month's fund {fund}")
        steps.append(Step("presettle", rule["article"], template, params, presettle))
        params = {"presettle": presettle, "prepay": prepay}
        template = _("The smaller of {presettle} and the prepayment {prepay} is paid")
        steps.append(Step("paid", tree["prepay"]["article"], template, params, paid))
        params = {"label": rule["label"]}
        steps.append(Step("deposit", rule["article"], _("Kept back as {label}"), params, deposit))
        steps.append(Step("deferred", rule["article"], _("Waits for the end of the year"), {}, deferred))
    return {"prepay": prepay, "presettle": presettle, "paid": paid, "deposit": deposit, "deferred": deferred}


def retention_release(tree: Tree, facts: Mapping[str, Any], steps: list[Step] | None) -> dict[str, Any]:
    """What the assessment releases of a retention. Facts: retained (fen), score."""
    rule = tree["retention"]
    retained = int(facts["retained"])
    released = release(rule, retained, facts["score"])
    if steps is not None:
        params = {"label": rule["label"], "retained": retained, "score": str(facts["score"])}
        template = _("{label} {retained} at a score of {score}")
        steps.append(Step("release", rule["article"], template, params, released))
    return {"released": released, "forfeited": retained - released}


def year_end(tree: Tree, facts: Mapping[str, Any], steps: list[Step] | None) -> dict[str, Any]:
    """The year-end settlement. Facts: quota, actual, paid, deposit, paid_to_others (fen), score.

    due = total − what the assessment forfeits; clearing = due − paid (SG-8). The deposit is at most its
    ratio of the quota (SG-14).
    """
    rule, quota, use = tree["year_end"], int(facts["quota"]), int(facts["actual"])
    settled = settle_year(rule, quota=quota, use=use, steps=steps)
    ceiling = round_half_up(quota * millionths(tree["retention"]["ratio"]), UNIT)
    deposit = min(int(facts["deposit"]), ceiling)
    if steps is not None and deposit < int(facts["deposit"]):
        params: dict[str, object] = {"ratio": percent(millionths(tree["retention"]["ratio"])), "quota": quota}
        article = tree["retention"]["article"]
        steps.append(Step("ceiling", article, _("At most {ratio} of the quota {quota} is kept back"), params, ceiling))
    released = retention_release(tree, {"retained": deposit, "score": facts["score"]}, steps)
    due = settled.total - released["forfeited"]
    others = others_paid(rule, facts)
    clearing = due - int(facts["paid"]) - others
    if steps is not None:
        params = {"total": settled.total, "forfeited": released["forfeited"], "paid": int(facts["paid"])}
        template = _("Total {total}, less forfeited {forfeited}, less paid {paid}, less paid to others {others}")
        steps.append(Step("clearing", rule["article"], template, params | {"others": others}, clearing))
    return {
        "award": settled.award,
        "deposit_paid": released["released"],
        "deposit_forfeited": released["forfeited"],
        "due": due,
        "clearing": clearing,
        "returned_to_fund": settled.kept + released["forfeited"],
        "borne_by_institution": settled.borne,
    }


def fund_budget(tree: Tree, facts: Mapping[str, Any], steps: list[Step] | None) -> dict[str, Any]:
    """The year's outpatient fund. Facts: insured (persons)."""
    insured, rate = int(facts["insured"]), fen(tree["per_insured"])
    if steps is not None:
        params = {"insured": str(insured), "rate": rate}
        template = _("{rate} for each of {insured} insured persons")
        steps.append(Step("budget", tree["per_insured_article"], template, params, insured * rate))
    return {"budget": insured * rate}


KINDS = {
    "quota": quota_of,
    "advance": advance,
    "month_settlement": month_settlement,
    "retention_release": retention_release,
    "year_end": year_end,
    "fund_budget": fund_budget,
}
