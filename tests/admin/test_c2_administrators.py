"""C2: an administrator reaches the staff of their own area, neither the other two duties nor anybody above, at every
door; a password that somebody else chose is changed before anything else."""

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from bureau.areas.services import register_area, register_county
from bureau.errors import DomainError
from bureau.models import Area, AuditEntry, County, Staff
from bureau.staff.roles import ROLES, assign_roles
from bureau.staff.services import change_staff, register_staff, set_password
from tests.admin.conftest import NOW

pytestmark = pytest.mark.django_db
NEW = "qing-shan-2027"
OTHER_AREA = "此项属于其他统筹区，超出您账号的管理范围。"


def account(username, *roles, area=None, county=None, **more):
    place = {"area": area, "county": county}
    staff = Staff.objects.create(username=username, first_name=username, is_staff=True, **place, **more)
    staff.set_password("lan-xue-2026")
    staff.save()
    staff.groups.set(Group.objects.filter(name__in=roles))
    return staff


@pytest.fixture
def far(city, staff):
    """Accounts beyond the reach of the area's administrators: of another city, of no area, of who installs."""
    there = Area.objects.create(code="440200", name="韶关")
    return {
        "clerk_there": account("clerk_there", "clerk", area=there),
        "security_there": account("security_there", "security_administrator", area=there),
        "clerk_everywhere": account("clerk_everywhere", "clerk"),
        "system_everywhere": account("system_everywhere", "system_administrator"),
        "installer": account("installer", is_superuser=True),
    }


def as_it_is(who):
    who = Staff.objects.get(pk=who.pk)
    groups = sorted(who.groups.values_list("name", flat=True))
    return (who.password, who.first_name, who.area_id, who.county_id, who.is_active, who.must_change_password, groups)


def act_url(who, act):
    return reverse("admin:bureau_staff_act", args=[who.pk, act])


def doors(actor, who):
    """Each act on an account, as a call of its service and as a request."""
    by = {"actor": actor, "now": NOW}
    return {
        "staff.password": (lambda: set_password(staff=who, password=NEW, **by), {"password": NEW}),
        "staff.change": (
            lambda: change_staff(staff=who, name="改名", area=who.area, county=None, is_active=False, **by),
            {"name": "改名", "area": who.area_id or ""},
        ),
        "staff.roles": (
            lambda: assign_roles(staff=who, roles=["clerk", "finance"], **by),
            {"roles": ["clerk", "finance"]},
        ),
    }


FAR = ("clerk_there", "security_there", "clerk_everywhere", "system_everywhere", "installer")


@pytest.mark.parametrize("whom", FAR)
@pytest.mark.parametrize("by", ["system_administrator", "security_administrator"])
def test_c2_nobody_of_another_area_or_above_is_reached(by, whom, staff, far, browse):
    who, actor = far[whom], staff[by]
    before, entries = as_it_is(who), AuditEntry.objects.count()
    for act, (service, said) in doors(actor, who).items():
        with pytest.raises(DomainError) as refused:
            service()
        assert str(refused.value) == OTHER_AREA
        answer = browse(actor).post(act_url(who, act), said)
        assert answer.status_code in (403, 404)
    assert as_it_is(who) == before
    assert AuditEntry.objects.exclude(action="session.login").count() == entries


@pytest.mark.parametrize(
    ("by", "whom"),
    [
        ("system_administrator", "security_administrator"),
        ("system_administrator", "security_auditor"),
        ("security_administrator", "system_administrator"),
        ("security_administrator", "security_auditor"),
    ],
)
def test_c2_one_duty_does_not_reach_another(by, whom, staff, browse):
    actor, who = staff[by], staff[whom]
    before = as_it_is(who)
    for act, (service, said) in doors(actor, who).items():
        with pytest.raises(DomainError) as refused:
            service()
        assert refused.value.params["role"] == ROLES[whom].label
        assert browse(actor).post(act_url(who, act), said).status_code == 403
    assert as_it_is(who) == before


def test_c2_an_administrator_without_area_reaches_every_area_but_no_other_duty(staff, far):
    set_password(staff=far["clerk_there"], password=NEW, actor=far["system_everywhere"], now=NOW)
    assert Staff.objects.get(username="clerk_there").check_password(NEW)
    with pytest.raises(DomainError, match="是其他管理员的职责"):
        set_password(staff=far["security_there"], password=NEW, actor=far["system_everywhere"], now=NOW)
    with pytest.raises(DomainError, match="安装系统用的账号"):
        set_password(staff=far["installer"], password=NEW, actor=far["system_everywhere"], now=NOW)


@pytest.mark.parametrize("duty", ["system_administrator", "security_auditor"])
def test_c2_the_security_administrator_makes_no_administrator_of_another_duty(duty, staff, browse):
    actor, who = staff["security_administrator"], staff["clerk"]
    with pytest.raises(DomainError, match="是其他管理员的职责"):
        assign_roles(staff=who, roles=[duty], actor=actor, now=NOW)
    page = browse(actor).post(act_url(who, "staff.roles"), {"roles": [duty]})
    assert f"“{'系统管理员' if duty.startswith('system') else '安全审计员'}”是其他管理员的职责" in page.content.decode()
    assert as_it_is(who)[-1] == ["clerk"]


def test_c2_nobody_gives_roles_or_a_password_to_the_own_account(staff, browse):
    me = staff["security_administrator"]
    page = browse(me).post(act_url(me, "staff.roles"), {"roles": ["clerk"]})
    assert "不能给自己分配角色。" in page.content.decode()
    me = staff["system_administrator"]
    before = as_it_is(me)
    page = browse(me).post(act_url(me, "staff.password"), {"password": NEW})
    assert "请用原密码在“修改密码”中更改自己的密码。" in page.content.decode()
    assert as_it_is(me) == before


def test_c2_no_account_reaches_further_than_who_opens_it(city, staff, far, browse):
    actor, there = staff["system_administrator"], far["clerk_there"].area
    said = {"username": "new", "name": "新人", "password": NEW}
    url = reverse("admin:bureau_staff_list_act", args=["staff.register"])
    for area in (None, there):
        with pytest.raises(DomainError, match="只能为本统筹区、本经办机构开设账号") as refused:
            register_staff(**said, area=area, actor=actor, now=NOW)
        assert refused.value.field == "area"
        assert browse(actor).post(url, said | {"area": area.pk if area else ""}).status_code == 200
    with pytest.raises(DomainError, match="只能为本统筹区、本经办机构开设账号"):
        change_staff(staff=actor, name="我", area=None, county=None, is_active=True, actor=actor, now=NOW)
    assert not Staff.objects.filter(username="new").exists()
    assert Staff.objects.get(pk=actor.pk).area_id == city.area.pk
    assert browse(actor).post(url, said | {"area": city.area.pk}).status_code == 302
    assert Staff.objects.get(username="new").area_id == city.area.pk
    assert register_staff(**said | {"username": "wide"}, actor=far["system_everywhere"], now=NOW).area_id is None


def test_c2_an_agency_administrator_reaches_the_own_agency(city, staff):
    other = County.objects.create(code="441621", area=city.area, name="紫金")
    actor = account("xitong_county", "system_administrator", area=city.area, county=city.county)
    near = account("near", "clerk", area=city.area, county=city.county)
    next_door = account("next_door", "clerk", area=city.area, county=other)
    set_password(staff=near, password=NEW, actor=actor, now=NOW)
    for who in (next_door, staff["clerk"]):
        before = as_it_is(who)
        with pytest.raises(DomainError):
            set_password(staff=who, password=NEW, actor=actor, now=NOW)
        assert as_it_is(who) == before
    with pytest.raises(DomainError) as refused:
        change_staff(staff=near, name="改", area=city.area, county=None, is_active=True, actor=actor, now=NOW)
    assert refused.value.field == "county"


def test_c2_areas_and_agencies_are_recorded_within_reach(city, staff, far):
    actor = staff["system_administrator"]
    with pytest.raises(DomainError, match="属于其他统筹区"):
        register_area(code="440300", name="深圳", actor=actor, now=NOW)
    with pytest.raises(DomainError, match="属于其他统筹区"):
        register_county(code="440203", area=far["clerk_there"].area, name="武江", actor=actor, now=NOW)
    assert register_county(code="441623", area=city.area, name="连平", actor=actor, now=NOW).area == city.area
    assert register_area(code="440300", name="深圳", actor=far["system_everywhere"], now=NOW).pk == "440300"


def test_c2_the_list_shows_the_own_area_and_who_has_none(staff, far, browse):
    page = browse(staff["system_administrator"]).get("/admin/bureau/staff/").content.decode()
    assert "role_clerk" in page and "system_everywhere" in page
    assert "clerk_there" not in page and "security_there" not in page
    there = far["clerk_there"]
    answer = browse(staff["system_administrator"]).get(f"/admin/bureau/staff/{there.pk}/change/")
    assert answer.status_code == 302 and answer.headers["Location"] == "/admin/"


def test_c2_a_reset_password_is_changed_before_anything_else(staff, client):
    who = staff["clerk"]
    set_password(staff=who, password=NEW, actor=staff["system_administrator"], now=NOW)
    said = {"username": who.username, "password": NEW, "next": "/admin/members/member/"}
    assert client.post("/admin/login/", said).status_code == 302
    change = reverse("admin:password_change")
    for url in ("/admin/", "/admin/members/member/", "/admin/autocomplete/", "/admin/jsi18n/", "/", "/admin/nowhere/"):
        assert client.get(url).headers["Location"] == change, url
        assert client.post(url, {}).headers["Location"] == change, url
    assert client.get(change).status_code == 200 and "您的密码由他人设定" in client.get(change).content.decode()
    again = client.post(change, {"old_password": NEW, "new_password1": NEW, "new_password2": NEW})
    assert "新密码与原密码相同，请另设一个。" in again.content.decode()
    assert client.get("/admin/").headers["Location"] == change
    own = {"old_password": NEW, "new_password1": "du-zi-zhi-dao-27", "new_password2": "du-zi-zhi-dao-27"}
    assert client.post(change, own).headers["Location"] == reverse("admin:password_change_done")
    assert client.get("/admin/").status_code == 200
    assert AuditEntry.objects.filter(action="staff.own_password", actor=who).count() == 1


def test_c2_a_new_account_changes_its_first_password(city, staff, client):
    said = {"username": "new", "name": "新人", "password": NEW, "area": city.area}
    who = register_staff(**said, actor=staff["system_administrator"], now=NOW)
    assert who.must_change_password
    assert client.login(username="new", password=NEW)
    assert client.get("/admin/").headers["Location"] == reverse("admin:password_change")
