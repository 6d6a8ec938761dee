"""The report of heads that count here while care elsewhere is paid as well (HY-6)."""

from datetime import date

from django.urls import reverse

from bureau.models import Staff
from institutions.models import OutOfAreaRegistration
from tests.settlement import factories

PAGE = reverse("admin:institutions_selection_list_act", args=["selection.double"])


def test_heads_paid_for_twice_are_told_by_institution_and_member(city, staff, browse):
    here = factories.institution(city, "源城社区")
    there = factories.institution(city, "东源卫生院", county=city.other_county)
    for place, first in ((here, date(2026, 11, 1)), (there, date(2026, 7, 1))):
        person = factories.member(city, selected=place)
        OutOfAreaRegistration.objects.create(
            member=person, kind="long_term_resident", destination="440300", starts_on=first
        )
    factories.member(city, selected=here)
    ask = {"area": city.area.pk, "scheme": "310", "year": "2026"}
    by_place, members = browse(staff["clerk"]).get(PAGE, ask).context["panels"]
    told = sorted([cell.text for cell in row][1:] for row in by_place.rows)
    assert told == sorted([[here.code, "1", "2"], [there.code, "1", "6"]])
    assert len(members.rows) == 2

    Staff.objects.filter(pk=staff["clerk"].pk).update(area=city.area, county=city.county)
    agency = Staff.objects.get(pk=staff["clerk"].pk)
    [[only]] = [panel.rows for panel in browse(agency).get(PAGE, ask).context["panels"]][:1]
    assert [cell.text for cell in only][1] == here.code


def test_a_year_without_registrations_says_so(city, staff, browse):
    [panel] = browse(staff["finance"]).get(PAGE, {"area": city.area.pk, "scheme": "310", "year": "2026"}).context[
        "panels"
    ]
    assert panel.note and not panel.rows
