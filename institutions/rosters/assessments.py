"""年度考核: the scores of institutions; what a roster says waits for a second person, whatever stood before."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy

from bureau.files import cells
from bureau.files.shared import INSTITUTION_NAMES
from bureau.rosters.columns import Column, given
from bureau.rosters.roster import Roster
from bureau.rosters.shared import institution_column
from bureau.rosters.staging import Batch
from institutions.models import Assessment
from institutions.services.matching import match_institutions, refuse_other_agencies


class Assessments(Roster):
    institution = institution_column()
    institution_name = Column("机构名称", cells.text(120), INSTITUTION_NAMES, attribute="institution__name")
    year = Column("年度", cells.integer(2000, 2100), ("考核年度",), attribute="year", required=True)
    score = Column("得分", cells.score, ("考核得分", "分数"), attribute="score", required=True, changes=given)
    document = Column("文号", cells.text(200), ("文件",), attribute="document", changes=given)

    class Meta:
        model = Assessment
        roster = "assessments"
        label = gettext_lazy("Assessments")
        key = ("institution", "year")
        once = ("institution", "year")

    def find(self, batch: Batch) -> None:
        match_institutions(batch, "institution")
        refuse_other_agencies(batch, "institution")

    def agrees(self) -> str:
        """SQL: somebody has entered the score; those of old are entered again."""
        return "t.entered_by_id IS NOT NULL"

    def stamps(self) -> Mapping[str, str]:
        return {
            "entered_by_id": "%(actor)s::bigint",
            "entered_at": "%(now)s::timestamptz",
            "confirmed_by_id": "NULL::bigint",
            "confirmed_at": "NULL::timestamptz",
        }
