"""What a member's page offers and shows of institutions."""

from django.utils.translation import gettext_lazy as _

from bureau import clock
from bureau.site import Act, Section, extend, form_of
from institutions.admin.selections import ChoiceForm, ExitForm, choose_for, end_on_exit
from institutions.models import HospitalStay, OutOfAreaRegistration, Referral, Selection
from institutions.services.care import record_stay, refer, register_out_of_area
from members.models import Member

extend(
    Member,
    acts=[
        Act(
            code="selection.choose",
            label=_("Choose or change the institution"),
            do=choose_for,
            record="member",
            form=ChoiceForm,
            initial=lambda request, member: {"year": clock.today().year, "requested_on": clock.today()},
            help=_("In the window for next year, for the first time in the year, or, with a reason, another one."),
        ),
        Act(
            code="selection.end",
            label=_("End the selection"),
            do=end_on_exit,
            record="member",
            form=ExitForm,
            help=_("The member left the area or the scheme. A death ends it by itself."),
        ),
        Act(
            code="referral.record",
            label=_("Record a referral"),
            do=refer,
            record="member",
            form=form_of(Referral, "from_institution", "to_institution", "starts_on", "ends_on", "reason"),
        ),
        Act(
            code="out_of_area.register",
            label=_("Register care out of the area"),
            do=register_out_of_area,
            record="member",
            form=form_of(OutOfAreaRegistration, "kind", "destination", "starts_on", "ends_on"),
        ),
        Act(
            code="hospital_stay.record",
            label=_("Record a hospital stay"),
            do=record_stay,
            record="member",
            form=form_of(HospitalStay, "institution", "admitted_on", "discharged_on"),
        ),
    ],
    sections=[
        Section(Selection, "member"),
        Section(Referral, "member"),
        Section(OutOfAreaRegistration, "member"),
        Section(HospitalStay, "member"),
    ],
)
