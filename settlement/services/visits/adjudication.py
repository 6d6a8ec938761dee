"""From dated facts to the rules and back: the only place where a visit meets bureau.rules."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from bureau.rules.benefits import fund as benefits
from bureau.rules.benefits import receipts
from bureau.rules.benefits.places import rule_for
from bureau.rules.errors import NoEdition, Refusal
from bureau.rules.format.edition import Edition, Rulebook
from institutions.models import Institution, OutOfAreaRegistration, Selection
from settlement.models import Visit
from settlement.queries.facts import fen
from settlement.services.visits.requests import VisitRequest

LARGE_CLAIMS = "large_claims"
STOPS = {"suspended": "suspended", "arrears": "arrears"}


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules say of one visit. `edition` is None where none is in force: nothing can then be computed."""

    edition: Edition | None
    outcome: benefits.Outcome
    past: benefits.Past
    place: frozenset[str]
    receipt: dict
    through_selected: bool = False  # the patient has paid, and is paid back by the selected institution


def place_of(
    request: VisitRequest, facts: dict, written: benefits.Past | None, edition: Edition | None
) -> frozenset[str]:
    """Where the care took place, as the edition's place rules know it.

    A prescription filled outside follows the visit that wrote it, at most so many weeks ago; the pharmacy must be
    designated as well. Care that is claimed by hand was not settled over the network, wherever it took place.
    """
    if written is not None:
        weeks = edition.at(request.care_on).get("prescription", {}).get("weeks") if edition else None
        place = written.place - (set() if facts["designated"] else {"designated"}) | {"prescription"}
        if weeks is not None and request.care_on > written.on + datetime.timedelta(weeks=weeks):
            place |= {"outdated"}
    else:
        place = frozenset(flags_of(request, facts, edition))
        if request.prescriber_id is not None:
            place |= {"unwritten"}
    return place - {"networked", "by_hand_only"} | {"hand_claim"} if request.by_hand else place - {"hand_claim"}


def flags_of(request: VisitRequest, facts: dict, edition: Edition | None) -> set[str]:
    flags = set()
    if facts["designated"]:
        flags.add("designated")
    if facts["kind"] == Institution.Kind.PHARMACY:
        flags.add("pharmacy")
    if facts["institution_area"] is not None and facts["institution_area"] == facts["area_id"]:
        flags.add("local")
    else:
        flags.add("networked")
        if facts["by_hand_elsewhere"]:
            flags.add("by_hand_only")
    treating = facts["institution_id"]
    if facts["selected_id"] is not None and is_selected(facts, stations_read(edition, request.care_on)):
        flags.add("selected")
    if facts["selected_station_id"] == treating:
        flags.add("selected")
    if facts["selected_remote_id"] == treating:
        flags.add("remote_selected")
    if facts["referred_by"] is not None:
        flags.add("referral")
    if registered(facts["registered_at"], facts["institution_code"]):
        flags.add("filed")
        if facts["registered_as"] == OutOfAreaRegistration.Kind.TEMPORARY:
            flags.add("temporary")
    if request.channel == Visit.Channel.EMERGENCY and "pharmacy" not in flags:  # a pharmacy treats nobody
        flags.add("emergency")
    if facts["paid_on"] is not None and request.care_on < newborn_until(facts, edition, request.care_on):
        flags.add("newborn")  # covered by an enrolment that came later: nothing could be selected yet
    return flags


def stations_read(edition: Edition | None, on: datetime.date) -> str:
    """How an edition takes stations: chosen in a `role` of their own, `together` with their centre, or `apart`."""
    selection = edition.at(on).get("selection", {}) if edition else {}
    if any(role["role"] == Selection.Role.STATION for role in selection.get("roles", ())):
        return "role"
    return selection.get("stations", "together")


def is_selected(facts: dict, stations: str) -> bool:
    """Whether the institution is the selected one; a centre and its stations may be one, whichever was chosen."""
    if stations == "together":
        return facts["quota_id"] in (facts["institution_id"], facts["parent_id"])
    return facts["selected_id"] == facts["institution_id"]


def newborn_until(facts: dict, edition: Edition | None, on: datetime.date) -> datetime.date:
    """The day from which a newborn selects as anybody does: that of the first premium, or of the enrolment's record."""
    newborn = edition.at(on).get("newborn", {}) if edition else {}
    if newborn.get("until") == "listed" and facts["listed_on"] is not None:
        return max(facts["paid_on"], facts["listed_on"])
    return facts["paid_on"]


def registered(destination: str | None, institution_code: str) -> bool:
    """Whether an out-of-area registration covers an institution: the same province, city or county."""
    if not destination:
        return False
    covered = destination.removesuffix("99")
    while covered.endswith("00"):
        covered = covered[:-2]
    return institution_code[1:7].startswith(covered)


def standing_of(facts: dict, on: datetime.date) -> frozenset[str]:
    """What stands against the member on the day, or opens a fund to them, from dated rosters alone (G-18)."""
    flags = {STOPS[kind] for kind in facts["stops"] or ()}
    if facts["area_id"] is None or (facts["died_on"] is not None and facts["died_on"] < on):
        flags.add("not_enrolled")
    if not facts["has_benefit_period"]:
        flags.add("no_benefit_period")
    if facts["inpatient"]:
        flags.add("inpatient")
    if facts["large_claims"]:
        flags.add("large_claims")
    return frozenset(flags)


def costs_of(request: VisitRequest) -> dict[str, int]:
    """The cost within policy by class, in fen, without what other funds have paid of it."""
    classes = {
        "general_fee": fen(request.general_fee),
        "consultation_fee": fen(request.consultation_fee),
        "chronic_remainder": fen(request.other_remainder),
    }
    ordinary = fen(request.in_policy) - fen(request.other_funds) - sum(classes.values())
    named = {name: amount for name, amount in classes.items() if amount}
    return {"ordinary": ordinary} | named if ordinary or not named else named


def care_of(
    request: VisitRequest,
    facts: dict,
    figures: Mapping[str, int],
    written: benefits.Past | None,
    edition: Edition | None = None,
) -> benefits.Care:
    through_prescription = request.prescriber_id is not None
    return benefits.Care(
        on=request.care_on,
        encounter=request.encounter,
        institution=facts["prescriber_code" if through_prescription else "institution_code"],
        level=facts["level"],
        kind=facts["prescriber_kind" if through_prescription else "kind"],
        place=place_of(request, facts, written, edition),
        standing=standing_of(facts, request.care_on),
        person_class=facts["person_class"] or "",
        plan=facts["plan"] or "",
        birth=facts["birth"],
        selected_level=facts["selected_level"],
        costs=costs_of(request),
        figures=figures,
    )


@dataclass(frozen=True, slots=True)
class Used:
    """What one earlier visit used, and under which fund it counts."""

    area_id: str | None
    scheme: str | None
    past: benefits.Past


@lru_cache(maxsize=1024)
def place_from(text: str) -> frozenset[str]:
    """The flags of an earlier visit; the same few combinations come again and again."""
    return frozenset(text.split(",")) if text else frozenset()


def used_by(row: dict) -> Used:
    pooled, large_claims = row["pooled"], row["large_claims"]
    past = benefits.Past(
        on=row["care_on"],
        encounter=row["encounter"],
        institution=row["institution"],
        place=place_from(row["place"]),
        cost=row["counted"],
        fund=pooled + large_claims,
        deductible=row["deductible"],
        fixed=row["fixed"],
        shares={row["pool"]: pooled, "large_claims": large_claims},
        span=row["span"],
    )
    return Used(row["area_id"], row["scheme"], past)


def past_of(history: Iterable[Used], facts: dict) -> list[benefits.Past]:
    """What counts against a visit: a move to another area or scheme starts that one's counters afresh."""
    return [u.past for u in history if u.area_id == facts["area_id"] and u.scheme == facts["scheme"]]


def edition_of(rulebooks: Mapping[str, Rulebook], facts: dict, on: datetime.date) -> Edition | None:
    """The edition that decides a day for a member; None where none does."""
    try:
        return rulebooks[facts["area_id"]].on(facts["area_id"], facts["scheme"], on) if facts["area_id"] else None
    except NoEdition:
        return None


def decide(
    request: VisitRequest,
    facts: dict,
    past: list[benefits.Past],
    rulebook: Rulebook,
    figures: Mapping[str, int],
    written: benefits.Past | None = None,
) -> Decision:
    """Ask the rules once. A day without an edition and a person who is not enrolled become named refusals.

    `written` is the visit that wrote the prescription, where one is filled outside and the visit is known.
    """
    if facts["area_id"] is None:
        return unanswered(care_of(request, facts, {}, written), Refusal("not_enrolled"))
    try:
        edition = rulebook.on(facts["area_id"], facts["scheme"], request.care_on)
    except NoEdition as missing:
        return unanswered(care_of(request, facts, {}, written), missing.refusal)
    needed = [figure.code for figure in benefits.figures_needed(edition, request.care_on)]
    care = care_of(
        request,
        facts,
        {code: figures[code] for code in needed if code in figures},
        written,
        edition,
    )
    used = benefits.counters(edition, care, past)
    outcome = benefits.adjudicate(edition, care, used)
    return Decision(
        edition=edition,
        outcome=outcome,
        past=benefits.past_of(care, outcome),
        place=care.place,
        receipt=receipts.receipt(edition, care, used),
        through_selected=outcome.charge != "" and payee_of(edition, care) == "selected",
    )


def payee_of(edition: Edition, care: benefits.Care) -> str:
    """Whom the edition pays for care at such a place: who treated, or the selected institution."""
    cache, key = edition.cache(care.on), ("payee", care.place)
    if key not in cache:
        rule = rule_for(edition.at(care.on)["places"], care.place)
        cache[key] = rule.get("payee", "treating") if rule else "treating"
    return cache[key]


def unanswered(care: benefits.Care, refusal: Refusal) -> Decision:
    outcome = benefits.refused(care, refusal)
    # It uses nothing up, but a prescription may have been written there.
    past = benefits.past_of(care, outcome)
    return Decision(edition=None, outcome=outcome, past=past, place=care.place, receipt={})
