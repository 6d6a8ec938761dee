"""Who pays what the fund does not: the patient's accounts, relatives' accounts, cash."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from accounts.models import Account
from accounts.services.holders import Purse, draw
from bureau.errors import DomainError
from bureau.rules.format.edition import Edition
from settlement.services.visits.requests import VisitRequest

OWN = "self"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The books of an account of another area: that area, and the institution which it owes for the care."""

    area_id: str
    payee_id: int
    payee_code: str


@dataclass(frozen=True, slots=True)
class AccountShare:
    """What an account pays, in fen; out of the books of the visit's area unless the account is another's."""

    account_id: int
    relation: str
    amount: int
    elsewhere: Elsewhere | None = None


def purpose_of(institution_kind: str) -> str:
    return "pharmacy_drug" if institution_kind == "pharmacy" else "hospital_selfpay"


def split_rest(
    request: VisitRequest,
    facts: dict,
    rest: int,
    *,
    area_id: str,
    own: Sequence[dict],
    accounts: Mapping[int, dict],
    grants: Sequence[dict],
    edition_for: Callable[[str], Edition | None],
    books_of: Callable[[str], Elsewhere | None],
) -> list[AccountShare]:
    """Shares of the accounts in `rest` (fen), own accounts first, then relatives' in the order of their grants.

    What an account pays is its own area's to say (`accounts.services.holders.draw`), whatever the fund has answered
    (G-18) and wherever the patient is insured; only an institution without an agreement is not paid (G-15). `own` are
    the patient's among the accounts; balances are in fen and are not changed. `edition_for` an area, `books_of`
    an area other than `area_id`: None where it can owe nobody for this care.
    """
    if rest == 0 or request.pay_from == "none" or not facts["designated"]:
        return []
    shares: list[AccountShare] = []
    for account, relation in candidates(request, area_id, own, accounts, grants):
        if rest == 0:
            break
        edition = edition_for(account["area_id"]) if account["balance"] else None
        if edition is None:
            continue
        elsewhere = books_of(account["area_id"]) if account["area_id"] != area_id else None
        if elsewhere is None and account["area_id"] != area_id:
            continue
        pay = drawn(account, relation, edition, request, facts, rest)
        if pay:
            shares.append(AccountShare(account["id"], relation, pay, elsewhere))
            rest -= pay
    return shares


def drawn(account: dict, relation: str, edition: Edition, request: VisitRequest, facts: dict, amount: int) -> int:
    """What an account pays of an amount: nothing where it is frozen, closed, or somebody had died."""
    try:
        return draw(
            Purse(account["area_id"], account["status"], account["balance"], account["died_on"]),
            edition,
            on=request.care_on,
            relation=relation,
            purpose=purpose_of(facts["kind"]),
            amount=amount,
            user_died_on=facts["died_on"],
        ).pay
    except DomainError:
        return 0


def entitled(
    request: VisitRequest,
    facts: dict,
    *,
    area_id: str,
    own: Sequence[dict],
    accounts: Mapping[int, dict],
    grants: Sequence[dict],
    edition_for: Callable[[str], Edition | None],
) -> set[int]:
    """The accounts that may pay for a visit, whatever is in them and however they stand by now."""
    if not facts["designated"]:
        return set()
    return {
        account["id"]
        for account, relation in candidates(request, area_id, own, accounts, grants)
        if (edition := edition_for(account["area_id"])) is not None
        and drawn(account | {"status": Account.Status.OPEN, "balance": 1}, relation, edition, request, facts, 1)
    }


def candidates(
    request: VisitRequest,
    area_id: str,
    own: Sequence[dict],
    accounts: Mapping[int, dict],
    grants: Sequence[dict],
) -> Iterable[tuple[dict, str]]:
    """The accounts that may be asked, with what the patient is to the holder; of own ones that of the area first."""
    for account in sorted(own, key=lambda account: account["area_id"] != area_id):
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
