"""How lists find people: by a document number, its last four, or the beginning of a name. No number in an address."""

import re
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from bureau.site import Records
from bureau.site.acts import list_url, url_of
from bureau.staff import reach
from members.models import Member
from members.queries import find, find_by_document

SEARCH_HELP = _("Document number, its last four, or the beginning of a name")
INSTITUTION_CODE = re.compile(r"[HPC]\d{11}", re.ASCII | re.IGNORECASE)
FEW = 1000
NOBODY = _("Nobody of this area is recorded with this document.")


class OfMember(Records):
    """Records of a member: found by whom they are about, or by an institution's code where they have one."""

    member_path = "member"
    institution_path = ""
    search_fields = ["pk"]
    search_help_text = SEARCH_HELP

    def get_search_results(self, request, queryset, search_term):
        term = search_term.strip()
        if not term:
            return queryset, False
        if self.institution_path and INSTITUTION_CODE.fullmatch(term):
            return queryset.filter(**{f"{self.institution_path}__code": term.upper()}), False
        people = find(term).order_by().values("pk")
        # A few are looked up one by one; where a surname has many, the list is searched for them as it is paged.
        few = list(people[: FEW + 1].values_list("pk", flat=True))
        return queryset.filter(**{f"{self.member_path}__in": few if len(few) <= FEW else people}), False

    def found_by_document(self, request, term, query):
        people = find_by_document(term)
        if people is None:
            return None
        member = people.filter(reach.limits(Member, request.user.reach)).first()
        if member is None:
            messages.warning(request, NOBODY)
            return HttpResponseRedirect(list_url(self.model))
        messages.info(request, _("The records of %(member)s.") % {"member": member})
        query = {**query, f"{self.member_path}__exact": str(member.pk)}
        return HttpResponseRedirect(f"{list_url(self.model)}?{urlencode(query)}")

    def lookup_allowed(self, lookup, value, request=None):
        return lookup == f"{self.member_path}__exact" or super().lookup_allowed(lookup, value, request)


def lead_to_member(request, term: str) -> HttpResponseRedirect | None:
    """To the page of the member with a document; None where the term is no document's number."""
    people = find_by_document(term)
    if people is None:
        return None
    if (member := people.filter(reach.limits(Member, request.user.reach)).first()) is not None:
        return HttpResponseRedirect(url_of(member))
    messages.warning(request, NOBODY)
    return HttpResponseRedirect(list_url(Member))
