"""Registers what the house itself keeps; Django looks for it here."""

from bureau.areas import admin as areas  # noqa: F401
from bureau.audit import admin as audit  # noqa: F401
from bureau.editions.admin import editions, figures  # noqa: F401
from bureau.jobs import admin as jobs  # noqa: F401
from bureau.jobs import schedule_admin  # noqa: F401
from bureau.rosters import admin as rosters  # noqa: F401
from bureau.site.exports import admin as exports  # noqa: F401
from bureau.staff import admin as staff  # noqa: F401
