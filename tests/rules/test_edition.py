"""Loading editions: every mistake names the file, the term and the key; days, figures, hash."""

from datetime import date, timedelta

import pytest

from bureau.rules.errors import EditionError, NoEdition
from bureau.rules.format.edition import RULEBOOKS, Rulebook, grouped, load, load_all, load_folder

NAME = "heyuan/2025-27.toml"
TEXT = (RULEBOOKS / NAME).read_text("utf-8")
CHONGQING = {path.name: path.read_text("utf-8") for path in (RULEBOOKS / "chongqing").glob("*.toml")}
ZHANJIANG = (RULEBOOKS / "zhanjiang" / "2022-12.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "term", "key", "said"),
    [
        ('scheme = "310"', "scheme = 310", "", "scheme", "write one of 310, 390"),
        ('area = "441699"', 'area = "4416"', "", "area", "six digits"),
        ("starts_on = 2025-08-01", 'starts_on = "2025-08-01"', "", "starts_on", "without quotes"),
        ("valid_years = 5", "valid_years = true", "", "valid_years", "whole number"),
        ("valid_years = 5", "valid_years = 5\nends_on = 2030-07-31", "", "ends_on", "one of the two"),
        ("valid_years = 5", "ends_on = 2025-07-31", "", "ends_on", "before starts_on"),
        ('name = "河源市"', 'name = ""', "", "name", "text in quotes"),
        ('city = "heyuan"\n', "", "", "city", "is missing; add it"),
        ('title = "河源', 'subtitle = "x"\ntitle = "河源', "", "subtitle", "is not a key of this table"),
        ('chosen = "points"', 'chosen = "guess"', "switches retired_increase", "chosen", "points, factor"),
        ('{ switch = "renewal" }', '{ switch = "renewel" }', "selection", "renewal", "not declared"),
        ("points = 0.75, factor", "factor", "benefits terms ratio rows #4", "ratio", "write exactly"),
        (
            "level = [0, 1], ratio = 0.70",
            "level = [0, 1], ratio = 70",
            "benefits terms ratio rows #1",
            "ratio",
            "0 and 1",
        ),
        ("level = 2, ratio = 0.60", 'level = "2", ratio = 0.60', "benefits terms ratio rows #2", "level", "0 to 9"),
        ("level = 3, ratio = 0.55", "level = 3, ratio = nan", "benefits terms ratio rows #3", "ratio", "0 and 1"),
        ("quota = 320", "quota = 320.005", "provider", "quota", "at most two decimals"),
        ("quota = 320", "quota = -1", "provider", "quota", "not negative"),
        (
            "quota = 320",
            "quota = [{ from = 2025-08-01, to = 2026-12-31, value = 320 }, { from = 2026-12-31, value = 340 }]",
            "provider",
            "quota",
            "days overlap at 2026-12-31",
        ),
        (
            "quota = 320",
            "quota = [{ from = 2025-08-01, to = 2025-07-31, value = 320 }]",
            "provider",
            "quota",
            "ends before it starts",
        ),
        ('method = "capitation"', 'method = "lottery"', "provider", "method", "is not a method"),
        ('follows_article = "8"', 'follows_article = "88"', "credits", "follows_article", "article 88 is unknown"),
        ('article = "9(4)"', 'article = "99(4)"', "account purposes #6", "article", "article 99(4) is unknown"),
        ('window = "institution_day"', 'window = "week"', "benefits terms day_cap", "window", "write one of visit"),
        (
            'id = "ratio"\nkind = "ratio"',
            'id = "ratio"\nkind = "rebate"',
            "benefits terms ratio",
            "kind",
            "deductible, ratio, cap",
        ),
        (
            'figure = "yearly_cap"',
            'figure = "yearly_kap"',
            "benefits terms yearly_cap amount",
            "figure",
            "not declared",
        ),
        (
            'of = "average_wage" }\n\n[[figures',
            'of = "wage" }\n\n[[figures',
            "figures yearly_cap",
            "floor",
            "no declared figure",
        ),
        ('id = "visit_cap"\n', 'id = "ratio"\n', "benefits terms ratio", "id", "is used twice"),
        ('refuse = "not_selected"', 'refuse = "go_away"', "places #10", "refuse", "refusal codes"),
        ('refuse = "not_selected"', 'charge = "nobody"', "places #10", "charge", "write one of selected_capitation"),
        ('refuse = "not_selected"\n', "", "places #10", "charge", "either charge or refuse"),
        (
            'person = "active", level = 3',
            'person = "pilot", level = 3',
            "benefits terms ratio rows #3",
            "person",
            "add them to persons",
        ),
        ('retired = ["retired"]', 'retired = ["retired", "active"]', "persons", "active", "in two groups"),
        ('classes = "retired"\n', 'classes = "veteran"\n', "credits lines #2", "classes", "add them to persons"),
        (
            "amount = 102.79\n",
            "amount = 102.79\nratio = 0.02\n",
            "credits lines #2",
            "amount",
            "either amount or ratio",
        ),
        (
            'relations = "self"',
            'relations = "uncle"',
            "account purposes retirement_shortfall_premium",
            "relations",
            "not among",
        ),
        ("{ at_least = 0, award = 0 },", "", "provider year_end bands", "at_least", "one at least 0"),
        ('from = "09-01"', 'from = "9-1"', "selection window", "from", '"MM-DD"'),
        (
            'reading = { visit_cap = "fund_per_day" }',
            'reading = { visit_cap = "weekly" }',
            "benefits terms day_cap",
            "reading",
            "not declared",
        ),
        (
            'kind = "cap"\nbase = "fund"\nwindow = "year"',
            'kind = "cap"\nwindow = "year"',
            "benefits terms yearly_cap",
            "base",
            "is missing",
        ),
        ("[[benefits.shares]]", "[benefits.shares]", "benefits", "shares", "[[…]]"),
        ("ratio = 0.70 }", "ratio = 1.7 }", "benefits terms ratio rows #1", "ratio", "between 0 and 1"),
        ('when = ["referral"]', 'when = ["refferal"]', "places #9", "when", "'refferal' is no flag of a place"),
        (
            'when = "prescription"\ncounts',
            'when = "drugs"\ncounts',
            "benefits terms visit_cap_pharmacy",
            "when",
            "no flag",
        ),
        (
            "starts_on = 2025-01-01\narticle",
            "starts_on = 2025-01-01\nends_on = 2024-12-31\narticle",
            "benefits terms yearly_cap",
            "ends_on",
            "before starts_on",
        ),
        (
            'window = "year"\nstarts_on',
            'window = "period"\nperiods = [{ from = 2025-01-01, to = 2025-12-31 },'
            " { from = 2025-12-31, to = 2026-12-31 }]\nstarts_on",
            "benefits terms yearly_cap",
            "periods",
            "overlap or run backwards at 2025-12-31",
        ),
        (
            'kind = "ratio"\narticle',
            'kind = "ratio"\nbands = [{ over = 0, ratio = 0.5 }]\narticle',
            "benefits terms ratio",
            "ratio",
            "write either ratio or rows",
        ),
        (
            'base = "fund"\nwindow = "year"',
            'base = "fund"\nceiling = { window = "year", amount = 1 }\nwindow = "year"',
            "benefits terms yearly_cap",
            "ceiling",
            "belongs to a term of kind deductible",
        ),
        (
            'points = 0.75, factor = 0.735 }, derived = ["75%',
            'points = 0.75, factor = 0.735 }, derived = ["76%',
            "benefits terms ratio rows #4",
            "derived",
            "formulas that come out",
        ),
        ('words = ["0 =', 'words = ["none =', "provider year_end", "words", "the number and the words"),
        (
            "valid_years = 5",
            "valid_years = [{ from = 2025-08-01, value = 5 }]",
            "",
            "valid_years",
            "cannot be dated",
        ),
        (
            'base = "fund"\nwindow = "year"',
            'base = "fund"\nwindow = [{ from = 2025-08-01, value = "year" }]',
            "benefits terms yearly_cap",
            "window",
            "cannot be dated",
        ),
        (
            "valid_years = 5",
            'valid_years = { switch = "renewal", must_choose = 5, automatic = 6 }',
            "",
            "valid_years",
            "cannot be a choice",
        ),
        (
            'code = "yearly_cap"\n',
            'code = "yearly_cap"\nreading = { renewal = "automatic" }\n',
            "figures #2",
            "reading",
            "has no effect here",
        ),
        (
            "{ at_least = 0.80, award = 0.80 }",
            "{ at_least = [{ from = 2025-08-01, value = 0.80 }], award = 0.80 }",
            "provider year_end bands",
            "at_least",
            "cannot be dated",
        ),
        ('[selection]\narticle = "15"', '[selection]\narticle = "15', "", "file", "is not TOML"),
    ],
)
def test_a_mistake_names_file_term_and_key(old: str, new: str, term: str, key: str, said: str) -> None:
    assert TEXT.count(old) >= 1
    with pytest.raises(EditionError) as caught:
        load({NAME: TEXT.replace(old, new, 1)})
    error = caught.value
    assert (error.file, error.term, error.key) == (NAME, term, key)
    assert said in str(error)
    assert str(error).startswith(f"{NAME}: {term or 'top level'}: {key}: ")


BANDS = """
[[benefits.terms]]
id = "bands"
kind = "ratio"
article = "4"
"""


@pytest.mark.parametrize(
    ("term", "key", "said"),
    [
        ("bands = [{ over = 100, ratio = 0.5 }]", "bands", "from over 0 upwards"),
        ("bands = [{ over = 0, ratio = 0.5 }, { over = 0, ratio = 0.6 }]", "bands", "each edge once"),
        ("bands = [{ over = 0, ratio = 0.5 }]", "bands", "follow another ratio"),
        ('rows = [{ cost = "ordinary", ratio = 0.5 }]', "cost", "follows another ratio"),
        ("ratio = 0.5\nbands = [{ over = 0, ratio = 0.5 }]", "ratio", "write either ratio or rows"),
        ("amount = 5\nratio = 0.5", "ratio", "write either ratio or rows"),
    ],
)
def test_a_ratio_that_cannot_be_computed_is_refused(term: str, key: str, said: str) -> None:
    start = TEXT.index('[[benefits.terms]]\nid = "visit_cap"')
    with pytest.raises(EditionError) as caught:
        load({NAME: TEXT[:start] + BANDS.lstrip() + term + "\n\n" + TEXT[start:]})
    assert caught.value.term.startswith("benefits terms bands")
    assert (caught.value.key, said in str(caught.value)) == (key, True)


def test_two_terms_of_one_id_must_not_meet() -> None:
    cap = '[[benefits.terms]]\nid = "yearly_cap"\nkind = "cap"\nbase = "fund"\nwindow = "year"\n'
    twins = ZHANJIANG.replace('id = "first_period_cap"', 'id = "yearly_cap"', 1)
    assert load({"z.toml": twins}).documents
    with pytest.raises(EditionError, match="benefits terms yearly_cap: id: is used twice on the same days"):
        load({"z.toml": twins.replace("ends_on = 2022-12-31", "ends_on = 2023-01-01", 1)})
    assert cap in ZHANJIANG


def test_fixed_amounts_and_terms_that_count_cost_exclude_each_other() -> None:
    text = CHONGQING["2023-32.toml"].replace('kind = "cap"\nbase = "fund"', 'kind = "cap"\nbase = "cost"', 1)
    cut = text.index('[[benefits.terms]]\nid = "ratio"')
    end = text.index('[[benefits.terms]]\nid = "yearly_cap"')
    shares = text.index("# The pooled fund pays")
    moved = text[:cut] + text[end:shares] + text[cut:end] + text[shares:]
    with pytest.raises(EditionError, match="yearly_cap: kind: counts cost, which fixed amounts stand outside of"):
        load(CHONGQING | {"2023-32.toml": moved})


def test_every_option_of_a_switch_is_explained() -> None:
    for edition in load_folder().editions:
        for switch in edition.switches.values():
            assert switch.reading and switch.question and switch.article
            assert len(switch.options) >= 2
            assert len(set(switch.options.values())) == len(switch.options)
            assert all(len(label) >= 2 and label != name for name, label in switch.options.items())


def test_a_missing_ratio_is_named() -> None:
    start, end = TEXT.index('[[benefits.terms]]\nid = "ratio"'), TEXT.index('[[benefits.terms]]\nid = "visit_cap"')
    with pytest.raises(EditionError, match=r"visit_cap: kind: caps the fund before any ratio"):
        load({NAME: TEXT[:start] + TEXT[end:]})


def test_a_mistake_in_a_reading_not_chosen_is_found() -> None:
    with pytest.raises(EditionError, match="ratio rows #4: ratio"):
        load({NAME: TEXT.replace("factor = 0.735", "factor = 7.35", 1)})


def test_a_bound_instrument_joins_and_is_cited() -> None:
    edition = load(CHONGQING)
    assert set(edition.documents) == {
        "渝医保发〔2023〕32号",
        "渝府办发〔2022〕16号",
        "职工医保门诊共济保障改革政策问答",
    }
    rows = edition.at(date(2024, 5, 1))["account"]["purposes"]
    assert rows[-1]["article"] == "渝府办发〔2022〕16号 二(三)2"
    assert "渝府办发〔2022〕16号 二" in edition.articles
    assert len(grouped(CHONGQING)) == 1


def test_a_bound_instrument_may_not_overwrite() -> None:
    other = CHONGQING["2022-16.toml"] + '\n[benefits]\narticle = "二"\n'
    with pytest.raises(EditionError) as caught:
        load(CHONGQING | {"2022-16.toml": other})
    assert (caught.value.file, caught.value.term, caught.value.key) == ("2022-16.toml", "benefits", "article")


def test_binding_into_a_missing_instrument_is_refused() -> None:
    with pytest.raises(EditionError, match="exactly one must be the main instrument"):
        load({"2022-16.toml": CHONGQING["2022-16.toml"]})
    with pytest.raises(EditionError, match="which is not among these files"):
        load({NAME: TEXT, "2022-16.toml": CHONGQING["2022-16.toml"]})


def test_no_edition_outside_its_days_and_no_fall_back() -> None:
    rulebook = load_folder()
    edition = rulebook.on("441699", "310", date(2025, 8, 1))
    assert rulebook.on("441699", "310", date(2030, 7, 31)) is edition
    for day in (date(2025, 7, 31), date(2030, 8, 1)):
        with pytest.raises(NoEdition):
            rulebook.on("441699", "310", day)
    with pytest.raises(NoEdition):
        rulebook.on("441699", "390", date(2026, 1, 1))
    assert rulebook.on("441699", "310", date(2025, 1, 1), "credits") is edition
    with pytest.raises(NoEdition):
        rulebook.on("441699", "310", date(2024, 12, 31), "credits")


def test_overlapping_editions_are_refused() -> None:
    later = ZHANJIANG.replace("starts_on = 2022-11-01", "starts_on = 2025-10-31").replace("12号", "99号")
    with pytest.raises(EditionError, match="end it the day before"):
        load_all({"a.toml": ZHANJIANG, "b.toml": later})
    later = later.replace("starts_on = 2025-10-31", "starts_on = 2025-11-01")
    rulebook = load_all({"a.toml": ZHANJIANG, "b.toml": later})
    assert [edition.starts_on for edition in rulebook.editions] == [date(2025, 11, 1), date(2022, 11, 1)]
    assert isinstance(rulebook, Rulebook)


def test_content_hash_follows_every_byte_and_every_reading() -> None:
    edition = load({NAME: TEXT})
    assert load({NAME: TEXT}).content_hash == edition.content_hash
    assert load({NAME: TEXT + "\n"}).content_hash != edition.content_hash
    variant = edition.with_switches(retired_increase="factor")
    assert variant.content_hash not in (edition.content_hash, "")
    assert edition.switches["retired_increase"].chosen == "points"
    with pytest.raises(EditionError, match="is not a switch"):
        edition.with_switches(nonsense="x")
    with pytest.raises(EditionError, match="use one of points, factor"):
        edition.with_switches(retired_increase="x")


def test_dated_values_and_terms_read_by_day() -> None:
    edition = load({"z.toml": ZHANJIANG})
    ids = {
        day: [term["id"] for term in edition.at(day)["benefits"]["terms"]]
        for day in (date(2022, 12, 31), date(2023, 1, 1))
    }
    assert ids[date(2022, 12, 31)] == ["ratio", "first_period_cap"]
    assert ids[date(2023, 1, 1)] == ["ratio", "yearly_cap"]
    cap = [edition.at(day)["benefits"]["terms"][1]["amount"] for day in (date(2023, 12, 31), date(2024, 1, 1))]
    assert cap == [1996, {"figure": "yearly_cap"}]
    assert edition.at(date(2023, 3, 1)) is edition.at(date(2023, 3, 1) + timedelta(days=1))


def test_figures_are_held_against_floor_and_equality() -> None:
    edition = load({NAME: TEXT})
    wage = {"average_wage": 8_765_400}
    assert edition.check_figure("yearly_cap", 175_308, wage).valid
    check = edition.check_figure("yearly_cap", 175_307, wage)
    assert (check.floor, check.valid, check.refusal and check.refusal.code) == (175_308, False, "below_floor")
    assert edition.check_figure("yearly_cap", 1, {}).refusal is not None
    assert edition.check_figure("average_wage", 1, {}).valid
    assert edition.figures["average_wage"].year_for(date(2026, 5, 1)) == 2024
