"""Settled visits decided again by what is known now, on the desk's own path: facts, rules, accounts.

A member's visits of a year are walked in the order in which they were settled. Each uses what the ones before it
used: as they would be now, or as they stand where a person has refused that difference. Nothing is written here.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.db.models import QuerySet

from accounts.services.holders import edition_for
from bureau.editions.figures import figures, named
from bureau.editions.rulebook import rulebook
from bureau.errors import RefusedError
from bureau.rules.benefits import fund as benefits
from bureau.rules.benefits.program import days_counted
from bureau.rules.errors import Refused
from bureau.rules.format.edition import Rulebook
from settlement.models import Visit
from settlement.queries import facts as reading
from settlement.queries.facts import Asked
from settlement.services.replays.differences import Again, Back, as_it_stands
from settlement.services.visits.adjudication import Used, decide, edition_of, past_of, used_by
from settlement.services.visits.requests import WITHIN, VisitRequest
from settlement.services.visits.split import OWN, entitled

Written = tuple[int, str, int | None]  # by member, encounter and institution
EMPTY: Mapping = MappingProxyType({})
SAME = ("institution_id", "key", "member_id", "encounter", "care_on", "channel", "credential", "prescriber_id")
COST = ("total", "own_expense", "over_limit", "first_self", *WITHIN)


def standing(visits: QuerySet[Visit]) -> QuerySet[Visit]:
    """Of these visits those that no reversal has taken back, in the order in which they were settled."""
    return visits.filter(reverses=None, reversal=None).order_by("id")


@dataclass(slots=True)
class Known:
    """All that deciding some visits of an area again looks at, as it is known now, read at once."""

    area_id: str
    facts: dict[int, dict]  # by visit
    written: dict[Written, Visit]  # the visit that wrote a prescription
    paid: dict[int, list[dict]]  # by visit, what accounts have paid, and what of it they have not got back
    use_came: set[int]  # visits since whose settling it became known what a fund had paid elsewhere
    accounts: dict[int, dict]
    own: dict[int, list[dict]]
    grants: dict[int, list[dict]]
    figures: dict[datetime.date, dict[str, int]]
    books: dict[str, Rulebook]

    @classmethod
    def of(
        cls, area_id: str, visits: list[Visit], figures: dict[datetime.date, dict[str, int]] | None = None
    ) -> "Known":
        by_accounts = [visit for visit in visits if visit.account or visit.family]
        paid_for = [visit.member_id for visit in by_accounts]
        written = written_by(visits)
        gone = [visit for visit in written.values() if taken_back(visit)]
        accounts = reading.accounts_of(paid_for)
        own: dict[int, list[dict]] = defaultdict(list)
        for account in accounts.values():
            own[account["member_id"]].append(account)
        return cls(
            area_id=area_id,
            facts=facts_of([*visits, *gone]),
            written=written,
            paid=reading.load_payments([visit.pk for visit in by_accounts]),
            use_came=reading.with_later_uses([visit.pk for visit in visits]),
            accounts=accounts,
            own=own,
            grants=reading.load_grants(paid_for),
            figures={} if figures is None else figures,
            books={},
        )

    def again(self, visit: Visit, used: Iterable[Used] = (), others: Mapping[int, benefits.Past] = EMPTY) -> Again:
        """A visit decided now, after what others have used; `others` are those that have been decided again.

        Raises RefusedError for a figure that is not published.
        """
        request, facts = self.request_of(visit), self.facts[visit.pk]
        if facts["area_id"] != visit.area_id or visit.scheme not in ("", facts["scheme"]):
            facts = facts | {"area_id": None, "scheme": None}  # insured elsewhere or otherwise: not with this fund
        known = [one for one in used if one.past.on <= visit.settled_on or one.past.span == "visit"]
        try:
            decision = decide(
                request,
                facts,
                past_of(known, facts),
                self.book_of(visit.area_id),
                self.figures_of(visit.care_on),
                self.prescribing(visit, others),
            )
        except Refused as refused:
            raise RefusedError(refused.refusal) from refused
        refusal = decision.outcome.refusal
        if refusal is not None and refusal.code == "figure_missing":
            raise RefusedError(named(refusal, decision.edition, visit.care_on))
        return Again(
            visit=visit,
            decision=decision,
            scheme=facts["scheme"] or visit.scheme,
            recoveries=self.recoveries(visit, request),
            use_came=visit.pk in self.use_came,
        )

    def prescribing(self, visit: Visit, others: Mapping[int, benefits.Past]) -> benefits.Past | None:
        """The visit that wrote a prescription: as it has been decided again, else as it stands.

        One that was taken back stands no more and is nobody's to decide: it counts as it would be now.
        """
        wrote = self.written.get((visit.member_id, visit.encounter, visit.prescriber_id))
        if wrote is None or wrote.care_on > visit.care_on:  # what was filled before was written elsewhere
            return None
        if taken_back(wrote):
            return self.again(wrote).decision.past
        return others.get(wrote.pk) or as_it_stands(wrote)[0].past

    def recoveries(self, visit: Visit, request: VisitRequest) -> dict[int, Back]:
        """What accounts have paid and may not by what is known now: after a death, for somebody who is no relative.

        And what was recovered for that and is right after all.
        """
        paid = self.paid.get(visit.pk)
        if not paid:
            return {}
        may = entitled(
            request,
            self.facts[visit.pk],
            area_id=visit.area_id,
            own=self.own[visit.member_id],
            accounts=self.accounts,
            grants=self.grants.get(visit.member_id, ()),
            edition_for=lambda area: edition_for(self.book_of(area), area, visit.care_on),
        )
        backs = {}
        for row in paid:
            account = row["account_id"]
            amount = row["fen"] - (row["paid"] if account in may else 0)
            short = max(-amount - self.accounts[account]["balance"], 0) if amount < 0 else 0
            if amount:
                backs[account] = Back(amount, short)
        return backs

    def request_of(self, visit: Visit) -> VisitRequest:
        """The bill of a settled visit, as it was asked to be settled."""
        of_family = any(row["relation"] != OWN for row in self.paid.get(visit.pk, ()))
        return VisitRequest(
            **{name: getattr(visit, name) for name in (*SAME, *COST)},
            pay_from="family" if of_family else "own",
            by_hand=visit.payee_id is None,
        )

    def book_of(self, area_id: str) -> Rulebook:
        if area_id not in self.books:
            self.books[area_id] = rulebook(area_id)
        return self.books[area_id]

    def figures_of(self, on: datetime.date) -> dict[str, int]:
        if on not in self.figures:
            self.figures[on] = figures(self.area_id, on)
        return self.figures[on]


@dataclass(slots=True)
class Replay:
    """Members' visits of an area and a year, in the order in which they were settled, with what counts beside them."""

    year: int
    visits: dict[int, list[Visit]]  # by member, of all days that count with those of the year
    opening: dict[int, list[Used]]
    known: Known

    @classmethod
    def of(cls, area_id: str, year: int, member_ids: Iterable[int]) -> "Replay":
        members = sorted(set(member_ids))
        book = rulebook(area_id)
        theirs = Visit.objects.filter(area_id=area_id, member_id__in=members)
        days = theirs.filter(care_on__year=year).values_list("scheme", "care_on").order_by()
        spans = [
            days_counted(edition_of({area_id: book}, {"area_id": area_id, "scheme": scheme}, on), on)
            for scheme, on in days.distinct()
        ] or [days_counted(None, datetime.date(year, 1, 1))]
        filled = theirs.filter(care_on__year=year, prescriber__isnull=False, reverses=None).order_by()
        written = reading.written_on(list(filled.values_list("member_id", "prescriber_id", "encounter", "care_on")))
        first = min([first for first, _last in spans] + list(written.values()))
        last = max(last for _first, last in spans)
        visits: dict[int, list[Visit]] = defaultdict(list)
        for visit in (
            standing(theirs.filter(care_on__range=(first, last)))
            .select_related("institution", "prescriber")
            .prefetch_related("proposals__recoveries")
        ):
            visits[visit.member_id].append(visit)
        opening: dict[int, list[Used]] = defaultdict(list)
        for row in reading.load_opening((member, first, last) for member in members):
            opening[row["member"]].append(used_by(row))
        of_year = [visit for chain in visits.values() for visit in chain if visit.care_on.year == year]
        return cls(year=year, visits=visits, opening=opening, known=Known.of(area_id, of_year))

    def walk(self, member_id: int, *, as_proposed: bool = True) -> Iterator[Again]:
        """Each visit of the year as it would be now. Raises RefusedError.

        An earlier one that differs counts as it would be now, or, with `as_proposed=False`, as it stands until somebody
        has confirmed the difference; one that a person has refused counts as it stands in any case.
        """
        used = list(self.opening[member_id])
        others: dict[int, benefits.Past] = {}
        for visit in self.visits[member_id]:
            if visit.care_on.year != self.year:
                used += as_it_stands(visit)
                continue
            again = self.known.again(visit, used, others)
            yield again
            if again.differs and (again.dropped or not as_proposed):
                used += as_it_stands(visit)
            else:
                used.append(Used(visit.area_id, again.scheme, again.decision.past))
                others[visit.pk] = again.decision.past


def facts_of(visits: list[Visit]) -> dict[int, dict]:
    """The dated facts of visits as they are now, by visit."""
    asked = [Asked(v.member_id, v.institution_id, v.prescriber_id, v.care_on) for v in visits]
    rows = reading.load_facts(asked) if asked else []
    return {visit.pk: row for visit, row in zip(visits, rows, strict=True)}


def taken_back(visit: Visit) -> bool:
    return getattr(visit, "reversal", None) is not None


def written_by(visits: list[Visit]) -> dict[Written, Visit]:
    """The visits that wrote the prescriptions filled in these, however long before and whether they stand or not."""
    filled = [visit for visit in visits if visit.prescriber_id is not None]
    if not filled:
        return {}
    writing = Visit.objects.filter(
        area_id=filled[0].area_id,
        member_id__in={visit.member_id for visit in filled},
        encounter__in={visit.encounter for visit in filled},
        institution_id__in={visit.prescriber_id for visit in filled},
        reverses=None,
        prescriber=None,
    )
    return {  # of several the first
        (visit.member_id, visit.encounter, visit.institution_id): visit
        for visit in writing.select_related("institution", "reversal")
        .prefetch_related("proposals__recoveries")
        .order_by("-care_on", "-id")
    }
