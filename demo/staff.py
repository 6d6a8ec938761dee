"""The people behind the counters of the demonstration: one user a role and city, three administrators, no superuser."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from bureau.areas.services import register_area, register_county
from bureau.clock import SHANGHAI
from bureau.models import Area, Staff
from bureau.staff.roles import assign_roles, install_roles
from bureau.staff.services import nobody, register_staff
from demo.profile import Profile

# Role, user name and name. The password is no secret: the demonstration prints it.
ADMINISTRATORS = (
    ("system_administrator", "xitong", "系统管理员 刘浩"),
    ("security_administrator", "anquan", "安全管理员 邓敏"),
    ("security_auditor", "shenji", "安全审计员 吴光荣"),
)
# Of each city, whose name is put before the user's.
USERS = (
    ("clerk", "jingban", "经办 陈小燕"),
    ("reviewer", "fuhe", "复核 李志明"),
    ("finance", "caiwu", "财务 黄秀芳"),
    ("inspector", "jihe", "稽核 张建国"),
)
NEWCOMER = ("xinren", "新入职 周敏")  # registered, and waiting for a role
INSTALLER = "installation"
INSTALLED_ON = datetime.datetime(2022, 10, 31, 8, tzinfo=SHANGHAI)
PASSWORD = "gongji-demo-2026"


@dataclass(frozen=True, slots=True)
class Office:
    """An area with its staff by role."""

    area: Area
    clerk: Staff
    reviewer: Staff
    finance: Staff
    inspector: Staff


def install() -> None:
    """The roles and the three administrators; those that are there already stay as they are.

    The administrators are registered by the installation, an account that nobody can sign in with; everybody
    else by the system administrator, and the security administrator gives them their roles.
    """
    install_roles()
    installer = nobody(INSTALLER, name="安装程序")
    for role, username, label in ADMINISTRATORS:
        _person(username, label, role, None, registrar=installer, giver=installer, now=INSTALLED_ON)


def open_office(profile: Profile, now: datetime.datetime) -> Office:
    """The area, its county agencies and one user a role; those that are there already stay as they are."""
    registrar, giver = (Staff.objects.get(username=username) for username in ("xitong", "anquan"))
    area = register_area(code=profile.area, name=profile.edition.name, actor=registrar, now=now)
    for county in profile.counties:
        register_county(code=county.code, area=area, name=county.name, actor=registrar, now=now)
    staff = {
        role: _person(user_name(profile, username), label, role, area, registrar=registrar, giver=giver, now=now)
        for role, username, label in USERS
    }
    username, label = NEWCOMER
    _person(user_name(profile, username), label, None, area, registrar=registrar, giver=giver, now=now)
    return Office(area=area, **staff)


def user_name(profile: Profile, username: str) -> str:
    return f"{profile.name}-{username}"


def _person(
    username: str,
    name: str,
    role: str | None,
    area: Area | None,
    *,
    registrar: Staff,
    giver: Staff,
    now: datetime.datetime,
) -> Staff:
    known = Staff.objects.filter(username=username).first()
    if known is not None:
        return known
    staff = register_staff(
        username=username, name=name, password=PASSWORD, area=area, must_change_password=False, actor=registrar, now=now
    )
    if role is None:
        return staff
    assign_roles(staff=staff, roles=[role], actor=giver, now=now)
    return staff
