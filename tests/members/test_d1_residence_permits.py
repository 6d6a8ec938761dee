"""Permits of Hong Kong, Macao and Taiwan people and foreigners' cards are identity numbers: one person each (D1)."""

from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction

from bureau.errors import DomainError
from bureau.identifiers.identity import (
    birth_and_sex,
    document_number_problem,
    identity_number_problem,
    kind_of,
    with_check_digit,
)
from tests.members.samples import MEMBER_HEADINGS, NOW, roster

pytestmark = pytest.mark.django_db

HONG_KONG = with_check_digit("81000019900307123")
MACAO = with_check_digit("82000019850215002")
TAIWAN = with_check_digit("83000019640630003")
FOREIGNER = with_check_digit("91128419790522001")  # 9, first issued in 11, to a national of 284, then as any other
RESIDENT = with_check_digit("44162119800101001")


def sent(load, *lines, headings="证件类型," + MEMBER_HEADINGS):
    whole = [f"{kind},{name},{number},310,11,2026-01-01,,441699,,," for kind, name, number in lines]
    return load("members", roster(headings, *whole))


@pytest.mark.parametrize(
    ("number", "kind", "birth", "sex"),
    [
        (HONG_KONG, "17", date(1990, 3, 7), "1"),
        (MACAO, "17", date(1985, 2, 15), "2"),
        (TAIWAN, "17", date(1964, 6, 30), "1"),
        (FOREIGNER, "07", date(1979, 5, 22), "1"),
        (RESIDENT, "01", date(1980, 1, 1), "1"),
    ],
)
@pytest.mark.parametrize("called", ["01", "07", "17"])
def test_d1_number_says_which_document_it_is_when_and_as_what_its_holder_was_born(called, number, kind, birth, sex):
    assert identity_number_problem(number) is None
    assert document_number_problem(called, number) is None
    assert kind_of(called, number) == kind
    assert birth_and_sex(number) == (birth, sex)


@pytest.mark.parametrize("number", [HONG_KONG, MACAO, TAIWAN, FOREIGNER])
@pytest.mark.parametrize("kind", ["01", "07", "17"])
def test_d1_every_wrong_digit_is_found(kind, number):
    for place in range(18):
        for digit in "0123456789X":
            other = number[:place] + digit + number[place + 1 :]
            if other != number:
                problem = document_number_problem(kind, other)
                assert problem is not None, (kind, other)


@pytest.mark.parametrize(
    ("kind", "number", "problem"),
    [
        ("07", "USA123456789012", None),  # the card of before December 2023
        ("07", "GBR110178010112", None),
        ("17", "H1234567801", "identity_length"),
        ("07", FOREIGNER[:-1] + ("0" if FOREIGNER[-1] != "0" else "1"), "identity_checksum"),
        ("07", "911284197905220", None),
        ("04", "H1234567801", None),
        ("08", "E12345678", None),
    ],
)
def test_d1_other_documents_keep_numbers_of_their_own(kind, number, problem):
    assert document_number_problem(kind, number) == problem


@pytest.mark.parametrize("first", ["居民身份证", "港澳台居民居住证", "港澳居民居住证", "17"])
def test_d1_one_person_whether_a_file_calls_it_identity_card_or_permit(load, first):
    from members.models import Enrolment, Member

    upload = sent(load, (first, "陳大文", HONG_KONG))
    assert upload.accepted == 1
    for called in ("居民身份证", "身份证", "港澳台居民居住证", "台湾居民居住证", ""):
        again = sent(load, (called, "陳大文", HONG_KONG))
        assert again == upload or (again.accepted, again.unchanged, again.rejected) == (0, 1, 0)
    member = Member.objects.get()
    assert (member.document_kind, member.birth, member.sex) == ("17", date(1990, 3, 7), "1")
    assert Enrolment.objects.count() == 1


def test_d1_in_one_file_and_at_the_desk_it_is_one_person_too(load, clerk, reasons):
    from members.models import Member
    from members.queries import find
    from members.services.people import register_member

    upload = sent(load, ("居民身份证", "陳大文", HONG_KONG), ("港澳台居民居住证", "陳大文", HONG_KONG))
    assert (upload.accepted, reasons(upload)) == (1, [("3", "", "The line repeats line 2.")])
    for kind in ("01", "17", "07"):
        known = register_member(name="陳大文", document_kind=kind, document_number=HONG_KONG, actor=clerk, now=NOW)
        assert known == Member.objects.get()
    assert list(find(HONG_KONG)) == [known]
    with pytest.raises(DomainError) as refused:
        register_member(name="陳大文", document_number=MACAO, birth=date(1985, 2, 16), actor=clerk, now=NOW)
    assert refused.value.field == "birth"


def test_d1_foreigners_new_card_is_checked_and_the_old_one_kept(load, reasons):
    from members.models import Member

    wrong = FOREIGNER[:-1] + ("0" if FOREIGNER[-1] != "0" else "1")
    upload = sent(
        load,
        ("外国人永久居留身份证", "Anna Schmidt", FOREIGNER),
        ("外国人永久居留证", "Bob Smith", "USA123456789012"),
        ("五星卡", "Carl Weiss", wrong),
    )
    assert (upload.accepted, upload.rejected) == (2, 1)
    assert reasons(upload) == [
        ("4", "证件号码", "The check digit of the identity number is wrong; compare it with the card.")
    ]
    assert list(Member.objects.order_by("id").values_list("document_kind", "birth")) == [
        ("07", date(1979, 5, 22)),
        ("07", None),
    ]


@pytest.mark.parametrize(
    ("called", "number", "kind"),
    [
        ("护照", "E12345678", "08"),
        ("外国人护照", "E12345678", "08"),
        ("中国护照", "E12345678", "16"),
        ("台胞证", "12345678", "06"),
        ("台湾居民来往大陆通行证", "12345678", "06"),
        ("港澳居民来往内地通行证", "H12345678", "04"),
        ("港澳居民来往内地通行证", "M12345678", "05"),
        ("回乡证", "H12345678", "04"),
        ("澳门特区护照/港澳居民来往内地通行证", "H12345678", "04"),
        ("外国人永久居留身份证", FOREIGNER, "07"),
        ("军官证", "军字第123号", "02"),
        ("出生医学证明", "T440001234", "990201"),
    ],
)
def test_d1_everyday_names_of_documents_are_known(load, called, number, kind):
    from members.models import Member

    assert sent(load, (called, "李明", number)).accepted == 1
    assert Member.objects.get().document_kind == kind


@pytest.fixture
def pair(load):
    """A pair that was recorded apart, as an earlier release allowed."""
    from members.identity import encrypt, keyed_hash, last4
    from members.models import Member

    facts = {
        "name": "陳大文", "document_cipher": encrypt(HONG_KONG), "document_hash": keyed_hash(HONG_KONG),
        "document_last4": last4(HONG_KONG),
    }  # fmt: skip
    card = Member.objects.create(document_kind="01", **facts)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE members_member DISABLE TRIGGER member_document_of_one_new")
        permit = Member.objects.create(document_kind="17", **facts)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE members_member ENABLE TRIGGER member_document_of_one_new")
    return card, permit


def test_d1_person_recorded_under_the_other_name_is_found(load):
    """A record of before says identity card; files and desk find it, and nobody is made anew."""
    from members.identity import encrypt, keyed_hash, last4
    from members.models import Member

    old = Member.objects.create(
        name="陳大文", document_kind="01", document_cipher=encrypt(HONG_KONG), document_hash=keyed_hash(HONG_KONG),
        document_last4=last4(HONG_KONG),
    )  # fmt: skip
    assert sent(load, ("港澳台居民居住证", "陳大文", HONG_KONG)).accepted == 1
    assert Member.objects.get() == old
    assert Member.objects.get().birth == date(1990, 3, 7)


def test_d1_pair_of_before_is_refused_in_words_and_found_on_screen(load, pair, reasons):
    from members.admin import MemberAdmin, RecordedTwiceFilter
    from members.models import Member

    upload = sent(load, ("港澳台居民居住证", "陳大文", HONG_KONG), ("居民身份证", "李明", RESIDENT))
    said = "Two people are recorded with this document; correct the record of the one or the other first."
    assert (upload.accepted, reasons(upload)) == (1, [("2", "证件号码", said)])
    chosen = RecordedTwiceFilter(None, {"twice": ["yes"]}, Member, MemberAdmin)
    assert set(chosen.queryset(None, Member.objects.all())) == set(pair)


@pytest.mark.parametrize("kind", ["01", "07"])
def test_d1_database_holds_one_number_to_one_person(load, kind):
    from members.models import Member

    sent(load, ("港澳台居民居住证", "陳大文", HONG_KONG), ("居民身份证", "李明", RESIDENT))
    row = Member.objects.get(name="陳大文")
    for statement in (
        "INSERT INTO members_member (name, document_kind, document_cipher, document_hash, document_last4, sex, phone)"
        " SELECT name, %s, document_cipher, document_hash, document_last4, sex, phone"
        " FROM members_member WHERE id = %s",
        "UPDATE members_member SET document_kind = %s,"
        " document_hash = (SELECT document_hash FROM members_member WHERE id = %s) WHERE name = '李明'",
    ):
        with (
            pytest.raises(IntegrityError, match=r"member_document_of_one|already recorded"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, [kind, row.pk])
    assert Member.objects.count() == 2
