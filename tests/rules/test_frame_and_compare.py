"""Editions against the national frame, beside their predecessor, and against their own examples."""

import tomllib
from pathlib import Path

import pytest

from bureau.rules.cases.examples import run_examples
from bureau.rules.errors import EditionError
from bureau.rules.format import frame
from bureau.rules.format.compare import compare
from bureau.rules.format.compare import show as show_change
from bureau.rules.format.edition import RULEBOOKS, Edition, load, load_folder
from bureau.rules.format.frame import hold_against_frame, show
from bureau.rules.format.rows import look_over_rows

CITY = {edition.city: edition for edition in load_folder().editions}
NAME = "heyuan/2025-27.toml"
TEXT = (RULEBOOKS / NAME).read_text("utf-8")
DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = (DOCS / "example-city.toml").read_text("utf-8")


def changed(*pairs: tuple[str, str], text: str = TEXT) -> Edition:
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return load({NAME: text})


def findings(edition: Edition, **figures: int) -> list[tuple[str, str, str, str]]:
    return [(f.level, f.article, f.frame_article, show(f)) for f in hold_against_frame(edition, figures)]


def test_wider_relatives_are_a_warning() -> None:
    told = findings(CITY["heyuan"], average_pension=513_950)
    assert [row[:3] for row in told] == [("warning", "9", "二(五)")] * 3 + [
        ("warning", "9(4)", "二(五)"),
        ("warning", "9(5)", "二(五)"),
    ]
    assert told[0][3] == (
        "The account may be used for: brother or sister; the national list has spouse, parents and children"
    )
    assert all(f.document == "国办发〔2021〕14号" for f in hold_against_frame(CITY["heyuan"], {}))


def test_amount_of_the_retired_is_held_against_the_average_pension() -> None:
    above = ("warning", "13", "二(四)", "107.00 a month for the retired is above 2% of the average pension, 76.43")
    assert above in findings(CITY["zhanjiang"], average_pension=382_143)
    assert findings(CITY["kaifeng"], average_pension=300_000) == []
    assert findings(CITY["kaifeng"], average_pension=299_949) == [
        ("warning", "16", "二(四)", "60.00 a month for the retired is above 2% of the average pension, 59.99")
    ]
    assert findings(CITY["kaifeng"]) == [
        (
            "warning",
            "16",
            "二(四)",
            "Enter the average pension to hold the 60.00 of the retired against about 2% of it",
        )
    ]
    assert findings(CITY["shaoguan"]) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("level = 3, ratio = 0.55", "level = 3, ratio = 0.4999", "error 4 A ratio of 49.99% is below the national 50%"),
        (
            "points = 0.60, factor",
            "points = 0.54, factor",
            "warning 4 The retired are paid 54%, others 55% for the same care",
        ),
        (
            'classes = ["active", "flexible", "lump_sum"]\nratio = 0.02',
            'classes = ["active", "flexible", "lump_sum"]\nratio = 0.021',
            "error 7 2.1% of the contribution base is credited to in service; the national own share is 2%",
        ),
        (
            'classes = ["active", "flexible", "lump_sum"]\nratio = 0.02',
            'classes = ["active", "flexible", "lump_sum"]\nratio = 0.019',
            "warning 7 1.9% of the contribution base is credited to in service; the national own share is 2%",
        ),
        (
            'ratio = 0.02\nsource = "contribution"',
            'amount = 10\nsource = "pool"',
            "error 7 Credited to in service out of the pool, where the employer's share belongs to the pool alone",
        ),
        (
            'amount = 102.79\nsource = "pool"',
            'amount = 102.79\nsource = "contribution"',
            "warning 7 Credited to the retired out of contributions, which they do not pay",
        ),
        (
            'purpose = "tcm_preventive"',
            'purpose = "fitness"',
            "error 9(5) The account pays for sport and fitness, which the national document rules out",
        ),
        (
            '    { purpose = "wellness", article = "10" },\n',
            "",
            "warning 9 The edition does not say that the account never pays for wellness",
        ),
        (
            '[[benefits.terms]]\nid = "visit_cap"\n',
            '[[benefits.terms]]\nid = "away"\nkind = "ratio"\nratio = 0.9\nwhen = "!local"\narticle = "4"\n\n'
            '[[benefits.terms]]\nid = "visit_cap"\n',
            "warning 4 Together with the ratio before it 49.5% may be paid, below the national 50%",
        ),
    ],
)
def test_what_leaves_the_frame_is_found(old: str, new: str, expected: str) -> None:
    before = findings(CITY["heyuan"], average_pension=600_000)
    after = findings(changed((old, new)), average_pension=600_000)
    added = [
        f"{level} {article} {said}"
        for level, article, _frame, said in after
        if (level, article, _frame, said) not in before
    ]
    assert added == [expected]


def test_frame_is_read_on_every_day() -> None:
    dated = "[{ from = 2025-08-01, to = 2026-12-31, value = 0.55 }, { from = 2027-01-01, value = 0.45 }]"
    edition = changed(("level = 3, ratio = 0.55", f"level = 3, ratio = {dated}"))
    assert [f.level for f in hold_against_frame(edition, {})].count("error") == 1


def test_frame_files_have_what_the_code_reads() -> None:
    for path in frame.FRAMES.glob("*.toml"):
        tree = tomllib.loads(path.read_text("utf-8"))
        assert set(tree) == {
            "document",
            "title",
            "scheme",
            "ratio",
            "own_share",
            "retired_amount",
            "relations",
            "purposes",
        }


def test_edition_does_not_differ_from_itself() -> None:
    for edition in CITY.values():
        assert compare(edition, edition) == []


def test_every_difference_is_told_article_by_article() -> None:
    new = changed(
        ("ratio = 0.70 }", "ratio = 0.72 }"),
        ('chosen = "points"', 'chosen = "factor"'),
        (
            "quota = 320 ",
            "quota = [{ from = 2025-08-01, to = 2026-12-31, value = 320 }, { from = 2027-01-01, value = 340 }] ",
        ),
        ("    { at_least = 0.60, award = 0.20 },\n", ""),
        ('"sibling", "grandparent", "grandchild"]', '"sibling"]'),
        ("valid_years = 5", "valid_years = 6"),
        ("floor = { ratio = 0.02", "floor = { ratio = 0.025"),
        (
            '[[benefits.shares]]\nfund = "employees_pool"',
            '[[benefits.shares]]\nfund = "employees_pool"\nleft = "yearly_cap"',
        ),
    )
    changes = compare(CITY["heyuan"], new)
    assert [f"{change.article or '-'} | {show_change(change)}" for change in changes] == [
        "- | 河源市, last day: 2030-07-31 becomes 2031-07-31",
        "4 | 退休人员分别提高5% is read as 在职比例乘以1.05, no longer as 提高5个百分点",
        "4 | figures yearly_cap, floor: 2% × 城镇在岗职工年平均工资 becomes 2.5% × 城镇在岗职工年平均工资",
        "4 | benefits terms ratio rows level 0/1, person active, ratio: 70% becomes 72%",
        "4 | benefits terms ratio rows level 0/1, person retired, ratio: 75% becomes 73.5%",
        "4 | benefits terms ratio rows level 2, person retired, ratio: 65% becomes 63%",
        "4 | benefits terms ratio rows level 3, person retired, ratio: 60% becomes 57.75%",
        "4 | benefits shares employees_pool, left: — becomes yearly_cap",
        "9 | account, relatives: self, spouse, parent, child, sibling, grandparent, grandchild"
        " becomes self, spouse, parent, child, sibling",
        "13 | provider, quota of a head: 320.00 becomes 320.00 (2025-08-01 – 2026-12-31), 340.00 (2027-01-01 –)",
        "13(2) | provider year_end bands at_least 0.60 is no longer there: at_least 60%; award 20%",
    ]
    assert changes[1].question == "退休人员分别提高5%"


def test_terms_that_come_and_go_are_told_in_one_line_each() -> None:
    told = [show_change(change) for change in compare(CITY["zhanjiang"], CITY["kaifeng"])]
    assert (
        "benefits terms deductible is new: id deductible; kind deductible; window institution_day;"
        " (kind centre, station, township, community, village; amount 0.00); (level 3; amount 50.00);"
        " (level 2; amount 40.00); (level 0, 1; amount 0.00)" in told
    )
    assert "provider budget is no longer there: ratio 7.6%; contingency 5%" in told
    assert "switches emergency_at_nondesignated is new: 非定点机构的急诊: 不予支付" in told
    assert "switches arrears_credit is no longer there: 补缴欠费月份的计入: 只补个人缴费的2%" in told
    assert "places, order: when !local < when local/designated becomes when local/designated < when !local" in told
    assert "开封市, document: 湛府规〔2022〕12号 becomes 汴政办〔2022〕33号" in told


def test_cited_article_is_compared_within_one_document_only() -> None:
    moved = ('quota_article = "13"', 'quota_article = "13(1)"')
    assert [show_change(c) for c in compare(CITY["heyuan"], changed(moved))] == [
        "provider, quota_article: 13 becomes 13(1)"
    ]
    other = changed(moved, ('document = "河府〔2025〕27号"', 'document = "河府〔2031〕1号"'))
    assert [c.key for c in compare(CITY["heyuan"], other)] == ["document"]


@pytest.mark.parametrize("city", sorted(CITY))
def test_examples_of_every_edition_pass(city: str) -> None:
    assert len(CITY[city].examples) >= 3
    assert run_examples(CITY[city]) == []


def test_example_that_differs_is_named() -> None:
    wrong = changed(('expected = { advance = "12000.00" }', 'expected = { advance = "12000.01" }'))
    failures = run_examples(wrong)
    assert [(f.example, f.differences) for f in failures] == [
        ("an advance on last month's use", ("advance: expected '12000.01', got '12000.00'",))
    ]
    unknown = changed(('switches = { retired_increase = "factor" }', 'switches = { retired_increase = "half" }'))
    assert "use one of points, factor" in run_examples(unknown)[0].differences[0]
    with pytest.raises(EditionError, match="examples x: kind: is missing"):
        changed(('id = "a visit over its cap, then a referral"\nkind = "visits"\n', 'id = "x"\n'))


def test_example_city_of_the_manual_loads_passes_and_keeps_to_the_frame() -> None:
    edition = load({"example-city.toml": EXAMPLE})
    assert len(edition.examples) == 4
    assert run_examples(edition) == []
    assert hold_against_frame(edition, {"average_pension": 400_000}) == []


def test_manual_shows_the_example_as_it_is() -> None:
    """Every piece of TOML in the manual that begins with a step stands in the example, word for word."""
    manual = (DOCS / "rulebook.md").read_text("utf-8")
    pieces = [piece.split("```")[0] for piece in manual.split("```toml\n")[1:]]
    assert len(pieces) >= 6
    for piece in pieces:
        assert piece.startswith("# Elsewhere") or piece.strip() in EXAMPLE, piece


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "{ person = \"active\", level = 3, ratio = 0.55 }",
            "{ person = \"active\", level = 2, ratio = 0.55 }",
            ["Row 3 can never count: row 2 takes all of it"],
        ),
        (
            "{ person = \"active\", level = [0, 1], ratio = 0.70 }",
            "{ person = \"active\", level = 0, ratio = 0.70 }",
            ["No row takes level 1, between 0 and 3: such a visit is refused"],
        ),
        (
            "{ person = \"retired\", level = 2,",
            "{ level = 3, ratio = 0.50 },\n    { person = \"retired\", level = 2,",
            ["Row 7 can never count: row 5 takes all of it"],
        ),
    ],
)
def test_rows_that_cannot_count_and_levels_left_out_are_warnings(old: str, new: str, expected: list[str]) -> None:
    text = (RULEBOOKS / "heyuan" / "2025-27.toml").read_text("utf-8")
    assert text.count(old) == 1
    found = look_over_rows(load({"heyuan.toml": text.replace(old, new)}))
    assert [show(finding) for finding in found] == expected
    assert {(finding.level, finding.term, finding.article) for finding in found} == {
        ("warning", "benefits terms ratio", "4")
    }


@pytest.mark.parametrize("edition", load_folder().editions, ids=lambda edition: edition.city)
def test_every_row_of_the_five_cities_can_count(edition: Edition) -> None:
    assert look_over_rows(edition) == []
    assert look_over_rows(load({"example-city.toml": EXAMPLE})) == []
