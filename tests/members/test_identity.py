"""Document numbers are kept encrypted from the first row on."""

import pytest

from tests.members.samples import LI, NOW, WANG


def test_cipher_differs_each_time_and_reads_back():
    from members.identity import decrypt, encrypt

    first, second = encrypt(LI), encrypt(LI)
    assert first != second
    assert decrypt(first) == decrypt(memoryview(second)) == LI
    assert LI.encode() not in first


def test_changed_cipher_is_refused():
    from members.identity import decrypt, encrypt

    stored = bytearray(encrypt(LI))
    stored[20] ^= 1
    with pytest.raises(ValueError, match="cannot be read"):
        decrypt(bytes(stored))


def test_hash_depends_on_the_key(settings):
    from members.identity import decrypt, encrypt, keyed_hash

    before, stored = keyed_hash(LI), encrypt(LI)
    assert before == keyed_hash(LI.lower())
    assert before != keyed_hash(WANG)
    assert len(before) == 32
    settings.DATA_KEY = bytes(range(16))
    assert keyed_hash(LI) != before
    with pytest.raises(ValueError, match="cannot be read"):
        decrypt(stored)


def test_no_table_holds_a_number_in_clear(load, four, clerk):
    """Every row of every table as text."""
    from django.apps import apps
    from django.db import connection

    from members.models import Member
    from members.services.people import correct_member, register_member

    register_member(name="孙七", document_kind="08", document_number="E12345678", actor=clerk, now=NOW)
    correct_member(member=Member.objects.get(name="李明"), name="李铭", reason="户口簿", actor=clerk, now=NOW)
    found, rows = [], 0
    with connection.cursor() as cursor:
        for model in apps.get_models():
            table = model._meta.db_table
            columns = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)
            cursor.execute(f"SELECT concat_ws(' ', {columns}) FROM {table}")
            for (text,) in cursor:
                rows += 1
                for number in (LI, WANG, "E12345678"):
                    if number in text or number.encode().hex() in text:
                        found.append((table, number))
    assert rows > 20
    assert found == []
