"""总额预算下按项目付费: what was accounted is paid; an overrun of the total is reported, not computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bureau.rules.benefits.trace import Step
from bureau.rules.errors import _
from bureau.rules.format.schema import Tree


def month_settlement(tree: Tree, facts: Mapping[str, Any], steps: list[Step] | None) -> dict[str, Any]:
    """A month by item. Facts: actual (fen by institution code). Nothing is retained; a negative month counts as none
    (G-17)."""
    actual = {name: max(int(use), 0) for name, use in facts["actual"].items()}
    if steps is not None:
        for name, use in actual.items():
            template = _("{institution}: as accounted")
            steps.append(Step(f"settled {name}", tree["article"], template, {"institution": name}, use))
    return {
        "settled": actual,
        "paid": dict(actual),
        "retained": dict.fromkeys(actual, 0),
        "total_settled": sum(actual.values()),
    }


def year_end(tree: Tree, facts: Mapping[str, Any], steps: list[Step] | None) -> dict[str, Any]:
    """The year against its total. Facts in fen: quota (the total), actual.

    An overrun is only reported; the texts have no formula for it (KF-11, CQ-15).
    """
    total, actual = int(facts["quota"]), int(facts["actual"])
    over = max(actual - total, 0)
    if steps is not None:
        template = _("Use {use} against the total {total}")
        steps.append(Step("overrun", tree["article"], template, {"use": actual, "total": total}, over))
    return {"due": actual, "overrun": over}


KINDS = {"month_settlement": month_settlement, "year_end": year_end}
