"""The year's outpatient account on screen: what would be posted, then what was, and by whom."""

import pytest
from django.urls import reverse

from accounts.models import Journal
from bureau.models import AuditEntry
from tests.settlement import factories

URL = "/admin/accounts/journal/act/fund.extract/"


@pytest.fixture
def city(db):
    return factories.city_of("shaoguan")


def ask(client, city, **more):
    return client.post(URL, {"area": city.area.pk, "scheme": "390", "year": "2026"} | more)


def rows(page, number=0):
    return [[cell.text for cell in row] for row in page.context["panels"][number].rows]


def test_extraction_shows_heads_and_amounts_before_it_posts(city, staff, browse):
    for _number in range(3):
        factories.member(city, account=False)
    client = browse(staff["finance"])
    shown = ask(client, city)
    assert rows(shown) == [["3", "50.00", "150.00", "0.00", "150.00"]]
    assert not Journal.objects.exists()
    done = ask(client, city, _shown=shown.context["shown"])
    assert rows(done) == [["3", "50.00", "150.00", "0.00", "150.00"]]
    journal = Journal.objects.get()
    assert rows(done, 1)[0][1:] == ["2026-03-16", "150.00", "finance"]
    assert AuditEntry.objects.get(action="fund.extract").detail["amount"] == "150.00"
    listed = client.get(reverse("admin:accounts_journal_changelist")).content.decode()
    assert journal.key in listed and "2026" in listed and journal.source + "<" not in listed

    factories.member(city, account=False)
    again = ask(client, city)
    assert rows(again) == [["4", "50.00", "200.00", "150.00", "50.00"]]
    ask(client, city, _shown=again.context["shown"])
    third = ask(client, city, _shown=again.context["shown"])
    assert rows(third) == [["4", "50.00", "200.00", "200.00", "0.00"]]
    assert Journal.objects.count() == 2


def test_extraction_is_for_finance_alone_and_says_where_none_is(city, staff, browse):
    assert ask(browse(staff["clerk"]), city).status_code == 403
    errors = ask(browse(staff["finance"]), city, year="2027").context["form"].errors
    assert list(errors) == ["year"]
    assert ask(browse(staff["finance"]), city, scheme="310").context["form"].non_field_errors()
    assert not Journal.objects.exists()
