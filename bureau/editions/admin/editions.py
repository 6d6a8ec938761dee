"""Policy editions: uploaded as a draft, read as a report, submitted by one person and approved by another."""

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from bureau.editions import life as edition_life
from bureau.editions import report as edition_report
from bureau.editions.models import Edition
from bureau.editions.rulebook import edition_by_hash
from bureau.errors import edition_problem
from bureau.rules.citations import check as citations
from bureau.rules.format.edition import Edition as Rules
from bureau.site.acts import Act, Answer, Report
from bureau.site.forms import ActForm, pick, when
from bureau.site.records import Records
from bureau.site.sections import Panel, link

LARGEST_RULEBOOK = 1024 * 1024
Status = Edition.Status


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class TextsField(forms.FileField):
    """Some TOML files, as file name to text."""

    widget = FilesInput

    def clean(self, data, initial=None):
        files = [super(TextsField, self).clean(one, initial) for one in (data or [None])]
        texts = {}
        for file in files:
            if file.size > LARGEST_RULEBOOK:
                raise ValidationError(_("A rulebook has at most 1 MB."))
            if file.name in texts:
                raise ValidationError(_("Two of the files are called %(name)s.") % {"name": file.name})
            try:
                texts[file.name] = file.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                raise ValidationError(_("%(name)s is not a text in UTF-8.") % {"name": file.name}) from None
        return texts


class EditionForm(ActForm):
    area = pick(Edition._meta.get_field("area"))
    texts = TextsField(
        label=_("rulebook files"), help_text=_("The TOML file of the instrument and of those that bind into it.")
    )


class ReadingsForm(ActForm):
    """A choice for each switch of the edition; the names of the fields are those of the switches."""

    starts_on = when(_("in force from"), help_text=_("The edition in force ends on the day before."))

    def __init__(self, *args, record, **kwargs):
        super().__init__(*args, record=record, **kwargs)
        for name, switch in rules_of(record).switches.items():
            self.fields[name] = forms.ChoiceField(
                label=f"{switch.reading} {switch.question}",
                choices=list(switch.options.items()),
                initial=switch.chosen,
                help_text=_("Article %(article)s") % {"article": switch.article},
            )


class CasesForm(ActForm):
    cases = forms.FileField(label=_("file of cases"), help_text=_("Worked cases in YAML, in a list named “cases”."))


class CitationsForm(ActForm):
    documents = TextsField(
        label=_("archived texts"), help_text=_("The texts of the instruments, as plain text in UTF-8.")
    )


class NoteForm(ActForm):
    note = forms.CharField(label=_("Reason"), max_length=1000, widget=forms.Textarea(attrs={"rows": 3}))


class ApprovalForm(ActForm):
    note = forms.CharField(
        label=_("note"),
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Needed where there are warnings: why the edition is approved all the same."),
    )
    replay = forms.BooleanField(
        label=_("replay what was settled on its days"),
        required=False,
        help_text=_("Nothing settled changes: differences are proposed for decision or carried by the next run."),
    )


def rules_of(edition: Edition) -> Rules:
    return edition_by_hash(edition.content_hash)


def draft(*, area, texts, actor, now):
    """The draft, or a table of what is wrong with the files."""
    try:
        return edition_life.draft_edition(texts=texts, area=area, actor=actor, now=now)
    except edition_life.UnfitEdition as error:
        rows = [[one.file, one.term, one.key, edition_problem(one)] for one in error.problems]
        panel = Panel(_("What is wrong with the files"), [_("File"), _("Where"), _("Key"), _("What to do")], rows)
        return Answer([panel], gettext("Nothing was stored. Correct the files and upload them again."))


def read_otherwise(*, edition, starts_on, actor, now, **choices):
    return edition_life.choose_readings(edition=edition, choices=choices, starts_on=starts_on, actor=actor, now=now)


def run_cases(*, edition, cases, actor, now):
    results = edition_report.run_case_file(edition, cases.read())
    failed = [result for result in results if result.differences]
    rows = [[result.name, result.kind, format_html_join("", "{}<br>", ((d,) for d in result.differences))]
            for result in failed]  # fmt: skip
    said = ngettext("%(passed)d of %(count)d case passed.", "%(passed)d of %(count)d cases passed.", len(results))
    text = said % {"passed": len(results) - len(failed), "count": len(results)}
    return Answer([Panel(_("Cases that differ"), [_("Case"), _("kind"), _("Differences")], rows)], text)


def hold_against_texts(*, edition, documents, actor, now):
    held = edition_report.hold_against_texts(edition, documents)
    counts = [[_(citations.STATUSES[status]), count] for status, count in citations.counts(held).items()]
    missing = [[one.term, one.key, citations.verdict(one, gettext)] for one in held if one.status == citations.MISSING]
    return Answer(
        [
            Panel(_("Numbers of the edition"), [_("In the archived texts"), _("number")], counts),
            Panel(
                _("Numbers that the texts do not give"),
                [_("Where"), _("Key"), _("Problem")],
                missing,
            ),
        ]
    )


def days(edition: Edition) -> Panel:
    """From when to when, what comes before, and that nothing comes after by itself."""
    before = edition_report.in_force_before(edition)
    told = [[_("This edition"), edition.starts_on, edition.last_day or _("open-ended")]]
    if before is not None:
        told.insert(0, [link(before), before.starts_on, before.last_day or _("open-ended")])
    note = ""
    if edition.last_day:
        note = _("After the last day nothing is settled until another edition is in force.")
    return Panel(_("Days"), [_("edition"), _("in force from"), _("in force until")], told, note=note)


def obstacles(edition: Edition) -> Panel:
    rows = [[fault] for fault in edition_report.faults(edition)]
    return Panel(_("What stands in the way of submission"), [_("Problem")], rows)


def frame(edition: Edition) -> Panel:
    return Panel(
        _("Warnings of the national frame"),
        [_("Where"), _("Article"), _("Warning"), _("National document"), _("Article")],
        [
            [finding.term, finding.article, edition_report.sentence(finding), finding.document, finding.frame_article]
            for finding in edition_report.warnings(edition)
        ],
    )


def difference(edition: Edition) -> Panel:
    before = edition_report.in_force_before(edition)
    if before is None:
        return Panel(_("Difference"), note=_("No approved edition begins before this one."))
    return Panel(
        _("Difference to %(edition)s") % {"edition": before},
        [_("Article"), _("What is otherwise")],
        [[change.article, edition_report.told(change)] for change in edition_report.changes(edition)],
    )


def examples(edition: Edition) -> Panel:
    failures = edition_report.failing_examples(edition.content_hash)
    count = len(rules_of(edition).examples)
    note = _("%(passed)d of %(count)d come out.") % {"passed": count - len(failures), "count": count}
    rows = [[failure.example, "; ".join(failure.differences)] for failure in failures]
    return Panel(_("The edition's own examples"), [_("Example"), _("Differences")] if rows else [], rows, note=note)


def settled(edition: Edition) -> Panel | None:
    """What was settled on its days before it was approved; shown while it can still be decided."""
    if edition.status == Status.APPROVED:
        return None
    rows = [[one.settled.label, one.first_day, one.count] for one in edition_life.reached(edition)]
    return Panel(_("Settled already on its days"), [_("What"), _("from"), _("number")], rows)


def report(request, edition: Edition, data) -> list[Panel]:
    panels = [days, obstacles, frame, difference, examples, settled]
    return [panel for panel in (make(edition) for make in panels) if panel is not None]


def readings(request, edition: Edition) -> Panel:
    rules = rules_of(edition)
    return Panel(
        _("Readings of ambiguous sentences"),
        [_("Reading"), _("Article"), _("Question"), _("Chosen"), _("Other possibilities")],
        [
            [
                switch.reading,
                switch.article,
                switch.question,
                switch.options[switch.chosen],
                "；".join(text for name, text in switch.options.items() if name != switch.chosen),
            ]
            for switch in rules.switches.values()
        ],
    )


def figures_asked(request, edition: Edition) -> Panel:
    return Panel(
        _("Figures that the edition asks the bureau to publish"),
        [_("Figure"), _("Code"), _("Article")],
        [[figure.label, figure.code, figure.article] for figure in rules_of(edition).figures.values()],
    )


@admin.register(Edition)
class EditionAdmin(Records):
    list_display = ["document", "title", "area", "scheme", "starts_on", "last", "status", "loaded_by", "approved_by"]
    list_filter = ["status", "scheme"]
    search_fields = ["document", "title"]
    list_select_related = ["area", "loaded_by", "approved_by"]
    fieldsets = [
        (None, {
            "fields": [
                "document", "title", "area", "scheme", ("status", "note"), ("starts_on", "ends_on", "ended_on"),
                ("loaded_by", "loaded_at"), ("submitted_by", "submitted_at"), ("approved_by", "approved_at"),
                "content_hash",
            ],
        }),
        (_("rulebook files"), {"fields": ["files"], "classes": ["collapse"]}),
    ]  # fmt: skip
    list_acts = [
        Act(
            code="edition.draft",
            label=_("Upload a draft of an edition"),
            do=draft,
            form=EditionForm,
            follow=True,
            help=_("What is uploaded is never changed. A correction or another reading is a new edition."),
        ),
    ]
    acts = [
        Report(code="edition.report", label=_("Report"), show=report),
        Act(
            code="edition.cases",
            label=_("Run a file of cases"),
            do=run_cases,
            record="edition",
            form=CasesForm,
            help=_("Nothing is stored: the cases are worked out by this edition and compared with what they expect."),
        ),
        Act(
            code="edition.citations",
            label=_("Check the citations against the archived texts"),
            do=hold_against_texts,
            record="edition",
            form=CitationsForm,
            help=_("Nothing is stored: every number is looked for in the article that the edition cites."),
        ),
        Act(
            code="edition.readings",
            label=_("Choose other readings"),
            do=read_otherwise,
            record="edition",
            form=ReadingsForm,
            follow=True,
            help=_("A draft with the same texts and the readings chosen here; it is submitted and approved like any."),
        ),
        Act(
            code="edition.submit",
            label=_("Submit"),
            do=edition_life.submit_edition,
            record="edition",
            help=_("Another person approves the edition."),
        ),
        Act(
            code="edition.approve",
            label=_("Approve"),
            do=edition_life.approve_edition,
            record="edition",
            form=ApprovalForm,
            preview=report,
            help=_("In force from its first day; the edition before it ends on the day before."),
        ),
        Act(
            code="edition.return",
            label=_("Return"),
            do=edition_life.return_edition,
            record="edition",
            form=NoteForm,
        ),
        Act(
            code="edition.withdraw",
            label=_("Withdraw"),
            do=edition_life.withdraw_edition,
            record="edition",
            form=NoteForm,
            help=_("An approved edition only before its first day; the one it was to end goes on."),
        ),
    ]
    sections = [readings, figures_asked]

    def get_queryset(self, request):
        return super().get_queryset(request).defer("texts")

    @admin.display(description=_("in force until"))
    def last(self, edition):
        return edition.last_day

    @admin.display(description=_("rulebook files"))
    def files(self, edition):
        return format_html_join(
            "",
            "<p>{}</p><pre>{}</pre>",
            sorted(edition.texts.items()),
        ) or format_html("")
