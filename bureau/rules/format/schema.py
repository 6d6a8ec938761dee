"""What a rulebook file may say: one table of keys. The walk that checks a file against it is edition_walk.py.

A key ending in `!` must be there. Any value may also be written as a choice of readings
(`{switch = "name", option = value, …}`, or `{switch = "name"}` where the options' own names are the values)
or, for single values, as a dated list (`[{from = day, to = day, value = …}, …]`); the walk checks every
alternative.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from bureau.rules.citations import formulas
from bureau.rules.errors import REASONS, _

Tree = dict[str, Any]

WINDOWS = ("visit", "institution_day", "day", "month", "quarter", "year", "period")
CHARGES = ("selected_capitation", "fee_for_service", "fund_direct", "pool")


def _number(value: object) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool) and Decimal(value).is_finite()


def _amount(value: object) -> bool:
    return _number(value) and Decimal(value) >= 0 and Decimal(value) * 100 % 1 == 0  # type: ignore[arg-type]


def _factor(value: object) -> bool:
    return _number(value) and Decimal(value) >= 0 and Decimal(value) * 1_000_000 % 1 == 0  # type: ignore[arg-type]


def _texts(value: object) -> bool:
    listed = value if isinstance(value, list) else [value]
    return all(isinstance(item, str) and item for item in listed)


def _levels(value: object) -> bool:
    listed = value if isinstance(value, list) else [value]
    whole = bool(listed) and all(type(item) is int and 0 <= item <= 9 for item in listed)
    return whole and len(set(listed)) == len(listed)


def _limit(value: object) -> bool:
    if isinstance(value, dict):
        keys = set(value)
        return (keys == {"figure"} and isinstance(value["figure"], str)) or (
            keys == {"ratio", "of"} and _factor(value["ratio"]) and isinstance(value["of"], str)
        )
    return _amount(value)


def _formulas(value: object) -> bool:
    if not isinstance(value, list):
        return False
    try:
        parsed = [formulas.parse(item) for item in value]
    except (AttributeError, ValueError):
        return False
    return bool(parsed) and all(formula.value == formula.result for formula in parsed)


def _phrases(value: object) -> bool:
    try:
        return isinstance(value, list) and bool([formulas.phrase(item) for item in value])
    except (AttributeError, ValueError):
        return False


CHECKS: dict[str, tuple[Callable[[object], bool], str]] = {
    "text": (lambda value: isinstance(value, str) and bool(value.strip()), _("write a text in quotes")),
    "texts": (_texts, _("write a text in quotes, or a list of them")),
    "day": (lambda value: type(value) is date, _("write a day as YYYY-MM-DD without quotes")),
    "month day": (
        lambda value: (
            isinstance(value, str) and re.fullmatch(r"(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", value) is not None
        ),
        _('write a month and a day as "MM-DD"'),
    ),
    "count": (lambda value: type(value) is int and 0 <= value <= 1000, _("write a whole number from 0 to 1000")),
    "flag": (lambda value: isinstance(value, bool), _("write true or false")),
    "levels": (_levels, _("write a level from 0 to 9, or a list of them, each once")),
    "amount": (_amount, _("write yuan with at most two decimals, not negative")),
    "limit": (_limit, _('write yuan, {figure = "code"} or {ratio = 0.02, of = "code"}')),
    "ratio": (
        lambda value: _factor(value) and Decimal(value) <= 1,  # type: ignore[arg-type]
        _("write a ratio between 0 and 1 with at most six decimals"),
    ),
    "factor": (_factor, _("write a factor of 0 or more with at most six decimals")),
    "area": (
        lambda value: isinstance(value, str) and re.fullmatch(r"\d{6}", value) is not None,
        _("write the six digits of GB/T 2260 in quotes"),
    ),
    "reason": (lambda value: isinstance(value, str) and value in REASONS, _("write one of the refusal codes")),
    "article": (lambda value: isinstance(value, str) and bool(value), _("write the article in quotes")),
    "formulas": (_formulas, _('write formulas that come out, as in ["75% = 70% + 5%"]')),
    "facts": (lambda value: isinstance(value, dict), _("write a table")),
    "phrases": (_phrases, _('write the number and the words that say it, as in ["0 = 不设起付标准"]')),
}

CONDITIONS: Tree = {
    "level": "levels",
    "person": "texts",
    "plan": "texts",
    "kind": "texts",
    "place": "texts",
    "age_from": "count",
    "age_below": "count",
}
ROW: Tree = CONDITIONS | {"amount": "limit", "ratio": "ratio", "cost": "texts"}
FORMULA: Tree = {"ratio!": "ratio", "of!": "text"}
BANDS: list[Tree] = [{"at_least!": "ratio", "award!": "ratio", "article": "article"}]
SCORES: list[Tree] = [{"at_least!": "count", "ratio!": "ratio"}]

BENEFITS: Tree = {
    "article!": "article",
    "starts_on": "day",
    "costs!": "texts",
    "prices": [{"cost!": "text", "article!": "article", "rows!": [ROW]}],
    "fixed": [{"cost!": "text", "article!": "article", "amount!": "limit"}],
    "terms!": [
        {
            "id!": "text",
            "kind!": "one of deductible|ratio|cap",
            "article!": "article",
            "base": "one of fund|cost",
            "window": "one of " + "|".join(WINDOWS),
            "periods": [{"from!": "day", "to!": "day"}],
            "amount": "limit",
            "ratio": "ratio",
            "rows": [ROW],
            "when": "texts",
            "counts": "texts",
            "code": "reason",
            "ceiling": {"window!": "one of " + "|".join(WINDOWS[3:-1]), "amount!": "limit"},
            "bands": [{"over!": "amount", "ratio!": "ratio"}],
        }
    ],
    "shares!": [
        {
            "fund!": "text",
            "article!": "article",
            "role": "one of pooled|mutual",
            "left": "text",
            "standing": "text",
        }
    ],
}

METHODS: dict[str, Tree] = {
    "capitation": {
        "quota!": "amount",
        "quota_article!": "article",
        "advance!": {
            "article!": "article",
            "ratio!": "ratio",
            "month_quota": "one of roster|january",
            "january": "one of full|decided",
        },
        "year_end!": {
            "article!": "article",
            "bands!": BANDS,
            "usage_test": "one of exact|displayed",
            "others_paid_by": "one of fund|institution",
            "over_article": "article",
        },
        "mixed_year": "one of one_settlement|split",
    },
    "prepaid_capitation": {
        "quota!": "amount",
        "quota_article!": "article",
        "per_insured!": "amount",
        "per_insured_article!": "article",
        "prepay!": {"article!": "article", "ratio!": "ratio"},
        "retention!": {
            "article!": "article",
            "label!": "text",
            "ratio!": "ratio",
            "base": "one of month_fund|paid",
            "scores": SCORES,
        },
        "year_end!": {
            "article!": "article",
            "bands!": BANDS,
            "usage_test": "one of exact|displayed",
            "others_paid_by": "one of fund|institution",
            "over_article": "article",
        },
        "mixed_year": "one of one_settlement|split",
    },
    "pool_share": {
        "budget!": {
            "article!": "article",
            "ratio!": "ratio",
            "contingency!": "ratio",
            "contingency_article!": "article",
        },
        "settlement!": {
            "article!": "article",
            "bonus!": "factor",
            "decision": "one of decided|full",
            "over_article!": "article",
        },
        "retention!": {"article!": "article", "label!": "text", "ratio!": "ratio", "scores": SCORES},
    },
    "fee_for_service": {"total": "text"},  # the figure of a year's total, against which an overrun is reported
}

SCHEMA: Tree = {
    "document!": "text",
    "title!": "text",
    "binds": "text",
    "city!": "text",
    "name!": "text",
    "area!": "area",
    "scheme!": "one of 310|390",
    "starts_on!": "day",
    "valid_years": "count",
    "ends_on": "day",
    "in_force_article": "article",
    "replaces": "text",
    "articles!": {"*": "text"},
    "switches": {
        "*": {
            "reading!": "text",
            "article!": "article",
            "question!": "text",
            "chosen!": "text",
            "options!": {"*": "text"},
        }
    },
    "persons!": {"*": "texts"},
    "figures": [
        {
            "code!": "text",
            "label!": "text",
            "article!": "article",
            "years_back": "count",
            "per_year": "flag",
            "optional": "flag",
            "zero": "flag",
            "floor": FORMULA,
            "equals": FORMULA,
        }
    ],
    "entitlement!": [{"standing!": "text", "refuse!": "reason", "article!": "article"}],
    "places!": [
        {
            "when!": "texts",
            "refuse": "reason",
            "charge": "one of " + "|".join(CHARGES),
            "level": "one of treating|selected",
            "without_level": "one of refuse|unrated",
            "payee": "one of treating|selected",
            "fund": "text",
            "article!": "article",
        }
    ],
    "benefits!": BENEFITS,
    "prescription": {"article!": "article", "weeks!": "count"},  # how long after the visit one may be filled outside
    "newborn": {"article!": "article", "months!": "count", "place!": "texts", "until": "one of paid|listed"},
    "selection": {
        "article!": "article",
        "money_article!": "article",
        "window": {"from!": "month day", "to!": "month day"},
        "roles!": [{"role!": "text", "count!": "count", "kinds": "texts", "capitation": "flag"}],
        "reason_required": "flag",
        "first_in_year": "one of this_month|next_month|full_year",
        "care_after_change": "one of same_day|next_month",
        "after_exit": "one of through_month|before_month",
        "renewal": "one of must_choose|automatic",
        "use_after_change": "one of new|old",
        "stations": "one of together|apart",
        "counts_filed_remote": "flag",
        "counts_suspended": "flag",
    },
    "credits": {
        "article!": "article",
        "starts_on": "day",
        "follows!": "one of benefit_period|premium_months",
        "follows_article!": "article",
        "made_up": "one of own_share|nothing|full",
        "age_counts": "one of birthday_month|next_month",
        "lines!": [
            {
                "classes!": "texts",
                "plan": "texts",
                "age_from": "count",
                "age_below": "count",
                "age_reached_before": "day",
                "ratio": "ratio",
                "amount": "amount",
                "source!": "one of contribution|pool",
                "article!": "article",
            }
        ],
    },
    "account": {
        "article!": "article",
        "starts_on": "day",
        "relations!": "texts",
        "purposes!": [{"purpose!": "text", "article!": "article", "relations": "texts", "retired_only": "flag"}],
        "excluded": [{"purpose!": "text", "article!": "article"}],
        "payouts!": [
            {
                "event!": "text",
                "article!": "article",
                "action!": "one of keep|transfer|bank|bank_or_inherit",
                "on_application": "flag",
            }
        ],
        "payout_covers": "one of balance_of_the_day|later_credits",
    },
    "provider": {"*method": METHODS},
    "examples": [
        {"id!": "text", "note": "text", "kind!": "text", "switches": "facts", "facts!": "facts", "expected!": "facts"}
    ],
}

DATED = ("amount", "limit", "ratio", "factor", "count", "flag")  # what may change from a day on
SECTIONS = ("benefits", "prescription", "newborn", "selection", "credits", "account", "provider")
CHOOSABLE = (*SECTIONS, "entitlement", "places", "persons")
PROVIDER: Tree = {
    "article!": "article",
    "method!": "one of " + "|".join(METHODS),
    "starts_on": "day",
    "returns": {"article!": "article", "due_day!": "count"},  # what institutions report each month
}
CITED: Tree = {"derived": "formulas", "words": "phrases", "declared": "text"}  # of any table; see citations.py
ELEMENT: Tree = {"reading": {"*": "text"}, "starts_on": "day", "ends_on": "day"}  # of any list
