"""C5: a session ends eight hours after the log-in and after thirty idle minutes; without Redis people log in, work and
are locked out as ever, and no page waits for it."""

import socket
import subprocess
import time

import pytest
import redis
from django.core.cache import cache, caches
from django.urls import reverse

from bureau.models import AuditEntry, Job
from bureau.staff import sessions
from bureau.web.cache import AbsentableRedisCache

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"


class Watch:
    """The time as sessions see it."""

    def __init__(self):
        self.passed = 0

    def time(self):
        return time.time() + self.passed


@pytest.fixture
def watch(monkeypatch):
    watch = Watch()
    monkeypatch.setattr(sessions, "time", watch)
    return watch


def log_in(client, username, password="lan-xue-2026"):
    return client.post(LOGIN, {"username": username, "password": password, "next": "/admin/"})


def is_in(client) -> bool:
    return client.get("/admin/").status_code == 200


def test_c5_thirty_idle_minutes_end_a_session(staff, client, watch):
    log_in(client, "role_clerk")
    for minutes in (29, 29, 30):
        watch.passed += minutes * 60
        assert is_in(client)
    watch.passed += 30 * 60 + 2
    answer = client.get("/admin/members/member/")
    assert answer.headers["Location"] == f"{LOGIN}?next=/admin/members/member/"
    assert not is_in(client)


def test_c5_eight_hours_end_a_session_that_is_never_idle(staff, client, watch):
    log_in(client, "role_clerk")
    for _quarter in range(31):
        watch.passed += 15 * 60
        assert is_in(client)
    watch.passed += 14 * 60
    assert is_in(client)
    watch.passed += 2 * 60
    answer = client.post(reverse("admin:members_member_list_act", args=["member.register"]), {"name": "某"})
    assert answer.headers["Location"].startswith(LOGIN)
    assert not is_in(client)


def test_c5_a_session_without_a_beginning_is_none(staff, client):
    client.force_login(staff["clerk"])
    session = client.session
    del session[sessions.BEGAN]
    session.save()
    assert not is_in(client)


def test_c5_the_cookie_ends_with_the_browser_and_the_row_within_eight_hours(staff, client, settings):
    cookie = log_in(client, "role_clerk").cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["max-age"] == "" and cookie["httponly"]
    assert client.session.get_expiry_age() <= 8 * 3600


@pytest.fixture
def own_redis(settings, tmp_path):
    """A Redis that can be stopped, in place of the one of the tests: `start()` and `stop()`."""
    from launcher.account import servers_account
    from launcher.binaries import find_binaries
    from launcher.servers import free_port

    port, program = free_port(), find_binaries(servers_account(), tmp_path).redis_server
    running = []

    class Own:
        @staticmethod
        def start():
            running.append(subprocess.Popen([program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
                                            cwd=tmp_path, stdout=subprocess.DEVNULL))
            until = time.monotonic() + 10
            while time.monotonic() < until:
                try:
                    redis.Redis(port=port).ping()
                    return
                except redis.ConnectionError:
                    time.sleep(0.05)

        @staticmethod
        def stop():
            for process in running:
                process.kill()
                process.wait(10)
            running.clear()

    url = f"redis://127.0.0.1:{port}/0"
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": url}}
    AbsentableRedisCache.away_until = 0.0
    Own.start()
    yield Own
    Own.stop()
    AbsentableRedisCache.away_until = 0.0


def test_c5_without_redis_people_log_in_and_see_their_work(full_city, staff, client, own_redis):
    log_in(client, "role_clerk")
    assert is_in(client)
    cache.set("kept", 1)
    assert cache.get("kept") == 1
    own_redis.stop()
    began = time.monotonic()
    assert is_in(client)
    client.post(reverse("admin:logout"))
    assert not is_in(client)
    for role in ("system_administrator", "reviewer", "finance", "inspector", "clerk"):
        assert log_in(client, f"role_{role}").headers["Location"] == "/admin/"
        assert is_in(client)
    assert client.get(reverse("admin:settlement_visit_changelist")).status_code == 200
    assert time.monotonic() - began < 10
    assert cache.get("kept", "away") == "away" and cache.get_or_set("new", lambda: 7) == 7
    assert cache.add("a", 1) is False and cache.get_many(["kept"]) == {} and cache.set_many({"a": 1}) == ["a"]
    own_redis.start()
    AbsentableRedisCache.away_until = 0.0
    cache.set("kept", 2)
    assert cache.get("kept") == 2


def test_c5_without_redis_wrong_passwords_lock_as_ever(staff, client, own_redis):
    own_redis.stop()
    for _attempt in range(5):
        assert "Location" not in log_in(client, "role_clerk", "wrong").headers
    page = log_in(client, "role_clerk")
    assert "密码多次错误，请一刻钟后再试。" in page.content.decode()
    assert log_in(client, "role_reviewer").headers["Location"] == "/admin/"
    assert AuditEntry.objects.filter(action="session.locked", actor=staff["clerk"]).count() == 1


def test_c5_a_lock_ends_after_a_quarter_hour_and_attempts_count_before_their_password(staff):
    import datetime

    from bureau.staff import door
    from tests.admin.conftest import NOW

    assert [door.count_attempt("Somebody", now=NOW) for _n in range(7)] == [1, 2, 3, 4, 5, 6, 7]
    assert door.count_attempt("somebody", now=NOW + datetime.timedelta(minutes=14)) == 8
    assert door.count_attempt("SOMEBODY", now=NOW + datetime.timedelta(minutes=16)) == 1
    door.forget_attempts("somebody")
    assert door.count_attempt("somebody", now=NOW + datetime.timedelta(minutes=16)) == 1


def test_c5_a_redis_that_does_not_answer_is_waited_for_once(staff, client, settings):
    """A server that takes the connection and says nothing: one second, then ten without asking."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.CACHES = {
            "default": settings.CACHES["default"] | {"LOCATION": f"redis://127.0.0.1:{silent.getsockname()[1]}/0"}
        }
        AbsentableRedisCache.away_until = 0.0
        began = time.monotonic()
        for number in range(20):
            assert caches["default"].get(f"x{number}", "none") == "none"
        assert time.monotonic() - began < 3
    AbsentableRedisCache.away_until = 0.0


def test_c5_a_large_file_is_taken_while_the_broker_is_away(city, staff, browse, django_capture_on_commit_callbacks,
                                                           monkeypatch):
    from celery import current_app
    from django.core.files.uploadedfile import SimpleUploadedFile
    from kombu import Connection

    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    monkeypatch.setattr(
        current_app._get_current_object(),
        "connection_for_write",
        lambda **options: Connection(f"redis://127.0.0.1:{port}/0", **options),
    )
    rows = "".join(f"E{number},公司{number}\n" for number in range(1200))
    file = SimpleUploadedFile("e.csv", f"单位编号,单位名称\n{rows}".encode())
    began = time.monotonic()
    with django_capture_on_commit_callbacks(execute=True):
        answer = browse(staff["clerk"]).post(
            reverse("admin:bureau_upload_list_act", args=["upload.load"]),
            {"kind": "employers", "area": city.area.pk, "file": file},
        )
    assert answer.status_code == 302 and time.monotonic() - began < 10
    assert Job.objects.get(kind="upload").status == "waiting"
