"""The yearly scores of institutions: entered by one person, confirmed by another."""

from django.contrib import admin
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from bureau import clock
from bureau.site import Act, ActForm, Answer, Panel, YearFilter, pick, year_field
from institutions.admin.places import OfInstitution
from institutions.models import Assessment, SelectionWindow
from institutions.services.places import confirm_assessment, confirm_assessments, waiting_assessments


class ScoresForm(ActForm):
    area = pick(SelectionWindow._meta.get_field("area"))
    year = year_field(_("year"), initial=lambda: clock.today().year - 1)


def scores_waiting(request, record, data) -> list[Panel]:
    waiting = waiting_assessments(**data, who=request.user.reach)
    return [
        Panel(
            _("Scores to confirm"),
            [_("institution"), _("score"), pgettext_lazy("published", "document"), _("entered by")],
            [[one.institution, one.score, one.document, str(one.entered_by)] for one in waiting],
        )
    ]


def confirm_scores(**asked) -> Answer:
    return Answer(text=gettext("%(count)d scores were confirmed.") % {"count": len(confirm_assessments(**asked))})


@admin.register(Assessment)
class AssessmentAdmin(OfInstitution):
    list_display = ["institution", "year", "score", "document", "entered_by", "confirmed_by", "confirmed_at"]
    list_filter = [YearFilter, ("confirmed_at", admin.EmptyFieldListFilter)]
    list_select_related = ["institution", "entered_by", "confirmed_by"]
    list_acts = [
        Act(
            code="assessment.confirm",
            label=_("Confirm the scores of a year"),
            do=confirm_scores,
            form=ScoresForm,
            preview=scores_waiting,
            help=_("Every score that waits, as a roster brought it. By someone other than who entered them."),
        ),
    ]
    acts = [
        Act(
            code="assessment.confirm",
            label=_("Confirm the score"),
            do=confirm_assessment,
            record="assessment",
            help=_("By someone other than who entered it. From then on it decides what is released."),
        ),
    ]
