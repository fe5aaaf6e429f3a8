"""数据驾驶舱: every number of every panel, in every kind of period, agrees with a loop over the delivered rows of a seeded city."""

from __future__ import annotations

import math
from collections import Counter
from datetime import date, timedelta
from typing import NamedTuple

import pandas as pd
import pytest

from governance.periods import Grain, Period
from storage.queries import Selection
from storage.scope import Role, Scope
from tests import plain
from tests.ui import seeded_city
from tests.ui.key_figures import key_figures
from ui import cards, loaders, sentences, tables, words

LEADER = Scope(Role.LEADER)
FIRST = seeded_city.FIRST_DAY
RATES = {"response_rate": "responded", "resolution_rate": "resolved", "satisfaction_rate": "satisfied"}
BASES = {"response_rate": "response_base_count", "resolution_rate": "resolution_base_count", "satisfaction_rate": "satisfaction_base_count"}
MEASURES = ("intake_count", "request_count", "open_count", "unresolved_count", "overdue_count", *RATES, "consultation_share")
FRACTIONS = (*RATES, "consultation_share")


class Case(NamedTuple):
    """A period, the one before and a year ago, each by its first and last day, written by hand from the calendar."""

    grain: Grain
    now: tuple[str, str]
    before: tuple[str, str]
    year_ago: tuple[str, str]


CASES = {
    "month": Case(Grain.MONTH, ("2025-10-01", "2025-10-31"), ("2025-09-01", "2025-09-30"), ("2024-10-01", "2024-10-31")),
    "running month": Case(Grain.MONTH, ("2025-11-01", "2025-11-20"), ("2025-10-01", "2025-10-20"), ("2024-11-01", "2024-11-20")),
    "leap February": Case(Grain.MONTH, ("2024-02-01", "2024-02-29"), ("2024-01-01", "2024-01-31"), ("2023-02-01", "2023-02-28")),
    "February after": Case(Grain.MONTH, ("2025-02-01", "2025-02-28"), ("2025-01-01", "2025-01-31"), ("2024-02-01", "2024-02-29")),
    "nobody asked": Case(Grain.MONTH, ("2024-05-01", "2024-05-31"), ("2024-04-01", "2024-04-30"), ("2023-05-01", "2023-05-31")),
    "after nobody asked": Case(Grain.MONTH, ("2024-06-01", "2024-06-30"), ("2024-05-01", "2024-05-31"), ("2023-06-01", "2023-06-30")),
    "a year ago partly covered": Case(Grain.MONTH, ("2024-01-01", "2024-01-31"), ("2023-12-01", "2023-12-31"), ("2023-01-01", "2023-01-31")),
    "first whole month": Case(Grain.MONTH, ("2023-02-01", "2023-02-28"), ("2023-01-01", "2023-01-31"), ("2022-02-01", "2022-02-28")),
    "first month": Case(Grain.MONTH, ("2023-01-01", "2023-01-31"), ("2022-12-01", "2022-12-31"), ("2022-01-01", "2022-01-31")),
    "first year": Case(Grain.YEAR, ("2023-01-01", "2023-12-31"), ("2022-01-01", "2022-12-31"), ("2022-01-01", "2022-12-31")),
    "29 February": Case(Grain.DAY, ("2024-02-29", "2024-02-29"), ("2024-02-28", "2024-02-28"), ("2023-03-02", "2023-03-02")),
    "day": Case(Grain.DAY, ("2025-10-16", "2025-10-16"), ("2025-10-15", "2025-10-15"), ("2024-10-17", "2024-10-17")),
    "week": Case(Grain.WEEK, ("2025-10-13", "2025-10-19"), ("2025-10-06", "2025-10-12"), ("2024-10-14", "2024-10-20")),
    "running week": Case(Grain.WEEK, ("2025-11-17", "2025-11-20"), ("2025-11-10", "2025-11-13"), ("2024-11-18", "2024-11-21")),
    "week of 29 February": Case(Grain.WEEK, ("2024-02-26", "2024-03-03"), ("2024-02-19", "2024-02-25"), ("2023-02-27", "2023-03-05")),
    "year": Case(Grain.YEAR, ("2024-01-01", "2024-12-31"), ("2023-01-01", "2023-12-31"), ("2023-01-01", "2023-12-31")),
    "running year": Case(Grain.YEAR, ("2025-01-01", "2025-11-20"), ("2024-01-01", "2024-11-19"), ("2024-01-01", "2024-11-19")),
    "range": Case(Grain.RANGE, ("2025-09-05", "2025-10-20"), ("2025-07-21", "2025-09-04"), ("2024-09-05", "2024-10-20")),
    "long range": Case(Grain.RANGE, ("2025-05-01", "2025-08-10"), ("2025-01-19", "2025-04-30"), ("2024-05-01", "2024-08-10")),
    "range to 29 February": Case(Grain.RANGE, ("2024-02-20", "2024-02-29"), ("2024-02-10", "2024-02-19"), ("2023-02-20", "2023-02-28")),
}
CHOSEN = {
    "city": (Selection(), {}),
    "category": (Selection(category_1="房屋漏水"), {"category_1": "房屋漏水"}),
    "subdistrict": (Selection(subdistrict_code="110102007"), {"subdistrict": "110102007"}),
    "district, channel and type": (
        Selection(district_code="110101", channel="phone", request_type="complaint"),
        {"district": "110101", "channel": "phone", "request_type": "complaint"},
    ),
}


def days(pair: tuple[str, str]) -> tuple[date, date]:
    return date.fromisoformat(pair[0]), date.fromisoformat(pair[1])


def period(case: Case) -> Period:
    return (
        Period.containing(case.grain, days(case.now)[0], until=seeded_city.LAST_DAY) if case.grain is not Grain.RANGE else Period(case.grain, *days(case.now))
    )


def added(pair: tuple[date, date], **wanted) -> Counter[str]:
    return seeded_city.added(*pair, **wanted)


def measured(tally: Counter[str]) -> dict[str, float]:
    """The measures of the cards from counts; NaN where nobody was asked, or nothing has a time limit."""
    asked, limited = tally["resolution_base_count"], tally["due_count"]
    return {
        "intake_count": tally["intake_count"],
        "request_count": tally["request_count"],
        "open_count": tally["open_count"],
        "unresolved_count": asked - tally["resolved_count"] if asked else math.nan,
        "overdue_count": tally["overdue_count"] if limited else math.nan,
        **{rate: plain.rate(tally[f"{top}_count"], tally[BASES[rate]]) for rate, top in RATES.items()},
        "consultation_share": plain.rate(tally["consultation_count"], tally["intake_count"]),
    }


def same(shown, expected) -> bool:
    return shown == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("chosen", CHOSEN)
@pytest.mark.parametrize("name", CASES)
def test_the_cards(seeded_version, name, chosen):
    """Nine measures now, before and a year ago; their changes, bases and shares."""
    case, (selection, wanted) = CASES[name], CHOSEN[chosen]
    table = loaders.headline(seeded_version, LEADER, selection, period(case))
    assert set(table.index) == set(MEASURES)
    tallies = {column: added(days(getattr(case, column)), **wanted) for column in ("now", "before", "year_ago")}
    covered = {column: column == "now" or days(getattr(case, column))[0] >= FIRST for column in tallies}
    expected = {column: measured(tally) if covered[column] else dict.fromkeys(MEASURES, math.nan) for column, tally in tallies.items()}
    for measure in MEASURES:
        for column, values in expected.items():
            assert same(table.loc[measure, column], values[measure]), (measure, column)
        for column in ("before", "year_ago"):
            now, then = expected["now"][measure], expected[column][measure]
            moved = now - then if measure in FRACTIONS else plain.change(now, then)
            assert same(table.loc[measure, f"change_{column}"], moved), (measure, column)
    now = tallies["now"]
    bases = BASES | {"unresolved_count": "resolution_base_count", "overdue_count": "due_count", "open_count": "request_count"}
    for measure in MEASURES:
        base = now[bases[measure]] if measure in bases else math.nan
        assert same(table.loc[measure, "base"], base), measure
        share = plain.rate(expected["now"][measure], base) if measure in ("unresolved_count", "overdue_count", "open_count") else math.nan
        assert same(table.loc[measure, "share"], share), measure


def test_a_card_says_the_recount(seeded_version):
    """The words on a card: value, 环比 and 同比 with sign and unit, the share of a part, 无回访, 样本不足."""
    case = CASES["month"]
    table = loaders.headline(seeded_version, LEADER, Selection(), period(case))
    now, before, ago = (measured(added(days(pair))) for pair in (case.now, case.before, case.year_ago))
    said = {measure: cards.card_texts(measure, table.loc[measure], 30) for measure in MEASURES if measure != "open_count"}
    for measure in ("intake_count", "request_count"):
        assert said[measure]["value"] == f"{now[measure]:,}"
        assert said[measure]["delta"] == f"{(now[measure] / before[measure] - 1) * 100:+.1f}%"
        assert said[measure]["year"] == f"同比 {(now[measure] / ago[measure] - 1) * 100:+.1f}%"
    for measure in RATES:
        assert said[measure]["value"] == f"{now[measure] * 100:.1f}%"
        assert said[measure]["delta"] == words.points(now[measure] - before[measure])
        assert said[measure]["year"].endswith(f"同比 {words.points(now[measure] - ago[measure])}")
        assert said[measure]["year"].startswith("好转" if now[measure] > before[measure] else "恶化")
    tally = added(days(case.now))
    assert said["unresolved_count"]["value"] == str(now["unresolved_count"])
    for measure, whole in (("unresolved_count", "resolution_base_count"), ("overdue_count", "due_count")):
        assert f"{now[measure] / tally[whole] * 100:.1f}%" in said[measure]["year"]
        assert said[measure]["delta"] == f"{(now[measure] / before[measure] - 1) * 100:+.1f}%"
    unasked = loaders.headline(seeded_version, LEADER, Selection(), period(CASES["nobody asked"]))
    assert [cards.card_texts(rate, unasked.loc[rate], 30)["delta"] for rate in RATES] == ["无回访"] * 3


def spark_steps(name: str) -> list[tuple[date, date]]:
    """Days of each point of a card's line: 28 days for a day, 12 weeks up to a week's end, else 13 months; what is not over or covered is left out."""
    case = CASES[name]
    end = days(case.now)[1]
    if case.grain is Grain.DAY:
        return [(day, day) for day in (end - timedelta(days=back) for back in range(27, -1, -1)) if day >= FIRST]
    if case.grain is Grain.WEEK:
        return [(end - timedelta(days=7 * back + 6), end - timedelta(days=7 * back)) for back in range(11, -1, -1)]
    months = [f"{year}-{month:02d}" for year in (2021, 2022, 2023, 2024, 2025) for month in range(1, 13)]
    last = months.index(f"{end:%Y-%m}")
    steps = [plain.month_days(month) for month in months[last - 12 : last + 1]]
    return [(max(first, FIRST), final) for first, final in steps if final >= FIRST and final <= end]


@pytest.mark.parametrize(
    "name", ["month", "running month", "leap February", "first whole month", "29 February", "week", "running week", "year", "running year", "range"]
)
def test_the_lines_of_the_cards(seeded_version, name):
    table = loaders.sparks(seeded_version, LEADER, Selection(), period(CASES[name]))
    steps = spark_steps(name)
    assert len(table) == len(steps)
    for place, step in enumerate(steps):
        expected = measured(added(step))
        for measure in MEASURES:
            assert same(table[measure].iloc[place], expected[measure]), (measure, step)


def volume_steps(case: Case) -> tuple[list[tuple[date, date]], list[tuple[date, date]], str]:
    """Days of each step of the chart, the days a year ago it stands beside, and how long a step is."""
    start, end = days(case.now)
    if case.grain in (Grain.DAY, Grain.WEEK):
        start = end - timedelta(days=34 if case.grain is Grain.DAY else 55)
    length = (end - start).days + 1
    if length <= 62:
        now = [(start + timedelta(days=step),) * 2 for step in range(length)]
        step = "day"
    else:
        now = [(start + timedelta(days=7 * week), start + timedelta(days=7 * week + 6)) for week in range(length // 7)]
        step = "week"
    back = start - timedelta(days=364) if case.grain in (Grain.DAY, Grain.WEEK) else start.replace(year=start.year - 1)
    then = [(back + (first - start), back + (last - start)) for first, last in now]
    return now, then, step


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("leap February", "range to 29 February")])
def test_the_chart_of_requests(seeded_version, name):
    """Each step's intake and requests, and the requests of the same days a year ago: the same weekdays for days and weeks."""
    case = CASES[name]
    table = loaders.volume(seeded_version, LEADER, Selection(category_1="房屋漏水"), period(case))
    now, then, step = volume_steps(case)
    assert table.attrs["step"] == step
    assert [start.date() for start in table["start"]] == [first for first, _last in now]
    tallies = [added(pair, category_1="房屋漏水") for pair in now]
    assert table["intake_count"].tolist() == [tally["intake_count"] for tally in tallies]
    assert table["request_count"].tolist() == [tally["request_count"] for tally in tallies]
    past = [added(pair, category_1="房屋漏水")["request_count"] if then[0][0] >= FIRST else math.nan for pair in then]
    assert same(table["year_ago_count"].tolist(), past)
    most = max(tally["request_count"] for tally in tallies)
    first = next(pair[0] for pair, tally in zip(now, tallies, strict=True) if tally["request_count"] == most)
    text = sentences.volume(table)
    assert f"共 {sum(tally['request_count'] for tally in tallies):,} 件，最高为 {first.year}年{first.month}月{first.day}日 起的 {most} 件" in text
    assert f"去年同期共 {sum(past):,} 件" in text if then[0][0] >= FIRST else "数据未覆盖去年同期" in text


def test_29_february_has_no_counterpart_in_the_chart(seeded_version):
    """The day that the year before does not have stands beside nothing; in the year after it is left out."""
    leap = loaders.volume(seeded_version, LEADER, Selection(), period(CASES["leap February"]))
    assert len(leap) == 29
    assert leap["year_ago_count"].isna().tolist() == [False] * 28 + [True]
    assert leap["request_count"].iloc[28] == added((date(2024, 2, 29),) * 2)["request_count"]
    after = loaders.volume(seeded_version, LEADER, Selection(), period(CASES["February after"]))
    assert after["year_ago_count"].tolist() == [added((date(2024, 2, day),) * 2)["request_count"] for day in range(1, 29)]


def ranked(tallies: dict, least: int = 1) -> list[tuple]:
    """Name, rank (equal counts share one) and requests, most first."""
    found = [(name, tally["request_count"]) for name, tally in tallies.items() if tally["request_count"] >= least]
    found.sort(key=lambda item: (-item[1], item[0]))
    return [(name, 1 + sum(other > number for _name, other in found), number) for name, number in found]


def by(names: tuple[str, ...], pair: tuple[date, date], **wanted) -> dict:
    """Counts by the values of some fields; the last of them must be known."""
    groups: dict = {}
    for row, adds in seeded_city.accepted(*pair):
        if all(row[name] == value for name, value in wanted.items()) and row[names[-1]] is not None:
            groups.setdefault(tuple(row[name] or "" for name in reversed(names)), Counter()).update(adds)
    return groups


def movement(rank: int, before: float) -> str:
    """The movement in rank in words; new is who had no request before, or was not among the first ten."""
    if math.isnan(before) or rank <= 10 < before:
        return "★ 新上榜"
    if before == rank:
        return "＝ 持平"
    return f"▲ 升 {before - rank:.0f}" if before > rank else f"▼ 降 {rank - before:.0f}"


@pytest.mark.parametrize("name", ["month", "running month", "day", "week", "range", "first whole month", "February after", "nobody asked"])
@pytest.mark.parametrize(("selection", "wanted", "level"), [(Selection(), {}, 1), (Selection(category_1="噪声扰民"), {"category_1": "噪声扰民"}, 2)])
def test_the_top_ten(seeded_version, name, selection, wanted, level):
    """Names, ranks, counts, rank and count before, change, weekly trend and rates."""
    case = CASES[name]
    names = ("category_1", "category_2")[:level]
    table = loaders.problems(seeded_version, LEADER, selection, period(case))
    if table.attrs["level"] != level:  # a day with few categories shows the finer level
        level, names = table.attrs["level"], ("category_1", "category_2")[: table.attrs["level"]]
    tallies, before = by(names, days(case.now), **wanted), by(names, days(case.before), **wanted)
    expected = ranked(tallies)[:10]
    earlier = {problem: (rank, number) for problem, rank, number in ranked(before)}
    covered = days(case.before)[0] >= FIRST
    end = days(case.now)[1]
    assert [tuple(reversed(pair)) for pair in table[list(names)].itertuples(index=False, name=None)] == [problem for problem, _rank, _number in expected]
    assert list(zip(table["rank"], table["request_count"], strict=True)) == [item[1:] for item in expected]
    for place, (problem, rank, number) in enumerate(expected):
        row = table.iloc[place]
        rank_before, count_before = earlier.get(problem, (math.nan, 0)) if covered else (math.nan, math.nan)
        assert same(row["rank_before"], rank_before)
        assert same(row["before_count"], count_before)
        assert same(row["change_before"], plain.change(number, count_before))
        fixed = dict(zip(reversed(names), [part or None for part in problem], strict=True)) | wanted
        weeks = [added((end - timedelta(days=7 * back + 6), end - timedelta(days=7 * back)), **fixed)["request_count"] for back in range(12, -1, -1)]
        assert row["trend"] == weeks
        for rate, top in RATES.items():
            assert same(row[rate], plain.rate(tallies[problem][f"{top}_count"], tallies[problem][BASES[rate]]))
        assert tables.rank_word(row["rank"], row["rank_before"]) == movement(rank, rank_before)


def test_the_sentence_of_the_top_ten(seeded_version):
    """The first problem, its change, and how many had no request before."""
    case = CASES["month"]
    text = sentences.problems(loaders.problems(seeded_version, LEADER, Selection(), period(case)))
    now, before = by(("category_1",), days(case.now)), by(("category_1",), days(case.before))
    (name,), _rank, number = ranked(now)[0]
    assert text.startswith(f"诉求最多的问题是{name}（{number} 件，环比 {(number / before[(name,)]['request_count'] - 1) * 100:+.1f}%）")


def test_new_on_the_list_is_said_as_often_as_it_is_shown(seeded_version):
    """The sentence counts what the table marks."""
    case = CASES["day"]
    table = loaders.problems(seeded_version, LEADER, Selection(), period(case))
    marks = [tables.rank_word(rank, before) for rank, before in zip(table["rank"], table["rank_before"], strict=True)]
    assert marks.count("★ 新上榜") > 0, "the test needs a name that is new"
    assert f"新上榜 {marks.count('★ 新上榜')} 类" in sentences.problems(table)


@pytest.mark.parametrize("level", ["district", "subdistrict"])
@pytest.mark.parametrize("name", ["month", "running month", "first whole month", "nobody asked", "day", "year"])
def test_the_places(seeded_version, name, level):
    """Every place with its counts, rates, rank and change; tickets on no place; both in the sentence."""
    case = CASES[name]
    table, unplaced = loaders.places(seeded_version, LEADER, Selection(), period(case), level)
    codes = sorted(set(seeded_city.DISTRICTS.values()) if level == "district" else seeded_city.SUBDISTRICTS.values())
    now = {code: added(days(case.now), **{level: code}) for code in codes}
    before = {code: added(days(case.before), **{level: code})["request_count"] for code in codes}
    assert sorted(table["code"]) == codes
    assert unplaced == added(days(case.now), **{level: None})["intake_count"]
    assert table["request_count"].is_monotonic_decreasing
    covered = days(case.before)[0] >= FIRST
    for row in table.to_dict("records"):
        tally = now[row["code"]]
        assert row["rank"] == 1 + sum(other["request_count"] > tally["request_count"] for other in now.values())
        for count in ("intake_count", "request_count", "open_count", "overdue_count", "resolution_base_count", "consultation_count"):
            assert row[count] == tally[count]
        assert same(row["before_count"], before[row["code"]] if covered else math.nan)
        assert same(row["change_before"], plain.change(tally["request_count"], before[row["code"]]) if covered else math.nan)
        for rate, top in RATES.items():
            assert same(row[rate], plain.rate(tally[f"{top}_count"], tally[BASES[rate]]))
    assert f"未落图 {unplaced} 件" in sentences.places(table, "区", unplaced)
    assert f"{len(codes)} 个区中，诉求量最多的是{table['name'].iloc[0]}（{table['request_count'].iloc[0]:,} 件）" in sentences.places(table, "区", unplaced)


@pytest.mark.parametrize("name", ["month", "nobody asked", "day", "week"])
def test_the_units(seeded_version, name):
    """Every unit with counts and rates, tickets without a unit among them; how many rest on too few answers."""
    case = CASES[name]
    table = loaders.units(seeded_version, LEADER, Selection(), period(case))
    found = {unit: tally for unit in {*seeded_city.UNITS} if (tally := added(days(case.now), unit=unit or None))["intake_count"]}
    assert {"" if pd.isna(unit) else unit for unit in table["unit_name"]} == set(found)
    for row in table.to_dict("records"):
        tally = found["" if pd.isna(row["unit_name"]) else row["unit_name"]]
        for count in ("intake_count", "request_count", "open_count", "resolution_base_count"):
            assert row[count] == tally[count]
        for rate, top in RATES.items():
            assert same(row[rate], plain.rate(tally[f"{top}_count"], tally[BASES[rate]]))
    bases = [tally["resolution_base_count"] for tally in found.values()]
    few, none = sum(0 < base < 30 for base in bases), bases.count(0)
    assert f"共 {len(found)} 个单位，其中样本不足（有效回访少于 30 件）的 {few} 个，无回访的 {none} 个" in sentences.units(table, 30)


SCOPES = {
    "department": (Scope(Role.DEPARTMENT, "水务局"), {"unit": "水务局"}),
    "district": (Scope(Role.DISTRICT, "110102"), {"district": "110102"}),
    "subdistrict": (Scope(Role.SUBDISTRICT, "110105001"), {"subdistrict": "110105001"}),
}


@pytest.mark.parametrize("name", SCOPES)
def test_a_bound_role_gets_its_own_numbers(seeded_version, name):
    scope, wanted = SCOPES[name]
    case = CASES["month"]
    own = added(days(case.now), **wanted)
    table = loaders.headline(seeded_version, scope, Selection(), period(case))
    assert {measure: table.loc[measure, "now"] for measure in MEASURES} == pytest.approx(measured(own))
    assert loaders.volume(seeded_version, scope, Selection(), period(case))["request_count"].sum() == own["request_count"]
    assert loaders.units(seeded_version, scope, Selection(), period(case))["intake_count"].sum() == own["intake_count"]
    problems = loaders.problems(seeded_version, scope, Selection(), period(case))
    expected = ranked(by(("category_1",), days(case.now), **wanted))[:10]
    assert list(zip(problems["problem"], problems["request_count"], strict=True)) == [(problem[0], number) for problem, _rank, number in expected]
    places, _unplaced = loaders.places(seeded_version, scope, Selection(), period(case), "subdistrict")
    for row in places.to_dict("records"):
        assert row["request_count"] == added(days(case.now), **({"subdistrict": row["code"]} | wanted))["request_count"]


def test_the_page_writes_the_recount(open_page, seeded_home):
    """The numbers as rendered: cards, top ten and units of one month."""
    app = open_page(home=seeded_home, month="2025年10月", level="街乡镇", areas_as="列表")
    assert not app.exception
    assert not app.error
    case = CASES["month"]
    now = measured(added(days(case.now)))
    shown = {item.label: item.value for item in key_figures(app)}
    assert shown["受理量"] == f"{now['intake_count']:,}"
    assert shown["诉求量"] == f"{now['request_count']:,}"
    assert shown["超期"] == f"{now['overdue_count']:,}"
    assert shown["咨询占比"] == f"{now['consultation_share'] * 100:.1f}%"
    top = next(item.value for item in app.dataframe if "problem" in item.value)
    assert list(zip(top["rank"], top["request_count"], strict=True)) == [item[1:] for item in ranked(by(("category_1",), days(case.now)))[:10]]
    places = next(item.value for item in app.dataframe if "parent" in item.value)
    assert dict(zip(places["name"], places["base"], strict=True)) == {
        name: added(days(case.now), subdistrict=code)["resolution_base_count"] for name, code in seeded_city.SUBDISTRICTS.items()
    }
