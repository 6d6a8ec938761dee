import pytest
from django.contrib.auth.models import Group

from bureau.errors import DomainError
from bureau.models import AuditEntry, Staff
from bureau.staff import roles
from bureau.staff.roles import ACTS, ROLES, assign_roles, install_roles, may, may_read
from tests.admin.conftest import NOW

pytestmark = pytest.mark.django_db

MONEY = {
    act for act in ACTS if act.split(".")[0] in ("run", "visit", "payout", "account", "payment", "claim", "figure")
}


def test_install_roles_twice_makes_seven_groups(db):
    install_roles()
    install_roles()
    assert sorted(Group.objects.values_list("name", flat=True)) == sorted(ROLES)


def test_administrators_touch_no_money_and_read_no_members(staff):
    for code in ("system_administrator", "security_administrator", "security_auditor"):
        assert not MONEY & ROLES[code].acts
        assert not may_read(staff[code], "members.member")
        assert not may_read(staff[code], "settlement.visit")


def test_nobody_may_both_submit_and_approve():
    pairs = [("run.submit", "run.approve"), ("payout.submit", "payout.approve")]
    for role in ROLES.values():
        for one, other in pairs:
            assert not {one, other} <= role.acts, role.code


def test_the_inspector_reads_everything_reveals_nothing_and_pays_nothing(staff):
    inspector = staff["inspector"]
    for label in ("members.member", "settlement.visit", "accounts.entry", "bureau.auditentry", "bureau.staff"):
        assert may_read(inspector, label)
    for act in ("member.reveal", "upload.rejects", "run.approve", "run.pay", "visit.settle", "run.compute"):
        assert not may(inspector, act)
    assert may(inspector, "proposal.late")


def test_an_account_that_is_shut_out_may_do_nothing(staff):
    staff["clerk"].is_active = False
    assert not may(staff["clerk"], "member.register")


def test_who_installs_the_house_administers_and_touches_no_money(db):
    installer = Staff.objects.create(username="installer", is_superuser=True, is_staff=True)
    assert may(installer, "staff.register") and may(installer, "staff.roles")
    assert not any(may(installer, act) for act in MONEY)


def test_assign_roles_replaces_and_is_audited(staff):
    assign_roles(staff=staff["clerk"], roles=["clerk", "finance"], actor=staff["security_administrator"], now=NOW)
    assert sorted(staff["clerk"].groups.values_list("name", flat=True)) == ["clerk", "finance"]
    entry = AuditEntry.objects.get(action="staff.roles")
    assert entry.detail == {"before": ["clerk"], "after": ["clerk", "finance"]}


@pytest.mark.parametrize(
    "wanted", [["inspector", "clerk"], ["system_administrator", "security_administrator"], ["king"]]
)
def test_assign_roles_that_do_not_go_together_is_refused(wanted, staff):
    with pytest.raises(DomainError):
        assign_roles(staff=staff["clerk"], roles=wanted, actor=staff["security_administrator"], now=NOW)
    assert list(staff["clerk"].groups.values_list("name", flat=True)) == ["clerk"]
    assert not AuditEntry.objects.filter(action="staff.roles").exists()


def test_assign_roles_to_oneself_is_refused(staff):
    me = staff["security_administrator"]
    with pytest.raises(DomainError):
        assign_roles(staff=me, roles=["clerk"], actor=me, now=NOW)
    assert list(me.groups.values_list("name", flat=True)) == ["security_administrator"]


def test_every_act_has_a_role_and_a_button(staff):
    from django.contrib import admin

    offered = {
        act.code
        for desk in admin.site._registry.values()
        for act in (*getattr(desk, "acts", ()), *getattr(desk, "list_acts", ()))
    }
    assert offered <= roles.ACTS
    # The form of the packaged schedule, and a choice in the form of an export.
    assert roles.ACTS - offered == {"schedule.change", "member.export_full"}
