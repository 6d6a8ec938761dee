"""Who pays what the fund does not: the patient's account, relatives' accounts, cash."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bureau.rules import account_use
from bureau.rules.edition import Edition
from settlement.services.requests import VisitRequest

OWN = "self"


@dataclass(frozen=True, slots=True)
class AccountShare:
    account_id: int
    relation: str
    amount: int


def purpose_of(institution_kind: str) -> str:
    return "pharmacy_drug" if institution_kind == "pharmacy" else "hospital_selfpay"


def split_rest(
    request: VisitRequest,
    facts: dict,
    edition: Edition | None,
    rest: int,
    own: Sequence[dict],
    accounts: Mapping[int, dict],
    grants: Sequence[dict],
) -> list[AccountShare]:
    """Shares of the accounts in `rest` (fen), own account first, then relatives' in the order of their grants.

    A refusal by the fund does not matter here (G-18); an institution without an agreement does (G-15), and so does
    the edition's list of relatives and purposes. `own` are the patient's among the accounts; balances are in fen and
    are not changed.
    """
    if edition is None or rest == 0 or request.pay_from == "none" or not facts["designated"]:
        return []
    purpose = purpose_of(facts["kind"])
    shares: list[AccountShare] = []
    for account, relation in candidates(request, facts, own, accounts, grants):
        if rest == 0:
            break
        if account["status"] != "open" or account["balance"] == 0:
            continue
        use = account_use.use(
            edition,
            on=request.care_on,
            relation=relation,
            purpose=purpose,
            amount=rest,
            balance=account["balance"],
        )
        if use.pay:
            shares.append(AccountShare(account["id"], relation, use.pay))
            rest -= use.pay
    return shares


def candidates(
    request: VisitRequest,
    facts: dict,
    own: Sequence[dict],
    accounts: Mapping[int, dict],
    grants: Sequence[dict],
):
    for account in own:
        if account["area_id"] == facts["area_id"]:
            yield account, OWN
    if request.pay_from != "family":
        return
    for grant in grants:
        if in_force(grant, request) and grant["account_id"] in accounts:
            yield accounts[grant["account_id"]], grant["relation"]


def in_force(grant: dict, request: VisitRequest) -> bool:
    """Both the grant and the relative on the roster are dated; both must cover the day of care."""
    day = request.care_on
    return (
        grant["starts_on"] <= day
        and (grant["ends_on"] is None or day <= grant["ends_on"])
        and grant["relative_from"] <= day
        and (grant["relative_to"] is None or day <= grant["relative_to"])
    )
