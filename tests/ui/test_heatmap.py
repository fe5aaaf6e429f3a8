"""民生数据热力图: every number on the page and in its files agrees with a plain loop over the rows."""

from __future__ import annotations

import json
import math
from collections import Counter
from datetime import date, datetime
from statistics import fmean

import pandas as pd
import pytest

from storage.home import Home
from storage.queries import Selection
from storage.schematic import mark_schematic
from storage.scope import Role, Scope
from tests.ui import small_city
from ui import heat, heat_exports, heat_figures, heat_loaders, loaders, scales, words
from ui.heat import Heat
from ui.kept import forget

LEADER = Scope(Role.LEADER)
CODES = {name: code for code, name, *_rest in small_city.AREAS}
PAGE = "pages/overview/heatmap.py"


@pytest.fixture(scope="module")
def tickets() -> list[dict[str, object]]:
    made = []
    for row in small_city.rows():
        made.append(
            {
                "when": datetime.fromisoformat(row["创建时间"]),
                "code": CODES.get(row["被反映街乡镇"]),
                "category": row["问题分类"].split("->")[0],
                "is_request": row["工单类型"] != "咨询",
                "resolution": row["是否解决"],
            }
        )
    return made


def monthly(tickets, **fixed) -> Counter:
    chosen = [row for row in tickets if row["is_request"] and row["code"] and all(row[name] == value for name, value in fixed.items())]
    return Counter((f"{row['when']:%Y-%m}", row["code"]) for row in chosen)


@pytest.fixture
def version(city_home, clear_caches, monkeypatch) -> str:
    monkeypatch.setenv("WEISU_HOME", str(city_home))
    found = loaders.pin_version()
    assert found
    return found


def shown(result: heat_loaders.AreaMonths) -> dict[tuple[str, str], float]:
    return {(f"{row.month:%Y-%m}", row.code): row.value for row in result.table.itertuples()}


def test_counts_of_every_area_and_month(version, tickets):
    found = shown(heat_loaders.area_months(version, LEADER, Selection(), "subdistrict", heat_loaders.COUNT))
    expected = monthly(tickets)
    assert len(found) == 15 * 4
    assert found == {key: expected[key] for key in found}
    one = shown(heat_loaders.area_months(version, LEADER, Selection(category_1="供暖问题"), "subdistrict", heat_loaders.COUNT))
    assert one == {key: monthly(tickets, category="供暖问题")[key] for key in one}


def test_against_the_same_month_of_earlier_years(version, tickets):
    """The first year has nothing to compare with; a mean of fewer than thirty is not compared."""
    result = heat_loaders.area_months(version, LEADER, Selection(), "district", heat_loaders.CHANGE)
    counts: Counter = Counter()
    for (month, code), number in monthly(tickets).items():
        counts[month, code[:6]] += number
    for (month, code), value in shown(result).items():
        year, rest = int(month[:4]), month[4:]
        before = [counts[f"{year - 1}{rest}", code]] if date(year - 1, int(rest[1:]), 1) >= date(2024, 9, 1) else []
        if month == "2025-11":  # until the 20th: the same days a year ago
            days = (date(2024, 11, 1), date(2024, 11, 20))
            before = [sum(item["is_request"] and days[0] <= item["when"].date() <= days[1] and (item["code"] or "")[:6] == code for item in tickets)]
        if before and fmean(before) >= 30:
            assert value == pytest.approx(counts[month, code] / fmean(before) - 1)
        else:
            assert math.isnan(value)
    assert result.table["value"].notna().any()
    assert result.breaks == heat_loaders.CHANGE_BREAKS


def test_rates_rest_on_enough_answers(version, tickets):
    result = heat_loaders.area_months(version, LEADER, Selection(), "subdistrict", "resolution_rate")
    for row in result.table.itertuples():
        own = [
            item
            for item in tickets
            if item["is_request"] and item["code"] == row.code and f"{item['when']:%Y-%m}" == f"{row.month:%Y-%m}" and item["resolution"]
        ]
        assert row.base == len(own)
        if len(own) >= 30:
            assert row.value == pytest.approx(sum(item["resolution"] == "解决" for item in own) / len(own))
        else:
            assert math.isnan(row.value)


def test_population_is_not_made_up(version):
    """The register of the small city has no residents: the rate per ten thousand is unknown, not zero."""
    assert heat_loaders.area_months(version, LEADER, Selection(), "subdistrict", heat_loaders.PER_10K).table["value"].isna().all()


def test_scope_narrows_the_areas(version):
    result = heat_loaders.area_months(version, Scope(Role.DISTRICT, "110101"), Selection(), "subdistrict", heat_loaders.COUNT)
    assert set(result.table["code"]) == {"110101001", "110101002"}


def test_classes_are_the_same_in_all_months(version):
    """Bounds come from all months, NaN is a class of its own, and a value on a bound belongs above it."""
    result = heat_loaders.area_months(version, LEADER, Selection(), "subdistrict", heat_loaders.COUNT)
    assert list(result.breaks) == sorted(set(result.breaks))
    numbers = scales.classes(pd.Series([float("nan"), 0, result.breaks[0], 1e9]), result.breaks)
    assert list(numbers) == [0, 1, 2, len(result.breaks) + 1]
    look = scales.scale("x", result.breaks, words.exact, dark=False)
    assert len(look.names) == len(look.shades) == len(result.breaks) + 2


def test_the_page_says_what_the_rows_say(open_page, tickets):
    app = open_page(PAGE, at="2025年10月")
    assert not app.exception
    top, most = max(((code, count) for (month, code), count in monthly(tickets).items() if month == "2025-10"), key=lambda pair: (pair[1], pair[0]))
    name = next(name for code, name, *_rest in small_city.AREAS if code == top)
    captions = " ".join(item.value for item in app.caption)
    assert f"最高的是{name}（{words.exact(most)}）" in captions
    lost = sum(row["code"] is None and f"{row['when']:%Y-%m}" == "2025-10" for row in tickets)
    assert f"未落图 {lost} 件" in captions
    hour = Counter((row["when"].isoweekday(), row["when"].hour) for row in tickets if f"{row['when']:%Y-%m}" == "2025-10")
    (_day, busiest), number = hour.most_common(1)[0]
    assert f"{busiest}时（{number} 件）；全月受理 {sum(hour.values())} 件" in captions
    table = app.dataframe[0].value
    assert table["诉求量"].tolist() == sorted((count for (month, _code), count in monthly(tickets).items() if month == "2025-10"), reverse=True)


@pytest.mark.parametrize(
    "query", [{"layer": "密度"}, {"layer": "社区"}, {"metric": "与常年同期相比"}, {"metric": "解决率", "at": "2024年9月"}, {"area": "没有的"}]
)
def test_every_layer_and_metric_opens(open_page, query):
    """Without coordinates the density and the communities say so in a sentence."""
    app = open_page(PAGE, **query)
    assert not app.exception
    assert not app.error
    if "layer" in query:
        assert any("坐标" in item.value for item in app.info)


def test_files_hold_what_the_screen_shows(version, tickets):
    view = type("V", (), {"version": version, "scope": LEADER, "facts": loaders.facts(version)})()
    heat = Heat(Selection(), heat_loaders.COUNT, "areas", "subdistrict", "北京")
    month = date(2025, 10, 1)
    table = heat_loaders.area_months(version, LEADER, Selection(), "subdistrict", heat_loaders.COUNT).table
    frame = loaders.register(version, LEADER, Selection(), "subdistrict").merge(table[table["month"] == pd.Timestamp(month)], on="code")
    made = json.loads(heat_exports.area_geojson(view, heat, frame, month))
    expected = monthly(tickets)
    assert {item["properties"]["code"]: item["properties"]["request_count"] for item in made["features"]} == {
        code: expected["2025-10", code] for code in CODES.values()
    }
    assert all(item["geometry"]["type"] in ("Polygon", "MultiPolygon") for item in made["features"])
    assert made["properties"]["data_until"] == "2025-11-20"
    assert "2025年10月" in made["properties"]["title"]


def test_schematic_boundaries_are_named_so(open_page, city_home):
    """Cells drawn around centroids are never taken for the official boundaries."""
    assert not any("示意边界" in item.value for item in open_page(PAGE).caption)
    mark = city_home / "geo" / "schematic.json"
    mark_schematic(Home(city_home), loaders.facts(loaders.pin_version() or "").boundaries_key or "")
    try:
        for page in ("", PAGE):
            forget()
            assert any("示意边界" in item.value for item in open_page(page).caption)
    finally:
        mark.unlink()


def test_dates_without_a_clock_are_not_midnight():
    """Every ticket of a month at 0 o'clock means that there was no time of day; one ticket at midnight does not."""
    table = pd.DataFrame(0, index=range(1, 8), columns=range(24))
    table[0] = [5, 6, 4, 9, 3, 1, 2]
    assert heat.lacks_clock(table)
    assert "没有时刻" in heat.hours_sentence(table)
    assert "最忙的是周四（9 件）；全月受理 30 件" in heat.hours_sentence(table)
    figure = heat_figures.weekdays(table, 200)
    assert list(figure.data[0].y) == [5, 6, 4, 9, 3, 1, 2]
    table.loc[2, 13] = 1
    assert not heat.lacks_clock(table)
    assert "最忙的是周四0时" in heat.hours_sentence(table)
    single = pd.DataFrame(0, index=range(1, 8), columns=range(24))
    single.loc[3, 0] = 1
    assert not heat.lacks_clock(single)
