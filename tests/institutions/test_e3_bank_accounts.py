"""E3: an institution's bank account is entered by one person and confirmed by another, in services and in SQL."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from bureau.errors import DomainError
from bureau.models import AuditEntry
from institutions.models import AccountChange, Institution
from institutions.services.bank_accounts import change_account, confirm_account, drop_account

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 1, 30, tzinfo=UTC)
FIRST = {"account_name": "中心卫生院", "bank_name": "工商银行", "bank_account": "622200000001"}
OTHER = FIRST | {"bank_name": "农业银行", "bank_account": "622200000002"}


@pytest.fixture
def centre(place):
    return place("中心卫生院", **FIRST)


def account(institution):
    institution.refresh_from_db()
    return {name: getattr(institution, name) for name in FIRST}


def refused(name: str, sql: str, *params) -> None:
    before = list(AccountChange.objects.order_by("pk").values()), list(Institution.objects.order_by("pk").values())
    with pytest.raises(IntegrityError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)
    assert error.value.__cause__.diag.constraint_name == name
    assert before == (
        list(AccountChange.objects.order_by("pk").values()),
        list(Institution.objects.order_by("pk").values()),
    )


def test_e3_account_counts_once_another_person_has_confirmed_it(centre, clerk, reviewer):
    change = change_account(institution=centre, **OTHER, actor=clerk, now=NOW)
    assert account(centre) == FIRST
    assert change_account(institution=centre, **OTHER, actor=reviewer, now=NOW) == change
    with pytest.raises(DomainError, match=r"A bank account is confirmed by someone other than who entered it."):
        confirm_account(change=change, actor=clerk, now=NOW)
    assert account(centre) == FIRST
    confirm_account(change=change, actor=reviewer, now=NOW)
    confirm_account(change=change, actor=reviewer, now=NOW)
    assert account(centre) == OTHER
    assert list(AuditEntry.objects.filter(action__startswith="institution.account").values_list("action", "actor")) == [
        ("institution.account_confirm", reviewer.pk),
        ("institution.account", clerk.pk),
    ]
    assert change_account(institution=centre, **OTHER, actor=clerk, now=NOW) is None


def test_e3_second_entry_takes_the_place_of_the_first_and_is_its_own(centre, clerk, reviewer):
    change_account(institution=centre, **OTHER, actor=clerk, now=NOW)
    again = change_account(institution=centre, **OTHER | {"bank_account": "62220003"}, actor=reviewer, now=NOW)
    assert AccountChange.objects.count() == 1
    with pytest.raises(DomainError):
        confirm_account(change=again, actor=reviewer, now=NOW)
    confirm_account(change=again, actor=clerk, now=NOW)
    assert account(centre)["bank_account"] == "62220003"


def test_e3_dropped_change_moves_nothing_and_stays_dropped(centre, clerk, reviewer):
    change = change_account(institution=centre, **OTHER, actor=clerk, now=NOW)
    with pytest.raises(DomainError, match=r"Say why."):
        drop_account(change=change, note=" ", actor=reviewer, now=NOW)
    drop_account(change=change, note="not theirs", actor=reviewer, now=NOW)
    with pytest.raises(DomainError, match=r"The change of the account is dropped."):
        confirm_account(change=change, actor=reviewer, now=NOW)
    assert account(centre) == FIRST


@pytest.mark.parametrize(
    "number", ["6222\t000000", "6222\u200b000001", "62220000000x", "6222000", "1" * 31, "6222–00001"]
)
def test_d5_number_that_is_no_account_is_refused(centre, clerk, number):
    with pytest.raises(DomainError, match=r"A bank account has 8 to 30 digits.") as error:
        change_account(institution=centre, **OTHER | {"bank_account": number}, actor=clerk, now=NOW)
    assert error.value.field == "bank_account"
    assert not AccountChange.objects.exists()


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        (" 6222 0000 0000 1234 567 ", "6222000000001234567"),
        ("１２３４５６７８", "12345678"),
        ("10-12345678", "10-12345678"),
    ],
)
def test_d5_blanks_between_groups_are_not_stored(centre, clerk, written, stored):
    change = change_account(institution=centre, **OTHER | {"bank_account": written}, actor=clerk, now=NOW)
    assert change.bank_account == stored


def test_e3_raw_sql_moves_no_account_without_two_people(centre, clerk, reviewer):
    refused("account_by_two", "UPDATE institutions_institution SET bank_account = '622200000009'")
    refused("account_by_two", "UPDATE institutions_institution SET account_name = 'x'")
    change = change_account(institution=centre, **OTHER, actor=clerk, now=NOW)
    both = "bank_name = '农业银行', bank_account = '622200000002'"
    refused("account_by_two", f"UPDATE institutions_institution SET {both}")
    decided = "decided_at = now(), decided_by_id = %s"
    refused(
        "account_change_by_two",
        f"UPDATE institutions_accountchange SET status = 'confirmed', {decided}",
        clerk.pk,
    )
    refused(
        "account_change_step",
        f"UPDATE institutions_accountchange SET bank_account = '62220009', status = 'confirmed', {decided}",
        reviewer.pk,
    )
    confirm_account(change=change, actor=reviewer, now=NOW)
    refused("account_change_stays", "UPDATE institutions_accountchange SET bank_account = '62220009'")
    refused("account_change_stays", "DELETE FROM institutions_accountchange")
    refused(
        "account_change_step",
        """INSERT INTO institutions_accountchange (institution_id, bank_name, bank_account, account_name, status,
               entered_by_id, entered_at, decided_by_id, decided_at, note)
           VALUES (%s, 'x', '62220009', 'x', 'confirmed', %s, now(), %s, now(), '')""",
        centre.pk,
        clerk.pk,
        reviewer.pk,
    )
    refused("account_by_two", "UPDATE institutions_institution SET bank_account = '622200000001'")


def test_e3_temporary_table_does_not_stand_in_for_a_confirmed_change(centre):
    refused(
        "account_by_two",
        """CREATE TEMP TABLE institutions_accountchange ON COMMIT DROP AS
               SELECT *, 'confirmed' AS was FROM public.institutions_accountchange WHERE false;
           UPDATE institutions_institution SET bank_account = '622200000009'""",
    )
