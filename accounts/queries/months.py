"""Which accounting months take no journal any more."""

import datetime

from accounts.models import ClosedMonth


def closed_months(area_id: str) -> frozenset[datetime.date]:
    """The first days of an area's closed months."""
    return frozenset(ClosedMonth.objects.filter(area=area_id).values_list("month", flat=True))
