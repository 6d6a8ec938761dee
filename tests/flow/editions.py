"""A document of July 2026 that follows Heyuan's, and its way through the office."""

from datetime import UTC, date, datetime
from decimal import Decimal

from bureau.editions.life import (
    approve_edition,
    draft_edition,
    submit_edition,
)
from bureau.editions.rulebook import rulebook
from bureau.models import Area, Edition, Staff
from bureau.rules.format.edition import RULEBOOKS
from settlement.models import Visit
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.settling import settle_visit

NOW = datetime(2026, 6, 10, 2, 0, tzinfo=UTC)
JULY = date(2026, 7, 1)
NOTE = "已核对"


def work_in(area: Area, *staff: Staff) -> None:
    """Let these people work in another area."""
    for one in staff:
        one.area = area
        one.save()


def heyuan(**changes: str) -> dict[str, str]:
    """The texts of Heyuan without their examples, with some passages replaced; each must be there."""
    text = (RULEBOOKS / "heyuan" / "2025-27.toml").read_text("utf-8").partition("[[examples]]")[0]
    return {"new.toml": replaced(text, changes)}


def replaced(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


SUCCESSOR = {
    "河府〔2025〕27号": "河府〔2026〕9号",
    "starts_on = 2025-08-01": "starts_on = 2026-07-01",
    "starts_on = 2025-01-01              # ": "starts_on = 2026-07-01    # ",
    'level = 3, ratio = 0.55 }': 'level = 3, ratio = 0.65 }',
}  # fmt: skip


def successor(**changes: str) -> dict[str, str]:
    """A document of July 2026 by which level 3 pays 65 % instead of 55 %."""
    [(name, text)] = heyuan().items()
    return {name: replaced(replaced(text, SUCCESSOR), changes)}


def draft(city, texts, **more) -> Edition:
    return draft_edition(texts=texts, area=city.area, actor=city.clerk, now=NOW, **more)


def approved(city, texts=None, *, edition=None, replay=False) -> Edition:
    edition = edition or draft(city, texts)
    edition = submit_edition(edition=edition, actor=city.clerk, now=NOW)
    return approve_edition(edition=edition, note=NOTE, replay=replay, actor=city.reviewer, now=NOW)


def in_force(city, on: date) -> str:
    return rulebook(city.area.pk).on(city.area.pk, "310", on).document


def settle(city, where, person, on: date, total: str = "100.00", now: datetime | None = None) -> Visit:
    request = VisitRequest(
        institution_id=where.pk,
        key=f"{on}-{total}",
        member_id=person.pk,
        encounter=f"{on}",
        care_on=on,
        total=Decimal(total),
        credential="03",
    )
    return settle_visit(request, actor=city.clerk, now=now or datetime(on.year, on.month, on.day, 4, 0, tzinfo=UTC))


def stored() -> tuple:
    return tuple(Visit.objects.order_by("pk").values_list()), tuple(Edition.objects.order_by("pk").values_list())
