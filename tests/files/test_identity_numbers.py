import datetime

import pytest

from bureau.identifiers.identity import (
    birth_and_sex,
    document_number_problem,
    identity_number_problem,
    with_check_digit,
)


def test_published_number_is_right():
    # the example of GB 11643
    assert identity_number_problem("11010519491231002X") is None
    assert birth_and_sex("11010519491231002X") == (datetime.date(1949, 12, 31), "2")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("110105194912310021", "identity_checksum"),
        ("110105491231002", "identity_old"),
        ("11010519491231002", "identity_length"),
        ("1101051949123100ZX", "identity_characters"),
        ("11010519491231002x", "identity_characters"),
        ("１1010519491231002X", "identity_characters"),
        ("011105194912310021", "identity_characters"),
        ("110105194902310021", "identity_birth"),
        ("110105180012310021", "identity_birth"),
        ("", "identity_length"),
    ],
)
def test_wrong_number_is_named(number, code):
    assert identity_number_problem(number) == code


def test_one_wrong_digit_or_a_swap_is_always_found():
    number = "441602198503120018"
    for place in range(17):
        for digit in "0123456789":
            changed = number[:place] + digit + number[place + 1 :]
            assert (identity_number_problem(changed) is None) == (changed == number)
    for place in range(16):
        swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
        assert (identity_number_problem(swapped) is None) == (swapped == number)


def test_check_digit_completes_a_number():
    assert with_check_digit("44160219850312001") == "441602198503120018"
    assert with_check_digit("11010519491231002") == "11010519491231002X"
    with pytest.raises(ValueError):
        with_check_digit("4416021985031200")


def test_other_documents_are_checked_loosely():
    assert document_number_problem("04", "H1234567") is None
    assert document_number_problem("08", "E 123") == "document_characters"
    assert document_number_problem("08", "E" * 41) == "document_length"
    assert document_number_problem("01", "H1234567") == "identity_length"


def test_birth_and_sex_of_a_wrong_number_is_refused():
    with pytest.raises(ValueError, match="identity_checksum"):
        birth_and_sex("110105194912310021")
