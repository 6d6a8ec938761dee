"""Figures that a bureau publishes: entered by one person, confirmed by another, then never changed."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.areas.models import Area
from bureau.editions.models import PublishedFigure
from bureau.editions.rulebook import rulebook
from bureau.errors import DomainError, RefusedError
from bureau.rules.errors import Refusal
from bureau.rules.format import edition as rules
from bureau.rules.money import fen
from bureau.staff import reach
from bureau.staff.models import Staff
from bureau.steps import mark_step, require_step, take_step


def enter_figure(
    *,
    area: Area,
    code: str,
    year: int,
    value: Decimal,
    document: str,
    actor: Staff,
    now: datetime.datetime,
) -> PublishedFigure:
    """Write down a figure (yuan) of a year; it counts once another person has confirmed it.

    The same figure again changes nothing; one that is not confirmed may be entered anew. Refused: a figure that
    no edition of the area asks for, a value that breaks the edition's formula, a figure that is confirmed.
    """
    reach.require_whole(actor.reach, area.pk)
    if not document.strip():
        raise DomainError(_("Name the document that publishes the figure."), field="document")
    try:
        amount = fen(value)
    except ValueError:
        raise DomainError(_("Enter yuan with at most two decimals."), field="value") from None
    if amount < 0 or (amount == 0 and not _may_be_zero(area.pk, code)):
        raise DomainError(_("The figure must be above zero."), field="value")
    with transaction.atomic():
        Area.objects.select_for_update(no_key=True).get(pk=area.pk)
        known = PublishedFigure.objects.filter(area=area, code=code, year=year).first()
        if known is not None:
            if (fen(known.value), known.document) == (amount, document):
                return known
            require_step(known, "figure.enter", actor, year=year)
        _check(area, code, year, amount, confirmed_only=False)
        before = str(known.value) if known is not None else None
        figure = known or PublishedFigure(area=area, code=code, year=year)
        fields = mark_step(figure, "figure.enter", actor, now, value=value, document=document)
        figure.save(update_fields=fields if known is not None else None)
        audit.record(
            "figure.enter",
            actor=actor,
            now=now,
            subject=figure,
            code=code,
            year=year,
            value=str(value),
            document=document,
            before=before,
        )
    return figure


def confirm_figure(*, figure: PublishedFigure, actor: Staff, now: datetime.datetime) -> PublishedFigure:
    """Put a figure in force. Refused: the person who entered it, and a value that breaks the edition's formula."""
    reach.require_whole(actor.reach, figure.area_id)
    with transaction.atomic():
        Area.objects.select_for_update(no_key=True).get(pk=figure.area_id)
        figure = PublishedFigure.objects.select_for_update(no_key=True).get(pk=figure.pk)
        if figure.confirmed_at is not None:
            return figure
        require_step(figure, "figure.confirm", actor)
        _check(figure.area, figure.code, figure.year, fen(figure.value), confirmed_only=True)
        take_step(figure, "figure.confirm", actor, now)
        audit.record(
            "figure.confirm",
            actor=actor,
            now=now,
            subject=figure,
            code=figure.code,
            year=figure.year,
            value=str(figure.value),
        )
    return figure


def figures(area_id: str, on: datetime.date) -> dict[str, int]:
    """The confirmed figures, in fen, that count on a day under the editions in force: code → amount.

    A figure of each year is that of the year the edition points to (`years_back`), never another's; one that is
    published now and then is the latest up to that year.
    """
    published = _published(area_id, confirmed_only=True)
    found = {}
    for edition in rulebook(area_id).editions:
        if edition.in_force(on) or any(edition.in_force(on, part) for part in PARTS):
            for code, figure in edition.figures.items():
                amount = _of_year(published, figure, figure.year_for(on))
                if amount is not None:
                    found.setdefault(code, amount)
    return found


def named(refusal: Refusal, edition: rules.Edition, on: datetime.date) -> Refusal:
    """A refusal for want of a published figure, with its label and year in place of its code; others as they are."""
    figure = edition.figures.get(refusal.params.get("figure") or refusal.params.get("fact", ""))
    if figure is None:
        return refusal
    told = gettext("%(figure)s of %(year)d") % {"figure": figure.label, "year": figure.year_for(on)}
    return Refusal("figure_missing", refusal.article or figure.article, {"figure": told})


@dataclass(frozen=True)
class Missing:
    """A figure of a year that editions need and that is not confirmed; `entered`: it waits for a second person."""

    code: str
    label: str
    article: str
    year: int
    needed_in: tuple[int, ...]
    entered: bool


def missing_figures(area_id: str, on: datetime.date) -> list[Missing]:
    """What the editions of this year and the next need of published figures and is not confirmed.

    Optional figures are left out, and those to which an edition does not refer in a year although it does in others.
    """
    entered = _published(area_id, confirmed_only=False)
    confirmed = _published(area_id, confirmed_only=True)
    found: dict[tuple[str, int], Missing] = {}
    for needed_in in (on.year, on.year + 1):
        for edition in rulebook(area_id).editions:
            for figure in _needed(edition, needed_in):
                year = needed_in - figure.years_back
                if _of_year(confirmed, figure, year) is not None:
                    continue
                known = found.get((figure.code, year))
                found[figure.code, year] = Missing(
                    code=figure.code,
                    label=figure.label,
                    article=figure.article,
                    year=year,
                    needed_in=tuple(sorted({needed_in, *(known.needed_in if known else ())})),
                    entered=_of_year(entered, figure, year) is not None,
                )
    return sorted(found.values(), key=lambda one: (one.year, one.code))


def _needed(edition: rules.Edition, year: int) -> list[rules.Figure]:
    first, last = datetime.date(year, 1, 1), datetime.date(year, 12, 31)
    days = [day for day in (first, *edition.days_of_change()) if first <= day <= last]
    days = [day for day in days if any(edition.in_force(day, part) for part in ("", *PARTS))]
    if not days:
        return []
    anywhere = set(_references(edition.whole()))
    in_year = {code for day in days for code in _references(edition.at(day))}
    needed = {
        figure.code
        for figure in edition.figures.values()
        if not figure.optional and (figure.code in in_year or figure.code not in anywhere)
    }
    bases = {edition.figures[code].of for code in needed if edition.figures[code].of}
    # A base that nothing else refers to is needed only with the figure that is held against it.
    only_bases = {figure.of for figure in edition.figures.values() if figure.of} - in_year - bases
    return [edition.figures[code] for code in sorted((needed | bases) - only_bases)]


def _references(node: Any) -> Iterator[str]:
    """The figures to which the values of a rulebook refer."""
    if isinstance(node, dict):
        for name in ("figure", "of"):
            if isinstance(node.get(name), str):
                yield node[name]
        for key, value in node.items():
            if key != "figures":
                yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)


PARTS = ("benefits", "credits", "account", "selection", "provider")

Published = dict[tuple[str, int], int]


def _published(area_id: str, *, confirmed_only: bool) -> Published:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT code, year, (value * 100)::bigint FROM bureau_publishedfigure
            WHERE area_id = %s AND (confirmed_at IS NOT NULL OR NOT %s)
            """,
            [area_id, confirmed_only],
        )
        return {(code, year): amount for code, year, amount in cursor}


def _of_year(published: Published, figure: rules.Figure, year: int) -> int | None:
    if figure.per_year:
        return published.get((figure.code, year))
    years = [known for code, known in published if code == figure.code and known <= year]
    return published[figure.code, max(years)] if years else None


def _may_be_zero(area_id: str, code: str) -> bool:
    editions = rulebook(area_id).editions
    return any(edition.figures[code].zero for edition in editions if code in edition.figures)


def _check(area: Area, code: str, year: int, amount: int, *, confirmed_only: bool) -> None:
    """Hold a figure against the formula of every edition that asks for it in the year it counts in."""
    editions = [edition for edition in rulebook(area.pk).editions if code in edition.figures]
    if not editions:
        raise DomainError(
            _("No edition of %(area)s asks for the figure “%(code)s”."), field="code", area=area.name, code=code
        )
    published = _published(area.pk, confirmed_only=confirmed_only)
    for edition in editions:
        figure = edition.figures[code]
        counts_in = year + figure.years_back
        first, last = datetime.date(counts_in, 1, 1), datetime.date(counts_in, 12, 31)
        if not any(_meets(edition, part, first, last) for part in ("", *PARTS)):
            continue
        known = {}
        if figure.of:
            base = edition.figures[figure.of]
            base_year = counts_in - base.years_back
            base_amount = _of_year(published, base, base_year)
            if base_amount is None:
                raise DomainError(
                    _("First “%(base)s” of %(year)d must be entered and confirmed: this figure is held against it."),
                    field="value",
                    base=base.label,
                    year=base_year,
                )
            known[figure.of] = base_amount
        refusal = edition.check_figure(code, amount, known).refusal
        if refusal is not None:
            raise RefusedError(refusal, field="value")


def _meets(edition: rules.Edition, part: str, first: datetime.date, last: datetime.date) -> bool:
    """Whether an edition is in force on some day of a year: at its ends or from a day within it."""
    return edition.in_force(first, part) or edition.in_force(last, part) or first <= edition.starts_on <= last
