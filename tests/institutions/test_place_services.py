"""Registering institutions, agreements, levels, parents and scores."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from bureau.errors import DomainError
from bureau.models import AuditEntry, County, Staff
from institutions import queries
from institutions.models import Agreement, Assessment, Institution, Level, Selection
from institutions.services import places

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 10, 10, 9, 30, tzinfo=UTC)


def register(area, county, clerk, **said):
    facts = {"code": "H44160200901", "name": "东埔卫生院", "kind": "centre", "area": area, "county": county}
    return places.register_institution(**facts | said, actor=clerk, now=NOW)


def test_register_twice_records_once(area, county, clerk):
    first = register(area, county, clerk)
    assert register(area, county, clerk) == first
    assert Institution.objects.count() == 1
    assert AuditEntry.objects.filter(action="institution.register").count() == 1


def test_register_another_under_a_used_code_is_refused(area, county, clerk):
    register(area, county, clerk)
    with pytest.raises(DomainError, match="H44160200901") as refused:
        register(area, county, clerk, name="源西卫生院")
    assert refused.value.field == "code"
    assert [i.name for i in Institution.objects.all()] == ["东埔卫生院"]


def test_register_station_without_centre_is_refused(area, county, clerk):
    with pytest.raises(DomainError) as refused:
        register(area, county, clerk, kind="station")
    assert refused.value.field == "parent"
    assert not Institution.objects.exists()


def test_register_station_under_a_station_is_refused(area, county, clerk, place):
    centre = place("中心卫生院")
    station = place("一村卫生站", "station", parent=centre)
    with pytest.raises(DomainError):
        place("二村卫生站", "station", parent=station)
    assert Institution.objects.count() == 2


def test_register_station_takes_the_agency_of_its_centre(place, clerk, area, county):
    centre = place("中心卫生院")
    station = places.register_institution(
        code="H44160200777", name="三村卫生站", kind="station", parent=centre, actor=clerk, now=NOW
    )
    assert (station.area, station.county) == (area, county)


def test_register_with_the_agency_of_another_area_is_refused(area, county, clerk):
    other = type(area).objects.create(code="440200", name="韶关市")
    foreign = County.objects.create(code="440203", area=other, name="武江区")
    with pytest.raises(DomainError) as refused:
        register(area, foreign, clerk)
    assert refused.value.field == "county"
    assert not Institution.objects.exists()


def test_register_in_an_area_without_agency_is_refused(area, clerk):
    with pytest.raises(DomainError, match=r"."):
        register(area, None, clerk)
    assert not Institution.objects.exists()


def test_change_of_details_is_audited_with_what_was_before(place, clerk):
    centre = place("中心卫生院")
    places.change_details(institution=centre, name="城东卫生院", actor=clerk, now=NOW)
    entry = AuditEntry.objects.get(action="institution.change")
    assert entry.detail == {"before": {"name": "中心卫生院"}, "after": {"name": "城东卫生院"}}
    places.change_details(institution=centre, name="城东卫生院", actor=clerk, now=NOW)
    assert AuditEntry.objects.filter(action="institution.change").count() == 1


def test_new_level_ends_the_old_one_the_day_before(place, clerk):
    centre = place("中心卫生院")
    places.set_level(institution=centre, level=2, starts_on=date(2026, 7, 1), actor=clerk, now=NOW)
    spans = Level.objects.filter(institution=centre).values_list("level", "starts_on", "ends_on")
    assert list(spans) == [(1, date(2025, 1, 1), date(2026, 6, 30)), (2, date(2026, 7, 1), None)]
    assert queries.level_on(centre.pk, date(2026, 6, 30)) == 1
    assert queries.level_on(centre.pk, date(2026, 7, 1)) == 2
    assert queries.level_on(centre.pk, date(2024, 12, 31)) is None


def test_level_between_two_recorded_ones_runs_until_the_later(place, clerk):
    centre = place("中心卫生院")
    places.set_level(institution=centre, level=3, starts_on=date(2026, 7, 1), actor=clerk, now=NOW)
    places.set_level(institution=centre, level=2, starts_on=date(2026, 3, 1), actor=clerk, now=NOW)
    spans = Level.objects.filter(institution=centre).values_list("level", "starts_on", "ends_on")
    assert list(spans) == [
        (1, date(2025, 1, 1), date(2026, 2, 28)),
        (2, date(2026, 3, 1), date(2026, 6, 30)),
        (3, date(2026, 7, 1), None),
    ]


def test_same_level_again_changes_nothing(place, clerk):
    centre = place("中心卫生院")
    places.set_level(institution=centre, level=1, starts_on=date(2026, 3, 1), actor=clerk, now=NOW)
    assert Level.objects.filter(institution=centre).count() == 1
    assert AuditEntry.objects.filter(action="institution.level").count() == 1


def test_other_level_from_the_same_day_corrects_it(place, clerk):
    centre = place("中心卫生院")
    places.set_level(institution=centre, level=0, starts_on=date(2025, 1, 1), actor=clerk, now=NOW)
    assert Level.objects.get(institution=centre).level == 0
    assert AuditEntry.objects.filter(action="institution.level").first().detail["before"] == {
        "level": 1,
        "starts_on": "2025-01-01",
    }


def test_unknown_level_is_refused(place, clerk):
    centre = place("中心卫生院")
    with pytest.raises(DomainError) as refused:
        places.set_level(institution=centre, level=4, starts_on=date(2026, 3, 1), actor=clerk, now=NOW)
    assert refused.value.field == "level"
    assert list(Level.objects.values_list("level", "ends_on")) == [(1, None)]


def test_second_agreement_on_the_same_days_is_refused(place, clerk):
    centre = place("中心卫生院")
    with pytest.raises(DomainError):
        places.designate(institution=centre, starts_on=date(2026, 1, 1), actor=clerk, now=NOW)
    assert Agreement.objects.count() == 1


def test_undesignated_institution_is_not_designated_the_day_after(place, clerk):
    centre = place("中心卫生院")
    places.undesignate(institution=centre, last_day=date(2026, 5, 31), reason="违约", actor=clerk, now=NOW)
    assert queries.designated_on(centre, date(2026, 5, 31))
    assert not queries.designated_on(centre, date(2026, 6, 1))
    places.designate(institution=centre, starts_on=date(2027, 1, 1), actor=clerk, now=NOW)
    assert queries.designated_on(centre, date(2027, 1, 1))


def test_undesignate_without_agreement_is_refused(place, clerk):
    centre = place("中心卫生院", designated_from=None)
    with pytest.raises(DomainError):
        places.undesignate(institution=centre, last_day=date(2026, 5, 31), reason="", actor=clerk, now=NOW)
    assert not AuditEntry.objects.filter(action="agreement.end").exists()


def test_agreement_that_runs_backwards_is_refused(place, clerk):
    centre = place("中心卫生院", designated_from=None)
    with pytest.raises(DomainError) as refused:
        places.designate(
            institution=centre,
            starts_on=date(2026, 5, 31),
            ends_on=date(2026, 5, 1),
            actor=clerk,
            now=NOW,
        )
    assert refused.value.field == "ends_on"
    assert not Agreement.objects.exists()


def test_station_moves_to_another_centre_while_nobody_has_chosen_it(place, clerk):
    centre, other = place("中心卫生院"), place("源西卫生院")
    station = place("一村卫生站", "station", parent=centre)
    places.change_parent(station=station, parent=other, on=date(2026, 3, 1), actor=clerk, now=NOW)
    assert Institution.objects.get(pk=station.pk).parent == other


def test_chosen_station_keeps_its_centre(place, clerk, person, area):
    centre, other = place("中心卫生院"), place("源西卫生院")
    station = place("一村卫生站", "station", parent=centre)
    Selection.objects.create(
        member=person(), area=area, scheme="310", year=2025, institution=station, route="window",
        requested_on=date(2025, 1, 1), starts_on=date(2025, 1, 1), ends_on=date(2025, 12, 31),
        counts_from=date(2025, 1, 1), counts_to=date(2025, 12, 1), recorded_by=clerk,
    )  # fmt: skip
    with pytest.raises(DomainError) as refused:
        places.change_parent(station=station, parent=other, on=date(2026, 3, 1), actor=clerk, now=NOW)
    assert refused.value.field == "parent"
    assert Institution.objects.get(pk=station.pk).parent == centre


def test_second_score_of_a_year_replaces_the_first(place, clerk):
    centre = place("中心卫生院")
    for score in ("92.5", "90"):
        places.record_assessment(institution=centre, year=2026, score=Decimal(score), actor=clerk, now=NOW)
    assessment = Assessment.objects.get()
    assert assessment.score == Decimal("90.00")
    with pytest.raises(DomainError):
        places.confirm_assessment(assessment=assessment, actor=clerk, now=NOW)
    assert queries.scores([centre.pk], 2026) == {}
    reviewer = Staff.objects.create(username="reviewer")
    places.confirm_assessment(assessment=assessment, actor=reviewer, now=NOW)
    assert queries.scores([centre.pk], 2026) == {centre.pk: "90.00"}
    places.record_assessment(institution=centre, year=2026, score=Decimal("91"), actor=reviewer, now=NOW)
    assert queries.scores([centre.pk], 2026) == {} and queries.scores_waiting([centre.pk], 2026) == {centre.pk}
    before = [entry.detail["before"] for entry in AuditEntry.objects.filter(action="institution.assess").order_by("pk")]
    assert before == [None, "92.50", "90.00"]


def test_staff_of_an_agency_confirm_the_scores_of_its_institutions(place, county, clerk):
    mine, theirs = place("中心卫生院"), place("邻县卫生院")
    theirs.county = County.objects.create(code="441625", area=mine.area, name="东源县")
    theirs.save()
    for centre in (mine, theirs):
        places.record_assessment(institution=centre, year=2026, score=Decimal("90"), actor=clerk, now=NOW)
    asked = {"area": mine.area, "year": 2026, "now": NOW}
    near = Staff.objects.create(username="near", area=mine.area, county=county)
    assert [one.institution for one in places.confirm_assessments(**asked, actor=near)] == [mine]
    with pytest.raises(DomainError):
        places.confirm_assessments(**asked, actor=clerk)
    assert queries.scores([mine.pk, theirs.pk], 2026) == {mine.pk: "90.00"}


def test_score_above_100_is_refused(place, clerk):
    centre = place("中心卫生院")
    with pytest.raises(DomainError):
        places.record_assessment(institution=centre, year=2026, score=Decimal("100.01"), actor=clerk, now=NOW)
    assert not Assessment.objects.exists()
