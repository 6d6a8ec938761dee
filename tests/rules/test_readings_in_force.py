"""These readings can be chosen: an edition's own examples come out, and the frame has no error, under each of them."""

import pytest

from bureau.rules.cases.examples import run_examples
from bureau.rules.format.edition import Edition, load_folder
from bureau.rules.format.frame import hold_against_frame

NAMED = {
    "care_in_arrears",
    "out_of_city",
    "newborn_place",
    "higher_level",
    "stations",
    "remote_by_hand",
    "lump_sum_as",
    "bonus",
    "direct_book",
    "newborn_until",
}
READINGS = [
    pytest.param(edition, name, option, id=f"{edition.city} {name} {option}")
    for edition in load_folder().editions
    for name, switch in edition.switches.items()
    for option in switch.options
    if name in NAMED
]


@pytest.mark.parametrize(("edition", "name", "option"), READINGS)
def test_b7_each_of_these_readings_can_be_put_in_force(edition: Edition, name: str, option: str) -> None:
    read = edition.with_switches(**{name: option})
    assert run_examples(read) == []
    assert [finding.message for finding in hold_against_frame(read, {}) if finding.level == "error"] == []
