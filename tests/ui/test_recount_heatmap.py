"""民生数据热力图: every metric of every area in every month, hexagons, communities and hours agree with a loop over the delivered rows."""

from __future__ import annotations

import math
from collections import Counter
from datetime import date
from statistics import fmean

import h3
import pandas as pd
import pytest

from storage.queries import Selection
from storage.scope import Role, Scope
from tests import plain
from tests.ui import seeded_city
from ui import heat, heat_loaders, heat_sentences

LEADER = Scope(Role.LEADER)
PAGE = "pages/overview/heatmap.py"
MONTHS = [f"{year}-{month:02d}" for year in (2023, 2024, 2025) for month in range(1, 13) if (year, month) <= (2025, 11)]
WHOLE_MONTHS = MONTHS[1:-1]
MONTH = "2025-10"
CODES = {"district": sorted(seeded_city.DISTRICTS.values()), "subdistrict": sorted(seeded_city.RESIDENTS)}
TOPS = {"response_rate": "responded_count", "resolution_rate": "resolved_count", "satisfaction_rate": "satisfied_count"}
BASES = {"response_rate": "response_base_count", "resolution_rate": "resolution_base_count", "satisfaction_rate": "satisfaction_base_count"}
SMALL = 30
FINEST = 8


def added(month: str, **wanted) -> Counter[str]:
    return seeded_city.added(*plain.month_days(month), **wanted)


def residents(code: str) -> int:
    return sum(number for own, number in seeded_city.RESIDENTS.items() if own.startswith(code))


def normal(month: str, level: str, code: str) -> float:
    """The mean of the same month in the up to three years before; NaN where there is none."""
    years = range(int(month[:4]) - 3, int(month[:4]))
    if month == MONTHS[-1]:  # not over yet: the same days of the years before
        last = seeded_city.LAST_DAY
        spans = [(date(year, last.month, 1), date(year, last.month, last.day)) for year in years if date(year, last.month, 1) >= seeded_city.FIRST_DAY]
        counts = [seeded_city.added(*span, **{level: code})["request_count"] for span in spans]
    else:
        counts = [added(one, **{level: code})["request_count"] for one in (f"{year}{month[4:]}" for year in years) if one in WHOLE_MONTHS]
    return fmean(counts) if counts else math.nan


def expected(metric: str, month: str, level: str, code: str) -> tuple[float, float]:
    """Value and base of one area in one month; NaN where it rests on too few."""
    tally = added(month, **{level: code})
    count = tally["request_count"]
    if metric in TOPS:
        base = tally[BASES[metric]]
        return (tally[TOPS[metric]] / base if base >= SMALL else math.nan), base
    if metric == "against_own":
        mean = normal(month, level, code)
        return (count / mean - 1 if mean >= SMALL else math.nan), 0 if math.isnan(mean) else mean
    return (count / residents(code) * 10_000 if metric == "requests_per_10k" else count), count


@pytest.mark.parametrize("level", ["district", "subdistrict"])
@pytest.mark.parametrize("metric", heat_loaders.METRICS)
def test_every_metric_of_every_area_in_every_month(seeded_version, metric, level):
    table = heat_loaders.area_months(seeded_version, LEADER, Selection(), level, metric).table
    found = {(f"{row.month:%Y-%m}", row.code): row for row in table.itertuples()}
    assert set(found) == {(month, code) for month in MONTHS for code in CODES[level]}
    values = 0
    for (month, code), row in found.items():
        tally = added(month, **{level: code})
        assert (row.request_count, row.intake_count) == (tally["request_count"], tally["intake_count"])
        value, base = expected(metric, month, level, code)
        assert row.base == pytest.approx(base), (month, code)
        assert row.value == pytest.approx(value, nan_ok=True), (month, code)
        values += not math.isnan(value)
    assert values > 20, "the test needs values, not only gaps"


def test_a_category_narrows_every_metric(seeded_version):
    selection = Selection(category_1="房屋漏水", district_code="110102")
    table = heat_loaders.area_months(seeded_version, LEADER, selection, "subdistrict", heat_loaders.COUNT).table
    assert set(table["code"]) == {"110102001", "110102003", "110102007"}
    for row in table.itertuples():
        assert row.value == added(f"{row.month:%Y-%m}", subdistrict=row.code, category_1="房屋漏水")["request_count"]


def cell(point: tuple[float, float] | None, resolution: int) -> str | None:
    """The hexagon of a position, rounded to a thousandth of a degree first."""
    if point is None:
        return None
    finest = h3.latlng_to_cell(round(point[1], 3), round(point[0], 3), FINEST)
    return h3.cell_to_parent(finest, resolution)


@pytest.mark.parametrize("resolution", [7, 8])
@pytest.mark.parametrize(
    ("selection", "wanted"),
    [
        (Selection(), {}),
        (Selection(subdistrict_code="110102003"), {"subdistrict": "110102003"}),
        (Selection(category_1="噪声扰民"), {"category_1": "噪声扰民"}),
    ],
)
def test_hexagons(seeded_version, resolution, selection, wanted):
    cells, missing = heat_loaders.density(seeded_version, LEADER, selection, date(2025, 10, 1), resolution)
    counts: Counter[str | None] = Counter()
    for row, adds in seeded_city.accepted(*plain.month_days(MONTH)):
        if all(row[name] == value for name, value in wanted.items()):
            counts[cell(row["point"], resolution)] += adds["request_count"]
    assert missing == counts.pop(None)
    assert dict(zip(cells["cell"], cells["request_count"], strict=True)) == {name: number for name, number in counts.items() if number}
    assert cells["request_count"].is_monotonic_decreasing
    text = heat.density_sentence(cells, missing)
    assert f"{len(cells)} 个六边形格内有诉求，最多的一格 {max(counts.values())} 件；另有 {missing} 件没有坐标" in text


def test_communities(seeded_version):
    """Counts of the month, positions as the mean over all months."""
    found = heat_loaders.communities(seeded_version, LEADER, Selection(), date(2025, 10, 1), 300)
    names = {code: name for code, name, *_rest in seeded_city.AREAS}
    own = [ticket for ticket in seeded_city.accepted(*plain.month_days(MONTH)) if ticket.row["community"] and ticket.row["subdistrict"]]
    counts: Counter[tuple[str, str]] = Counter()
    for row, adds in own:
        counts[row["community"], names[row["subdistrict"]]] += adds["request_count"]
    lost = found[found["street"].isna()]
    assert {(row.community, row.street): row.request_count for row in found.drop(lost.index).itertuples()} == dict(counts)
    assert found["request_count"].is_monotonic_decreasing
    for row in found.drop(lost.index).itertuples():
        own = [t for t, _adds in seeded_city.tickets() if (t["community"], t["subdistrict"]) == (row.community, row.subdistrict_code)]
        points = [t["point"] for t in own if t["point"]]
        assert (row.longitude, row.latitude) == pytest.approx((fmean(x for x, _y in points), fmean(y for _x, y in points)), abs=1e-5)
    assert f"第一是{found['community'].iloc[0]}（{max(counts.values())} 件）" in heat_sentences.communities(found)


@pytest.mark.parametrize(
    ("selection", "wanted", "is_wider"),
    [
        (Selection(), {}, False),
        (Selection(category_1="供暖问题"), {"category_1": "供暖问题"}, False),
        (Selection(district_code="110101"), {"district": "110101"}, False),
        (Selection(district_code="110101", category_1="供暖问题"), {"district": "110101"}, True),
    ],
)
def test_hours_of_the_week(seeded_version, selection, wanted, is_wider):
    table, wider = heat_loaders.hours(seeded_version, LEADER, selection, date(2025, 10, 1))
    counts = Counter(
        (row["accepted_at"].isoweekday(), row["accepted_at"].hour)
        for row, _adds in seeded_city.accepted(*plain.month_days(MONTH))
        if all(row[name] == value for name, value in wanted.items())
    )
    assert wider is is_wider
    assert {(day, hour): int(table.loc[day, hour]) for day in range(1, 8) for hour in range(24)} == {
        (day, hour): counts[day, hour] for day in range(1, 8) for hour in range(24)
    }
    assert f"（{max(counts.values())} 件）；全月受理 {sum(counts.values())} 件" in heat.hours_sentence(table)


def test_bound_roles(seeded_version):
    """A street office gets its own areas, cells and hours; a department its own counts by area."""
    street = Scope(Role.SUBDISTRICT, "110105001")
    cells, missing = heat_loaders.density(seeded_version, street, Selection(), date(2025, 10, 1), 8)
    assert cells["request_count"].sum() + missing == added(MONTH, subdistrict="110105001")["request_count"]
    table = heat_loaders.area_months(seeded_version, Scope(Role.DEPARTMENT, "水务局"), Selection(), "subdistrict", heat_loaders.COUNT).table
    for row in table.itertuples():
        assert row.value == added(f"{row.month:%Y-%m}", subdistrict=row.code, unit="水务局")["request_count"]


@pytest.mark.parametrize("metric", ["诉求量", "万人诉求比（估计）", "与常年同期相比", "解决率"])
def test_the_page_writes_the_recount(open_page, seeded_home, metric):
    """The table, the first area and the tickets on no place, as rendered."""
    key = {"诉求量": "request_count", "万人诉求比（估计）": "requests_per_10k", "与常年同期相比": "against_own", "解决率": "resolution_rate"}[metric]
    app = open_page(PAGE, home=seeded_home, at="2025年10月", metric=metric, level="街乡镇")
    assert not app.exception
    assert not app.error
    write = {"request_count": "{:,.0f}", "requests_per_10k": "{:,.1f}", "against_own": "{:+.1%}", "resolution_rate": "{:.1%}"}[key]
    values = {name: expected(key, MONTH, "subdistrict", code)[0] for name, code in seeded_city.SUBDISTRICTS.items()}
    said = {name: "—" if math.isnan(value) else write.format(value).replace("+0.0%", "0.0%").replace("-0.0%", "0.0%") for name, value in values.items()}
    captions = " ".join(item.value for item in app.caption)
    top = max((name for name in values if not math.isnan(values[name])), key=values.get)
    assert f"8 个街乡镇中{metric}最高的是{top}（{said[top]}）" in captions
    assert f"未落图 {added(MONTH, subdistrict=None)['intake_count']} 件" in captions
    table = app.dataframe[0].value
    if metric != "诉求量":
        assert dict(zip(table["街乡镇"], table[metric], strict=True)) == said
    assert dict(zip(table["街乡镇"], table["诉求量"], strict=True)) == {
        name: added(MONTH, subdistrict=code)["request_count"] for name, code in seeded_city.SUBDISTRICTS.items()
    }


def test_the_own_normal_is_the_mean_of_three_years():
    """The seeded city is too young for this: of five years the last three before each month count, and fewer where there are fewer."""
    counts = {2020: 100, 2021: 10, 2022: 20, 2023: 60, 2024: 90}
    full = pd.DataFrame({"month": [pd.Timestamp(year, 7, 1) for year in counts], "code": "A", "request_count": list(counts.values())})
    found = heat_loaders._own_normal(full, {}).tolist()
    assert found == pytest.approx([math.nan, 100, 55, 130 / 3, 30], nan_ok=True)
