"""An employer registered at the desk, the headings of rosters, and what a run gives to keep."""

import csv
import io

from openpyxl import load_workbook

from bureau.models import AuditEntry
from members.models import Employer
from settlement.models import Line
from tests.admin.conftest import NOW


def rows_of(response) -> list[list[str]]:
    assert response.status_code == 200 and "attachment" in response.headers["Content-Disposition"]
    return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))


def test_an_employer_is_registered_once_with_its_entry_in_the_trail(city, staff, browse):
    client = browse(staff["clerk"])
    url = "/admin/members/employer/act/employer.register/"
    asked = {"code": "D009", "name": "源城二厂", "area": city.area.pk}
    answer = client.post(url, asked)
    assert answer.status_code == 302, answer.context["form"].errors
    employer = Employer.objects.get(code="D009")
    assert (employer.name, employer.area_id) == ("源城二厂", city.area.pk)
    entry = AuditEntry.objects.get(action="employer.register")
    assert (entry.actor, entry.record_id) == (staff["clerk"], str(employer.pk))
    again = client.post(url, asked | {"name": "另一名称"})
    assert again.status_code == 200 and again.context["form"].errors
    assert Employer.objects.get(code="D009").name == "源城二厂"
    assert AuditEntry.objects.filter(action="employer.register").count() == 1


def test_headings_of_a_roster_are_shown_and_kept_as_a_file(city, staff, browse):
    client = browse(staff["clerk"])
    url = "/admin/bureau/upload/act/upload.header/"
    [panel] = client.get(url, {"kind": "employers"}).context["panels"]
    shown = [row[0].text for row in panel.rows]
    assert shown[:2] == ["单位编号", "单位名称"]
    assert rows_of(client.get(url, {"kind": "employers", "_file": "1"})) == [shown]


def test_a_run_gives_its_lines_and_once_paid_its_orders_as_files(full_city, staff, browse):
    from settlement.services.runs.approval import approve_run
    from settlement.services.runs.payment import pay_run

    run = full_city["run"]
    page = f"/admin/settlement/run/{run.pk}/act"
    [line] = Line.objects.filter(run=run)
    client = browse(staff["finance"])
    told = client.get(f"{page}/run.statement/", {"_file": "1"})
    cells = [cell for row in load_workbook(io.BytesIO(told.content)).active.iter_rows(values_only=True) for cell in row]
    assert full_city["centre"].name in cells and float(line.to_pay) in cells
    run.refresh_from_db()
    approve_run(run=run, actor=staff["reviewer"], now=NOW)
    run.refresh_from_db()
    pay_run(run=run, actor=staff["finance"], now=NOW)
    _head, *rows = rows_of(client.get(f"{page}/run.file/", {"_file": "1", "format": "csv"}))
    [order] = [row for row in rows if any(full_city["centre"].name in cell for cell in row)]
    assert f"{line.to_pay:.2f}" in order
