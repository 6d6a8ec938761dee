"""The Chinese catalogue is whole: every sentence of ours is in it, translated, with the same places to fill in.

Needs no gettext tools: sentences are found in the syntax trees of our files, as makemessages would find them.
"""

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import django_celery_beat
import pytest
from django.utils import translation
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES"
ROOMS = ("bureau", "members", "institutions", "accounts", "settlement", "demo")
ONE = {"_", "gettext", "gettext_lazy", "gettext_noop"}
PLURAL = {"ngettext", "ngettext_lazy"}
CONTEXT = {"pgettext", "pgettext_lazy"}

Key = str | tuple[str, int]


def parse(path: Path) -> dict[str, list[str]]:
    """The entries of a .po file: key (context before \\4) → translations. Raises for a fuzzy or obsolete one."""
    entries: dict[str, list[str]] = {}
    for block in re.split(r"\n{2,}", path.read_text("utf-8")):
        said: dict[str, str] = {}
        field = ""
        for line in block.splitlines():
            assert not line.startswith("#~"), f"obsolete: {block}"
            assert not (line.startswith("#,") and "fuzzy" in line), f"fuzzy: {block}"
            if line.startswith("#"):
                continue
            name, _space, text = line.partition(" ") if not line.startswith('"') else (field, "", line)
            field = name
            said[field] = said.get(field, "") + ast.literal_eval(text)
        if "msgid" in said:
            key = (said["msgctxt"] + "\4" if "msgctxt" in said else "") + said["msgid"]
            assert key not in entries, f"twice: {key}"
            entries[key] = [text for name, text in said.items() if name.startswith("msgstr")]
            if "msgid_plural" in said:
                entries[key].append("")  # one form is all that Chinese has
    return entries


def sentences(source: str, name: str) -> Iterator[tuple[str, str]]:
    """Every message id in Python source, with the place where it stands."""
    tree = ast.parse(source)
    names = {name: name for name in ONE | PLURAL | CONTEXT}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in names:
            continue
        texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if not texts:
            continue  # what is translated there was marked elsewhere
        place = f"{name}:{node.lineno}"
        assert node.func.id in ONE | PLURAL | CONTEXT, f"{place}: makemessages does not know {node.func.id}"
        yield ("\4".join(texts[:2]) if names[node.func.id] in CONTEXT else texts[0]), place


def ours() -> dict[str, str]:
    """Every message id of ours and one place where it stands."""
    found = {}
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        found |= dict(sentences(path.read_text("utf-8"), path.relative_to(ROOT).as_posix()))
    for path in sorted((ROOT / "templates").rglob("*.html")):
        code = templatize(path.read_text("utf-8"))
        for text in re.findall(r"gettext\(u?(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')\)", code):
            found[ast.literal_eval(text)] = path.relative_to(ROOT).as_posix()
        for text in re.findall(r"(?<!\w)_\((\"[^\"]*\"|'[^']*')\)", code):
            found[ast.literal_eval(text)] = path.relative_to(ROOT).as_posix()
    return found


@pytest.fixture(scope="module")
def catalogue() -> dict[str, list[str]]:
    return parse(FOLDER / "django.po")


def test_every_sentence_of_ours_is_in_the_catalogue(catalogue):
    assert {text: place for text, place in ours().items() if text not in catalogue} == {}


def test_every_entry_is_translated(catalogue):
    assert [key for key, texts in catalogue.items() if key and not texts[0].strip()] == []


def test_no_entry_is_left_over(catalogue):
    assert sorted(set(catalogue) - set(ours()) - {""}) == []


PLACES = re.compile(r"%\((\w+)\)([#0\- +]?\d*(?:\.\d+)?[a-zA-Z])|(?<!%)%(?:%%)*([sd])")
BRACES = re.compile(r"(?<!\{)\{(\w*)\}")


def places(text: str) -> list[tuple[str, ...]]:
    return sorted(PLACES.findall(text))


def test_translations_fill_in_the_same_places(catalogue):
    wrong = {
        key: text
        for key, (text, *_more) in catalogue.items()
        if key
        and (places(key) != places(text) or sorted(set(BRACES.findall(key))) != sorted(set(BRACES.findall(text))))
    }
    assert wrong == {}


def test_the_compiled_catalogue_says_the_same(catalogue):
    with open(FOLDER / "django.mo", "rb") as file:
        compiled = gettext.GNUTranslations(file)._catalog
    said: dict[Key, str] = {}
    for key, texts in catalogue.items():
        if len(texts) > 1:
            said[key, 0] = texts[0]
        elif key:
            said[key] = texts[0]
    assert {key: text for key, text in compiled.items() if key != ""} == said


# Of the packaged schedule, what no page of ours shows.
UNSEEN = {"{0} task was successfully toggled"}


def test_what_staff_see_of_the_schedule_is_chinese():
    """The packaged schedule brings a Chinese catalogue of its own; ours has what that lacks."""
    folder = Path(django_celery_beat.__file__).parent
    shown = {
        text
        for name in ("admin.py", "models.py", "validators.py")
        for text, _place in sentences((folder / name).read_text("utf-8"), name)
    }
    with translation.override("zh-hans"):
        english = [
            text for text in shown - UNSEEN if translation.gettext(text) == text == translation.ngettext(text, "", 1)
        ]
    assert sorted(text for text in english if re.search("[a-z]{3}", text)) == []
