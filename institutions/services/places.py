"""机构: who treats, under whose agency, on which days designated, at which settlement level."""

import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
from bureau.models import Area, County, Staff
from bureau.rules.periods import ONE_DAY
from bureau.saving import locked, require_days, save
from bureau.staff import reach
from bureau.staff.reach import Principal
from bureau.steps import mark_step, take_step
from institutions.models import Agreement, Assessment, Institution, Level, Selection
from institutions.queries import in_force
from institutions.services.bank_accounts import ACCOUNT, said

Kind = Institution.Kind


def register_institution(
    *,
    code: str,
    name: str,
    kind: str,
    area: Area | None = None,
    county: County | None = None,
    parent: Institution | None = None,
    bank_name: str = "",
    bank_account: str = "",
    account_name: str = "",
    actor: Staff,
    now: datetime.datetime,
) -> Institution:
    """Record an institution, pharmacy or clearing body. The same registration again returns the first.

    A village station stands in the area and under the agency of its centre. Refused: a code that names
    another institution, a county of another area, a station without a centre.
    """
    if parent is not None and kind == Kind.STATION:
        area, county = area or parent.area, county or parent.county
    institution = Institution(
        code=code, name=name, kind=kind, area=area, county=county, parent=parent,
        **said(account_name, bank_name, bank_account),
    )  # fmt: skip
    with transaction.atomic():
        known = Institution.objects.filter(code=code).first()
        if known is not None:
            if all(getattr(known, name) == getattr(institution, name) for name in _SAID):
                return known
            raise DomainError(_("The code %(code)s belongs to %(name)s."), field="code", code=code, name=known.name)
        _require_place(institution)
        save(institution)
        audit.record(
            "institution.register", actor=actor, now=now, subject=institution,
            code=code, name=name, kind=kind, parent=parent.code if parent else None,
        )  # fmt: skip
    return institution


_SAID = ("name", "kind", "area_id", "county_id", "parent_id", *ACCOUNT)
_DETAILS = ("name", "county")


def change_details(*, institution: Institution, actor: Staff, now: datetime.datetime, **details) -> Institution:
    """Change the name or the paying agency; what was there before is audited."""
    if unknown := set(details) - set(_DETAILS):
        raise TypeError(f"not a detail of an institution: {', '.join(sorted(unknown))}")
    reach.require(actor.reach, institution)
    with transaction.atomic():
        institution = locked(institution)
        before = {name: str(getattr(institution, name) or "") for name in details}
        for name, value in details.items():
            setattr(institution, name, value)
        after = {name: str(getattr(institution, name) or "") for name in details}
        if after == before:
            return institution
        _require_place(institution)
        save(institution)
        audit.record("institution.change", actor=actor, now=now, subject=institution, before=before, after=after)
    return institution


def change_parent(
    *, station: Institution, parent: Institution, on: datetime.date, actor: Staff, now: datetime.datetime
) -> Institution:
    """Put a village station under another centre.

    A station's heads are in its centre's account (Heyuan, article 12), and it has one parent, not one a day.
    So it is refused while a member has chosen the station, or if its heads ever counted: months of the old
    centre would move. Then the station ends its agreement and is registered anew.
    """
    reach.require(actor.reach, station)
    with transaction.atomic():
        station = locked(station)
        if station.kind != Kind.STATION:
            raise DomainError(_("Only a village station has a parent."), field="parent")
        if station.parent_id == parent.pk:
            return station
        chosen = Selection.objects.filter(
            Q(role=Selection.Role.PRIMARY, counts_from__isnull=False) | Q(ends_on__gte=on),
            institution=station,
        )
        if chosen.exists():
            raise DomainError(
                _("Members have chosen this station; end its agreement and register it anew."),
                field="parent",
            )
        before = station.parent.code
        station.parent, station.area, station.county = parent, parent.area, parent.county
        _require_place(station)
        save(station)
        audit.record("institution.parent", actor=actor, now=now, subject=station, before=before, after=parent.code)
    return station


def _require_place(institution: Institution) -> None:
    parent, county = institution.parent, institution.county
    if county is not None and county.area_id != institution.area_id:
        raise DomainError(_("The county agency belongs to another area."), field="county")
    if institution.kind != Kind.STATION:
        return
    if parent is None:
        raise DomainError(_("A village station belongs to a primary-care centre: name its parent."), field="parent")
    if parent.kind in (Kind.STATION, Kind.PHARMACY, Kind.CLEARING):
        raise DomainError(_("A village station belongs to a primary-care centre or a hospital."), field="parent")
    if (institution.area_id, institution.county_id) != (parent.area_id, parent.county_id):
        raise DomainError(_("A village station is paid by the agency of its centre."), field="county")


def set_level(
    *, institution: Institution, level: int, starts_on: datetime.date, actor: Staff, now: datetime.datetime
) -> Level:
    """协议结算等级 from a day on, until a later one that is already recorded (G-10).

    The level before ends the day before. The same level again changes nothing; another level from the very
    same day corrects the record.
    """
    reach.require(actor.reach, institution)
    with transaction.atomic():
        institution = locked(institution)
        old = institution.levels.filter(in_force(starts_on)).first()
        if old is not None and old.level == level:
            return old
        before = old and {"level": old.level, "starts_on": str(old.starts_on)}
        if old is not None and old.starts_on == starts_on:
            old.level = level
            new = old
        else:
            later = institution.levels.filter(starts_on__gt=starts_on).order_by("starts_on").first()
            new = Level(
                institution=institution,
                level=level,
                starts_on=starts_on,
                ends_on=old.ends_on if old else later.starts_on - ONE_DAY if later else None,
            )
            if old is not None:
                old.ends_on = starts_on - ONE_DAY
                save(old)
        save(new)
        audit.record(
            "institution.level", actor=actor, now=now, subject=new,
            institution=institution.code, level=level, starts_on=str(starts_on), before=before,
        )  # fmt: skip
    return new


def designate(
    *,
    institution: Institution,
    starts_on: datetime.date,
    ends_on: datetime.date | None = None,
    actor: Staff,
    now: datetime.datetime,
) -> Agreement:
    """定点协议 for some days, or until further notice. The same agreement again returns the first."""
    reach.require(actor.reach, institution)
    require_days(starts_on, ends_on)
    with transaction.atomic():
        institution = locked(institution)
        known = institution.agreements.filter(starts_on=starts_on, ends_on=ends_on).first()
        if known is not None:
            return known
        agreement = Agreement(institution=institution, starts_on=starts_on, ends_on=ends_on)
        save(agreement)
        audit.record(
            "agreement.record", actor=actor, now=now, subject=agreement,
            institution=institution.code, starts_on=str(starts_on), ends_on=str(ends_on or ""),
        )  # fmt: skip
    return agreement


def undesignate(
    *, institution: Institution, last_day: datetime.date, reason: str, actor: Staff, now: datetime.datetime
) -> Agreement:
    """End the agreement in force with a last day. Selections stay: their members choose anew."""
    reach.require(actor.reach, institution)
    with transaction.atomic():
        institution = locked(institution)
        agreement = institution.agreements.filter(in_force(last_day)).first()
        if agreement is None:
            raise DomainError(_("The institution has no agreement on %(day)s."), field="last_day", day=last_day)
        if agreement.ends_on == last_day:
            return agreement
        before, agreement.ends_on = agreement.ends_on, last_day
        save(agreement)
        audit.record(
            "agreement.end", actor=actor, now=now, subject=agreement,
            institution=institution.code, before=str(before or ""), ends_on=str(last_day), reason=reason,
        )  # fmt: skip
    return agreement


def record_assessment(
    *,
    institution: Institution,
    year: int,
    score: Decimal,
    document: str = "",
    actor: Staff,
    now: datetime.datetime,
) -> Assessment:
    """年度考核: the score of a year, 0 to 100; it counts once another person has confirmed it.

    A second score replaces the first and is confirmed anew; both are audited.
    """
    reach.require(actor.reach, institution)
    with transaction.atomic():
        institution = locked(institution)
        assessment = institution.assessments.filter(year=year).first()
        before = None
        if assessment is None:
            assessment = Assessment(institution=institution, year=year)
        else:
            before = str(assessment.score)
            same = (assessment.score, assessment.document) == (score, document)
            if same and assessment.entered_by_id is not None:
                return assessment
        mark_step(assessment, "institution.assess", actor, now, score=score, document=document)
        save(assessment)
        audit.record(
            "institution.assess", actor=actor, now=now, subject=assessment,
            institution=institution.code, year=year, score=str(score), before=before, document=document,
        )  # fmt: skip
    return assessment


def confirm_assessment(*, assessment: Assessment, actor: Staff, now: datetime.datetime) -> Assessment:
    """Let a score count. Refused: the person who entered it."""
    with transaction.atomic():
        assessment = locked(assessment)
        if assessment.confirmed_at is not None:
            return assessment
        take_step(assessment, "assessment.confirm", actor, now)
        institution = assessment.institution
        audit.record(
            "assessment.confirm", actor=actor, now=now, subject=assessment,
            institution=institution.code, year=assessment.year, score=str(assessment.score),
        )  # fmt: skip
    return assessment


def require_agency_of(who: Principal, area_id: str | None, county_id: str | None) -> None:
    """An agency's staff act on what its own institutions send, and on care outside the area; not on its neighbours'."""
    if county_id is not None and area_id == who.area:
        reach.require_county(who, county_id)


def waiting_assessments(area: Area, year: int, *, who: Principal) -> QuerySet[Assessment]:
    """Scores of a year that nobody has confirmed yet, of the institutions that are within reach."""
    waiting = reach.visible(Assessment, who).filter(institution__area=area, year=year, confirmed_at=None)
    return waiting.select_related("institution", "entered_by").order_by("institution__code")


def confirm_assessments(*, area: Area, year: int, actor: Staff, now: datetime.datetime) -> list[Assessment]:
    """Confirm every score of a year that waits, a roster's say; staff of an agency those of its institutions.

    Refused: where one was entered by the same person.
    """
    with transaction.atomic():
        waiting = list(waiting_assessments(area, year, who=actor.reach))
        return [confirm_assessment(assessment=one, actor=actor, now=now) for one in waiting]
