"""What a personal account may pay for, for whom, and when it is paid out (个人账户使用与清退)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bureau.rules.errors import Refusal, _
from bureau.rules.format.edition import Edition
from bureau.rules.format.schema import Tree

RELATIONS: dict[str, str] = {
    "self": _("the holder"),
    "spouse": _("spouse"),
    "parent": _("parent"),
    "child": _("child"),
    "sibling": _("brother or sister"),
    "grandparent": _("grandparent"),
    "grandchild": _("grandchild"),
}
PURPOSES: dict[str, str] = {
    "hospital_selfpay": _("own share at a designated institution"),
    "pharmacy_drug": _("drugs at a designated pharmacy"),
    "pharmacy_device": _("medical devices at a designated pharmacy"),
    "pharmacy_consumable": _("medical consumables at a designated pharmacy"),
    "resident_premium": _("premium of residents' insurance"),
    "retirement_shortfall_premium": _("premium for years missing at retirement"),
    "tcm_preventive": _("preventive treatment of Chinese medicine"),
    "ltc_premium": _("premium of long-term care insurance"),
    "large_claims_premium": _("premium of large-claims insurance"),
    "public_health": _("public health"),
    "fitness": _("sport and fitness"),
    "wellness": _("wellness"),
}
# Levied by the tax office, whoever is insured by them.
PREMIUMS = frozenset({"resident_premium", "retirement_shortfall_premium", "ltc_premium", "large_claims_premium"})
EVENTS: dict[str, str] = {
    "transfer_within_province": _("moved to another area of the province"),
    "transfer_out_of_province": _("moved out of the province"),
    "transfer_out_of_province_impossible": _("moved out of the province, transfer impossible"),
    "transfer_out_of_area": _("moved out of the area"),
    "transfer_impossible": _("moved out of the area, transfer impossible"),
    "retiree_settled_out_of_province": _("retired and settled out of the province"),
    "enlisted": _("enlisted"),
    "death": _("died"),
    "emigrated": _("emigrated"),
    "identity_cancelled": _("identity record cancelled"),
}
GOES_ON = frozenset({"retiree_settled_out_of_province"})  # still insured here: later credits come to the account
ACTIONS: dict[str, str] = {
    "keep": _("stays in the account"),
    "transfer": _("transferred with the member"),
    "bank": _("paid to the member's bank account"),
    "bank_or_inherit": _("paid to the bank account or inherited"),
}


@dataclass(frozen=True, slots=True)
class Use:
    """What the account pays and what is left to cash, in fen; not allowed: everything in cash."""

    allowed: bool
    pay: int
    cash: int
    article: str
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class Payout:
    """What becomes of a balance: an action of ACTIONS and the fen that leave the account."""

    action: str
    amount: int
    article: str
    refusal: Refusal | None


def relations(edition: Edition, on: date) -> list[str]:
    """Whom the account may pay for, the holder included; empty where there is no account."""
    return _listed(edition.part("account", on)["relations"]) if edition.has("account") else []


def purposes(edition: Edition, on: date) -> list[str]:
    """What the account may pay for."""
    return [row["purpose"] for row in _rows(edition, on, "purposes")]


def events(edition: Edition, on: date) -> list[str]:
    """The events on which a balance is dealt with."""
    return [row["event"] for row in _rows(edition, on, "payouts")]


def permits(
    edition: Edition, *, on: date, relation: str, purpose: str, retired: bool = False
) -> tuple[str, Refusal | None]:
    """Whether the account may pay a purpose for a relative: the article, and the refusal if it may not."""
    if not edition.has("account"):
        return "", Refusal("no_account")
    tree = edition.part("account", on)
    for row in tree.get("excluded", []):
        if row["purpose"] == purpose:
            return row["article"], Refusal("purpose_excluded", row["article"])
    row = next((row for row in tree["purposes"] if row["purpose"] == purpose), None)
    if row is None:
        return tree["article"], Refusal("purpose_not_allowed", tree["article"])
    article = row["article"]
    allowed = _listed(row.get("relations", tree["relations"]))
    if relation not in allowed:
        code = "self_only" if allowed == ["self"] else "relation_not_allowed"
        return article, Refusal(code, article)
    if row.get("retired_only") and not retired:
        return article, Refusal("retired_only", article)
    return article, None


def use(
    edition: Edition,
    *,
    on: date,
    relation: str,
    purpose: str,
    amount: int,
    balance: int,
    retired: bool = False,
) -> Use:
    """Split an amount between the account and cash. `retired` is the holder's class on the day."""
    if amount < 0 or balance < 0:
        raise ValueError("amount and balance must not be negative")
    article, refusal = permits(edition, on=on, relation=relation, purpose=purpose, retired=retired)
    if refusal is not None:
        return Use(False, 0, amount, article, refusal)
    pay, cash = split(amount, balance)
    return Use(True, pay, cash, article, None)


def split(amount: int, balance: int) -> tuple[int, int]:
    """What a balance covers of an amount, and the cash that is left."""
    pay = min(amount, balance)
    return pay, amount - pay


def payout(edition: Edition, *, on: date, event: str, applied: bool, balance: int) -> Payout:
    """What becomes of a balance on an event; on the day's balance alone (HY-19)."""
    if balance < 0:
        raise ValueError("the balance must not be negative")
    if not edition.has("account"):
        return Payout("keep", 0, "", Refusal("no_account"))
    tree = edition.part("account", on)
    row = next((row for row in tree["payouts"] if row["event"] == event), None)
    if row is None:
        return Payout("keep", 0, tree["article"], Refusal("event_not_listed", tree["article"]))
    if row.get("on_application") and not applied:
        return Payout("keep", 0, row["article"], Refusal("not_applied", row["article"]))
    return Payout(row["action"], 0 if row["action"] == "keep" else balance, row["article"], None)


def covers_later_credits(edition: Edition, on: date) -> bool:
    """Whether one application also pays out credits that come later, or each needs its own (HY-19)."""
    return bool(edition.part("account", on).get("payout_covers") == "later_credits")


def _rows(edition: Edition, on: date, name: str) -> list[Tree]:
    rows: list[Tree] = edition.part("account", on)[name] if edition.has("account") else []
    return rows


def _listed(value: object) -> list[str]:
    return value if isinstance(value, list) else [str(value)]
