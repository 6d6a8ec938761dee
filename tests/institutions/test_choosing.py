"""Choosing, changing and ending a selection, through the services."""

import threading
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from django.db import IntegrityError, connection, transaction

from bureau.errors import DomainError, RefusedError
from bureau.models import AuditEntry
from institutions import queries
from institutions.models import Selection
from institutions.services import places
from institutions.services.selection import choose, end_selections, end_selections_of_departed, withdraw
from members.models import Enrolment

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
WINDOW = date(2025, 10, 10)


@pytest.fixture
def ask(edition, clerk):
    """Choose for a year, 2026 unless told otherwise."""

    def ask(member, institutions, on, reason="", year=2026):
        return choose(
            member=member, institutions=institutions, year=year, requested_on=on, reason=reason, actor=clerk, now=NOW
        )

    return ask


def rows(member):
    """Institution, first and last day, first and last counted month of each selection."""
    return list(
        Selection.objects.filter(member=member)
        .order_by("starts_on", "role")
        .values_list("institution__name", "starts_on", "ends_on", "counts_from", "counts_to")
    )


def months(area, *places, year=2026):
    counted = queries.person_months(area.pk, "310", year)
    return [counted.get(place.pk, 0) for place in places]


def refused(code, act, *arguments, **more):
    before = list(Selection.objects.order_by("pk").values())
    audited = AuditEntry.objects.count()
    with pytest.raises(RefusedError) as error:
        act(*arguments, **more)
    assert error.value.refusal.code == code
    assert list(Selection.objects.order_by("pk").values()) == before
    assert AuditEntry.objects.count() == audited
    return error.value


def test_choice_in_the_window_counts_twelve_months(ask, person, place, area):
    member, a = person(), place("甲")
    (selection,) = ask(member, a, WINDOW)
    assert (selection.route, selection.role) == ("window", "primary")
    assert rows(member) == [("甲", date(2026, 1, 1), date(2026, 12, 31), date(2026, 1, 1), date(2026, 12, 1))]
    assert months(area, a) == [12]


@pytest.mark.parametrize("day", [date(2025, 9, 1), date(2025, 12, 31)])
def test_choice_on_the_first_and_last_day_of_the_window_is_accepted(ask, person, place, area, day):
    member, a = person(), place("甲")
    ask(member, a, day)
    assert months(area, a) == [12]


def test_choice_before_the_window_is_refused(ask, person, place):
    error = refused("outside_window", ask, person(), place("甲"), date(2025, 8, 31))
    assert error.refusal.article == "15"


def test_choice_before_any_edition_is_refused(ask, person, place):
    refused("no_edition", ask, person(), place("甲"), date(2025, 7, 31), year=2025)


def test_first_choice_in_the_year_counts_from_the_next_month(ask, person, place, area):
    member, a = person(), place("甲")
    (selection,) = ask(member, a, date(2026, 2, 5))
    assert selection.route == "in_year"
    assert rows(member) == [("甲", date(2026, 2, 5), date(2026, 12, 31), date(2026, 3, 1), date(2026, 12, 1))]
    assert months(area, a) == [10]


def test_first_choice_in_december_counts_no_month(ask, person, place, area):
    member, a = person(), place("甲")
    ask(member, a, date(2026, 12, 1))
    assert rows(member) == [("甲", date(2026, 12, 1), date(2026, 12, 31), None, None)]
    assert months(area, a) == [0]


@pytest.mark.parametrize(
    ("day", "old", "new"),
    [(date(2026, 3, 15), 3, 9), (date(2026, 3, 1), 3, 9), (date(2026, 12, 2), 12, 0), (date(2026, 1, 2), 1, 11)],
)
def test_change_moves_care_that_day_and_money_next_month(ask, person, place, area, day, old, new):
    member, a, b = person(), place("甲"), place("乙")
    ask(member, a, WINDOW)
    (selection,) = ask(member, b, day, "迁居")
    assert (selection.route, selection.reason) == ("change", "迁居")
    assert queries.selection_on(member.pk, day).institution == b
    assert queries.selection_on(member.pk, day.replace(day=1) if day.day > 1 else date(2026, 2, 28)).institution == a
    assert months(area, a, b) == [old, new]


def test_two_changes_in_a_month_count_for_the_last(ask, person, place, area):
    member, a, b, c = person(), place("甲"), place("乙"), place("丙")
    ask(member, a, WINDOW)
    ask(member, b, date(2026, 3, 5), "迁居")
    ask(member, c, date(2026, 3, 20), "又迁居")
    assert rows(member) == [
        ("甲", date(2026, 1, 1), date(2026, 3, 4), date(2026, 1, 1), date(2026, 3, 1)),
        ("乙", date(2026, 3, 5), date(2026, 3, 19), None, None),
        ("丙", date(2026, 3, 20), date(2026, 12, 31), date(2026, 4, 1), date(2026, 12, 1)),
    ]
    assert months(area, a, b, c) == [3, 0, 9]


def test_change_back_counts_both_times(ask, person, place, area):
    member, a, b = person(), place("甲"), place("乙")
    ask(member, a, WINDOW)
    ask(member, b, date(2026, 3, 5), "迁居")
    ask(member, a, date(2026, 6, 5), "迁回")
    assert months(area, a, b) == [9, 3]


def test_another_choice_in_the_window_takes_the_place_of_the_first(ask, person, place, area):
    member, a, b = person(), place("甲"), place("乙")
    ask(member, a, WINDOW)
    ask(member, b, date(2025, 11, 20))
    assert rows(member) == [("乙", date(2026, 1, 1), date(2026, 12, 31), date(2026, 1, 1), date(2026, 12, 1))]
    assert Selection.objects.get().requested_on == date(2025, 11, 20)
    assert months(area, a, b) == [0, 12]


def test_older_request_after_a_newer_is_refused(ask, person, place):
    member, a, b = person(), place("甲"), place("乙")
    ask(member, a, date(2025, 11, 20))
    with pytest.raises(DomainError) as error:
        ask(member, b, WINDOW)
    assert error.value.field == "requested_on"
    assert Selection.objects.get().institution == a


def test_change_on_the_day_of_the_first_choice_overwrites_it(ask, person, place, area):
    member, a, b = person(), place("甲"), place("乙")
    ask(member, a, date(2026, 2, 5))
    ask(member, b, date(2026, 2, 5), "录入有误")
    assert rows(member) == [("乙", date(2026, 2, 5), date(2026, 12, 31), date(2026, 3, 1), date(2026, 12, 1))]
    before = AuditEntry.objects.first().detail["before"]
    assert before == {"institution_id": str(a.pk), "route": "in_year", "reason": ""}


def test_change_on_new_years_day_waits_a_day(ask, person, place, area):
    """The old institution counts January, and a selection that counts keeps at least a day."""
    member, a, b = person(), place("甲"), place("乙")
    ask(member, a, WINDOW)
    with pytest.raises(DomainError) as error:
        ask(member, b, date(2026, 1, 1), "迁居")
    assert error.value.field == "requested_on"
    assert months(area, a, b) == [12, 0]
    ask(member, b, date(2026, 1, 2), "迁居")
    assert months(area, a, b) == [1, 11]


def test_change_without_a_reason_is_refused(ask, person, place):
    member, a, b = person(), place("甲"), place("乙")
    ask(member, a, WINDOW)
    refused("no_reason", ask, member, b, date(2026, 3, 15))
    refused("no_reason", ask, member, b, date(2026, 3, 15), "  ")


def test_reason_too_long_to_keep_is_refused(ask, person, place):
    member, a, b = person(), place("甲"), place("乙")
    ask(member, a, WINDOW)
    with pytest.raises(DomainError) as error:
        ask(member, b, date(2026, 3, 15), "迁" * 201)
    assert error.value.field == "reason"
    assert Selection.objects.get().institution == a


def test_change_to_the_selected_institution_is_refused(ask, person, place):
    member, a = person(), place("甲")
    ask(member, a, WINDOW)
    refused("same_institution", ask, member, a, date(2026, 3, 15), "迁居")


def test_two_institutions_are_refused(ask, person, place):
    refused("too_many", ask, person(), [place("甲"), place("乙")], WINDOW)


def test_no_institution_is_refused(ask, person):
    refused("none_chosen", ask, person(), [], WINDOW)


def test_pharmacy_and_foreign_hospital_are_refused(ask, person, place):
    refused("type_not_allowed", ask, person(), place("药店", "pharmacy"), WINDOW)
    away = place("省医院", "hospital", area=None, county=None)
    refused("type_not_allowed", ask, person(), away, WINDOW)


def test_institution_without_agreement_is_refused(ask, person, place, clerk):
    a = place("甲", designated_from=date(2026, 6, 1))
    refused("not_designated", ask, person(), a, WINDOW)
    b = place("乙")
    places.undesignate(institution=b, last_day=date(2026, 2, 28), reason="违约", actor=clerk, now=NOW)
    refused("not_designated", ask, person(), b, date(2026, 3, 1))


def test_agreement_that_begins_with_the_year_is_enough(ask, person, place):
    member = person()
    ask(member, place("甲", designated_from=date(2026, 1, 1)), WINDOW)
    assert Selection.objects.filter(member=member).exists()


@pytest.mark.parametrize(
    "enrolment",
    [
        {"starts_on": None},
        {"starts_on": date(2025, 11, 1)},
        {"ends_on": date(2025, 12, 31)},
        {"scheme": "390"},
    ],
    ids=["never", "later", "left before the year", "residents have no edition here"],
)
def test_member_not_enrolled_is_refused(ask, person, place, enrolment):
    code = "no_edition" if "scheme" in enrolment else "not_enrolled"
    refused(code, ask, person(**enrolment), place("甲"), WINDOW)


def test_dead_member_is_refused(ask, person, place):
    with pytest.raises(DomainError) as error:
        ask(person(died_on=date(2025, 12, 30)), place("甲"), WINDOW)
    assert error.value.field == "member"
    assert not Selection.objects.exists()


def test_same_request_again_returns_the_same_selection(ask, person, place):
    member, a, b = person(), place("甲"), place("乙")
    first, again = ask(member, a, WINDOW), ask(member, a, WINDOW)
    assert first == again
    change = ask(member, b, date(2026, 3, 15), "迁居")
    assert ask(member, b, date(2026, 3, 15), "迁居") == change
    assert ask(member, a, WINDOW) == first
    assert len(rows(member)) == 2
    assert AuditEntry.objects.filter(action="selection.choose").count() == 2


def test_choice_of_each_year_stands_beside_the_last(ask, person, place, area):
    member, a, b = person(), place("甲"), place("乙")
    ask(member, a, WINDOW)
    ask(member, b, date(2026, 10, 10), year=2027)
    assert months(area, a, b) == [12, 0]
    assert months(area, a, b, year=2027) == [0, 12]
    refused("outside_window", ask, person(), a, date(2026, 3, 1), year=2027)


def test_withdrawn_choice_is_gone_only_before_its_first_day(ask, person, place, clerk):
    member, a = person(), place("甲")
    (selection,) = ask(member, a, WINDOW)
    with pytest.raises(DomainError):
        withdraw(selection=selection, on=date(2026, 1, 1), reason="误选", actor=clerk, now=NOW)
    assert rows(member)
    for _delivery in range(2):
        withdraw(selection=selection, on=date(2025, 12, 31), reason="误选", actor=clerk, now=NOW)
    assert rows(member) == []
    assert AuditEntry.objects.filter(action="selection.take_back").count() == 1


# Death and leaving


def test_death_ends_the_selection_and_counts_through_its_month(ask, person, place, area, clerk):
    member, a = person(), place("甲")
    ask(member, a, WINDOW)
    ask(member, place("乙"), date(2026, 10, 9), year=2027)
    for _delivery in range(2):
        end_selections(member=member, last_day=date(2026, 11, 3), event="death", actor=clerk, now=NOW)
    assert rows(member) == [("甲", date(2026, 1, 1), date(2026, 11, 3), date(2026, 1, 1), date(2026, 11, 1))]
    assert months(area, a) == [11]
    assert AuditEntry.objects.filter(action="selection.end").count() == 1


def test_death_in_the_month_of_the_first_choice_counts_nothing(ask, person, place, area, clerk):
    member, a = person(), place("甲")
    ask(member, a, date(2026, 2, 5))
    end_selections(member=member, last_day=date(2026, 2, 20), event="death", actor=clerk, now=NOW)
    assert rows(member) == [("甲", date(2026, 2, 5), date(2026, 2, 20), None, None)]


def test_departed_members_of_the_rosters_are_ended(ask, person, place, area, clerk):
    a = place("甲")
    dead, left, stays, returns, future = (person() for _ in range(5))
    for member in (dead, left, stays, returns, future):
        ask(member, a, WINDOW)
    dead.died_on = date(2026, 5, 20)
    dead.save()
    Enrolment.objects.filter(member=left).update(ends_on=date(2026, 3, 31))
    Enrolment.objects.filter(member=future).update(ends_on=date(2026, 9, 30))
    Enrolment.objects.filter(member=returns).update(ends_on=date(2026, 3, 31))
    Enrolment.objects.create(member=returns, area=area, scheme="310", person_class="active", starts_on=date(2026, 6, 1))
    act = {"area_id": area.pk, "on": date(2026, 6, 1), "actor": clerk, "now": NOW}
    assert end_selections_of_departed(**act) == 2
    assert end_selections_of_departed(**act) == 0
    ends = dict(Selection.objects.values_list("member", "ends_on"))
    assert ends[dead.pk] == date(2026, 5, 20)
    assert ends[left.pk] == date(2026, 3, 31)
    assert ends[stays.pk] == ends[returns.pk] == ends[future.pk] == date(2026, 12, 31)
    assert months(area, a) == [5 + 3 + 12 + 12 + 12]


def test_member_who_left_and_came_back_chooses_anew(ask, person, place, area, clerk):
    member, a, b = person(), place("甲"), place("乙")
    ask(member, a, WINDOW)
    Enrolment.objects.filter(member=member).update(ends_on=date(2026, 3, 10))
    end_selections_of_departed(area_id=area.pk, on=date(2026, 3, 15), actor=clerk, now=NOW)
    Enrolment.objects.create(member=member, area=area, scheme="310", person_class="active", starts_on=date(2026, 3, 20))
    (selection,) = ask(member, b, date(2026, 3, 25))
    assert selection.route == "in_year"
    assert months(area, a, b) == [3, 9]


# The database's own promises


def test_raw_sql_cannot_count_a_head_twice(ask, person, place):
    member, a, b = person(), place("甲"), place("乙")
    ask(member, a, WINDOW)
    ask(member, b, date(2026, 3, 15), "迁居")
    attacks = [
        "UPDATE institutions_selection SET counts_to = '2026-04-01' WHERE institution_id = %s",
        "UPDATE institutions_selection SET ends_on = '2026-03-15' WHERE institution_id = %s",
        """INSERT INTO institutions_selection (member_id, area_id, scheme, year, role, institution_id, route, reason,
               requested_on, starts_on, ends_on, counts_from, counts_to, recorded_by_id)
           SELECT member_id, area_id, scheme, year, role, institution_id, route, reason, requested_on,
               starts_on, ends_on, counts_from, counts_to, recorded_by_id
           FROM institutions_selection WHERE institution_id = %s""",
        "UPDATE institutions_selection SET counts_from = '2026-01-15' WHERE institution_id = %s",
        "UPDATE institutions_selection SET ends_on = '2027-01-01' WHERE institution_id = %s",
    ]
    before = rows(member)
    for attack in attacks:
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(attack, [a.pk])
        assert rows(member) == before


@pytest.mark.django_db(transaction=True)
def test_two_clerks_choosing_at_once_leave_one_selection(ask, person, place, area):
    member, offered = person(), [place(name) for name in ("甲", "乙", "丙", "丁")]
    start, outcomes = threading.Barrier(len(offered)), []

    def clerk_chooses(institution):
        start.wait()
        try:
            outcomes.append(ask(member, institution, date(2026, 2, 5))[0].institution_id)
        except RefusedError as error:
            outcomes.append(error.refusal.code)
        finally:
            connection.close()

    clerks = [threading.Thread(target=clerk_chooses, args=[institution]) for institution in offered]
    for clerk in clerks:
        clerk.start()
    for clerk in clerks:
        clerk.join()
    selection = Selection.objects.get(member=member)
    assert sorted(map(str, outcomes)) == sorted([str(selection.institution_id), "no_reason", "no_reason", "no_reason"])
    assert sum(queries.person_months(area.pk, "310", 2026).values()) == 10


def test_days_of_selections_follow_one_another(ask, person, place):
    member = person()
    offered = [place(name) for name in ("甲", "乙", "丙")]
    ask(member, offered[0], date(2026, 2, 5))
    for number, day in enumerate([date(2026, 2, 6), date(2026, 5, 31), date(2026, 11, 30)], start=1):
        ask(member, offered[number % 3], day, "迁居")
    for earlier, later in pairwise(rows(member)):
        assert (later[1] - earlier[2]).days == 1
