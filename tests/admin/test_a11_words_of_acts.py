"""A11: one word for one act. The code that permits it is the code that is audited, and its label says the same."""

import ast
import re
from pathlib import Path

import pytest
from django.contrib import admin
from django.utils import translation

from bureau.audit import FORMER
from bureau.site.acts import LABELS, Act
from bureau.site.exports.services import act_of
from bureau.staff.roles import ACTS

ROOT = Path(__file__).parents[2]
ROOMS = ("bureau", "members", "institutions", "accounts", "settlement")
# Codes that are put together where they are used, or written down by the database or the table of roles.
COMPOSED = {"upload.load", "upload.refuse", "month.reopen", "staff.roles"}
# Files of the house that name acts and write none down: tables of words, of rights, of what a page offers.
NO_ACTS = {"admin.py", "roles.py", "__init__.py"}


def acts() -> dict[str, set[str]]:
    """Every act's code and its labels in English."""
    found: dict[str, set[str]] = {}
    with translation.override("en"):
        for desk in admin.site._registry.values():
            for act in [*getattr(desk, "acts", ()), *getattr(desk, "list_acts", ())]:
                if isinstance(act, Act):
                    found.setdefault(act.code, set()).add(str(act.label))
    return found


def audited() -> set[str]:
    """Every code that a service writes down: texts like run.approve that begin as acts do."""
    begins = {code.partition(".")[0] for code in ACTS | set(LABELS)}
    codes = set(COMPOSED)
    files = [path for room in ROOMS[1:] for path in (ROOT / room).rglob("services/**/*.py")]
    house = (path for path in (ROOT / "bureau").rglob("*.py") if "admin" not in path.parts)
    files += [path for path in house if path.name not in NO_ACTS]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                begin, dot, word = node.value.partition(".")
                if dot and begin in begins and re.fullmatch("[a-z_]+", word):
                    codes.add(node.value)
    return codes - set(FORMER)


def says(label: str, code: str) -> bool:
    """Whether a label has a word of its code: the verb, or the thing that is changed."""
    words = [*re.findall("[a-z]+", label.lower()), label.lower().replace(" ", "")]
    return any(word.startswith(part[:5]) for part in code.partition(".")[2].split("_") for word in words)


def test_a11_what_is_audited_is_an_act_or_has_a_label_of_its_own():
    assert sorted(audited() - set(acts()) - set(LABELS)) == []


def test_a11_every_act_is_permitted_by_the_code_that_is_audited():
    # Acts that leave no entry of their own: they start a job, show something, or are written down as what they did.
    silent = {
        "account.recover_after_death", "books.check", "edition.cases", "edition.citations", "edition.readings",
        "enrolment.newborn", "proposal.decide", "proposal.late", "proposal.replay", "selection.end_departed",
        "upload.load",
    }  # fmt: skip
    # The code of a list's export is put together from the name of its records (`services.act_of`), as it is audited.
    exports = {act_of(model) for model in admin.site._registry}
    assert set(acts()) - audited() - silent - exports == set()


def test_a11_every_label_says_its_code():
    with translation.override("en"):
        said = {code: {str(label)} for code, label in LABELS.items()} | acts()
    assert [(code, label) for code, labels in said.items() for label in labels if not says(label, code)] == []


def test_a11_one_verb_has_one_word():
    """Approve is Approve wherever something is approved, and so on."""
    verbs = ("approve", "confirm", "end", "enter", "register", "record", "reissue", "reopen", "reverse", "submit")
    for verb in (*verbs, "take_back", "withdraw", "start", "change", "compute", "pay", "close", "open"):
        firsts = {
            " ".join(label.split()[: len(verb.split("_"))]).lower().replace("returned", "return")
            for code, labels in acts().items()
            if code.partition(".")[2] == verb
            for label in labels
        }
        assert firsts <= {verb.replace("_", " ")} | ({"record"} if verb == "pay" else set()), verb


@pytest.mark.parametrize("former", sorted(FORMER))
def test_a11_entries_of_the_audit_trail_keep_their_words(former):
    assert former not in ACTS
    assert FORMER[former] in set(LABELS) | set(acts())


def test_a11_the_januarys_advance_is_decided_by_the_agency_and_recorded_by_the_clerk():
    from bureau.staff.roles import ROLES

    assert "run.record_decision" in ROLES["clerk"].acts
    assert acts()["run.record_decision"] == {"Record a decision on a lower advance"}
