"""What every room's screens are made of: the stock admin, in which nothing is written but by a service."""

from bureau.site.acts import Act, Answer, Report, is_status
from bureau.site.filters import YearFilter
from bureau.site.forms import (
    ActForm,
    KeyField,
    MonthField,
    ReasonForm,
    WhyReturnedForm,
    form_of,
    money_field,
    pick,
    reason_field,
    when,
    year_field,
)
from bureau.site.records import Records, extend, facts, money
from bureau.site.sections import Panel, Section, link

__all__ = [
    "Act",
    "ActForm",
    "Answer",
    "KeyField",
    "MonthField",
    "Panel",
    "ReasonForm",
    "Records",
    "Report",
    "Section",
    "WhyReturnedForm",
    "YearFilter",
    "extend",
    "facts",
    "form_of",
    "is_status",
    "link",
    "money",
    "money_field",
    "pick",
    "reason_field",
    "when",
    "year_field",
]
