"""Referrals, hospital stays and registrations out of the area."""

from typing import Any

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from bureau.files import Refused, cells
from bureau.files.days import LASTING, PAST, PLANNED, date_, end_date
from bureau.files.shared import in_order
from bureau.rosters.columns import Column, always, given
from bureau.rosters.roster import OVERLAPS_LINE
from bureau.rosters.shared import institution_column
from bureau.rosters.staging import STAGED, Batch
from institutions.models import HospitalStay, OutOfAreaRegistration, Referral
from institutions.queries import DESIGNATED
from institutions.services.matching import match_institutions
from members.rosters import PersonRoster
from members.services.matching import match_members
from members.services.reach import ends_here, refuse_elsewhere


class CareRoster(PersonRoster):
    """What happened to a member, recorded by the area that had them on its first day (G-3)."""

    first, last = "starts_on", "ends_on"

    def find(self, batch: Batch) -> None:
        match_members(batch, strangers=True)
        match_institutions(batch, *(link for link in self.links if link != "member"))
        begun = ends_here(self._meta.model._meta.db_table, self.same_key("r", "s"), self.last)
        refuse_elsewhere(batch, self.first, unless=begun)

    def refusals(self, batch: Batch) -> None:
        """What begins after the member's death; an end that was foreseen beyond it does no harm."""
        batch.refuse(
            self.first,
            _("The member died on %(day)s."),
            f"m.id = s.member_id AND m.died_on < s.{self.first}",
            using="members_member m",
            places={"day": "m.died_on"},
        )


def _to_another(values: dict[str, Any]) -> None:
    if values["from_institution"] and values["from_institution"] == values["to_institution"]:
        raise Refused("same_institution", _("A referral leads to another institution."), field="to_institution")


class Referrals(CareRoster):
    from_institution = institution_column(
        "转出机构编码",
        ("转出机构", "转出医院编码", "转出定点医药机构编号"),
        attribute="from_institution__code",
        differs=_("The record has a referral from another institution from this day on."),
    )
    to_institution = institution_column(
        "转入机构编码",
        ("转入机构", "转入医院编码", "转往定点医药机构编号", "reflin_medins_no"),
        attribute="to_institution__code",
    )
    starts_on = Column(
        "开始日期",
        date_,
        ("转诊日期", "转院日期", "refl_date", "begndate"),
        attribute="starts_on",
        required=True,
        days=PLANNED,
    )
    ends_on = Column(
        "有效期止",
        date_,
        ("结束日期", "有效期至", "enddate"),
        attribute="ends_on",
        required=True,
        days=PLANNED,
        changes=given,
    )
    reason = Column("转诊原因", cells.text(200), ("原因",), attribute="reason", changes=given)

    checks = (*PersonRoster.checks, _to_another, in_order())

    class Meta:
        model = Referral
        roster = "referrals"
        label = gettext_lazy("Referrals")
        key = ("member", "to_institution", "starts_on")
        once = ("person", "to_institution", "starts_on")
        spans = True

    def refusals(self, batch: Batch) -> None:
        super().refusals(batch)
        batch.refuse(
            "from_institution",
            _("It is not the member's selected institution on %(day)s."),
            """NOT EXISTS (SELECT FROM institutions_selection c
                           WHERE c.member_id = s.member_id AND c.institution_id = s.from_institution_id
                             AND c.role = 'primary' AND s.starts_on BETWEEN c.starts_on AND c.ends_on)""",
            places={"day": "s.starts_on"},
        )
        batch.refuse(
            "to_institution",
            _("It is not designated on %(day)s."),
            f"i.id = s.to_institution_id AND NOT {DESIGNATED.format(day='s.starts_on')}",
            using="institutions_institution i",
            places={"day": "s.starts_on"},
        )


class HospitalStays(CareRoster):
    institution = institution_column(required=False, changes=given)
    admitted_on = Column("入院日期", date_, ("入院时间", "adm_time"), attribute="admitted_on", required=True, days=PAST)
    discharged_on = Column(
        "出院日期", date_, ("出院时间", "dscg_time"), attribute="discharged_on", days=PAST, changes=given
    )

    checks = (*PersonRoster.checks, in_order("admitted_on", "discharged_on"))
    first, last = "admitted_on", "discharged_on"

    class Meta:
        model = HospitalStay
        roster = "hospital_stays"
        label = gettext_lazy("Hospital stays")
        key = ("member", "admitted_on")
        once = ("person", "admitted_on")

    def refusals(self, batch: Batch) -> None:
        """A stay ends the day before its discharge (G-8): another may begin on that day."""
        super().refusals(batch)
        meet = "daterange({0}.admitted_on, {0}.discharged_on) && daterange({1}.admitted_on, {1}.discharged_on)"
        batch.refuse(
            "admitted_on",
            OVERLAPS_LINE,
            f"o.member_id = s.member_id AND o.line < s.line AND {meet.format('o', 's')}",
            using=f"{STAGED} o",
            places={"other": "o.line"},
        )
        batch.refuse(
            "admitted_on",
            _("The days overlap a stay from %(first)s to %(last)s."),
            f"t.member_id = s.member_id AND t.admitted_on <> s.admitted_on AND {meet.format('t', 's')}",
            using="institutions_hospitalstay t",
            places={"first": "t.admitted_on", "last": "COALESCE(t.discharged_on::text, '…')"},
        )


_ANOTHER_REGISTRATION = _("The record has a registration of another kind or for another place from this day on.")


class OutOfArea(CareRoster):
    kind = Column(
        "备案类型",
        cells.choice(
            {
                "retired_resettled": ("异地安置退休人员", "异地安置退休", "异地安置"),
                "long_term_resident": ("异地长期居住人员", "异地长期居住"),
                "posted_worker": ("常驻异地工作人员", "常驻异地工作", "常驻异地"),
                "temporary": ("临时外出就医人员", "临时外出就医"),
            }
        ),
        ("异地备案类型",),
        attribute="kind",
        required=True,
        differs=_ANOTHER_REGISTRATION,
    )
    destination = Column(
        "就医地区划",
        cells.area_code,
        ("就医地", "就医地行政区划", "就医地医保区划", "mdtrtarea_admvs"),
        attribute="destination",
        required=True,
        differs=_ANOTHER_REGISTRATION,
    )
    starts_on = Column(
        "开始日期", date_, ("备案开始日期", "begndate"), attribute="starts_on", required=True, days=PLANNED
    )
    ends_on = Column(
        "结束日期", end_date, ("备案结束日期", "enddate"), attribute="ends_on", days=LASTING, changes=always
    )

    checks = (*PersonRoster.checks, in_order())

    class Meta:
        model = OutOfAreaRegistration
        roster = "out_of_area"
        label = gettext_lazy("Registrations out of the area")
        key = ("member", "starts_on")
        once = ("person", "starts_on")
        spans = True
