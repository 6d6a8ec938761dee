"""C4: with keys that anybody can look up nothing starts on a real server, also where GONGJI_PRODUCTION is forgotten."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent.parent
KNOWN = {
    "SECRET_KEY": hashlib.sha256(str(CHECKOUT).encode()).hexdigest(),
    "GONGJI_DATA_KEY": "476f6e676a692064656d6f206b657921",
}
OWN = {"SECRET_KEY": "k7Qp2vX9mZ4tR8sW1yB6nC3dF5gH0jL_", "GONGJI_DATA_KEY": "00112233445566778899aabbccddeeff"}
REAL = {"DATABASE_URL": "postgresql://gongji_app:x@db.bureau.cn/gongji", "REDIS_URL": "redis://:x@cache.bureau.cn/0"}
OURS = {"DATABASE_URL": "postgresql://a:b@127.0.0.1:5999/gongji", "REDIS_URL": "redis://:x@127.0.0.1:5998/0"}
OWN_SERVERS = {"GONGJI_OWN_SERVERS": "127.0.0.1:5999,127.0.0.1:5998"}
PROCESSES = {
    "check": ["manage.py", "check"],
    "migrate": ["manage.py", "migrate", "--plan"],
    "web": ["-c", "import bureau.wsgi"],
    "worker": ["-m", "celery", "-A", "bureau.celery", "report"],
}


def start(arguments, **given):
    names = {*KNOWN, *REAL, *OWN_SERVERS, "GONGJI_PRODUCTION", "PGHOSTADDR", "PGSERVICE"}
    environment = {name: value for name, value in os.environ.items() if name not in names} | given
    return subprocess.run(
        [sys.executable, *arguments], cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("process", PROCESSES)
def test_c4_no_process_starts_on_real_servers_without_keys(process):
    done = start(PROCESSES[process], **REAL)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "SECRET_KEY and GONGJI_DATA_KEY: missing, known or too simple" in said, said


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (REAL | KNOWN, "SECRET_KEY and GONGJI_DATA_KEY:"),
        (REAL | OWN | {"SECRET_KEY": KNOWN["SECRET_KEY"]}, "SECRET_KEY:"),
        (REAL | OWN | {"SECRET_KEY": "short"}, "SECRET_KEY:"),
        (REAL | OWN | {"GONGJI_DATA_KEY": KNOWN["GONGJI_DATA_KEY"].upper()}, "GONGJI_DATA_KEY:"),
        (REAL | OWN | {"GONGJI_DATA_KEY": "00" * 16}, "GONGJI_DATA_KEY:"),
        (REAL | OWN | {"GONGJI_DATA_KEY": "0011"}, "GONGJI_DATA_KEY is sixteen bytes or more"),
        (REAL | OWN | {"GONGJI_DATA_KEY": "no key"}, "GONGJI_DATA_KEY is sixteen bytes or more"),
        (OURS | OWN_SERVERS | {"DATABASE_URL": REAL["DATABASE_URL"]}, "SECRET_KEY and GONGJI_DATA_KEY:"),
        (OURS | OWN_SERVERS | {"REDIS_URL": REAL["REDIS_URL"]}, "SECRET_KEY and GONGJI_DATA_KEY:"),
        (OURS, "SECRET_KEY and GONGJI_DATA_KEY:"),
        (OURS | OWN_SERVERS | {"PGHOSTADDR": "10.0.0.7"}, "SECRET_KEY and GONGJI_DATA_KEY:"),
        ({"PGHOSTADDR": "10.0.0.7"}, "SECRET_KEY and GONGJI_DATA_KEY:"),
        (OURS | OWN_SERVERS | {"PGSERVICE": "bureau"}, "SECRET_KEY and GONGJI_DATA_KEY:"),
        ({"DATABASE_URL": REAL["DATABASE_URL"]}, "SECRET_KEY and GONGJI_DATA_KEY:"),
        (OURS | OWN_SERVERS | KNOWN | {"GONGJI_PRODUCTION": "1"}, "SECRET_KEY and GONGJI_DATA_KEY:"),
        (REAL | {"GONGJI_PRODUCTION": "1"}, "Production needs SECRET_KEY"),
    ],
)
def test_c4_which_keys_are_refused_where(given, named):
    done = start(PROCESSES["check"], **given)
    assert done.returncode != 0 and f"ImproperlyConfigured: {named}" in done.stderr, done.stderr


@pytest.mark.parametrize("given", [{}, OURS | OWN_SERVERS, REAL | OWN, OURS | OWN])
def test_c4_the_launchers_own_servers_and_own_keys_start(given):
    done = start(PROCESSES["check"], **given)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("own", [{}, {"GONGJI_OWN_SERVERS": ""}, OWN_SERVERS])
@pytest.mark.parametrize("named", [{"DATABASE_URL": "postgresql:///gongji"}, {"REDIS_URL": "unix:///run/redis.sock"}])
def test_c4_a_server_behind_a_socket_is_a_real_one(named, own):
    from bureau.settings import real_servers

    assert real_servers(OURS | OWN_SERVERS) == []
    assert real_servers(named | own) == list(named)
    done = start(PROCESSES["check"], **named, **own)
    assert done.returncode != 0
    assert "SECRET_KEY and GONGJI_DATA_KEY: missing, known or too simple" in done.stdout + done.stderr


def test_8_7_without_an_address_no_server_is_reached():
    """Neither the usual port of PostgreSQL nor that of Redis: who listens there may be real."""
    told = "from django.conf import settings as s; d = s.DATABASES['default']; print(d['HOST'], d['PORT'], s.REDIS_URL)"
    done = start(["-c", told], DJANGO_SETTINGS_MODULE="bureau.settings")
    assert done.stdout.split() == ["127.0.0.1", "1", "redis://127.0.0.1:1/0"], done.stderr
    done = start(["manage.py", "showmigrations", "bureau"])
    assert done.returncode != 0 and "port 1 failed" in done.stderr, done.stderr
