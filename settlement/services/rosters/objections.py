"""Why a roster can no longer be undone: visits were settled, or institutions paid, on what it says."""

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bureau.history.acts import changed_by_upload
from bureau.models import Upload
from settlement.models import OpeningUse, OtherUse, Proposal, Visit
from settlement.queries.facts import fetch
from settlement.queries.roster_days import rest_on


def made_by(table: str) -> str:
    """SQL: from the rows `t` of a table that the upload %(upload)s, as `u`, made or changed."""
    return f"""FROM {table} t JOIN bureau_upload u ON u.id = %(upload)s
        WHERE (t.upload_id = u.id OR t.id IN (SELECT f."row" FROM {changed_by_upload(table)} f))"""


RUNS = """
SELECT FROM settlement_line l JOIN settlement_run r ON r.id = l.run_id
 WHERE l.institution_id = t.institution_id AND r.computed_at >= u.uploaded_at AND r.status <> 'computed'
   AND EXTRACT(year FROM r.period) = t.year
"""
HEADS = f"""
SELECT 1 {made_by("institutions_selection")}
   AND t.role = 'primary' AND EXISTS ({RUNS} AND r.kind <> 'items')
LIMIT 1
"""
SCORES = f"""
SELECT 1 {made_by("institutions_assessment")} AND EXISTS ({RUNS} AND r.kind = 'year_end')
LIMIT 1
"""


def why_facts_stay(upload: Upload) -> Promise | None:
    """Objection to undoing a roster of facts that visits are settled by."""
    if rest_on(upload):
        return _("Visits have been settled on what this roster says; correct the records instead.")
    return None


def why_heads_stay(upload: Upload) -> Promise | None:
    """Objection to undoing selections: their heads were counted in what institutions are paid."""
    if fetch(HEADS, {"upload": upload.pk}):
        return _("Institutions have been paid for heads that this roster counts; correct the records instead.")
    return None


def why_scores_stay(upload: Upload) -> Promise | None:
    """Objection to undoing assessments: a year was settled by their scores."""
    if fetch(SCORES, {"upload": upload.pk}):
        return _("Years have been settled by the scores of this roster; assess the institutions anew instead.")
    return None


def why_opening_stays(upload: Upload) -> Promise | None:
    """Objection to undoing opening figures: visits have been settled against them."""
    built = Visit.objects.filter(
        area=upload.area_id,
        member_id__in=OpeningUse.objects.filter(upload=upload).values("member_id"),
        care_on__year__in=OpeningUse.objects.filter(upload=upload).values("year"),
    )
    return _("Visits have been settled against these figures.") if built.exists() else None


def why_other_uses_stay(upload: Upload) -> Promise | None:
    """Objection to undoing: visits may have been settled, or adjusted, against what was left of a fund's limit."""
    rows = OtherUse.objects.filter(upload=upload)
    since = Q(settled_at__gte=upload.uploaded_at) | Q(
        proposals__status=Proposal.Status.CONFIRMED, proposals__decided_at__gte=upload.uploaded_at
    )
    built = Visit.objects.filter(since, area=upload.area_id, member_id__in=rows.values("member_id"))
    return _("Visits have been settled against these figures.") if built.exists() else None


def why_visits_stay(upload: Upload) -> Promise:
    """Objection to undoing a visits file: what was settled is taken back visit by visit."""
    return _("Visits that are settled stay settled; each can be taken back by a reversal.")
