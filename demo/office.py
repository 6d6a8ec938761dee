"""How the office begins: the edition, the institutions, the figures of a year."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext as _

from bureau.models import County
from bureau.rules import edition as rules
from bureau.services.edition_life import load_edition
from bureau.services.figures import confirm_figure, enter_figure
from demo import files
from demo.acts import Stage
from demo.places import Places
from institutions.services.places import designate, register_institution

RULEBOOK = "heyuan"
# Invented, and said to be so where they are entered: the city publishes its own.
AVERAGE_WAGE = {2023: Decimal("85320.00"), 2024: Decimal("88560.00"), 2025: Decimal("91200.00")}
YEARLY_CAP = {2025: Decimal("1720.00"), 2026: Decimal("1800.00"), 2027: Decimal("1850.00")}
INVENTED = "演示数据（虚构）"


def texts() -> dict[str, str]:
    """The rulebook's files, by name."""
    return {path.name: path.read_text("utf-8") for path in sorted((rules.RULEBOOKS / RULEBOOK).glob("*.toml"))}


def found(stage: Stage, places: Places) -> None:
    """Load the rules, then the institutions; the clearing body is registered by hand."""
    office, now = stage.office, stage.at(8)
    edition = load_edition(texts=texts(), area=office.area, actor=office.clerk, approver=office.reviewer, now=now)
    stage.say(_("Policy edition %(edition)s loaded"), edition=edition)
    publish(stage, 2025)
    clearing = places.clearing
    others = [place for place in places.all if place is not clearing]
    stage.load("institutions", "定点医药机构名册.csv", files.institutions(others, office.area.pk).csv())
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
    designate(institution=body, starts_on=stage.day.replace(month=1, day=1), actor=office.clerk, now=now)


def publish(stage: Stage, year: int) -> None:
    """The figures of a year: entered by the clerk, confirmed by the reviewer."""
    for code, figure_year, value in (
        ("average_wage", year - 2, AVERAGE_WAGE[year - 2]),
        ("yearly_cap", year, YEARLY_CAP[year]),
    ):
        figure = enter_figure(
            area=stage.area,
            code=code,
            year=figure_year,
            value=value,
            document=INVENTED,
            actor=stage.office.clerk,
            now=stage.at(10),
        )
        confirm_figure(figure=figure, actor=stage.office.reviewer, now=stage.at(15))
        stage.say(_("%(code)s of %(year)d: %(value)s (invented)"), code=code, year=figure_year, value=value)
