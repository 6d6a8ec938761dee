"""How the office begins: the edition, the institutions, the figures of a year."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from bureau.editions.figures import confirm_figure, enter_figure
from bureau.editions.life import load_edition
from bureau.models import County
from demo import files
from demo.acts import Stage
from demo.places import Places
from demo.profile import Figure
from institutions.services.places import designate, register_institution

INVENTED = "演示数据（虚构）"


def found(stage: Stage, places: Places) -> None:
    """Load the rules, then the institutions; the clearing body is registered by hand."""
    office, profile, now = stage.office, stage.profile, stage.at(8)
    edition = load_edition(
        texts=profile.texts, area=office.area, actor=office.clerk, approver=office.reviewer, now=now
    )
    stage.say(_("Policy edition %(edition)s loaded"), edition=edition)
    since = date(stage.day.year, 1, 1)
    clearing = places.clearing
    others = [place for place in places.all if place is not clearing]
    stage.load("institutions", "定点医药机构名册.csv", files.institutions(others, profile, since).csv())
    body = register_institution(
        code=clearing.code,
        name=clearing.name,
        kind="clearing",
        area=office.area,
        county=County.objects.get(pk=clearing.county),
        bank_name=clearing.bank,
        bank_account=clearing.account,
        account_name=clearing.name,
        actor=office.clerk,
        now=now,
    )
    designate(institution=body, starts_on=since, actor=office.clerk, now=now)


def publish(stage: Stage, figure: Figure, members: int) -> None:
    """A figure of a year: entered by the clerk, confirmed by the reviewer."""
    value = figure.value
    if figure.grows:
        value = Decimal(int(value) * members // stage.profile.members)
    entered = enter_figure(
        area=stage.area,
        code=figure.code,
        year=figure.year,
        value=value,
        document=INVENTED,
        actor=stage.office.clerk,
        now=stage.at(10),
    )
    confirm_figure(figure=entered, actor=stage.office.reviewer, now=stage.at(15))
    label = stage.profile.edition.figures[figure.code].label
    stage.say(_("%(label)s of %(year)d: %(value)s (invented)"), label=label, year=figure.year, value=value)
