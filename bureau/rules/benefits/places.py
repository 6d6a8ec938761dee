"""Where care took place, as flags, and which of an edition's ordered place rules applies.

A prescription filled outside has the flags of the visit that prescribed, and `prescription`; it is designated
only if both the prescriber and the pharmacy are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bureau.rules.errors import _
from bureau.rules.format.schema import CHARGES, Tree

FLAGS: dict[str, str] = {
    "local": _("in the area"),
    "designated": _("designated institution"),
    "selected": _("the selected institution"),
    "referral": _("referred by the selected institution"),
    "emergency": _("emergency"),
    "prescription": _("valid prescription filled outside"),
    "unwritten": _("prescription of which no visit is known"),
    "outdated": _("prescription written too long ago"),
    "pharmacy": _("pharmacy, without a prescription"),
    "filed": _("registered as out of the area"),
    "temporary": _("registered for a temporary stay elsewhere"),
    "networked": _("direct settlement over the network"),
    "by_hand_only": _("out of the area, to be claimed by hand"),
    "remote_selected": _("the one institution chosen out of the area"),
    "hand_claim": _("claim by hand"),
    "newborn": _("newborn enrolled in time"),
}

CHARGE_LABELS: dict[str, str] = {
    "selected_capitation": _("quota of the selected institution"),
    "fee_for_service": _("fund, by item"),
    "fund_direct": _("fund, directly"),
    "pool": _("pool of the city"),
}
assert set(CHARGE_LABELS) == set(CHARGES)

# Prescriptions that no fund pays for, whatever an edition says of the place.
NO_PRESCRIPTION: dict[str, str] = {"unwritten": "prescription_unknown", "outdated": "prescription_outdated"}


def holds(flags: Iterable[str], place: frozenset[str]) -> bool:
    """Whether a place has every flag of a list and none of those written with a `!`."""
    return all(flag[1:] not in place if flag.startswith("!") else flag in place for flag in flags)


def rule_for(rules: Sequence[Tree], place: frozenset[str]) -> Tree | None:
    """The first place rule whose `when` holds; None where the edition has none."""
    for rule in rules:
        when = rule["when"]
        if holds(when if isinstance(when, list) else [when], place):
            return rule
    return None
