"""Monthly credits by edition: what rests on one, and what lies on the days of another."""

import datetime

from accounts.models import Credit
from bureau.models import Edition


def credits_within(area_id: str, scheme: str, first: datetime.date, last: datetime.date | None) -> int:
    """Credits of the months of these days."""
    credits = Credit.objects.filter(account__area=area_id, edition__scheme=scheme, month__gte=first.replace(day=1))
    return (credits.filter(month__lte=last) if last else credits).count()


def credits_under(edition: Edition) -> int:
    return Credit.objects.filter(account__area=edition.area_id, edition=edition).count()
