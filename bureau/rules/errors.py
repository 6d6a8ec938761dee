"""Refusals by name, and what is wrong with an edition. Message ids are English; translated outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


def _(message: str) -> str:
    """Marks a message id for extraction; the rules themselves never translate."""
    return message


REASONS: dict[str, str] = {
    # where the care took place
    "not_selected": _("Not the selected institution, and no referral"),
    "not_designated": _("Not a designated institution"),
    "no_prescription": _("Bought at a pharmacy without a prescription"),
    "prescription_unknown": _("The institution has settled no visit that wrote this prescription"),
    "prescription_outdated": _("The prescription was written too long ago"),
    "remote_not_filed": _("Out of the area without registration"),
    "by_hand_only": _("Care out of the area that this member pays and claims by hand"),
    "place_not_covered": _("The edition has no rule for care at such a place"),
    # who was treated
    "not_enrolled": _("Not enrolled on this day"),
    "no_benefit_period": _("No benefit period on this day"),
    "suspended": _("Benefits are suspended on this day"),
    "arrears": _("Contributions are in arrears on this day"),
    "inpatient": _("In hospital on this day"),
    "level_missing": _("The institution has no settlement level on this day; record one (unrated is one as well)"),
    "class_not_covered": _("The edition has no rate for this person, plan and level"),
    # how much
    "below_deductible": _("The cost does not exceed the deductible"),
    "visit_cap": _("The cap for one visit is used up"),
    "day_cap": _("The cap for the day is used up"),
    "month_cap": _("The cap for the month is used up"),
    "quarter_cap": _("The cap for the quarter is used up"),
    "annual_cap": _("The cap for the year is used up"),
    "remote_cap": _("The cap for care out of the area is used up"),
    "fund_cap": _("The yearly limit of the fund itself is used up"),
    "cost_not_covered": _("The cost is outside the policy range"),
    "no_cost": _("There is no cost to pay"),
    "rounds_to_nothing": _("What is payable is less than half a fen"),
    # the edition and the figures
    "no_edition": _("No edition is in force on this day"),
    "figure_missing": _("A published figure is missing: {figure}"),
    "fact_missing": _("A fact is missing: {fact}"),
    "below_floor": _("The figure is below its floor of {floor}"),
    "not_equal": _("The figure must be equal to {floor}"),
    # selection
    "no_selection_rule": _("Members select no institution under this edition"),
    "outside_window": _("Outside the selection window"),
    "too_many": _("More institutions than may be selected"),
    "none_chosen": _("No institution was chosen"),
    "type_not_allowed": _("This kind of institution cannot be selected"),
    "station_outside": _("The station does not belong to the selected centre"),
    "no_reason": _("A change needs a reason"),
    "already_selected": _("There is a selection already; ask for a change"),
    "nothing_selected": _("There is no selection to change"),
    "same_institution": _("The institution is selected already"),
    # personal account
    "no_account": _("No personal account under this edition"),
    "benefit_stopped": _("Benefits are stopped in this month"),
    "premium_unpaid": _("The premium of this month is not paid"),
    "arrears_no_credit": _("A month paid up later earns no credit"),
    "relation_not_allowed": _("The account does not pay for this relative"),
    "self_only": _("The account pays this for its holder only"),
    "retired_only": _("The account pays this for retired members only"),
    "purpose_not_allowed": _("The account does not pay for this purpose"),
    "purpose_excluded": _("The account never pays for this purpose"),
    "event_not_listed": _("This event pays nothing out of the account"),
    "not_applied": _("Paid out on application only"),
    # provider payment
    "not_in_method": _("The payment method has no such computation"),
    # reversal
    "already_reversed": _("The visit has been reversed already"),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing is paid or done: a code of REASONS and the article it comes from."""

    code: str
    article: str = ""
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """The English message id; translate it, then fill in `params`."""
        return REASONS[self.code]


class Refused(Exception):
    """Raised where there is no result to carry the refusal."""

    def __init__(self, code: str, article: str = "", **params: str) -> None:
        self.refusal = Refusal(code, article, params)
        super().__init__(self.refusal.reason.format_map({"figure": "", "fact": "", "floor": ""} | params))


class NoEdition(Refused):
    """No edition is in force: the engine refuses and never falls back to another day's rule."""

    def __init__(self, day: object, scope: str = "") -> None:
        super().__init__("no_edition", day=str(day), scope=scope)


class EditionError(ValueError):
    """What is wrong with a rulebook file: the file, the term, the key and what to do.

    `message` is an English message id with {name} places for `params`; `problem` is the sentence in English.
    """

    def __init__(self, file: str, term: str, key: str, message: str, **params: object) -> None:
        self.file, self.term, self.key, self.message, self.params = file, term, key, message, params
        self.problem = message.format_map(params) if params else message
        super().__init__(f"{file}: {term or 'top level'}: {key}: {self.problem}")


def told(value: object) -> str:
    """A value of a rulebook file as it is shown in a sentence: numbers plain, texts in quotes."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(told, value))
    return str(value) if isinstance(value, (int, Decimal, date)) else repr(value)
