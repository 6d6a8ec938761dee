"""What a second person reads before an edition is approved: its difference, its examples, the national frame."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bureau.editions.case_files import read_cases
from bureau.editions.figures import figures
from bureau.editions.models import Edition
from bureau.editions.rulebook import edition_by_hash
from bureau.errors import DomainError
from bureau.rules.cases.examples import Failure, run_examples
from bureau.rules.cases.run import run_case
from bureau.rules.citations.check import Citation, check_citations
from bureau.rules.format.bounds import parse
from bureau.rules.format.compare import Change, compare
from bureau.rules.format.compare import show as show_change
from bureau.rules.format.edition import Rulebook, load
from bureau.rules.format.frame import Finding, hold_against_frame, show
from bureau.rules.format.rows import look_over_rows


@dataclass(frozen=True)
class CaseResult:
    """A case of an uploaded file. No differences: it passed."""

    name: str
    kind: str
    differences: tuple[str, ...]


def in_force_before(edition: Edition) -> Edition | None:
    """The approved edition that this one follows: the latest that begins before it."""
    return (
        Edition.objects.filter(
            area=edition.area_id,
            scheme=edition.scheme,
            status=Edition.Status.APPROVED,
            starts_on__lt=edition.starts_on,
        )
        .order_by("-starts_on")
        .first()
    )


def changes(edition: Edition) -> list[Change]:
    """Article by article, what is otherwise than in the edition that it follows; empty where it follows none."""
    before = in_force_before(edition)
    if before is None:
        return []
    return compare(edition_by_hash(before.content_hash), edition_by_hash(edition.content_hash))


@lru_cache(maxsize=256)
def failing_examples(content_hash: str) -> tuple[Failure, ...]:
    """The examples of an edition's texts that do not come out by their own readings and days."""
    return tuple(run_examples(load(Edition.objects.get(content_hash=content_hash).texts)))


def findings(edition: Edition) -> list[Finding]:
    """Where the edition leaves the national frame, by the figures that are confirmed for its first day, and its own
    rows that can never count."""
    known, rules = figures(edition.area_id, edition.starts_on), edition_by_hash(edition.content_hash)
    return hold_against_frame(rules, known) + look_over_rows(rules)


def warnings(edition: Edition) -> list[Finding]:
    """Findings that the approver answers for in a note."""
    return [finding for finding in findings(edition) if finding.level != "error"]


def sentence(finding: Finding) -> str:
    return show(finding, gettext)


def told(change: Change) -> str:
    return show_change(change, gettext)


def faults(edition: Edition) -> list[str]:
    """Why an edition cannot be submitted: what the national frame forbids, and examples that do not come out."""
    found = []
    for finding in findings(edition):
        if finding.level == "error":
            place = {"document": finding.document, "article": finding.frame_article, "problem": sentence(finding)}
            found.append(gettext("%(problem)s (%(document)s, article %(article)s)") % place)
    for failure in failing_examples(edition.content_hash):
        said = {"example": failure.example, "differences": "; ".join(failure.differences)}
        found.append(gettext("Example %(example)s does not come out: %(differences)s") % said)
    return found


def run_case_file(edition: Edition, content: bytes) -> list[CaseResult]:
    """Run the worked cases of a YAML file against an edition, also against a draft. Cases of other cities are left out.

    Refused: a file that is not a list of cases. A case that cannot be run is one that fails.
    """
    rules = edition_by_hash(edition.content_hash)
    rulebook = Rulebook([rules])
    results = []
    for number, case in enumerate(read_cases(content), start=1):
        name = str(case.get("id", number))
        if case.get("city", rules.city) != rules.city:
            continue
        differences = run_case({**case, "city": rules.city}, rulebook)
        results.append(CaseResult(name, str(case.get("kind", "")), tuple(differences)))
    if not results:
        raise DomainError(_("The file has no case of the city “%(city)s”."), field="cases", city=rules.city)
    return results


def hold_against_texts(edition: Edition, documents: Mapping[str, str]) -> list[Citation]:
    """Every number of the edition's files against the article it cites, in archived texts (file name to text)."""
    held: list[Citation] = []
    for name, text in sorted(edition.texts.items()):
        held += check_citations(parse(name, text), name, documents)
    return held
