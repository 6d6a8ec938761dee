"""Who may read and do what: seven roles, kept here as one table and in the database as groups of the same names.

Nobody both acts and checks: whoever submits does not approve (the database says so too), the inspector changes
nothing, and the three administrators touch no money: one keeps the accounts of staff and the schedule, one assigns
roles, one reads the audit trail.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
from bureau.saving import locked
from bureau.staff import reach
from bureau.staff.models import Staff

BUSINESS = frozenset({
    "bureau.area", "bureau.county", "bureau.staff", "bureau.edition", "bureau.publishedfigure", "bureau.upload",
    "bureau.job", "bureau.chunk", "django_celery_beat", "members", "institutions", "accounts", "settlement",
})  # fmt: skip
SCHEDULE = frozenset({"bureau.area", "bureau.county", "bureau.job", "bureau.chunk", "django_celery_beat"})
PEOPLE = frozenset({"bureau.area", "bureau.county", "bureau.staff", "auth.group"})

# What both who record and who check look at as pages of their own.
REPORTS = frozenset({
    "account.statement", "run.statement", "ledger.balance", "books.check", "upload.header", "claim.list",
    "claim.notice", "edition.report", "figure.missing", "return.late", "return.workload",
    "run.year", "selection.double",
})  # fmt: skip

RECORDS = frozenset({
    "upload.load", "upload.undo", "upload.rejects", "job.retry", "figure.enter",
    "edition.draft", "edition.readings", "edition.cases", "edition.citations", "edition.submit", "edition.withdraw",
    "employer.register", "member.register", "member.correct", "member.death", "member.reveal",
    "enrolment.start", "enrolment.end", "enrolment.change_class", "enrolment.change_plan", "enrolment.newborn",
    "benefit_period.start", "benefit_period.end",
    "suspension.start", "suspension.end", "contribution.record", "relative.add", "relative.end",
    "institution.register", "institution.change", "institution.account", "institution.parent", "institution.level",
    "agreement.record", "agreement.end", "institution.assess",
    "window.open", "window.close", "selection.choose", "selection.take_back", "selection.end",
    "selection.end_departed",
    "referral.record", "referral.end", "referral.take_back", "out_of_area.register", "out_of_area.end",
    "hospital_stay.record", "hospital_stay.discharge",
    "account.open", "account.credit", "account.freeze", "account.unfreeze", "account.close", "account.reopen",
    "account.use", "account.use_reverse", "family.grant", "family.revoke", "payout.submit",
    "visit.settle", "visit.reverse", "proposal.replay", "proposal.late", "run.compute", "run.submit",
    "run.discard", "run.late", "run.record_decision", "return.enter", "claim.enter", "claim.correct", "claim.account",
})  # fmt: skip
CHECKS = frozenset({
    "member.reveal", "edition.cases", "edition.citations", "edition.approve", "edition.return", "edition.withdraw",
    "figure.confirm", "assessment.confirm", "payout.approve", "payout.return", "proposal.decide",
    "run.approve", "run.return", "return.accept", "return.send_back", "upload.undo", "upload.rejects", "claim.check",
    "claim.approve", "claim.return", "claim.refuse", "claim.take_back", "claim.account_confirm",
    "run.approve_accounts", "institution.account_confirm", "institution.account_drop",
})  # fmt: skip
PAYS = frozenset({
    "figure.enter", "payout.pay", "run.pay", "run.file", "payment.return", "payment.reissue", "month.close",
    "month.reopen", "fund.extract", "account.recover", "account.recover_after_death", "account.recovery_collect",
    "account.give_back",
    # A claim by hand takes three people before it is paid; where one alone reviews, the third is finance.
    "claim.approve", "claim.pay", "claim.file", "claim_payment.return", "claim_payment.reissue",
})  # fmt: skip


# Lists that may leave the house as files, by `<record>.export`: what somebody hands on or takes home to check. Document
# numbers in full are an act of their own, for who checks and not for who loads.
def exports(*records: str) -> frozenset[str]:
    return frozenset(f"{record}.export" for record in records)


WORK = exports("job", "chunk", "periodic_task", "crontab_schedule", "interval_schedule")
PLACES = exports("area", "county", "edition", "published_figure", "upload") | WORK
PERSONS = exports("employer", "member", "enrolment", "benefit_period", "suspension", "contribution", "relative")
CARE = exports(
    "institution", "account_change", "agreement", "level", "assessment", "referral", "out_of_area_registration",
    "hospital_stay", "selection_window", "selection",
)  # fmt: skip
ACCOUNTS = exports("account", "credit", "credit_recovery", "account_use", "family_grant", "freeze", "payout")
BILLS = exports("visit", "visit_payment", "claim", "invoice", "opening_use", "other_use", "monthly_return", "proposal")
MONEY = exports(
    "run", "line", "adjustment", "payment", "claim_payment", "account_recovery", "journal", "entry", "closed_month",
)  # fmt: skip
OFFICE = exports("staff", "group")
TRAIL = exports("audit_entry")
FETCHES = frozenset({"export.fetch"})
IN_FULL = frozenset({"member.export_full"})


@dataclass(frozen=True)
class Role:
    """`reads` names apps or models by label; `acts` the acts that it may do. One that stands alone joins no other."""

    code: str
    label: str | Promise
    acts: frozenset[str]
    reads: frozenset[str]
    alone: bool = False

    def may_read(self, label: str) -> bool:
        """Whether the role reads a model, by its label: members.enrolment."""
        return label in self.reads or label.partition(".")[0] in self.reads


ROLES = {
    role.code: role
    for role in (
        Role("clerk", _("Clerk"), RECORDS | REPORTS | PLACES | PERSONS | CARE | ACCOUNTS | BILLS | FETCHES, BUSINESS),
        Role(
            "reviewer",
            _("Reviewer"),
            CHECKS | REPORTS | PLACES | PERSONS | CARE | ACCOUNTS | BILLS | MONEY | FETCHES | IN_FULL,
            BUSINESS,
        ),
        Role("finance", _("Finance"), PAYS | REPORTS | PLACES | CARE | ACCOUNTS | BILLS | MONEY | FETCHES, BUSINESS),
        Role(
            "inspector",
            _("Inspector"),
            REPORTS | {"proposal.late", "proposal.replay"} | PLACES | PERSONS | CARE | ACCOUNTS | BILLS | MONEY
            | OFFICE | TRAIL | FETCHES | IN_FULL,
            BUSINESS | PEOPLE | {"bureau.auditentry"},
            alone=True,
        ),
        Role(
            "system_administrator",
            _("System administrator"),
            frozenset({
                "staff.register", "staff.change", "staff.password", "area.register", "county.register",
                "schedule.change", "job.retry",
            }) | exports("area", "county") | WORK | OFFICE | FETCHES,
            SCHEDULE | PEOPLE,
            alone=True,
        ),
        Role(
            "security_administrator",
            _("Security administrator"),
            OFFICE | FETCHES | {"staff.roles"},
            PEOPLE | {"bureau.job"},
            alone=True,
        ),
        Role(
            "security_auditor",
            _("Security auditor"),
            exports("area", "county") | OFFICE | TRAIL | FETCHES,
            PEOPLE | {"bureau.auditentry", "bureau.job"},
            alone=True,
        ),
    )
}  # fmt: skip
# The three duties that watch each other: none of them reaches the other two.
DUTIES = frozenset({"system_administrator", "security_administrator", "security_auditor"})
# Who installs the house has no role yet: such an account may do what the administrators may, and nothing else.
INSTALLER = ("system_administrator", "security_administrator", "security_auditor")
ACTS = frozenset().union(*(role.acts for role in ROLES.values()))


def install_roles(**_signal) -> None:
    """Make the groups that are missing. Runs after every migration."""
    for code in ROLES:
        Group.objects.get_or_create(name=code)


def roles_of(staff: Staff) -> tuple[Role, ...]:
    """The roles of a member of staff, asked once for each request (the user is read anew with each)."""
    if not staff.is_active or staff.pk is None:
        return ()
    known = staff.__dict__.get("_roles")
    if known is None:
        codes = set(staff.groups.values_list("name", flat=True))
        if staff.is_superuser:
            codes.update(INSTALLER)
        known = staff.__dict__["_roles"] = tuple(role for code, role in ROLES.items() if code in codes)
    return known


def may(staff: Staff, act: str) -> bool:
    """Whether a member of staff may do an act, such as run.approve."""
    return any(act in role.acts for role in roles_of(staff))


def may_read(staff: Staff, label: str) -> bool:
    """Whether a member of staff may read a model, by its label: members.enrolment."""
    return any(role.may_read(label) for role in roles_of(staff))


def require_reach_of_staff(actor: Staff, staff: Staff, becoming: Iterable[str] = ()) -> None:
    """Refuse an administrator's act on an account beyond their reach: of another area or agency, of one of the other
    two duties (now, or by the roles it is about to get), or of who installs the house."""
    reach.require(actor.reach, staff)
    if actor.is_superuser:
        return
    if staff.is_superuser:
        raise DomainError(_("This account installs the house; no administrator reaches it."))
    mine = {role.code for role in roles_of(actor)} & DUTIES
    theirs = DUTIES & {*staff.groups.values_list("name", flat=True), *becoming}
    if mine and (others := sorted(theirs - mine)):
        raise DomainError(
            _("“%(role)s” is another administrator's duty, which yours does not reach."), role=ROLES[others[0]].label
        )


def reaches_staff(actor: Staff, staff: Staff) -> bool:
    """Whether require_reach_of_staff would let the act pass."""
    try:
        require_reach_of_staff(actor, staff)
    except DomainError:
        return False
    return True


def assign_roles(*, staff: Staff, roles: Iterable[str], actor: Staff, now: datetime.datetime) -> Staff:
    """Give a member of staff these roles and no others.

    Refused: one's own, roles that do not go together, and accounts or roles beyond the actor's reach.
    """
    wanted = sorted(set(roles))
    if unknown := set(wanted) - set(ROLES):
        raise DomainError(_("There is no role “%(role)s”."), field="roles", role=min(unknown))
    if staff.pk == actor.pk:
        raise DomainError(_("Nobody assigns roles to themselves."))
    if len(wanted) > 1 and (alone := next((ROLES[code] for code in wanted if ROLES[code].alone), None)):
        raise DomainError(_("“%(role)s” goes with no other role."), field="roles", role=alone.label)
    with transaction.atomic():
        staff = locked(staff)
        require_reach_of_staff(actor, staff, wanted)
        before = sorted(staff.groups.values_list("name", flat=True))
        if before == wanted:
            return staff
        staff.groups.set(Group.objects.filter(name__in=wanted))
        audit.record("staff.roles", actor=actor, now=now, subject=staff, before=before, after=wanted)
    return staff
