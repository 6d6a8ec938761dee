"""The people behind the counters of the demonstration: one user a role, no superuser."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from bureau.models import Area, Staff
from bureau.services.roles import assign_roles, install_roles
from bureau.services.staff import register_area, register_county, register_staff
from demo.places import COUNTIES

# Role, user name and name. The passwords are no secret: the demonstration prints them.
USERS = (
    ("clerk", "jingban", "经办 陈小燕"),
    ("reviewer", "fuhe", "复核 李志明"),
    ("finance", "caiwu", "财务 黄秀芳"),
    ("inspector", "jihe", "稽核 张建国"),
    ("system_administrator", "xitong", "系统管理员 刘浩"),
    ("security_administrator", "anquan", "安全管理员 邓敏"),
    ("security_auditor", "shenji", "安全审计员 吴光荣"),
)
INSTALLER = "installation"


def password(username: str) -> str:
    return f"heyuan-{username}-2026"


@dataclass(frozen=True, slots=True)
class Office:
    """An area with its staff by role."""

    area: Area
    clerk: Staff
    reviewer: Staff
    finance: Staff
    inspector: Staff
    system_administrator: Staff
    security_administrator: Staff
    security_auditor: Staff


def open_office(code: str, name: str, now: datetime.datetime) -> Office:
    """The area, its county agencies and one user a role; those that are there already stay as they are.

    The administrators are registered by the installation, an account that nobody can sign in with; everybody
    else by the system administrator, and the security administrator gives them their roles.
    """
    install_roles()
    installer, _created = Staff.objects.get_or_create(
        username=INSTALLER, defaults={"first_name": "安装程序", "is_active": False, "password": "!"}
    )
    area = register_area(code=code, name=name, actor=installer, now=now)
    for county, label in COUNTIES.items():
        register_county(code=county, area=area, name=label, actor=installer, now=now)
    staff: dict[str, Staff] = {}
    administrators_first = sorted(USERS, key=lambda user: not user[0].startswith("s"))
    for role, username, label in administrators_first:
        known = Staff.objects.filter(username=username).first()
        staff[role] = known or register_staff(
            username=username,
            name=label,
            password=password(username),
            area=area,
            actor=staff.get("system_administrator", installer),
            now=now,
        )
        if known is None:
            giver = staff.get("security_administrator", installer)
            assign_roles(
                staff=staff[role],
                roles=[role],
                actor=installer if role == "security_administrator" else giver,
                now=now,
            )
    return Office(area=area, **staff)
