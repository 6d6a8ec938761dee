"""What a personal account is credited for one month (条 on 个人账户计入; G-12, HY-15, HY-20, CQ-2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bureau.rules.benefits.trace import Step
from bureau.rules.enrolment import POOLED_ONLY, names_of
from bureau.rules.errors import Refusal, _
from bureau.rules.format.edition import Edition
from bureau.rules.format.schema import Tree
from bureau.rules.money import UNIT, fen, millionths, percent, round_half_up
from bureau.rules.periods import add_years, month_end, month_start, next_month_start


@dataclass(frozen=True, slots=True)
class Credit:
    """One month's credit in fen. `source`: "contribution" (the member's own premium), "pool", or "" for none."""

    amount: int
    source: str
    article: str
    refusal: Refusal | None


def monthly_credit(
    edition: Edition,
    *,
    person_class: str,
    month: str,
    plan: str = "",
    base: int | None = None,
    birth: date | None = None,
    sex: str = "",
    reached_age_on: date | None = None,
    in_benefit: bool = True,
    paid: bool = True,
    made_up: bool = False,
    steps: list[Step] | None = None,
) -> Credit:
    """The credit of one month, "YYYY-MM". One credit a month (G-12): the class is that of the month.

    `base` is the contribution base in fen on which an own share is really paid (0 or more; HY-15).
    `reached_age_on`: the day of the statutory retirement age; where nobody has recorded it, `birth` and `sex` ("1" men,
    "2" women) say what they can. `in_benefit`: the benefit period covers the month; `paid`: its premium is paid; which
    of them counts is the edition's. `made_up`: the month's arrears were paid later (HY-20). Raises NoEdition before
    the edition's credits start.
    """
    tree = edition.part("credits", month_start(month)) if edition.has("credits") else None
    if tree is None:
        return _none(Refusal("no_account"), steps)
    reached = (reached_age_on, reached_age_on) if reached_age_on else retirement_age_between(birth, sex)
    line = _line(tree, person_class, plan, birth, reached, month)
    if line is None:
        return _none(Refusal("no_account", tree["article"]), steps)
    if isinstance(line, Refusal):
        return _none(line, steps)
    refusal = _stopped(tree, line, in_benefit=in_benefit, paid=paid, made_up=made_up)
    if refusal is not None:
        return _none(refusal, steps)
    if "amount" in line:
        amount = fen(line["amount"])
        template, params = _("Fixed amount of {amount} a month"), {"amount": amount}
    elif "ratio" not in line:
        return _none(Refusal("figure_missing", line["article"], {"figure": "amount"}), steps)
    elif base is None:
        return _none(Refusal("fact_missing", line["article"], {"fact": "base"}), steps)
    else:
        ratio = millionths(line["ratio"])
        amount = round_half_up(base * ratio, UNIT)
        template = _("{ratio} of the contribution base {base}")
        params = {"ratio": percent(ratio), "base": base}  # type: ignore[dict-item]
    if steps is not None:
        steps.append(Step("credit", line["article"], template, params, amount))
    return Credit(amount, line["source"], line["article"], None)


def amounts(edition: Edition, *, month: str, article: str, source: str, base: int) -> set[int]:
    """What a month's credit under an article can be in fen, whoever it is for. Raises NoEdition."""
    lines = edition.part("credits", month_start(month))["lines"] if edition.has("credits") else []
    found = set()
    for line in lines:
        if (line["article"], line["source"]) == (article, source):
            if "amount" in line:
                found.add(fen(line["amount"]))
            elif "ratio" in line:
                found.add(round_half_up(base * millionths(line["ratio"]), UNIT))
    return found


def may_hold(edition: Edition, *, person_class: str, plan: str, on: date) -> bool:
    """Whether members of a class and plan have an account at all; a plan that is not said stands against nobody."""
    lines = edition.part("credits", on)["lines"] if edition.has("credits") else []
    return any(_for(line, person_class, plan) or (not plan and _named(line, person_class, "")) for line in lines)


def _named(line: Tree, person_class: str, plan: str) -> bool:
    return any(name in _listed(line["classes"]) for name in names_of(person_class, plan))


def _for(line: Tree, person_class: str, plan: str) -> bool:
    """Whether a line is for a class and plan. Who is in the pooled fund only has none (KF 16, ZJ 13), unless named."""
    if not _named(line, person_class, plan):
        return False
    if "plan" in line:
        return plan in _listed(line["plan"])
    return plan != POOLED_ONLY or POOLED_ONLY in _listed(line["classes"])


def _none(refusal: Refusal, steps: list[Step] | None) -> Credit:
    if steps is not None:
        steps.append(Step("credit", refusal.article, refusal.reason, dict(refusal.params), 0))
    return Credit(0, "", refusal.article, refusal)


# Men at 60, women at 50 or 55 by their post (国发〔1978〕104号); since 2025 up to five years later, by months.
_RETIREMENT_AGES = {"1": (60, 60), "2": (50, 55)}
_LATER_SINCE, _LATER_BY = date(2025, 1, 1), 5

Between = tuple[date | None, date | None]


def retirement_age_between(birth: date | None, sex: str) -> Between:
    """The first and the last day on which the statutory retirement age can have been reached."""
    if birth is None:
        return None, None
    youngest, oldest = _RETIREMENT_AGES.get(sex, (50, 60))
    last = add_years(birth, oldest)
    return add_years(birth, youngest), last if last < _LATER_SINCE else add_years(last, _LATER_BY)


def _line(
    tree: Tree, person_class: str, plan: str, birth: date | None, reached: Between, month: str
) -> Tree | Refusal | None:
    """The first line that fits; a refusal where an age decides and its day is unknown."""
    line: Tree
    for line in tree["lines"]:
        if not _for(line, person_class, plan):
            continue
        if "age_from" in line or "age_below" in line:
            if birth is None:
                return Refusal("fact_missing", line["article"], {"fact": "birth"})
            counts = tree.get("age_counts", "birthday_month")
            if "age_from" in line and not _reached(birth, line["age_from"], month, counts):
                continue
            if "age_below" in line and _reached(birth, line["age_below"], month, counts):
                continue
        if "age_reached_before" in line:
            first, last = reached
            if first is not None and first >= line["age_reached_before"]:
                continue
            if last is None or last >= line["age_reached_before"]:
                return Refusal("fact_missing", line["article"], {"fact": "reached_age_on"})
        return line
    return None


def _reached(birth: date, age: int, month: str, counts: str) -> bool:
    """Whether an age counts as reached in a month: from the birthday's month, or from the next (CQ-2)."""
    birthday = add_years(birth, age)
    if counts == "next_month":
        return next_month_start(birthday) <= month_start(month)
    return birthday <= month_end(month)


def _stopped(tree: Tree, line: Tree, *, in_benefit: bool, paid: bool, made_up: bool) -> Refusal | None:
    if made_up:
        reading = tree.get("made_up", "own_share")
        if reading == "full" or (reading == "own_share" and line["source"] == "contribution"):
            return None
        return Refusal("arrears_no_credit", tree["follows_article"])
    # A retired member pays no premium: what the pool credits follows the benefit in every city.
    if tree["follows"] == "benefit_period" or line["source"] == "pool":
        return None if in_benefit else Refusal("benefit_stopped", tree["follows_article"])
    return None if paid else Refusal("premium_unpaid", tree["follows_article"])


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
