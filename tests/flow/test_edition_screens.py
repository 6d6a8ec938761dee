"""An officer's way: upload, read the report, submit; another approves. And the figures that are missing."""

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from bureau.editions.rulebook import rulebook
from bureau.models import Edition
from tests.flow.editions import JULY, successor
from tests.flow.test_edition_life import CASES
from tests.settlement import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def june(monkeypatch):
    monkeypatch.setenv("GONGJI_TODAY", "2026-06-10")


@pytest.fixture
def city():
    return factories.heyuan()


def signed_in(staff, role: str) -> Client:
    staff.is_staff = True
    staff.save()
    staff.groups.set([Group.objects.get(name=role)])
    client = Client()
    client.force_login(staff)
    client.cookies["gongji_language"] = "en"
    return client


@pytest.fixture
def clerk(city):
    return signed_in(city.clerk, "clerk")


@pytest.fixture
def reviewer(city):
    return signed_in(city.reviewer, "reviewer")


def page(edition: Edition, act: str) -> str:
    return reverse("admin:bureau_edition_act", args=[edition.pk, act])


def upload(client, city, texts):
    files = [SimpleUploadedFile(name, text.encode()) for name, text in texts.items()]
    url = reverse("admin:bureau_edition_list_act", args=["edition.draft"])
    return client.post(url, {"area": city.area.pk, "texts": files}, follow=True)


def test_edition_goes_from_upload_to_approval(city, clerk, reviewer):
    answer = upload(clerk, city, successor())
    edition = Edition.objects.get(status="draft")
    assert answer.redirect_chain[-1][0].endswith(f"/bureau/edition/{edition.pk}/change/")
    report = clerk.get(page(edition, "edition.report")).content.decode()
    assert "55% becomes 65%" in report
    assert "国办发〔2021〕14号" in report
    assert clerk.post(page(edition, "edition.approve")).status_code == 403
    clerk.post(page(edition, "edition.submit"))
    edition.refresh_from_db()
    assert (edition.status, edition.submitted_by) == ("submitted", city.clerk)
    shown = reviewer.post(page(edition, "edition.approve"), {"note": "已核对"})
    assert "55% becomes 65%" in shown.content.decode()
    edition.refresh_from_db()
    assert edition.status == "submitted"
    reviewer.post(page(edition, "edition.approve"), {"note": "已核对", "_shown": shown.context["shown"]})
    edition.refresh_from_db()
    assert (edition.status, edition.approved_by, edition.note) == ("approved", city.reviewer, "已核对")
    assert rulebook(city.area.pk).on(city.area.pk, "310", JULY).document == "河府〔2026〕9号"
    assert "has no effect" not in clerk.get(page(edition, "edition.report")).content.decode()


def test_unfit_files_are_shown_as_a_table_and_not_stored(city, clerk):
    texts = successor(**{"level = 2, ratio = 0.60 }": "level = 2, ratio = 1.7 }"})
    said = upload(clerk, city, texts).content.decode()
    assert "benefits terms ratio rows #2" in said
    assert "write a ratio between 0 and 1" in said
    assert Edition.objects.count() == 1


def test_files_that_are_no_texts_are_refused_at_the_field(city, clerk):
    url = reverse("admin:bureau_edition_list_act", args=["edition.draft"])
    answer = clerk.post(url, {"area": city.area.pk, "texts": [SimpleUploadedFile("a.toml", b"\xff\xff")]})
    assert "a.toml is not a text in UTF-8." in answer.content.decode()


def test_another_reading_is_chosen_on_the_screen(city, clerk):
    form = clerk.get(page(city.edition, "edition.readings"))
    assert "每次就诊纳入支付的费用" in form.content.decode()
    data = {name: switch.chosen for name, switch in rulebook(city.area.pk).editions[0].switches.items()}
    data |= {"visit_cap": "cost_per_encounter", "starts_on": "2026-07-01"}
    clerk.post(page(city.edition, "edition.readings"), data)
    draft = Edition.objects.get(status="draft")
    assert (draft.starts_on, draft.choices["visit_cap"]) == (JULY, "cost_per_encounter")


def test_case_file_is_answered_with_what_differs(city, clerk):
    files = {"cases": SimpleUploadedFile("cases.yaml", CASES.encode())}
    said = clerk.post(page(city.edition, "edition.cases"), files).content.decode()
    assert "1 of 2 cases passed." in said
    assert "expected &#x27;0.50&#x27;, got &#x27;1.00&#x27;" in said


TEXT = """河府〔2025〕27号
第四条 起付标准为0元,支付比例为70%,
"""


def test_numbers_are_held_against_an_uploaded_text(city, clerk):
    files = {"documents": SimpleUploadedFile("text.txt", TEXT.encode())}
    said = clerk.post(page(city.edition, "edition.citations"), files).content.decode()
    assert "Numbers that the texts do not give" in said
    assert "benefits terms visit_cap rows" in said


def test_missing_figures_are_listed(city, clerk, monkeypatch):
    monkeypatch.setenv("GONGJI_TODAY", "2027-11-01")
    url = reverse("admin:bureau_publishedfigure_list_act", args=["figure.missing"])
    said = clerk.get(url).content.decode()
    assert "普通门诊统筹年度最高支付限额" in said
    assert "2028" in said
