"""Numbers in Chinese prose, articles of archived texts, and the citations of every rulebook."""

import re
import tomllib
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from bureau.rules.citations import archive, formulas, numerals
from bureau.rules.citations.check import DECLARED, DERIVED, FOUND, MISSING, check_citations, counts, sentence
from bureau.rules.format.edition import RULEBOOKS
from bureau.rules.format.frame import FRAMES

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "docs" / "example-city.toml").read_text("utf-8")
TEXT = {"example-city.txt": (ROOT / "docs" / "example-city.txt").read_text("utf-8")}
POLICIES = {path.name: path.read_text("utf-8") for path in (ROOT.parent / "shared" / "policies").glob("*.txt")}


def held(toml: str, texts: dict[str, str] = TEXT) -> list[tuple[str, str, str, str]]:
    tree = tomllib.loads(toml, parse_float=Decimal)
    return [(c.status, c.term, c.key, c.value) for c in check_citations(tree, "a.toml", texts)]


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("支付比例为70%", "7/10", "%"),
        ("按 70％给予支付", "7/10", "%"),
        ("百分之七十", "7/10", "%"),
        ("百分之 2.8", "28/1000", "%"),
        ("高于在职职工 10个百分点", "1/10", "%"),
        ("提高三个百分点", "3/100", "%"),
        ("可分配基金的 1/12", "1/12", "%"),
        ("十二分之一", "1/12", "%"),
        ("五分之三", "3/5", "%"),
        ("限额减半", "1/2", "%"),
        ("60元/次", "60", "元"),
        ("320 元/人·年", "320", "元"),
        ("1,996 元", "1996", "元"),
        ("１２０元", "120", "元"),
        ("3.5万元", "35000", "元"),
        ("一百零五元", "105", "元"),
        ("二千三百元", "2300", "元"),
        ("一万二千元", "12000", "元"),
        ("出生 6 个月内", "6", "个月"),
        ("六个月", "6", "个月"),
        ("有效期五年", "5", "年"),
        ("有效期 5\n\n年", "5", "年"),
        ("70(含)岁以上", "70", "岁"),
        ("选择一家基层", "1", "家"),
        ("上年度", "1", "年前"),
        ("上上年度", "2", "年前"),
        ("限额 300", "300", ""),
    ],
)
def test_number_is_read_with_its_unit(text: str, value: str, unit: str) -> None:
    plain, _lines = numerals.normalised(text)
    assert [(n.value, n.unit) for n in numerals.numerals(plain)] == [(Fraction(value), unit)]


def test_figures_of_a_table_stay_apart_and_broken_words_come_together() -> None:
    plain, lines = numerals.normalised("200\t3000\t60%\t50%\n当年度12月\n 31日")
    assert plain == "200 3000 60% 50%当年度12月31日"
    assert (lines[0], lines[plain.index("31")]) == (0, 2)
    assert [n.value for n in numerals.numerals(plain)][:4] == [200, 3000, Fraction(3, 5), Fraction(1, 2)]


def test_days_months_and_levels_are_read() -> None:
    plain, _lines = numerals.normalised("2025 年 8 月 1 日起，2026年2月，2022 年减半，2025年2月30日")
    assert [(span.first, span.last) for span in numerals.days(plain)] == [
        (date(2025, 8, 1), date(2025, 8, 1)),
        (date(2026, 2, 1), date(2026, 2, 28)),
        (date(2022, 1, 1), date(2022, 12, 31)),
    ]
    assert [(m, d) for m, d, _at in numerals.month_days("每年9月至12月31日")] == [(9, None), (12, 31)]
    assert {level for level, _at in numerals.levels("二级及以下、三级")} == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("一级及以下为70%,二级为60%;三级55%,另提高5%", {0: "70", 1: "70", 2: "60", 3: "55 5"}),
        ("在一级、二级、三级支付比例分别为60%、55%、50%。退休人员另行规定80%", {1: "60", 2: "55", 3: "50"}),
        ("三级在职、退休为50%、60%。", {3: "50 60"}),
        ("一级、二级为60%,每次40元。", {1: "60", 2: "4000"}),
        ("50元,三级。60%", {}),
    ],
)
def test_a_number_belongs_to_the_level_before_it(text: str, expected: dict[int, str]) -> None:
    found: dict[int, list[str]] = {}
    for level, numeral in numerals.beside_levels(numerals.normalised(text)[0]):
        found.setdefault(level, []).append(str(numeral.value * 100))
    assert {level: " ".join(values) for level, values in found.items()} == expected


def test_a_number_of_another_level_is_missing() -> None:
    """Ratio, cap and the words of a waived deductible; an exchange that a look at the article alone would not see."""
    text = "某政〔2026〕3号\n\n第一条 一级不设起付标准，二级40元，三级50元；一级70%，二级60%，三级50%，退休加5%。\n"
    head = 'document = "某政〔2026〕3号"\n[[benefits.terms]]\nid = "x"\narticle = "1"\n'
    for row, status in (
        ("{ level = 2, amount = 40 }", FOUND),
        ("{ level = 3, amount = 40 }", MISSING),
        ("{ level = [2, 3], ratio = 0.60 }", MISSING),
        ("{ level = 1, ratio = 0.70 }", FOUND),
        ("{ level = 1, ratio = 0.60 }", MISSING),
        ('{ level = 2, ratio = 0.65, derived = ["65% = 60% + 5%"] }', DERIVED),
        ('{ level = 1, ratio = 0.65, derived = ["65% = 60% + 5%"] }', MISSING),
        ('{ level = 1, amount = 0, words = ["0 = 一级不设起付标准"] }', FOUND),
        ('{ level = 2, amount = 0, words = ["0 = 一级不设起付标准"] }', MISSING),
    ):
        tree = tomllib.loads(f"{head}rows = [{row}]", parse_float=Decimal)
        held = check_citations(tree, "a.toml", {"a.txt": text})
        assert next(c.status for c in held if c.key in ("amount", "ratio")) == status, row


def test_a_day_that_begins_something_ends_nothing() -> None:
    """自2025年1月1日起 names no last day, and 至…止 no first one; nor does a day border on the wrong side of them."""
    text = "某政〔2026〕3号\n\n第一条 2025年3月2日至2026年2月1日为一个周期。从2027年起另定。\n\n第二条 2028年。\n"
    row = '[[benefits.terms]]\nid = "x"\narticle = "1"\n'
    for line, status in (
        ("starts_on = 2025-03-02", FOUND),
        ("ends_on = 2026-02-01", FOUND),
        ("ends_on = 2025-03-01", DERIVED),
        ("starts_on = 2026-02-02", DERIVED),
        ("starts_on = 2027-01-01", FOUND),
        ("ends_on = 2026-12-31", DERIVED),
        ("ends_on = 2025-03-02", MISSING),
        ("starts_on = 2025-03-03", MISSING),
        ("starts_on = 2026-02-01", MISSING),
        ("ends_on = 2026-01-31", MISSING),
        ("ends_on = 2027-12-31", MISSING),
        ("starts_on = 2028-01-01", MISSING),
    ):
        tree = tomllib.loads('document = "某政〔2026〕3号"\n' + row + line)
        assert [c.status for c in check_citations(tree, "a.toml", {"a.txt": text})] == [status], line
    assert {level for level, _at in numerals.levels("一级及基层")} == {0, 1}


@pytest.mark.parametrize(
    ("declared", "value", "result"),
    [
        ("75% = 70% + 5%", "3/4", "3/4"),
        ("57.75% = 55% × (1 + 5%)", "5775/10000", "5775/10000"),
        ("500 = 1000 × 1/2", "500", "500"),
        ("500 = 1000 * 1/2", "500", "500"),
        ("6 = 12 ÷ 2 - 0", "6", "6"),
        ("326 = 1956 × 2/12", "326", "326"),
        ("76% = 70% + 5%", "76/100", "75/100"),
    ],
)
def test_formula_is_computed_exactly(declared: str, value: str, result: str) -> None:
    formula = formulas.parse(declared)
    assert (formula.value, formula.result) == (Fraction(value), Fraction(result))


@pytest.mark.parametrize(
    "declared", ["75%", "= 1", "75% = ", "1 = (2 - 1", "1 = 2 ÷ 0", "1 = 1/0", "1 = 2 2", "a = 1", "1 = 1 + x", "1 = +"]
)
def test_what_is_no_formula_is_refused(declared: str) -> None:
    with pytest.raises(ValueError):
        formulas.parse(declared)


DOCUMENT = """某市人民政府文件
某政〔2026〕1号
某市办法
一、不是条文
第一章 总则
第一条 依据《某办法》（某政〔2020〕9 号）第三
条的规定，12 元。
（一）甲 1 元
1.乙 2 元
2.丙 3 元
（二）丁 4 元
第二条 见第九条，
第九条 不连续，不是条文。
（三）承接
抄送：某办 99 元
某政〔2026〕2号
一、总 5 元
（一）子 6 元
二、分
（二）丑 7 元
1.寅 8 元
"""


def test_document_is_split_into_articles_and_items() -> None:
    first = archive.find({"a.txt": DOCUMENT}, "某政〔2026〕1号", "")
    assert first is not None
    texts = {
        reference: passage.text
        for reference in ("1", "1(1)", "1(一)1", "1(1)2", "1(2)", "2", "2(3)", "3", "9", "印发")
        if (passage := first.passage(reference)) is not None
    }
    assert texts == {
        "1": "第一条依据《某办法》(某政〔2020〕9号)第三条的规定,12元。(一)甲1元1.乙2元2.丙3元(二)丁4元",
        "1(1)": "(一)甲1元1.乙2元2.丙3元",
        "1(一)1": "1.乙2元",
        "1(1)2": "2.丙3元",
        "1(2)": "(二)丁4元",
        "2": "第二条见第九条,第九条不连续,不是条文。(三)承接",
        "2(3)": "(三)承接",
        "印发": "某政〔2026〕1号某市办法一、不是条文抄送:某办99元",
    }
    item = first.passage("1(1)2")
    assert item is not None and set(item.lines) == {10}
    second = archive.find({"a.txt": DOCUMENT}, "某政〔2026〕2号", "")
    assert second is not None
    assert [second.passage(r) is not None for r in ("一(一)", "二(二)", "2(2)1", "二(一)")] == [True, True, True, False]
    assert archive.find({"a.txt": DOCUMENT}, "某政〔2026〕3号", "某某办法") is None
    titled = archive.find({"a.txt": DOCUMENT}, "", "某市办法")
    assert titled is not None and titled.passage("2(3)") is not None


def test_every_number_of_the_example_is_cited() -> None:
    citations = check_citations(tomllib.loads(EXAMPLE, parse_float=Decimal), "a.toml", TEXT)
    assert counts(citations) == {FOUND: 45, DERIVED: 6, DECLARED: 0, MISSING: 0}
    by_key = {(c.term, c.key, c.value): c for c in citations}
    quota = by_key["provider", "quota", "280"]
    assert (quota.article, quota.text, quota.line, quota.excerpt) == (
        "11",
        "example-city.txt",
        44,
        "包干标准每人每年280元。(一)每月预拨",
    )
    assert by_key["provider year_end bands #1", "award", "0.60"].excerpt.startswith("90%的,结余的五分之三")
    assert by_key["provider year_end bands #2", "award", "0"].formula == "不足90%的,按实际使用额结算"
    aged = by_key["benefits terms ratio rows #5", "ratio", "0.83"]
    assert (aged.status, aged.formula) == (DERIVED, "75% + 5% + 3%")


NUMBERS = re.compile(r"(?<![\w.\"〔-])\d+(?:\.\d+)?(?![\w.\"〕%-])")


def test_any_other_number_is_missed() -> None:
    """Each number of the example, changed by itself, is no longer found anywhere in its article."""
    body = EXAMPLE[: EXAMPLE.index("# Step 7")]
    unnoticed = []
    for found in NUMBERS.finditer(body):
        line = body[body.rfind("\n", 0, found.start()) + 1 : body.find("\n", found.start())]
        if line.startswith(("#", "[articles")) or re.match(r'^("\d+" =|document|area|scheme)', line):
            continue
        number = found.group()
        other = "0.9731" if "." in number or "ratio = " in line[: line.find(number)] else "7"
        changed = body[: found.start()] + other + body[found.end() :]
        if not any(status == MISSING for status, *_rest in held(changed)):
            unnoticed.append((number, line))
    assert unnoticed == []


@pytest.mark.parametrize(
    ("old", "new", "missing"),
    [
        ('quota_article = "11"', 'quota_article = "10"', ("provider", "quota", "280")),
        ("starts_on = 2026-07-01", "starts_on = 2026-07-02", ("", "starts_on", "2026-07-02")),
        ('from = "11-01"', 'from = "10-01"', ("selection window", "from", "10-01")),
        ("level = 3, ratio = 0.55", "level = 4, ratio = 0.55", ("benefits terms ratio rows #4", "level", "4")),
        ('"12" = "施行日期与有效期"', '"21" = "施行日期与有效期"', ("articles", "21", "21")),
        ('article = "9(3)"', 'article = "9(4)"', ("account purposes #3", "article", "9(4)")),
        ('in_force_article = "12"\n', "", ("", "valid_years", "4")),
        ("不足90%的,按实际", "不足90%的,不按实际", ("provider year_end bands #2", "award", "0")),
        (
            'derived = ["80% = 75% + 5%"]',
            'derived = ["80% = 76% + 4%"]',
            ("benefits terms ratio rows #8", "ratio", "0.80"),
        ),
    ],
)
def test_what_the_article_does_not_say_is_missing(old: str, new: str, missing: tuple[str, str, str]) -> None:
    assert EXAMPLE.count(old) == 1
    assert (MISSING, *missing) in held(EXAMPLE.replace(old, new))


def test_declaration_that_nothing_needs_is_missing() -> None:
    toml = EXAMPLE.replace("quota = 280\n", 'quota = 280\nderived = ["300 = 280 + 20"]\n')
    citations = check_citations(tomllib.loads(toml, parse_float=Decimal), "a.toml", TEXT)
    unused = [c for c in citations if c.status == MISSING]
    assert [(c.term, c.key, c.formula) for c in unused] == [("provider", "", "280 + 20")]
    assert sentence(unused[0]).startswith("a.toml: provider: declaration: no number here needs '280 + 20'")


def test_reading_of_the_bureau_is_counted_apart() -> None:
    toml = EXAMPLE.replace("quota = 280\n", 'quota = 285\ndeclared = "LH-9: decided by the bureau"\n')
    citations = [
        c for c in check_citations(tomllib.loads(toml, parse_float=Decimal), "a.toml", TEXT) if c.key == "quota"
    ]
    assert [(c.status, c.formula) for c in citations] == [(DECLARED, "LH-9: decided by the bureau")]


def test_nothing_is_found_without_the_text() -> None:
    citations = check_citations(tomllib.loads(EXAMPLE, parse_float=Decimal), "a.toml", {"other.txt": "第一条 70%\n"})
    assert {c.status for c in citations} == {MISSING}
    said = {sentence(c) for c in citations}
    assert "a.toml: provider: quota: 280 is not in article 11 of the archived text; declare how it is derived" in said
    assert "a.toml: articles: 2: the archived text has no article 2" in said


WHERE = sorted([*RULEBOOKS.rglob("*.toml"), *FRAMES.glob("*.toml")])


def test_every_number_of_the_rulebooks_is_cited() -> None:
    """Where the archived texts lie beside the checkout."""
    totals = dict.fromkeys((FOUND, DERIVED, DECLARED, MISSING), 0)
    for path in WHERE if POLICIES else []:
        citations = check_citations(tomllib.loads(path.read_text("utf-8"), parse_float=Decimal), path.name, POLICIES)
        assert [sentence(c) for c in citations if c.status == MISSING] == []
        for status, number in counts(citations).items():
            totals[status] += number
    assert not POLICIES or totals == {FOUND: 182, DERIVED: 19, DECLARED: 4, MISSING: 0}
