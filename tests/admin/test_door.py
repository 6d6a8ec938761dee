"""Logging in, the language, and what a browser is told."""

import pytest
from django.urls import reverse

from bureau.models import AuditEntry

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"


def log_in(client, username, password):
    return client.post(LOGIN, {"username": username, "password": password, "next": "/admin/"})


def test_login_leads_to_the_start_page_and_is_audited(staff, client):
    assert log_in(client, "role_clerk", "lan-xue-2026").headers["Location"] == "/admin/"
    assert "今日工作" in client.get("/admin/").content.decode()
    assert AuditEntry.objects.get(action="session.login").actor == staff["clerk"]


def test_start_page_calls_roles_and_schedule_by_the_words_of_the_house(staff, browse):
    page = browse(staff["everybody"]).get("/admin/").content.decode()
    assert "角色" in page and "定时计划" in page
    assert "认证和授权" not in page and "周期" not in page


def test_five_wrong_passwords_lock_the_name_for_a_while(staff, client):
    for _attempt in range(5):
        assert "Location" not in log_in(client, "role_clerk", "wrong").headers
    page = log_in(client, "role_clerk", "lan-xue-2026")
    assert "密码多次错误，请一刻钟后再试。" in page.content.decode()
    assert log_in(client, "role_reviewer", "lan-xue-2026").headers["Location"] == "/admin/"
    assert AuditEntry.objects.filter(action="session.locked", actor=staff["clerk"]).count() == 1


@pytest.mark.parametrize("username", ["", "nobody", "胡说", "x" * 300, "a\x00b"])
def test_a_strange_user_name_gets_an_answer(username, client, db):
    assert log_in(client, username, "x").status_code == 200


def test_language_is_chinese_until_one_click_makes_it_english(staff, client):
    client.force_login(staff["clerk"])
    page = client.get("/admin/", headers={"Accept-Language": "en"})
    assert page.headers["Content-Language"] == "zh-hans" and "今日工作" in page.content.decode()
    answer = client.post(reverse("language"), {"language": "en", "next": "/admin/members/member/"})
    assert answer.headers["Location"] == "/admin/members/member/"
    page = client.get("/admin/")
    assert page.headers["Content-Language"] == "en" and "Today&#x27;s work" in page.content.decode()


@pytest.mark.parametrize("back", ["https://example.com/", "//example.com", "javascript:alert(1)", ""])
def test_language_leads_to_no_other_site(back, client, db):
    answer = client.post(reverse("language"), {"language": "tlh", "next": back})
    assert answer.headers["Location"] == "/admin/"
    assert "gongji_language" not in answer.cookies


def test_every_page_forbids_foreign_and_inline_script(client, db):
    policy = client.get(LOGIN).headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy and "style-src 'self'" in policy and "unsafe" not in policy


def test_no_page_has_inline_script_or_style(full_city, staff, browse):
    import re

    client = browse(staff["everybody"])
    pages = [
        "/admin/",
        reverse("admin:settlement_visit_changelist"),
        reverse("admin:settlement_visit_change", args=[full_city["visit"].pk]),
        reverse("admin:settlement_visit_list_act", args=["visit.settle"]),
        reverse("admin:django_celery_beat_periodictask_changelist"),
        reverse("admin:django_celery_beat_periodictask_change", args=["1"]),
    ]
    for url in pages:
        page = client.get(url).content.decode()
        inline = [
            tag for tag in re.findall(r"<script[^>]*>", page) if "src=" not in tag and "application/json" not in tag
        ]
        assert inline == [], url
        assert "<style" not in page and " style=" not in page and " onclick=" not in page, url


def test_pages_that_fail_are_in_chinese_and_without_traceback(staff, client):
    client.raise_request_exception = False
    missing = client.get("/nothing/")
    assert missing.status_code == 404 and "没有找到" in missing.content.decode()
    client.force_login(staff["security_auditor"])
    forbidden = client.get(reverse("admin:members_member_changelist"))
    assert forbidden.status_code == 403 and "没有权限" in forbidden.content.decode()


def test_a_broken_page_gives_a_number(staff, client, monkeypatch, caplog):
    from bureau.site import start

    def broken(request):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(start, "what_waits", broken)
    client.raise_request_exception = False
    client.force_login(staff["clerk"])
    page = client.get("/admin/")
    assert page.status_code == 500 and "secret" not in page.content.decode()
    assert "请将编号" in page.content.decode()
    assert any(record.name == "bureau.site.failures" for record in caplog.records)


def test_a_form_without_its_token_is_refused_in_chinese(db):
    from django.test import Client

    answer = Client(enforce_csrf_checks=True).post(LOGIN, {"username": "x", "password": "y"})
    assert answer.status_code == 403 and "表单已过期" in answer.content.decode()
