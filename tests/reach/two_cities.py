"""Two areas with two agencies each, and in each agency a row of every model: whatever leaks is found by its mark.

The rows are no city's life. Guards stand aside while they are written, so that a model of tomorrow has its row as well.
"""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache

from django.apps import apps
from django.contrib import admin
from django.db import connection, models

OWN_APPS = ("bureau", "members", "institutions", "accounts", "settlement")
NOW = datetime(2026, 3, 16, 2, 0, tzinfo=UTC)
NAMED = ("area", "county")  # foreign keys that tie a row to a place, filled in though they may be empty

GUARDS_ASIDE = """
DO $$ DECLARE t record; BEGIN
    FOR t IN SELECT oid::regclass AS name FROM pg_class
             WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', t.name);
    END LOOP;
    FOR t IN SELECT conrelid::regclass AS name, conname FROM pg_constraint
             WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'x') AND conrelid <> 0 LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', t.name, t.conname);
    END LOOP;
END $$
"""

_numbers = itertools.count(1)


@dataclass
class Agency:
    """One agency of an area. Texts of its rows bear `mark`, of what only the agency reads `secret`."""

    name: str
    area: models.Model
    county: models.Model
    officer: models.Model  # of the whole area: who did what the rows tell
    rows: dict[type[models.Model], models.Model] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        return f"ZX{self.name}"

    @property
    def secret(self) -> str:
        return f"ZQ{self.name}"


@dataclass
class Cities:
    a1: Agency
    a2: Agency
    b1: Agency
    b2: Agency

    def __iter__(self):
        return iter((self.a1, self.a2, self.b1, self.b2))


def all_models() -> list[type[models.Model]]:
    return [model for label in OWN_APPS for model in apps.get_app_config(label).get_models()]


def two_cities(owned: set[str]) -> Cities:
    """`owned`: labels of the models whose rows only their own agency reads."""
    from bureau.models import Area, County, Staff

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(GUARDS_ASIDE)
    made = []
    for letter, code in (("A", "990700"), ("B", "880600")):
        area = Area.objects.create(code=code, name=f"ZX{letter}0")
        officer = Staff.objects.create(username=f"ZX{letter}0officer", is_staff=True, area=area)
        for number in (1, 2):
            name = f"{letter}{number}"
            county = County.objects.create(code=f"{code[:4]}{number}{number}", area=area, name=f"ZX{name}")
            made.append(Agency(name, area, county, officer))
    for agency in made:
        clerk = Staff.objects.create(
            username=f"{agency.secret}clerk", first_name=f"{agency.secret}clerk", area=agency.area,
            county=agency.county, is_staff=True,
        )  # fmt: skip
        agency.rows |= {Area: agency.area, County: agency.county, Staff: clerk}
        for model in all_models():
            row_of(model, agency, owned)
    return Cities(*made)


def row_of(model: type[models.Model], agency: Agency, owned: set[str]) -> models.Model:
    """The agency's row of a model, made with all that it needs."""
    if model not in agency.rows:
        said = dict(OTHERWISE.get(model._meta.label_lower, lambda agency: {})(agency))
        for one in model._meta.concrete_fields:
            if one.name in said or (one.primary_key and isinstance(one, models.AutoField)):
                continue
            if (one.null or one.has_default()) and one.name not in NAMED:
                continue
            said[one.name] = _value(one, model, agency, owned)
        said = {
            name: row_of(value, agency, owned) if isinstance(value, type) else value for name, value in said.items()
        }
        agency.rows[model] = model(**said)
        agency.rows[model].save(force_insert=True)
    return agency.rows[model]


def _value(one: models.Field, model: type[models.Model], agency: Agency, owned: set[str]):
    from bureau.models import Staff

    number = next(_numbers)
    if isinstance(one, models.ForeignKey):
        target = one.related_model
        return agency.officer if target is Staff else row_of(target, agency, owned)
    if one.choices:
        return one.choices[0][0]
    if isinstance(one, models.CharField | models.TextField):
        mark = agency.secret if model._meta.label_lower in owned else agency.mark
        return f"{mark}{number}"[: one.max_length]
    if isinstance(one, models.DateTimeField):
        return NOW + timedelta(minutes=number)
    if isinstance(one, models.DateField):
        return date(2026, 1, 1) + timedelta(days=number % 70)
    if isinstance(one, models.DecimalField):
        return Decimal(number % 100) / 10
    if isinstance(one, models.BinaryField):
        return number.to_bytes(32, "big")
    if isinstance(one, models.JSONField):
        return {}
    if isinstance(one, models.BooleanField):
        return False
    return number


def _job_actor(agency: Agency):
    from bureau.models import Staff

    return agency.rows[Staff]


@cache
def _texts() -> dict[str, str]:
    from bureau.rules.format.edition import RULEBOOKS

    return {path.name: path.read_text("utf-8") for path in sorted((RULEBOOKS / "heyuan").glob("*.toml"))}


# What a row needs to be the agency's, or to be shown at all.
OTHERWISE = {
    "bureau.upload": lambda agency: {
        "uploaded_by": _job_actor(agency), "rejected": 1,
        "kind": "employers",
    },
    "bureau.job": lambda agency: {"actor": _job_actor(agency), "kind": "check_books"},
    "bureau.edition": lambda agency: {"texts": _texts(), "choices": {}},
    "bureau.chunk": lambda agency: {"problem": agency.secret},
    "bureau.auditentry": lambda agency: {
        "action": "run.pay", "record_type": "settlement.run", "record_id": agency.secret,
        "detail": {"x": agency.secret},
    },
    "members.enrolment": lambda agency: {"starts_on": date(2025, 1, 1)},
    "settlement.invoice": lambda agency: {"visit": apps.get_model("settlement.visit")},
    "settlement.run": lambda agency: {"note": agency.secret, "status": "paid"},
    "settlement.monthlyreturn": lambda agency: {"note": agency.secret},
    "institutions.accountchange": lambda agency: {"note": agency.secret},
}  # fmt: skip


def registered() -> list[type[models.Model]]:
    """The house's own models that have pages."""
    return [model for model in all_models() if admin.site.is_registered(model)]
