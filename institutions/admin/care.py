"""Where members may be treated besides, and where they lie: referrals, care out of the area, hospital stays."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from bureau import clock
from bureau.site import Act, ReasonForm
from institutions.admin.places import LastDayReason
from institutions.models import HospitalStay, OutOfAreaRegistration, Referral
from institutions.services.care import cancel_referral, discharge, end_out_of_area, end_referral
from members.admin import OfMember, end_form

LastDay = end_form(_("last day"), "last_day")


@admin.register(Referral)
class ReferralAdmin(OfMember):
    list_display = ["member", "from_institution", "to_institution", "starts_on", "ends_on", "reason"]
    list_select_related = ["member", "from_institution", "to_institution"]
    institution_path = "to_institution"
    acts = [
        Act(
            code="referral.end",
            label=_("End the referral"),
            do=end_referral,
            record="referral",
            form=LastDayReason,
        ),
        Act(
            code="referral.take_back",
            label=_("Take back"),
            do=lambda **asked: cancel_referral(**asked, on=clock.today()),
            record="referral",
            form=ReasonForm,
            help=_("Before its first day only."),
            offered=lambda referral: referral.starts_on > clock.today(),
        ),
    ]


@admin.register(OutOfAreaRegistration)
class OutOfAreaRegistrationAdmin(OfMember):
    list_display = ["member", "kind", "destination", "starts_on", "ends_on"]
    list_filter = ["kind"]
    list_select_related = ["member"]
    acts = [
        Act(
            code="out_of_area.end",
            label=_("End the registration"),
            do=end_out_of_area,
            record="registration",
            form=LastDay,
        ),
    ]


@admin.register(HospitalStay)
class HospitalStayAdmin(OfMember):
    list_display = ["member", "institution", "admitted_on", "discharged_on"]
    list_filter = [("discharged_on", admin.EmptyFieldListFilter)]
    list_select_related = ["member", "institution"]
    institution_path = "institution"
    acts = [
        Act(
            code="hospital_stay.discharge",
            label=_("Discharge"),
            do=discharge,
            record="stay",
            form=end_form(_("discharged on"), "discharged_on"),
        ),
    ]
