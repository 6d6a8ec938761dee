"""C6, E12: whatever stands in an address or a picker, no page breaks; nobody is dropped from a search without a word; a
full identity number stands in no address and no log."""

import datetime
import io
import logging
import re
from urllib.parse import quote

import pytest
from django import forms
from django.contrib import admin
from django.urls import reverse

from bureau.site import Report
from bureau.staff import reach
from bureau.web.logs import WithoutValues
from tests.admin.conftest import NOW
from tests.admin.test_every_page import acts, places

NUMBER = "11010519491231002X"
HOSTILE = (
    "abc", "\0", "", " ", "-1", "0", "9" * 30, "1e400", "1,2", "None", "'; --", "%s", "2026-02-30", "0000-00-00",
    "9999999-01", "号" * 2000, "٣", "true", "[]", "\ud7ff\U0001f600",
)  # fmt: skip


@pytest.fixture
def everybody(full_city, staff, browse):
    return browse(staff["everybody"])


def broken(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "bureau.site.failures"]


def filters_of(desk):
    """The parameters by which a list may be asked, those of its filters among them."""
    for one in desk.list_filter:
        name = one[0] if isinstance(one, tuple) else one
        if isinstance(name, str):
            yield from (f"{name}__exact", name, f"{name}__isnull", f"{name}__gte", f"{name}__in", f"{name}__id__exact")
        else:
            yield name.parameter_name
    if area := reach.tie(desk.model).area:
        yield f"{area}__exact"
    yield from ("q", "o", "p", "all", "e", "year", "month", "_changelist_filters", "_popup", "_to_field", "_facets",
                "pk", "id", "id__exact", "nowhere", "member__exact", "record_id__exact", "member__id__exact")


def test_c6_no_list_breaks_by_its_address(everybody, caplog):
    asked = 0
    for model, desk in admin.site._registry.items():
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for name in dict.fromkeys(filters_of(desk)):
            for value in HOSTILE[asked % 7 :: 7]:
                response = everybody.get(url, {name: value})
                assert response.status_code in (200, 302, 400), (url, name, value, response.status_code)
                asked += 1
    assert asked > 500 and broken(caplog) == []


def test_c6_no_record_breaks_by_its_address(everybody, caplog):
    for model, desk in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        root = reverse(f"{name}_changelist")
        codes = [act.code for act in getattr(desk, "acts", ())][:2]
        for value in ("%00", "abc", "-1", "9" * 30, "%E5%8F%B7", "1%20OR%201", "..", "_00", "%25s", "1/2"):
            for page in ("change", *(f"act/{code}" for code in codes[:1])):
                response = everybody.get(f"{root}{value}/{page}/")
                assert response.status_code in (302, 403, 404), (root, value, page, response.status_code)
    assert everybody.get("/admin/bureau/area/%00/change/").status_code == 302
    assert broken(caplog) == []


def pickers(form):
    return [name for name, field in form.fields.items() if isinstance(field, forms.ModelChoiceField)]


def test_c6_no_form_breaks_by_what_stands_in_its_pickers(full_city, staff, browse, rf, caplog):
    client, seen = browse(staff["everybody"]), 0
    for url, act, record, request in acts(staff["everybody"], rf):
        form = act.form(request=request, record=record)
        texts = [name for name in form.fields if name not in pickers(form)][:2]
        for name in (*pickers(form), *(texts if isinstance(act, Report) else ())):
            for value in ("abc", "\0", "9" * 30):
                send = client.get if isinstance(act, Report) else client.post
                response = send(url, {name: value})
                assert response.status_code in (200, 302), (url, name, value, response.status_code)
                seen += 1
    assert seen > 200 and broken(caplog) == []


def test_c6_no_picker_breaks_by_what_is_typed(everybody):
    asked = {"app_label": "accounts", "model_name": "account", "field_name": "member"}
    for value in HOSTILE:
        for said in ({name: value} for name in ("term", "page", "app_label", "field_name", "model_name")):
            for send in (everybody.get, everybody.post):
                response = send("/admin/autocomplete/", asked | said)
                assert response.status_code in (200, 403, 404), (said, response.status_code)


FOREIGN = ["https://example.com/", "//example.com", "/\\example.com", "javascript:x", "\0"]


@pytest.mark.parametrize("goal", FOREIGN)
def test_e12_a_foreign_next_leads_to_the_start_page(goal, staff, client):
    said = {"username": "role_clerk", "password": "lan-xue-2026", "next": goal}
    answer = client.post(f"/admin/login/?next={quote(goal)}", said)
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/admin/" and client.get("/admin/").status_code == 200


# Searching


def test_c6_everybody_of_a_common_surname_is_found(city, staff, browse):
    """1,200 of a name, more than are looked up one by one: the list pages through the records of all of them."""
    from members.models import Enrolment, Member

    people = Member.objects.bulk_create(
        Member(name=f"欧阳{n}", document_cipher=b"", document_hash=n.to_bytes(32, "big"), document_last4="0000")
        for n in range(1200)
    )
    first = datetime.date(2026, 1, 1)
    Enrolment.objects.bulk_create(
        Enrolment(member=one, area=city.area, scheme="310", person_class="active", starts_on=first) for one in people
    )
    client = browse(staff["clerk"])
    for model in ("member", "enrolment"):
        url = reverse(f"admin:members_{model}_changelist")
        assert "1200 " in re.sub(r"\s+", " ", client.get(url, {"q": "欧阳"}).content.decode())
        last = client.get(url, {"q": "欧阳", "p": 24}).content.decode()
        assert "欧阳49" in last and "欧阳0" in last
    assert "欧阳1199" in client.get(reverse("admin:members_member_changelist"), {"q": "欧阳1199"}).content.decode()


@pytest.fixture
def wang(full_city):
    from members.identity import keyed_hash

    member = full_city["member"]
    member.document_hash, member.document_last4 = keyed_hash(NUMBER), NUMBER[-4:]
    member.save()
    return member


def test_c6_a_search_by_number_goes_by_post_to_an_address_without_it(wang, staff, browse):
    client = browse(staff["clerk"])
    page = client.get("/admin/members/member/").content.decode()
    assert '<form id="changelist-search" method="post"' in page
    answer = client.post("/admin/members/member/", {"q": f" {NUMBER.lower()} "})
    assert answer.headers["Location"] == f"/admin/members/member/{wang.pk}/change/"
    answer = client.post("/admin/members/enrolment/", {"q": NUMBER, "scheme__exact": "310"})
    assert answer.headers["Location"] == f"/admin/members/enrolment/?scheme__exact=310&member__exact={wang.pk}"
    shown = client.get(answer.headers["Location"]).content.decode()
    assert wang.name in shown and NUMBER not in shown
    answer = client.post("/admin/accounts/payout/", {"q": NUMBER})
    assert answer.headers["Location"] == f"/admin/accounts/payout/?account__member__exact={wang.pk}"
    assert client.get(answer.headers["Location"]).status_code == 200
    answer = client.post("/admin/members/member/", {"q": "王"})
    assert answer.headers["Location"] == "/admin/members/member/?q=%E7%8E%8B"


def test_c6_a_number_of_nobody_or_of_elsewhere_leads_to_the_list(wang, staff, browse):
    from bureau.models import Area
    from members.models import Enrolment

    client = browse(staff["clerk"])
    there = Area.objects.create(code="440200", name="韶关")
    Enrolment.objects.filter(member=wang).update(area=there)
    for number in (NUMBER, "11010519491231003X"):
        for path in ("/admin/members/member/", "/admin/members/enrolment/"):
            answer = client.post(path, {"q": number})
            assert answer.headers["Location"] == path
            assert "本统筹区没有人以此证件登记。" in client.get(path).content.decode()


def test_c6_no_address_keeps_a_number(wang, staff, browse):
    client = browse(staff["everybody"])
    for model in admin.site._registry:
        path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for name in ("q", "_changelist_filters", "name__exact", "p"):
            value = NUMBER if name != "_changelist_filters" else f"q={NUMBER}"
            answer = client.get(path, {name: value})
            assert answer.status_code == 302 and NUMBER not in answer.headers["Location"], (path, name)
        if getattr(admin.site.get_model_admin(model), "searches_by_post", False):
            answer = client.post(path, {"q": NUMBER})
            assert answer.status_code == 302 and NUMBER not in answer.headers["Location"], path
    client.logout()
    answer = client.get("/admin/members/member/", {"q": NUMBER})
    assert answer.status_code == 302
    login = client.get(answer.headers["Location"])
    assert NUMBER not in login.content.decode() and NUMBER not in login.headers.get("Location", "")
    page = client.get(f"/admin/login/?next=/admin/members/member/%3Fq%3D{NUMBER}")
    assert page.status_code == 302 and page.headers["Location"] == "/admin/login/"


def test_c6_pickers_ask_by_post(wang, staff, browse):
    client = browse(staff["clerk"])
    page = client.get(reverse("admin:members_member_act", args=[wang.pk, "relative.add"])).content.decode()
    assert 'data-ajax--type="POST"' in page and "office/picker.js" in page
    asked = {"app_label": "members", "model_name": "relative", "field_name": "relative", "term": NUMBER}
    found = client.post("/admin/autocomplete/", asked).json()
    assert [one["id"] for one in found["results"]] == [str(wang.pk)]


# Logs


@pytest.fixture
def log():
    """What the console would show."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(WithoutValues("{levelname} {name} {message}", style="{"))
    names = ("django.request", "bureau", "django.security")
    for name in names:
        logging.getLogger(name).addHandler(handler)
    yield stream
    for name in names:
        logging.getLogger(name).removeHandler(handler)


def test_e12_a_forbidden_page_is_one_line_of_the_log(full_city, staff, browse, log):
    assert browse(staff["inspector"]).get("/admin/members/member/act/member.register/").status_code == 403
    assert browse(staff["inspector"]).get("/admin/members/member/", headers={"Host": "evil.example"}).status_code == 400
    lines = log.getvalue().splitlines()
    assert "WARNING django.request Forbidden (Permission denied): /admin/members/member/act/member.register/" in lines
    assert "Traceback" not in log.getvalue() and "File" not in log.getvalue()


def test_e12_a_broken_page_keeps_its_traceback_and_no_number(full_city, staff, browse, log, monkeypatch):
    from bureau.site import records

    def fails(*_args, **_options):
        raise RuntimeError(f"row of {NUMBER}")

    monkeypatch.setattr(records.Records, "get_queryset", fails)
    assert browse(staff["clerk"]).get("/admin/members/member/").status_code == 500
    said = log.getvalue()
    assert "Traceback" in said and f"row of ····{NUMBER[-4:]}" in said and NUMBER not in said


def test_c6_every_place_is_there(full_city, staff, rf):
    assert len(list(places(staff["everybody"], rf))) > 150
    assert NOW.year == 2026
