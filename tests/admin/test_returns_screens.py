"""Monthly returns on screen: entered, reviewed by another, who is late, and the workload of a centre's stations."""

from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils.translation import gettext

from settlement.models import MonthlyReturn
from tests.settlement import factories, history

FEBRUARY = date(2026, 2, 1)
SAID = {
    "scheme": "390", "month": "2026-02", "visits": "2", "total": "60.00", "fund": "42.00", "submitted_on": "2026-03-04",
}  # fmt: skip


@pytest.fixture
def city(db):
    return factories.city_of("shaoguan")


@pytest.fixture
def centre(city):
    """A centre with two stations; in February the centre gave 28.00 and the first station 14.00 to one member."""
    centre = factories.institution(city, "乡镇卫生院")
    stations = [
        factories.institution(city, name, kind="station", level=0, parent=centre) for name in ("东村", "西村")
    ]
    [member] = factories.bare_members(1)
    factories.choose(city, member, centre)
    history.settled(city, centre, member, on=date(2026, 2, 6), fund="28.00")
    history.settled(city, stations[0], member, on=date(2026, 2, 7), fund="14.00", charged=centre, payee=centre)
    return centre


def act(name: str, *, record=None, model="settlement_monthlyreturn") -> str:
    if record is None:
        return reverse(f"admin:{model}_list_act", args=[name])
    return reverse(f"admin:{model}_act", args=[record.pk, name])


def page_of(record) -> str:
    return reverse("admin:settlement_monthlyreturn_change", args=[record.pk])


def enter(client, centre, **other) -> MonthlyReturn:
    answer = client.post(act("return.enter"), {"institution": centre.pk} | SAID | other)
    row = MonthlyReturn.objects.get()
    assert answer.headers["Location"] == page_of(row)
    return row


def panels(response) -> list[tuple[str, list[list]]]:
    return [(panel.title, [[cell.text for cell in row] for row in panel.rows]) for panel in response.context["panels"]]


def test_a_return_is_entered_by_a_clerk_and_accepted_by_a_reviewer(centre, staff, browse):
    form = browse(staff["clerk"]).get(act("return.enter")).context["form"]
    assert (form.initial["month"], form.initial["scheme"]) == (FEBRUARY, "390")
    row = enter(browse(staff["clerk"]), centre, total="42.00")
    assert browse(staff["clerk"]).get(act("return.accept", record=row)).status_code == 403
    assert browse(staff["reviewer"]).post(act("return.enter"), SAID).status_code == 403
    shown = browse(staff["reviewer"]).get(page_of(row))
    (_title, compared), *_history = panels(shown)
    assert [figures[1:] for figures in compared] == [["2", "2"], ["42.00", "42.00"], ["42.00", "42.00"]]
    assert browse(staff["reviewer"]).post(act("return.accept", record=row), {"note": ""}).status_code == 302
    row.refresh_from_db()
    assert (row.status, row.reviewed_by) == ("accepted", staff["reviewer"])


def test_a_return_that_differs_needs_a_note_or_comes_back(centre, staff, browse):
    row = enter(browse(staff["clerk"]), centre)
    page = browse(staff["reviewer"]).post(act("return.accept", record=row), {"note": ""})
    [said] = page.context["form"].errors["note"]
    assert "2" in said and "42.00" in said
    browse(staff["reviewer"]).post(act("return.send_back", record=row), {"note": "总费用不符"})
    row.refresh_from_db()
    assert (row.status, row.note) == ("returned", "总费用不符")
    url = act("return.enter", record=row)
    form = browse(staff["clerk"]).get(url).context["form"]
    assert form.initial["total"] == Decimal("60.00")
    again = {"visits": "2", "total": "42.00", "fund": "42.00", "submitted_on": "2026-03-10"}
    assert browse(staff["clerk"]).post(url, again).status_code == 302
    row.refresh_from_db()
    assert (row.status, row.total, row.reviewed_by, row.note) == ("submitted", Decimal("42.00"), None, "")


def test_a_clerk_of_another_agency_enters_nothing_for_the_centre(city, centre, staff, browse):
    staff["clerk"].county = city.other_county
    staff["clerk"].save()
    answer = browse(staff["clerk"]).post(act("return.enter"), {"institution": centre.pk} | SAID)
    assert list(answer.context["form"].errors) == ["institution"]
    assert not MonthlyReturn.objects.exists()


def test_nobody_reviews_what_they_entered(centre, staff, browse):
    row = enter(browse(staff["everybody"]), centre, total="42.00")
    page = browse(staff["everybody"]).post(act("return.accept", record=row), {"note": ""})
    assert page.status_code == 200 and page.context["form"].errors
    row.refresh_from_db()
    assert (row.status, row.reviewed_by) == ("submitted", None)


def test_the_list_is_cut_to_month_and_status(centre, staff, browse):
    enter(browse(staff["clerk"]), centre)
    url = reverse("admin:settlement_monthlyreturn_changelist")
    for query, count in (("month=2026-02", 1), ("month=2026-01", 0), ("month=x", 1), ("status__exact=accepted", 0)):
        assert browse(staff["clerk"]).get(f"{url}?{query}").context["cl"].result_count == count


def test_who_is_late_is_told_by_agency_with_the_day_it_was_due(city, centre, staff, browse):
    other = factories.institution(city, "另一卫生院", county=city.other_county)
    factories.heads(city, other, 1)
    enter(browse(staff["clerk"]), centre, submitted_on="2026-03-06")
    ask = {"area": city.area.pk, "scheme": "390", "month": "2026-02"}
    answer = browse(staff["clerk"]).get(act("return.late"), ask)
    assert "2026-03-05" in str(answer.context["panels"][0].note)
    assert {title: [row[1:] for row in rows] for title, rows in panels(answer)[1:]} == {
        "源城区": [[centre.code, "2026-03-06", "1"]],
        "东源县": [[other.code, gettext("not received"), "11"]],
    }
    staff["clerk"].county = city.county
    staff["clerk"].save()
    assert [title for title, _rows in panels(browse(staff["clerk"]).get(act("return.late"), ask))[1:]] == ["源城区"]


@pytest.mark.parametrize(("month", "scheme"), [("2026-03", "390"), ("2026-02", "310")])
def test_a_sentence_says_that_none_is_due_yet_or_ever(month, scheme, city, centre, staff, browse):
    ask = {"area": city.area.pk, "scheme": scheme, "month": month}
    [panel] = browse(staff["clerk"]).get(act("return.late"), ask).context["panels"]
    assert not panel.heads and ("2026-04-05" in str(panel.note)) == (scheme == "390")


def test_the_workload_sheet_is_a_page_and_a_file(centre, staff, browse):
    ask = {"scheme": "390", "month": "2026-02"}
    url = act("return.workload", record=centre, model="institutions_institution")
    answer = browse(staff["clerk"]).get(url, ask)
    [panel] = answer.context["panels"]
    assert [[cell.text for cell in row][1:2] + [cell.text for cell in row][3:] for row in panel.rows] == [
        ["乡镇卫生院", "1", "1", "28.00", "28.00", "28.00"],
        ["东村", "1", "1", "14.00", "14.00", "14.00"],
        ["西村", "0", "0", "0.00", "0.00", "0.00"],
    ]
    assert [cell.text for cell in panel.foot][3:] == ["2", "1", "42.00", "42.00", "42.00"]
    file = browse(staff["clerk"]).get(url, ask | {"_file": "1"}).content
    assert file.startswith(b"\xef\xbb\xbf")
    assert file.decode("utf-8-sig").splitlines()[-1] == "合计,,,2,1,42.00,42.00,42.00"


def test_the_sheet_is_reached_from_the_return_and_the_institution(centre, staff, browse):
    row = enter(browse(staff["clerk"]), centre)
    url = act("return.workload", record=row)
    assert url in browse(staff["reviewer"]).get(page_of(row)).content.decode()
    assert browse(staff["reviewer"]).get(url, {"_file": "1"}).content.decode("utf-8-sig").count("\n") == 5
    own = act("return.workload", record=centre, model="institutions_institution")
    for place, offered in ((centre, True), (centre.stations.first(), False)):
        shown = browse(staff["clerk"]).get(reverse("admin:institutions_institution_change", args=[place.pk]))
        assert (own in shown.content.decode()) == offered
