"""Heyuan for every test of this room. Models are imported inside: Django is set up after this file is read."""

import pytest


@pytest.fixture
def city(db):
    from tests.accounts.factories import heyuan

    return heyuan()
