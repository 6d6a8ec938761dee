"""The bureau's clock, read only at the edges: tasks, admin, commands. All else is given the time."""

import datetime
import os
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured

SHANGHAI = ZoneInfo("Asia/Shanghai")


def now() -> datetime.datetime:
    """The time in Shanghai. GONGJI_TODAY=2026-12-31 puts it on that day, at the real time of day."""
    moment = datetime.datetime.now(SHANGHAI)
    stated = os.environ.get("GONGJI_TODAY")
    if not stated:
        return moment
    try:
        day = datetime.date.fromisoformat(stated)
    except ValueError:
        raise ImproperlyConfigured("GONGJI_TODAY must be a day such as 2026-12-31.") from None
    return datetime.datetime.combine(day, moment.timetz())


def today() -> datetime.date:
    return now().date()
