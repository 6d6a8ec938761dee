"""What settlement adds to the pages of members, institutions and jobs."""

import datetime

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Journal
from bureau.models import Area, Job, Staff, Upload
from bureau.site import Act, ActForm, Answer, Panel, Section, extend, link, pick, when
from bureau.staff import reach
from institutions.models import Institution
from institutions.services.selection import end_selections
from members.models import Member
from members.services.people import record_death
from settlement.admin import visits  # noqa: F401  registers what is extended below
from settlement.admin.proposals import ReplayForm, replay
from settlement.admin.same_bills import same_bills_of
from settlement.models import Claim, Invoice, Line, OpeningUse, OtherUse, Visit
from settlement.queries import roster_days
from settlement.services.proofs import KIND, prove_books


class DeathForm(ActForm):
    on = when(_("date of death"))


def die(*, member: Member, on: datetime.date, actor: Staff, now: datetime.datetime) -> Answer:
    """Record a death: enrolment, benefit period and selections end with it; the balance is left for the heirs."""
    record_death(member=member, on=on, actor=actor, now=now)
    end_selections(member=member, last_day=on, event="death", actor=actor, now=now)
    accounts = reach.visible(Account, actor.reach).filter(member=member).select_related("area")
    return Answer(
        [
            Panel(
                _("Accounts: pay the balance out to the heirs"),
                [_("account"), _("area"), _("status"), _("balance")],
                [
                    [link(account), account.area.name, account.get_status_display(), account.balance]
                    for account in accounts
                ],
            )
        ],
        gettext("The death is recorded; enrolment, benefit period and selection end with that day."),
    )


extend(
    Member,
    acts=[
        Act(
            code="member.death",
            label=_("Record a death"),
            do=die,
            record="member",
            form=DeathForm,
            help=_("Enrolment, benefit period and selection end with that day. It cannot be taken back here."),
            offered=lambda member: member.died_on is None,
        ),
        Act(
            code="proposal.replay",
            label=_("Replay a year"),
            do=replay,
            record="member",
            form=ReplayForm,
            help=_("Adjudicates the visits of the year again; differences become proposals, nothing else changes."),
        ),
    ],
    sections=[Section(model, "member") for model in (Visit, Claim, OpeningUse, OtherUse)],
)
extend(Visit, sections=[Section(Claim, "visit"), Section(Invoice, "visit", without=["claim"])])
extend(Upload, sections=[same_bills_of])
extend(Institution, sections=[Section(Visit, "institution"), Section(Line, "institution")])


class ProofForm(ActForm):
    area = pick(Job._meta.get_field("area"), required=True)


def prove(*, area: Area, actor: Staff, now: datetime.datetime) -> Job:
    return prove_books(area_id=area.pk, actor=actor, now=now)


def proofs(request, job: Job) -> Panel | None:
    """What the proof of the books found, question by question."""
    if job.kind != KIND:
        return None
    found = [proof for chunk in job.chunks.all() for proof in chunk.result.get("proofs", [])]
    return Panel(
        _("Proof of the books"),
        [_("question"), _("asked"), _("differ"), _("the first of them")],
        [[proof["question"], proof["asked"], proof["wrong"], "; ".join(proof["shown"])] for proof in found],
    )


MOST_SHOWN = 1000


def settled_before_it(request, upload: Upload) -> Panel | None:
    """Visits on the days of a roster that came after them: they stay, and what they would be now is looked for."""
    if upload.kind not in roster_days.ROSTERS or upload.status != Upload.Status.LOADED:
        return None
    count = roster_days.settled_before(upload, MOST_SHOWN + 1)
    if not count:
        return None
    return Panel(
        _("Settled before this roster came"),
        [_("visits")],
        [[gettext("more than %(count)d") % {"count": MOST_SHOWN} if count > MOST_SHOWN else count]],
        note=_("They stand as they were settled. The search for facts learnt late proposes the differences."),
    )


extend(Upload, sections=[settled_before_it])
check = Act(
    code="books.check",
    label=_("Check the books"),
    do=prove,
    form=ProofForm,
    help=_("A job: journals, balances, visits and payment runs are proved against each other."),
)
extend(Job, list_acts=[check], sections=[proofs])
extend(Journal, list_acts=[check])
