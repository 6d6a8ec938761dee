"""E10: the launcher makes a password for each who logs in; the file that the application reads knows its own alone."""

import re

from tests.flow.test_launcher import folder, run

__all__ = ["folder"]

TELL = """
import os, pathlib
print(os.environ["DATABASE_URL"])
print(pathlib.Path(os.environ["NOTE"]).read_text())
"""
TRY = """
import os, pathlib, psycopg, redis
from urllib.parse import urlsplit
data = pathlib.Path(os.environ["DATA"])
words = {name: (data / file).read_text().strip() for name, file in
         {"superuser": "password", "owner": "password-owner", "application": "password-application",
          "redis": "password-redis"}.items()}
place = urlsplit(os.environ["DATABASE_URL"])
for user in ("postgres", "gongji", "gongji_app"):
    for name, word in words.items():
        try:
            psycopg.connect(host="127.0.0.1", port=place.port, user=user, password=word, dbname="gongji").close()
            print(user, name)
        except psycopg.OperationalError:
            pass
for name, word in words.items():
    try:
        redis.Redis(host="127.0.0.1", port=urlsplit(os.environ["REDIS_URL"]).port, password=word).ping()
        print("redis", name)
    except redis.exceptions.AuthenticationError:
        pass
"""
DOORS = ["postgres superuser", "gongji owner", "gongji_app application", "redis redis"]


def words_of(folder):
    return {file.name: file.read_text().strip() for file in folder.iterdir() if file.name.startswith("password")}


def test_e10_four_passwords_and_each_opens_one_door(folder):
    done = run(folder, TRY, DATA=str(folder))
    assert done.stdout.splitlines()[-4:] == DOORS, done.stdout + done.stderr
    words = words_of(folder)
    assert sorted(words) == ["password", "password-application", "password-owner", "password-redis"]
    assert len(set(words.values())) == 4 and all(re.fullmatch("[0-9a-f]{32}", word) for word in words.values())
    assert {(folder / name).stat().st_mode & 0o777 for name in words} == {0o600}
    assert run(folder, TRY, DATA=str(folder)).stdout.splitlines()[-4:] == DOORS
    assert words_of(folder) == words


def test_e10_the_file_of_the_application_knows_its_own_password_alone(folder):
    done = run(folder, TELL, NOTE=str(folder / "servers.env"))
    words = words_of(folder)
    owners, note = done.stdout.split("DATABASE_URL=")
    assert words["password-owner"] in owners
    assert words["password-application"] in note and words["password-redis"] in note
    assert words["password-owner"] not in note and words["password"] not in note


def test_e10_a_folder_with_one_password_for_all_gets_four(folder):
    assert run(folder, "").returncode == 0
    first = (folder / "password").read_text()
    for name in ("owner", "application", "redis"):
        (folder / f"password-{name}").unlink()
    done = run(folder, TRY, DATA=str(folder))
    assert done.stdout.splitlines()[-4:] == DOORS, done.stdout + done.stderr
    assert (folder / "password").read_text() == first
    assert len(set(words_of(folder).values())) == 4


def test_e10_an_emptied_superusers_password_is_told_not_made_anew(folder):
    assert run(folder, "").returncode == 0
    (folder / "password").write_text("\n")
    done = run(folder, "print('never')")
    assert done.returncode == 1 and "its password file" in done.stderr and "Traceback" not in done.stderr
    assert words_of(folder)["password"] == ""
