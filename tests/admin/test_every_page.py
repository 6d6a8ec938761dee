"""Every page for every role, and nonsense in every form: never a broken page, never a traceback."""

import re
from collections import Counter
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from django import forms
from django.apps import apps
from django.contrib import admin
from django.db import transaction
from django.urls import reverse

from bureau.models import AuditEntry
from bureau.site import Report
from bureau.site.acts import offers
from bureau.staff.roles import ROLES, may, may_read

OWN_APPS = ("bureau", "members", "institutions", "accounts", "settlement")
ALIKE = 1  # pages of the same shape that are looked at


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag == "a" and (href := dict(attrs).get("href")):
            self.found.append(href)


def crawl(client, start="/admin/"):
    """Follow every link below /admin/; returns each page's status and content."""
    waiting, seen, alike, pages = [start], set(), Counter(), {}
    while waiting:
        url = waiting.pop()
        path, _mark, query = url.partition("?")
        shape = re.sub(r"\d+", "N", path) + re.sub(r"=[^&]*", "", query)
        if url in seen or alike[shape] >= ALIKE or query.count("=") > 1 or "o=" in query:
            continue
        seen.add(url)
        alike[shape] += 1
        response = client.get(url)
        content = b"" if response.streaming else response.content
        pages[url] = (response.status_code, content.decode("utf-8", "replace"))
        if response.status_code == 200 and "html" in response.headers["Content-Type"]:
            links = Links()
            links.feed(pages[url][1])
            for href in links.found:
                parts = urlsplit(urljoin(url, href))
                if parts.path.startswith("/admin/") and parts.netloc in ("", "testserver"):
                    waiting.append(parts.path + (f"?{parts.query}" if parts.query else ""))
    return pages


def test_every_record_is_registered():
    models = [model for label in OWN_APPS for model in apps.get_app_config(label).get_models()]
    hidden = {"change", "rejectedrow"}
    assert [model for model in models if not admin.site.is_registered(model)] == [
        model for model in models if model._meta.model_name in hidden
    ]


def test_every_list_has_a_record_to_walk_over(whole_city):
    """Without one, no page and no act of the list would be in any of the walks below."""
    empty = [model._meta.label for model in admin.site._registry if not model._default_manager.exists()]
    assert empty == []


def test_every_link_of_every_role_leads_somewhere(whole_city, staff, browse, caplog):
    for role in [*ROLES, "everybody"]:
        pages = crawl(browse(staff[role]))
        assert {url: status for url, (status, _content) in pages.items() if status not in (200, 302)} == {}
        assert len(pages) > (100 if may_read(staff[role], "settlement.visit") else 10)
    assert [record for record in caplog.records if record.name == "bureau.site.failures"] == []


def places(staff, rf):
    """Every list, the first record of each, and every act: (address, model, act code or none)."""
    request = rf.get("/")
    request.user = staff
    for model, desk in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist"), model, ""
        for act in getattr(desk, "list_acts", ()):
            yield reverse(f"{name}_list_act", args=[act.code]), model, act.code
        record = desk.get_queryset(request).order_by("pk").first()
        if record is None:
            continue
        yield reverse(f"{name}_change", args=[record.pk]), model, ""
        for act in getattr(desk, "acts", ()):
            yield reverse(f"{name}_act", args=[record.pk, act.code]), model, act.code


def test_what_a_role_may_not_see_or_do_answers_403(whole_city, staff, browse, rf):
    everything = list(places(staff["everybody"], rf))
    for role in ROLES:
        client = browse(staff[role])
        for url, model, act in everything:
            allowed = may_read(staff[role], model._meta.label_lower) and (not act or may(staff[role], act))
            status = client.get(url).status_code
            assert status in ((200, 302) if allowed else (403,)), (role, url, status)


# How somebody may fill in a form. What is early or late passes the form and reaches the service.
DAYS = {
    "nonsense": "2026-02-30",
    "far": "9999-12-31",
    "early": "1900-01-01",
    "late": "2100-12-31",
    "today": "2026-03-16",
}
AMOUNTS = {"nonsense": "1e400", "far": "9" * 20, "early": "0.01", "late": "9999999999.99", "today": "12.34"}
NUMBERS = {"nonsense": "胡", "far": "9" * 30, "early": "1", "late": "2100", "today": "2026"}
TEXTS = {
    "nonsense": "胡说\x00八道 =1+1 %s {y} <b>",
    "far": "号" * 3000,
    "early": "x",
    "late": "%s {y} <b>'\"",
    "today": "一二三",
}


def fill_in(form, how: str) -> dict:
    """What somebody might send: nothing, nonsense, extremes, or something that reaches the service."""
    if how == "nothing":
        return {}
    said = {}
    for name, field in form.fields.items():
        if isinstance(field, forms.FileField):
            continue
        if isinstance(field, forms.ModelChoiceField):
            first = field.queryset.order_by("pk").first()
            said[name] = "99999999999999999999" if how == "nonsense" or first is None else first.pk
        elif isinstance(field, forms.BooleanField):
            said[name] = "on"
        elif isinstance(field, forms.ChoiceField):
            choices = [value for value, _label in field.choices if value not in ("", None)]
            said[name] = TEXTS["nonsense"] if how == "nonsense" or not choices else choices[0]
        elif isinstance(field, forms.DateField):
            said[name] = DAYS[how]
        elif isinstance(field, forms.DecimalField):
            said[name] = AMOUNTS[how]
        elif isinstance(field, forms.IntegerField):
            said[name] = NUMBERS[how]
        else:
            said[name] = TEXTS[how]
    return said


def acts(staff, rf):
    """Every act and report, on the first record for which it is offered: (address, act, record)."""
    request = rf.get("/")
    request.user = staff
    for model, desk in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        for act in getattr(desk, "list_acts", ()):
            yield reverse(f"{name}_list_act", args=[act.code]), act, None, request
        records = list(desk.get_queryset(request).order_by("pk")[:20])
        for act in getattr(desk, "acts", ()) if records else ():
            record = next((one for one in records if offers(act, one)), records[0])
            yield reverse(f"{name}_act", args=[record.pk, act.code]), act, record, request


def test_nonsense_in_every_form_gets_an_answer(whole_city, staff, browse, caplog, rf):
    client = browse(staff["everybody"])
    for url, act, record, request in list(acts(staff["everybody"], rf)):
        for how in ("nothing", *DAYS):
            with transaction.atomic():
                said = fill_in(act.form(request=request, record=record), how)
                answer(client, url, act, said, how)
                transaction.set_rollback(True)
            unexpected = [entry.exc_info[1] for entry in caplog.records if entry.name == "bureau.site.failures"]
            assert unexpected == [], (url, how)


def answer(client, url, act, said, how):
    if isinstance(act, Report):
        assert client.get(url, said | {"_file": "1"}).status_code == 200, (url, how)
        return
    response = client.post(url, said)
    assert response.status_code in (200, 302), (url, how)
    if how == "nonsense" and act.form.base_fields:
        assert "errorlist" in response.content.decode(), (url, how)
    if act.preview and response.status_code == 200:
        settled = client.post(url, said | {"_shown": response.context["shown"]})
        assert settled.status_code in (200, 302), (url, how)


STRANGE = [
    "q=%00", "q=" + "9" * 300, "p=99999999999", "o=99", "id__exact=abc", "e=1", "starts_on__gte=xyz", "_popup=1",
    "member__id__exact=99999999999999999999", "area__code__exact=%00", "_facets=1", "all=",
]  # fmt: skip


def test_a_strange_address_of_a_list_gets_an_answer(full_city, staff, browse):
    client = browse(staff["everybody"])
    for model in admin.site._registry:
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for query in STRANGE:
            assert client.get(f"{url}?{query}").status_code in (200, 302), (model, query)


def test_a_record_that_is_not_there_is_said_to_be_missing(city, staff, browse):
    client = browse(staff["everybody"])
    for model in admin.site._registry:
        for pk in ("0", "abc", "99999999999999999999999", "_00", "1%27", "胡"):
            url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])
            assert client.get(url).status_code in (302, 404), (model, pk)


def test_nonsense_in_the_schedule_gets_an_answer(staff, browse, caplog):
    client = browse(staff["system_administrator"])
    nasty = ["", "胡说\x00", "99999999999999999999999", "*/0", "-1", "{", "2026-02-30"]
    for model in ("periodictask", "crontabschedule", "intervalschedule"):
        url = reverse(f"admin:django_celery_beat_{model}_add")
        fields = client.get(url).context["adminform"].form.fields
        for value in nasty:
            said = dict.fromkeys(fields, value) | {"start_time_0": value, "start_time_1": value}
            said |= {"periodictask_set-TOTAL_FORMS": "0", "periodictask_set-INITIAL_FORMS": "0"}
            assert client.post(url, said).status_code in (200, 302), (model, value)
    assert [record for record in caplog.records if record.name == "bureau.site.failures"] == []


def test_the_system_administrator_changes_the_schedule_and_it_is_audited(staff, browse):
    from django_celery_beat.models import CrontabSchedule, PeriodicTask

    client = browse(staff["system_administrator"])
    task = PeriodicTask.objects.get(task="settlement.tasks.check_books")
    url = reverse("admin:django_celery_beat_periodictask_change", args=[task.pk])
    said = {"name": task.name, "task": task.task, "crontab": task.crontab_id, "args": "[]", "kwargs": "{}"}
    assert client.post(url, said).status_code == 302
    task.refresh_from_db()
    assert (task.enabled, CrontabSchedule.objects.get(pk=task.crontab_id).hour) == (False, "1")
    entry = AuditEntry.objects.get(action="schedule.change")
    assert (entry.actor, entry.record_id) == (staff["system_administrator"], str(task.pk))
    assert browse(staff["clerk"]).post(url, said).status_code == 403


def test_every_record_has_a_name_of_its_own():
    from django.db.models import Model

    models = [model for label in OWN_APPS for model in apps.get_app_config(label).get_models()]
    nameless = [model for model in models if model.__str__ is Model.__str__ and admin.site.is_registered(model)]
    assert nameless == []
