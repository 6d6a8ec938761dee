"""8.5: by whichever way a model is asked for, nobody finds a record of another area, nor what another agency owns.

What an agency owns is written down here a second time, by hand; docs/decisions/reach.md says why.
"""

import io
import re
import zipfile
from pathlib import Path

import pytest
from django import forms
from django.contrib import admin
from django.db import models, transaction
from django.urls import reverse

from bureau.errors import DomainError
from bureau.models import AuditEntry, Change
from bureau.site import Act, Report
from bureau.site.exports.services import act_of
from bureau.staff import reach
from bureau.staff.reach import Principal
from bureau.staff.roles import ROLES, may_read
from tests.reach.two_cities import NOW, OWN_APPS, all_models, registered, two_cities

# Read by their own agency and by the area, not by the agency next door.
OWNED = {
    "bureau.staff", "bureau.upload", "bureau.rejectedrow", "bureau.job", "bureau.chunk",
    "bureau.auditentry",
    "institutions.accountchange", "institutions.agreement", "institutions.level", "institutions.assessment",
    "settlement.run", "settlement.line", "settlement.adjustment", "settlement.payment", "settlement.monthlyreturn",
}  # fmt: skip


@pytest.fixture(scope="module")
def cities(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), transaction.atomic():
        yield two_cities(OWNED)
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def one_day(cities, db, monkeypatch):
    """Each test leaves the two cities as they were, and starts with nothing kept from another."""
    from django.core.cache import cache

    monkeypatch.setenv("GONGJI_TODAY", "2026-03-16")
    cache.clear()


@pytest.fixture
def as_staff(cities, client):
    """Log in somebody of the first area or of its first agency: `as_staff("clerk", county=True)`."""
    from django.contrib.auth.models import Group

    from bureau.models import Staff

    def log_in(*roles: str, county: bool):
        name = f"{'+'.join(roles)[:40]}-{county}"
        who = Staff.objects.create(
            username=name, is_staff=True, area=cities.a1.area, county=cities.a1.county if county else None
        )
        who.groups.set(Group.objects.filter(name__in=roles))
        client.force_login(who)
        client.raise_request_exception = False
        return who

    return log_in


def owned(model) -> bool:
    return model._meta.label_lower in OWNED


def foreign(cities, model, *, county: bool) -> list[models.Model]:
    """The rows of a model that somebody of the first area, or of its first agency, does not see."""
    beyond = [cities.b1, cities.b2]
    if county and owned(model):
        beyond.append(cities.a2)
    return [agency.rows[model] for agency in beyond]


def leaks(cities, text: str, *, county: bool) -> list[str]:
    """The marks in a text that do not belong there."""
    beyond = "Z[XQ]B[0-9]|880600|8806(?:11|22)" + ("|ZQA2" if county else "")
    return [text[max(0, found.start() - 80) : found.end() + 40] for found in re.finditer(beyond, text)]


def content(response) -> str:
    """The text of an answer: of a page, or of what stands in a file."""
    raw = b"".join(response.streaming_content) if response.streaming else response.content
    if raw.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            raw = b"\n".join(packed.read(name) for name in packed.namelist())
    # What an address asked for that is not there, the next page repeats; and what is drawn by lot may look like a mark.
    passing = r'<ul class="messagelist">.*?</ul>|name="csrfmiddlewaretoken" value="\w+"|value="desk-\w+"'
    return re.sub(passing, "", raw.decode("utf-8", "replace"), flags=re.S)


def address(model, what: str, *args) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=args)


EVERY_ROLE = tuple(ROLES)
BOTH = pytest.mark.parametrize("county", [False, True], ids=["area", "agency"])


def test_8_5_every_model_says_how_far_it_is_reached():
    said = reach.ties()
    assert [model._meta.label for model in [*all_models(), *admin.site._registry] if model not in said] == []
    for model, tie in said.items():
        if not tie.house and tie.rows is None:
            assert tie.area, model
        for path in filter(None, (tie.area, tie.county, tie.institution)):
            model._default_manager.filter(**{f"{path}__isnull": False}).exists()
    assert {model._meta.label_lower for model, tie in said.items() if tie.county and not tie.neighbours} | {
        "bureau.auditentry"
    } == OWNED


def test_8_5_a_model_of_which_nothing_was_said_is_shown_to_nobody():
    class Unsaid(models.Model):
        class Meta:
            app_label = "bureau"
            managed = False

    try:
        with pytest.raises(LookupError, match=r"nobody has said how far bureau\.Unsaid is reached"):
            reach.visible(Unsaid, Principal("990700"))
    finally:
        from django.apps import apps

        del apps.all_models["bureau"]["unsaid"]
        apps.clear_cache()


@BOTH
def test_8_5_the_one_function(cities, county):
    who = Principal(cities.a1.area.pk, cities.a1.county.pk if county else None)
    for model in all_models():
        mine = {agency.rows[model].pk for agency in cities} - {row.pk for row in foreign(cities, model, county=county)}
        rows = {agency.rows[model].pk for agency in cities}
        if model is Change:  # shown with its record and its act alone
            mine = set()
        assert set(reach.visible(model, who).filter(pk__in=rows).values_list("pk", flat=True)) == mine, model
        assert set(reach.visible(model, Principal()).filter(pk__in=rows).values_list("pk", flat=True)) == rows, model


def test_8_5_an_institution_reaches_what_is_its_own(cities):
    from institutions.models import Institution
    from members.models import Member
    from settlement.models import Line, Visit

    place = cities.a1.rows[Institution]
    who = Principal(institution=place.pk)
    assert list(reach.visible(Institution, who)) == [place]
    for model in (Visit, Line):
        assert list(reach.visible(model, who)) == [cities.a1.rows[model]]
        assert reach.reaches(who, cities.a1.rows[model]) and not reach.reaches(who, cities.a2.rows[model])
    assert not reach.visible(Member, who).exists()
    for model in all_models():
        found = reach.visible(model, who)
        assert set(found) <= {cities.a1.rows[model]}, model


@BOTH
@pytest.mark.parametrize("role", EVERY_ROLE)
def test_8_5_lists_searches_and_addresses_of_each_role(cities, as_staff, client, role, county):
    who = as_staff(role, county=county)
    start = content(client.get("/admin/"))
    assert leaks(cities, start, county=county) == []
    for model in admin.site._registry:
        if not may_read(who, model._meta.label_lower):
            continue
        found = content(client.get(address(model, "changelist")))
        assert leaks(cities, found, county=county) == [], model
        if model not in cities.a1.rows:
            continue
        assert address(model, "change", cities.a1.rows[model].pk) in found, model
        other = foreign(cities, model, county=county)[-1]
        for url in (address(model, "change", other.pk), address(model, "history", other.pk)):
            page = client.get(url)
            assert page.status_code in (302, 404), (model, url)
            assert page.status_code == 404 or "/change/" not in page.headers["Location"], (model, url)


@BOTH
def test_8_5_nothing_is_found_by_searching(cities, as_staff, client, county):
    as_staff(*EVERY_ROLE, county=county)
    agency = cities.a2 if county else cities.b1
    for model in registered():
        row, desk = agency.rows[model], admin.site.get_model_admin(model)
        said = {str(getattr(row, one.attname)) for one in model._meta.concrete_fields if one.name != "sealed"}
        terms = [agency.mark, *sorted(one for one in said if re.match("Z[XQ]", one))[:2]]
        for term in terms if desk.search_fields else ():
            page = client.post(address(model, "changelist"), {"q": term}, follow=True)
            rows = page.context and page.context.get("cl") and page.context["cl"].result_list
            beyond = {one.pk for one in foreign(cities, model, county=county)}
            assert not beyond & {one.pk for one in rows or ()}, (model, term)


@BOTH
def test_8_5_record_pages_and_what_stands_on_them(cities, as_staff, client, county):
    as_staff(*EVERY_ROLE, county=county)
    for model in registered():
        for agency in (cities.a1, cities.a2):
            row = agency.rows[model]
            if row in foreign(cities, model, county=county):
                continue
            page = client.get(address(model, "change", row.pk))
            assert page.status_code == 200, model
            assert leaks(cities, content(page), county=county) == [], model


def forms_of_acts(cities, who, rf, *, county: bool):
    """Every act with its form, on the list and on the first agency's record: (model, act, record, form, address)."""
    request = rf.get("/")
    request.user = who
    for model, desk in admin.site._registry.items():
        for act in getattr(desk, "list_acts", ()):
            yield model, act, None, act.form(request=request, record=None), address(model, "list_act", act.code)
        row = cities.a1.rows.get(model)
        for act in getattr(desk, "acts", ()) if row is not None else ():
            form = act.form(request=request, record=row)
            yield model, act, row, form, address(model, "act", row.pk, act.code)


@BOTH
def test_8_5_forms_offer_and_take_nothing_of_others(cities, as_staff, client, rf, county):
    who = as_staff(*EVERY_ROLE, county=county)
    seen = 0
    for _model, act, _row, form, url in forms_of_acts(cities, who, rf, county=county):
        assert leaks(cities, content(client.get(url)), county=county) == [], url
        chosen = {name: one for name, one in form.fields.items() if isinstance(one, forms.ModelChoiceField)}
        for name, one in chosen.items():
            model = one.queryset.model
            beyond = [row.pk for row in foreign(cities, model, county=county)]
            if getattr(one, "own", False) or model._meta.label_lower == "bureau.county":
                beyond.append(cities.a2.rows[model].pk) if county else None
            assert not one.queryset.filter(pk__in=beyond).exists(), (url, name)
            for pk in beyond:
                send = client.get if isinstance(act, Report) else client.post
                answer = send(url, {name: pk})
                assert answer.status_code == 200 and answer.context["form"].errors.get(name), (url, name)
                seen += 1
    assert seen > 50


@BOTH
def test_8_5_pickers_and_filters_offer_nothing_of_others(cities, as_staff, client, county):
    as_staff(*EVERY_ROLE, county=county)
    asked, targets = 0, set()
    for model in admin.site._registry:
        for one in model._meta.concrete_fields:
            target = one.related_model
            if target in targets or target not in admin.site._registry:
                continue
            targets.add(target)
            if not admin.site.get_model_admin(target).search_fields:
                continue
            for term in ("", "ZX", "ZQ", cities.b1.mark, cities.b1.secret, cities.a2.secret):
                said = {
                    "app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": one.name,
                    "term": term,
                }  # fmt: skip
                answer = client.post("/admin/autocomplete/", said)
                assert answer.status_code == 200, (model, one)
                assert leaks(cities, content(answer), county=county) == [], (model, one)
                asked += 1
    assert asked > 80
    for model in (
        "settlement.run", "settlement.monthlyreturn", "institutions.institution", "bureau.staff",
    ):  # fmt: skip
        app, name = model.split(".")
        page = client.get(reverse(f"admin:{app}_{name}_changelist"))
        shown = {str(label) for spec in page.context["cl"].filter_specs for label in _choices(spec)}
        assert cities.b1.county.name not in shown and cities.b1.area.name not in shown, model
        if county and model.startswith("settlement"):
            assert cities.a2.county.name not in shown


def _choices(spec):
    return [label for _value, label in getattr(spec, "lookup_choices", ())]


@BOTH
def test_8_5_files_and_reports_hold_nothing_of_others(cities, as_staff, client, rf, county):
    who = as_staff(*EVERY_ROLE, county=county)
    read = 0
    for _model, act, _row, form, url in forms_of_acts(cities, who, rf, county=county):
        if not isinstance(act, Report):
            continue
        said = {name: _said(one) for name, one in form.fields.items()}
        for asked in (said, said | {"_file": "1"}):
            answer = client.get(url, asked)
            assert answer.status_code == 200, url
            assert leaks(cities, content(answer), county=county) == [], url
            read += 1
    assert read > 20


@BOTH
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_8_2_exports_hold_nothing_of_others(cities, as_staff, client, county, kind):
    as_staff(*EVERY_ROLE, county=county)
    for model in registered():
        url = address(model, "list_act", act_of(model))
        answer = client.post(url, {"kind": kind, "key": "x"})
        assert answer.status_code == 200 and answer.headers["Content-Disposition"].startswith("attachment"), url
        assert leaks(cities, content(answer), county=county) == [], url
        entry = AuditEntry.objects.latest("pk")
        mine = admin.site.get_model_admin(model).get_queryset(answer.wsgi_request).count()
        assert (entry.action, entry.detail["rows"]) == (act_of(model), mine - (model is AuditEntry)), url


@BOTH
def test_8_5_exports_hold_the_list_of_who_exports_and_nothing_of_others(cities, as_staff, client, county):
    from bureau.site.exports.services import act_of

    as_staff(*EVERY_ROLE, county=county)
    exported = 0
    for model in admin.site._registry:
        code = act_of(model)
        answer = client.post(address(model, "list_act", code), {"kind": "csv", "key": f"{code}-{county}"})
        assert answer.status_code == 200 and "csv" in answer.headers["Content-Type"], model
        text = content(answer)
        assert leaks(cities, text, county=county) == [], model
        exported += cities.a1.mark in text or cities.a1.secret in text
    assert exported > 30


def _said(one: forms.Field):
    if isinstance(one, forms.ModelChoiceField):
        first = one.queryset.order_by("pk").first()
        return "" if first is None else first.pk
    if isinstance(one, forms.ChoiceField):
        return next((value for value, _label in one.choices if value), "")
    if isinstance(one, forms.DateField):
        return "2026-02-01"
    return "2026" if isinstance(one, forms.IntegerField) else ""


@BOTH
def test_8_5_no_act_reaches_another_record_by_address_or_by_service(cities, as_staff, client, rf, county):
    who = as_staff(*EVERY_ROLE, county=county)
    refused = 0
    for model in registered():
        for act in admin.site.get_model_admin(model).acts:
            for row in foreign(cities, model, county=county):
                assert client.get(address(model, "act", row.pk, act.code)).status_code in (403, 404), (model, act.code)
                assert client.post(address(model, "act", row.pk, act.code)).status_code in (403, 404), (model, act.code)
                if isinstance(act, Act) and act.record:
                    assert_refused(cities, act, row, who, rf)
                    refused += 1
    assert refused > 100


# Of these the service first says what is amiss with the record or with what it was told. Nothing is written either.
SAYS_ELSE = {
    "edition.cases", "edition.citations", "proposal.replay", "out_of_area.register", "visit.reverse",
}  # fmt: skip
HERE = re.compile("属.*参保，请在该地登记。|由.*管理，请在该地办理。")  # of whom another area answers for on the day


def assert_refused(cities, act: Act, row: models.Model, who, rf) -> None:
    """The service itself refuses what the form would not offer, and nothing is written."""
    from bureau.models import AuditEntry

    request = rf.get("/")
    request.user = who
    said = {name: _filled(one, cities) for name, one in act.form(request=request, record=row).fields.items()}
    entries, before = AuditEntry.objects.count(), _as_it_is(row)
    problem = None
    try:
        with transaction.atomic():
            act.do(**{act.record: row}, **said, actor=who, now=NOW)
    except Exception as error:  # the rows are no city's life: a rule may stumble over them
        problem = error
    assert (AuditEntry.objects.count(), _as_it_is(row)) == (entries, before), act.code
    if act.code not in SAYS_ELSE:
        assert isinstance(problem, DomainError), (act.code, problem)
        sentence = str(problem)
        assert sentence in map(str, (reach.ELSEWHERE, reach.ANOTHER)) or HERE.search(sentence), (act.code, sentence)


def _filled(one: forms.Field, cities):
    if isinstance(one, forms.ModelChoiceField):
        return cities.a1.rows[one.queryset.model]
    if isinstance(one, forms.FileField):
        return None
    if isinstance(one, forms.MultipleChoiceField):
        return []
    value = _said(one) or ("1" if isinstance(one, forms.DecimalField) else "x")
    try:
        return one.to_python(value)
    except forms.ValidationError:
        return value


def _as_it_is(row: models.Model) -> dict:
    return type(row).objects.filter(pk=row.pk).values().get()


@BOTH
def test_8_5_the_trail_tells_only_of_what_is_within_reach(cities, as_staff, client, county):
    from bureau.models import AuditEntry

    as_staff("security_auditor", county=county)
    page = client.get(address(AuditEntry, "changelist"))
    shown = {one.pk for one in page.context["cl"].result_list}
    beyond = {row.pk for row in foreign(cities, AuditEntry, county=county)}
    assert cities.a1.rows[AuditEntry].pk in shown and not shown & beyond
    for agency in cities:
        query = {"record_type__exact": "settlement.run", "record_id__exact": agency.secret}
        found = client.get(address(AuditEntry, "changelist"), query).context["cl"].result_list
        assert {one.pk for one in found} <= shown


def test_8_5_entries_of_before_and_without_a_place(cities):
    """Entries of runs that name no agency are the area's alone; without an area are those of what may have none."""
    from bureau.models import AuditEntry

    def entry(record_type, area=None, county=None):
        return AuditEntry.objects.create(
            at=NOW, actor=cities.a1.officer, action="x", area=area, county=county, record_type=record_type
        ).pk

    area, agency = Principal(cities.a1.area.pk), Principal(cities.a1.area.pk, cities.a1.county.pk)
    cases = {
        entry("settlement.run", cities.a1.area): (True, False),
        entry("settlement.run", cities.a1.area, cities.a1.county): (True, True),
        entry("settlement.run", cities.a1.area, cities.a2.county): (True, False),
        entry("members.member", cities.a1.area): (True, True),
        entry("members.member"): (False, False),
        entry("institutions.institution"): (True, False),
        entry("django_celery_beat.periodictask"): (True, True),
    }
    for pk, expected in cases.items():
        told = tuple(reach.visible(AuditEntry, who).filter(pk=pk).exists() for who in (area, agency))
        assert told == expected, AuditEntry.objects.get(pk=pk).record_type


def test_8_5_own_apps_are_walked():
    assert len(registered()) >= 40 and {model._meta.app_label for model in registered()} == set(OWN_APPS)


def test_8_5_the_page_of_decisions_names_every_model():
    page = (Path(__file__).parents[2] / "docs/decisions/reach.md").read_text("utf-8")
    named = re.findall(r"`(\w+)`", page.partition("| read by |")[2].partition("\n\n")[0])
    assert sorted(named) == sorted(model.__name__ for model in reach.ties())
