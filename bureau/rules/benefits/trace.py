"""The steps of a computation, each with its article and amount; rendered on demand, never stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bureau.rules.errors import _
from bureau.rules.money import yuan


class Message(str):
    """A parameter that is itself a message id, to be translated with the step."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `template` is an English message id; an int in `params` is fen, a Message is translated.

    `amount` is what the step leaves, in fen; None where it is not a whole fen yet.
    """

    term: str
    article: str
    template: str
    params: Mapping[str, object] = field(default_factory=dict)
    amount: int | None = None


WINDOWS: dict[str, str] = {
    "visit": _("single visit"),
    "institution_day": _("institution and day"),
    "day": _("day"),
    "month": _("month"),
    "quarter": _("quarter"),
    "year": _("year"),
    "period": _("period"),
}


def window(name: str) -> Message:
    """The name of a window as a translatable parameter."""
    return Message(WINDOWS[name])


def exact(numerator: int, denominator: int) -> str:
    """An amount in yuan that need not be a whole fen, in plain figures, cut after six decimals of a fen."""
    scaled = abs(numerator) * 10**6 // denominator
    whole, rest = divmod(scaled, 10**8)
    decimals = f"{rest:08d}".rstrip("0").ljust(2, "0")
    return f"{'-' if numerator < 0 else ''}{whole}.{decimals}"


def render(step: Step, translate: Callable[[str], str] = str) -> str:
    """One line of the trace: the translated template with its parameters filled in, amounts in yuan."""
    shown: dict[str, str] = {}
    for name, value in step.params.items():
        if isinstance(value, Message):
            shown[name] = translate(str(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            shown[name] = str(yuan(value))
        else:
            shown[name] = str(value)
    # A reason may have fields of its own, filled from the same parameters.
    shown = {name: text.format_map(step.params) if "{" in text else text for name, text in shown.items()}
    return translate(step.template).format_map(shown)
