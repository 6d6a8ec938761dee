"""Heyuan for the tests of this room, Chongqing for claims. Models are imported inside, after Django is set up."""

import pytest


@pytest.fixture
def city(db):
    from tests.settlement.factories import heyuan

    return heyuan()


@pytest.fixture
def bureau(db):
    from tests.settlement.claims import chongqing

    return chongqing()


@pytest.fixture
def person(bureau):
    return bureau.member(balance="300.00")
