"""What a lived city exports comes in again: nothing new, changed or refused, in every roster that has records."""

import datetime
from io import StringIO
from zoneinfo import ZoneInfo

import pytest

LAST_DAY = datetime.date(2026, 4, 10)
NOW = datetime.datetime(2026, 4, 10, 18, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.mark.django_db(transaction=True)
def test_every_roster_of_a_lived_city_goes_out_and_comes_in_again():
    from django.core.management import call_command

    from bureau.models import Area, Staff
    from bureau.rosters.exports import blocks
    from bureau.rosters.uploads import load_now, receive_upload, rosters
    from settlement.models import Visit
    from tests.roster_files import rejects

    call_command("demo", city=["heyuan"], members=300, today=LAST_DAY, stdout=StringIO())
    area, clerk = Area.objects.get(), Staff.objects.filter(is_active=True, county=None).order_by("pk").first()
    found = {}
    for roster in rosters():
        if roster.kind == "changes":  # it writes enrolments, and is no record
            continue
        records = roster.get_queryset()
        content = b"".join(blocks(roster, records))
        upload = receive_upload(
            kind=roster.kind, name=f"{roster.kind}.csv", content=content, area=area, actor=clerk, now=NOW
        )
        upload = load_now(upload, actor=clerk, now=NOW)
        assert not upload.rejected, rejects(upload)
        found[roster.kind] = upload.rows
        assert (roster.kind, upload.rows, upload.unchanged) == (roster.kind, records.count(), upload.rows)
    assert {kind for kind, rows in found.items() if not rows} == {"assessments", "other_uses"}  # none by this day
    assert Visit.objects.exclude(reverses=None).exists()
