"""预测查询: its frames and sentences against values counted by hand, and the page over a small foresight written by hand."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from storage.foresight import write_foresight
from storage.home import Home
from storage.reads import Selection
from storage.scope import Role, Scope, ScopeError
from tests.ui import small_city
from ui import explorer, explorer_figures, explorer_sentences, foresight_loaders, loaders, season_sentences, words
from ui.explorer import Course, Season, Target
from ui.foresight_loaders import Foresight

PAGE = "pages/foresight/explorer.py"
HEATING = "供暖问题"
CUTOFF = date(2025, 11, 20)
FINE = f"{HEATING}细类"
QUANTILES = ("q0.025", "q0.1", "q0.25", "q0.5", "q0.75", "q0.9", "q0.975")
OPEN_TO = [words.label(role) for role in Role if role is not Role.DEPARTMENT]


def stamp(text: str) -> pd.Timestamp:
    return pd.Timestamp(text).as_unit("us")


def series_rows() -> pd.DataFrame:
    rows = [
        (0, "city", None, None, None, None),
        (1, "category", None, None, HEATING, None),
        (2, "district", "110101", None, None, None),
        (3, "district_category", "110101", None, HEATING, None),
        (4, "subdistrict", "110101", "110101001", None, None),
        (5, "cell", "110101", "110101001", HEATING, None),
        (6, "category_2", None, None, HEATING, "细类1"),
        (7, "district", "110102", None, None, None),
    ]
    frame = pd.DataFrame(rows, columns=["series_id", "level", "district", "subdistrict", "category_1", "category_2"])
    return frame.assign(model=["share_of_parent" if level == "cell" else "pooled_counts" for level in frame["level"]], mean_a_day=4.0)


def steps(first: date, count: int, days: int) -> pd.DataFrame:
    """Every series: 4, 3 to 5, and so on each step."""
    known = series_rows()["series_id"]
    axis = [stamp(str(first + timedelta(days=days * step))) for step in range(count)]
    frame = pd.DataFrame({"series_id": np.repeat(known, count).to_numpy(), "day": axis * len(known)})
    return frame.assign(mean=4.0 * days, **{name: (place + 1) * days for place, name in enumerate(QUANTILES)})


def window(series_id: int, start: str, **changes: object) -> dict[str, object]:
    first = stamp(start)
    row: dict[str, object] = {
        "series_id": series_id, "window_start": first, "window_end": first + pd.Timedelta(days=27), "lead_days": (first.date() - CUTOFF).days - 1,
        "usual": 100.0, "threshold": 130.0, "expected": 160.0, "variance": 90.0, "probability": 0.93, "low_80": 140.0, "low_50": 150.0,
        "high_50": 170.0, "high_80": 180.0, "starts_on": first, "is_tested": True, "is_warned": True,
        "share_season": 0.5, "share_calendar": 0.25, "share_city": 0.3, "share_neighbours": 0.0, "share_own": -0.05,
    }  # fmt: skip
    return row | changes


def replayed(series_id: int, start: str, *, lead: int, warned: bool, came: bool) -> dict[str, object]:
    first = stamp(start)
    return {
        "series_id": series_id, "window_start": first, "lead_days": lead, "probability": 0.8 if warned else 0.2, "expected": 140.0, "usual": 100.0,
        "threshold": 130.0, "is_tested": True, "is_warned": warned, "count": 150.0 if came else 90.0, "came_true": came,
        "cutoff": first - pd.Timedelta(days=lead + 1), "total": 1.0,
    }  # fmt: skip


REPLAYS = [
    # warned of at 42 and 14 days: the first counts, once
    replayed(3, "2025-03-17", lead=42, warned=True, came=True),
    replayed(3, "2025-03-17", lead=14, warned=True, came=True),
    replayed(3, "2025-04-14", lead=28, warned=True, came=False),
    replayed(3, "2025-05-12", lead=14, warned=False, came=True),
    replayed(3, "2025-06-09", lead=14, warned=False, came=False),
    replayed(5, "2025-06-09", lead=14, warned=True, came=True),
]


def atlas_row(series_id: int, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "series_id": series_id, "years": 4, "reason": "", "strength": 0.83, "p_value": 0.002, "q_value": 0.004, "is_seasonal": True, "peak_ratio": 2.34,
        "onset_week": 44.0, "onset_week_low": 43.0, "onset_week_high": 45.0, "peak_week": 46.0, "peak_week_low": 46.0, "peak_week_high": 46.0,
        "end_week": 10.0, "end_week_low": 10.0, "end_week_high": 10.0, "works_from_week": 12.0, "works_until_week": 40.0,
    }  # fmt: skip
    return row | changes


def contest_rows() -> pd.DataFrame:
    rows = [(level, model, 8, "2025-10-23", loss, 0.81, 0.02, loss == 0.2) for level in ("category", "district_category", "cell")
            for model, loss in (("mean", 0.4), ("pooled_counts", 0.2))]  # fmt: skip
    return pd.DataFrame(rows, columns=["level", "model", "series_count", "cutoffs", "loss", "coverage_80", "seconds", "is_winner"])


def write(home: Path, snapshot: str) -> None:
    """A foresight with a value in every table."""
    known = [number for number, level in series_rows()[["series_id", "level"]].itertuples(index=False) if level in ("city", "category", "district_category")]
    back = pd.concat([steps(CUTOFF - timedelta(days=279), 280, 1)], ignore_index=True)
    back = back[back["series_id"].isin(known)][["series_id", "day", "mean", "q0.1", "q0.25", "q0.75", "q0.9"]]
    tables = {
        "series": series_rows(),
        "daily": steps(CUTOFF + timedelta(days=1), 90, 1),
        "weekly": steps(date(2025, 11, 17), 52, 7),
        "windows": pd.DataFrame([window(number, start) for number in known for start in ("2025-12-22", "2026-01-19")]),
        "replay": pd.DataFrame(REPLAYS),
        "hindcast": back.assign(cutoff=stamp("2025-02-01")),
        "atlas": pd.DataFrame([atlas_row(1), atlas_row(0, is_seasonal=False, strength=0.1)]),
        "profile": pd.DataFrame({"series_id": np.repeat([0, 1], 52), "week": list(range(52)) * 2, "ratio": 1.0}),
        "contest": contest_rows(),
        "meta": pd.DataFrame({"name": ["snapshot", "cutoff", "calendar"], "value": [snapshot, str(CUTOFF), "CN-BJ"]}),
    }
    write_foresight(Home(home), "20251120-made", tables)


@pytest.fixture
def foresight_home(city_home: Path, clear_caches: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A copy of the small city with a foresight."""
    home = tmp_path / "home"
    shutil.copytree(city_home, home)
    monkeypatch.setenv("WEISU_HOME", str(home))
    version = loaders.pin_version()
    assert version
    write(home, version)
    return home


def texts(app) -> str:
    return "\n".join(str(item.value) for kind in (app.title, app.markdown, app.caption, app.info, app.success, app.warning, app.error) for item in kind)


def counted(day: str = "", *, category: str = "", fine: str = "", district: str = "") -> int:
    """Requests of the small city by its rows: consultations are none."""
    rows = [row for row in small_city.rows() if row["工单类型"] != "咨询" and row["创建时间"].startswith(day)]
    rows = [row for row in rows if row["问题分类"].startswith(category) and row["问题分类"].endswith(fine)]
    return sum(not district or row["被反映区"] == district for row in rows)


# which series


@pytest.mark.parametrize(
    ("selection", "fine", "number"),
    [
        (Selection(), None, 0),
        (Selection(category_1=HEATING), None, 1),
        (Selection(district_code="110101"), None, 2),
        (Selection(district_code="110101", category_1=HEATING), None, 3),
        (Selection(district_code="110101", subdistrict_code="110101001"), None, 4),
        (Selection(subdistrict_code="110101001", category_1=HEATING), None, 5),
        (Selection(category_1=HEATING), "细类1", 6),
    ],
)
def test_the_series_asked_for(selection, fine, number):
    assert explorer.find(series_rows(), selection, fine)["series_id"] == number


def test_a_place_without_a_series():
    assert explorer.find(series_rows(), Selection(district_code="110102", category_1=HEATING), None) is None


# history


@pytest.mark.parametrize(
    ("selection", "fine", "wanted"),
    [
        (Selection(), None, {}),
        (Selection(district_code="110102", category_1=HEATING), None, {"category": HEATING, "district": "西城区"}),
        (Selection(category_1=HEATING), "细类1", {"category": HEATING, "fine": "细类1"}),
    ],
)
def test_history_equals_a_recount(foresight_home, selection, fine, wanted):
    daily = explorer.history(loaders.pin_version(), Scope(Role.PLANNER), selection, fine).set_index("day")["count"]
    assert daily.sum() == counted(**wanted) > 0
    for day in ("2025-10-09", "2025-11-20", "2024-09-01"):
        assert daily[stamp(day)] == counted(day, **wanted)


@pytest.mark.parametrize(("step", "steps_a_line"), [("day", 1), ("week", 7)])
def test_the_busy_line_is_a_multiple_of_the_mean_of_the_last_year(foresight_home, monkeypatch, step, steps_a_line):
    version = loaders.pin_version()
    view = type("V", (), {"version": version, "scope": Scope(Role.PLANNER), "facts": loaders.facts(version)})()
    target = Target(0, "city", Selection(), None, "x", "pooled_counts")
    foresight = foresight_loaders.current(version)
    mean = sum(counted(str(CUTOFF - timedelta(days=back))) for back in range(364)) / 364
    assert explorer.course(view, foresight, target, step).busy == pytest.approx(1.3 * mean * steps_a_line)
    monkeypatch.setattr(explorer, "YEAR_DAYS", 500)
    assert np.isnan(explorer.course(view, foresight, target, step).busy), "the city has 446 days"


def test_weeks_are_whole_and_begin_on_monday():
    days = pd.date_range("2025-11-12", "2025-11-25", unit="us")  # Wednesday to Tuesday
    found = explorer.weekly(pd.DataFrame({"day": days, "count": range(14)}), "count")
    assert found["day"].dt.strftime("%Y-%m-%d").tolist() == ["2025-11-17"]
    assert found["count"].tolist() == [sum(range(5, 12))]


def test_weeks_of_this_year_against_the_mean_day():
    days = pd.date_range("2024-06-01", "2025-01-17", unit="us")
    daily = pd.DataFrame({"day": days, "count": [2.0] * len(days)})
    daily.loc[daily["day"] >= "2025-01-01", "count"] = 4.0
    found = explorer.this_year(daily)
    usual = (2 * (len(days) - 17) + 4 * 17) / len(days)
    assert found.to_dict() == pytest.approx({0: 4 / usual, 1: 4 / usual}), "week 2 has three days only"


# causes


def test_shares_are_whole_percents_that_add_up_and_counts_add_up_to_the_difference():
    windows = pd.DataFrame([window(3, "2025-12-22", share_season=0.3333, share_calendar=0.3333, share_city=0.3334, share_neighbours=0.0, share_own=0.0)])
    row = explorer_figures.cause_frame(windows).iloc[0]
    shares = [row[f"share_{cause}"] for cause in ("season", "calendar", "city", "own")]
    assert sorted(shares) == [0, 33, 33, 34]
    assert row["share_city"] == 34, "the largest remainder is rounded up"
    assert sum(row[f"count_{cause}"] for cause in ("season", "calendar", "city", "own")) == pytest.approx(60.0)
    assert row["change"] == pytest.approx(0.6)


def test_shares_of_no_difference_are_unknown():
    unknown = dict.fromkeys(("share_season", "share_calendar", "share_city", "share_neighbours", "share_own"), float("nan"))
    frame = explorer_figures.cause_frame(pd.DataFrame([window(3, "2025-12-22", expected=100.0, **unknown)]))
    assert frame["share_season"].isna().all()
    assert "相差" not in explorer_sentences.why(frame, season_sentences.CAUSE_NAMES)


def test_why_in_words():
    frame = explorer_figures.cause_frame(pd.DataFrame([window(3, "2025-12-22")]))
    assert explorer_sentences.why(frame, explorer_figures.named_causes("district_category")) == (
        "12月22日–1月18日：预计 160 件，平时 100 件。相差的 +60 件中：季节 +30 件（50%），日历 +15 件（25%），全市趋势 +18 件（30%），本地趋势 -3 件（-5%）。"
        "占比为负的，作用与合计相反。转旺（达到 130 件）的可能约 93%。"
    )


def test_the_city_has_nothing_above_it():
    assert list(explorer_figures.named_causes("city")) == ["season", "calendar", "own"]
    assert list(explorer_figures.named_causes("category_2")) == ["season", "calendar", "city", "own"]
    assert list(explorer_figures.named_causes("district_category")) == ["season", "calendar", "city", "own"]
    assert list(explorer_figures.named_causes("cell")) == ["season", "calendar", "city", "neighbours", "own"]


@pytest.mark.parametrize(("probability", "text"), [(1.0, "超过 99%"), (0.001, "不到 1%"), (0.62, "约 62%")])
def test_no_probability_is_certain(probability, text):
    assert explorer_sentences.chance(probability) == text


# the verdict


def test_verdict_takes_the_bands_of_the_window():
    frame = explorer_figures.cause_frame(pd.DataFrame([window(3, "2025-12-22")]))
    assert (
        explorer_sentences.verdict(frame, pd.DataFrame())
        == "2025年12月22日至2026年1月18日这四周预计 160 件，10 次里约 8 次落在 140–180 件；比近一年均值高 60%。"
    )


def test_verdict_without_windows_adds_means_and_claims_no_band():
    daily = steps(CUTOFF + timedelta(days=1), 90, 1)
    text = explorer_sentences.verdict(pd.DataFrame(), daily[daily["series_id"] == 4])
    assert text.startswith("2025年11月21日至12月18日预计合计约 112 件")
    assert "没有合计的区间" in text


# the year


def test_season_in_dates():
    profile = pd.DataFrame({"week": range(52), "ratio": 1.0, "now": 1.0})
    text = explorer_sentences.season(Season(profile, pd.Series(atlas_row(1)), ""), 2025)
    # week 44 begins 308 days after 1 January, week 46 322; week 10 ends on day 77 of the year; works: weeks 12 to 40
    assert "约 11月5日（80%区间 10月29日–11月12日）转旺" in text
    assert "11月19日–25日最高（平滑后为全年均值的 2.3 倍）" in text
    assert "3月18日前后回落" in text
    assert "每年重复的占 83%" in text
    assert "窗口约为 3月26日至 10月14日" in text


@pytest.mark.parametrize(
    ("changes", "words_of_it"),
    [
        ({"reason": "history is shorter than three years", "years": 1}, "历史不足三年（现有 1 个整年），不判断季节"),
        ({"reason": "fewer than one ticket a week"}, "每周不足一件，不判断季节"),
        ({"is_seasonal": False, "strength": 0.1}, "没有明显而稳定的旺季"),
    ],
)
def test_why_there_is_no_season(changes, words_of_it):
    assert words_of_it in explorer_sentences.season(Season(pd.DataFrame(), pd.Series(atlas_row(1, **changes)), ""), 2025)


def test_a_subdistrict_is_shown_the_season_of_the_city(foresight_home):
    assert explorer_sentences.season(_season_of("110101001"), 2025).startswith("街乡镇不单独估计季节，以下为全市同类问题：")


def _season_of(code: str) -> Season:
    version = loaders.pin_version()
    view = type("V", (), {"version": version, "scope": Scope(Role.SUBDISTRICT, code), "facts": loaders.facts(version)})()
    target = Target(5, "cell", Selection(subdistrict_code=code, category_1=HEATING), None, "x", "share_of_parent")
    return explorer.season(view, foresight_loaders.current(version), target)


# odd days


def odd_inputs() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    days = pd.date_range("2025-11-01", "2025-11-20", unit="us")
    daily = pd.DataFrame({"day": days, "count": [50] * 20})
    daily.loc[daily["day"] == "2025-11-03", "count"] = 80  # 20 beyond 60
    daily.loc[daily["day"] == "2025-11-05", "count"] = 10  # 30 below 40
    daily.loc[daily["day"] == "2025-11-07", "count"] = 0  # 40 below, and nothing at all
    daily.loc[daily["day"] == "2025-11-09", "count"] = 60  # at the end of the band: inside
    back = pd.DataFrame({"day": days[:10], "mean": 50.0, "q0.1": 40.0, "q0.9": 60.0})
    marks = pd.DataFrame({"label": ["供暖季", "小节"], "start": [stamp("2025-11-01"), stamp("2025-11-05")], "end": [stamp("2026-03-15"), stamp("2025-11-06")]})
    return daily, back, marks


def test_odd_days_are_outside_the_band_farthest_first():
    found, known = explorer_figures.odd_days(*odd_inputs(), CUTOFF)
    assert known == 10
    assert found["day"].dt.day.tolist() == [7, 5, 3]
    assert found["excess"].tolist() == [-40, -30, 20]
    assert found["is_silent"].tolist() == [True, False, False]
    assert found["mark"].tolist() == ["", "小节", "供暖季"], "of a season only its first three days"
    table = explorer_figures.odd_table(found)
    assert table["日历与大事"].tolist() == ["数据可能未送达", "小节", "供暖季"]
    assert table["超出区间"].tolist() == ["▼ 少 40", "▼ 少 30", "▲ 多 20"]
    assert "近一年有回放的 10 天中 3 天（30.0%）" in explorer_sentences.odd(found, known)


def test_days_after_the_cut_off_and_older_than_a_year_are_not_odd():
    daily, back, marks = odd_inputs()
    assert explorer_figures.odd_days(daily, back, marks, date(2025, 11, 4))[0]["day"].dt.day.tolist() == [3]
    assert explorer_figures.odd_days(daily, back, marks, date(2026, 11, 4))[1] == 5, "6 to 10 November 2025 are within 364 days"


# the figure


def test_bands_are_drawn_from_the_quantiles_and_the_past_from_counts():
    ahead = steps(date(2025, 11, 21), 3, 1).head(3)
    past = pd.DataFrame({"day": pd.date_range("2025-11-18", periods=3, unit="us"), "count": [7, 8, 9]})
    back = past[["day"]].assign(mean=5.0, **{"q0.1": 3.0, "q0.9": 8.5})
    shown = Course("day", CUTOFF, past, back, ahead, 9.5)
    marks = pd.DataFrame({"label": ["小节"], "start": [stamp("2025-11-22")], "end": [stamp("2025-11-22")], "kind": ["holiday"]})
    figure = explorer_figures.course_figure(shown, marks)
    by_name = {(trace.name, trace.fill): list(trace.y) for trace in figure.data}
    assert by_name["80%区间", None] == [2] * 3
    assert by_name["80%区间", "tonexty"] == [6] * 3
    assert by_name["50%区间", None] == [3] * 3
    assert by_name["50%区间", "tonexty"] == [5] * 3
    assert by_name["预计（中位）", None] == [4] * 3
    assert by_name["实际", None] == [7, 8, 9]
    assert by_name["转旺线", None] == [9.5] * 2
    assert "小节" in [note.text for note in figure.layout.annotations]
    text = explorer_sentences.course(shown, marks)
    assert "3 天里有 66.7%的实际落在其中" in text, "9 lies above 8.5"
    assert "期间有小节（11月22日）" in text
    table = explorer_figures.course_table(shown)
    assert table["日期"].tolist()[0] == "2025-11-23"
    assert table.loc[table["日期"] == "2025-11-20", ["实际", "预计", "80%区间"]].to_numpy().tolist() == [[9, 5, "3–8"]]


def test_rare_requests_have_no_highest_day():
    ahead = steps(date(2025, 11, 21), 3, 1).head(3).assign(mean=[0.1, 0.2, 0.3], **{"q0.5": 0.0, "q0.9": [0, 1, 1]})
    past = pd.DataFrame({"day": pd.date_range("2025-11-18", periods=3, unit="us"), "count": [0, 1, 0]})
    shown = Course("day", CUTOFF, past, past.head(0).assign(mean=0.0), ahead, float("nan"))
    marks = explorer.marks_of("none", CUTOFF, CUTOFF)
    assert explorer_sentences.course(shown, marks).startswith("件数很少：未来 3 天平均每天 0.20 件，最多的一天 10 次里约 9 次不超过 1 件。")
    assert "转旺线" not in [trace.name for trace in explorer_figures.course_figure(shown, marks).data], "there is no year of history"


# the page


@pytest.mark.parametrize("role", OPEN_TO)
def test_every_role_but_departments(open_page, foresight_home, role):
    app = open_page(PAGE, home=foresight_home, role=role)
    assert not app.exception
    assert not app.error, [item.value for item in app.error]
    assert app.title[0].value == "预测查询"
    for part in ("过去与未来", "为什么", "往年走势", "异常日", "模型与成绩"):
        assert f"##### {part}" in texts(app)


def test_departments_are_refused(open_page):
    app = open_page(role="委办局")
    with pytest.raises(ValueError, match="explorer"):
        app.switch_page(PAGE).run()


def opened(open_page, home: Path, switches: dict[str, str] | None = None, **picks: str):
    """The page with its pickers set, by code, as the home page keeps those of the address for itself."""
    identity = {key: picks.pop(key) for key in ("role", "unit") if key in picks}
    app = open_page(PAGE, home=home, **identity, **(switches or {}))
    for key, value in picks.items():
        app = app.selectbox(key=key).select(value).run()
    return app


def test_a_district_with_a_category_by_week_as_lists(open_page, foresight_home):
    lists = {"step": "周", "course_as": "列表", "causes_as": "列表", "season_as": "列表"}
    app = opened(open_page, foresight_home, lists, role="规划专班", district="110101", category=HEATING)
    assert not app.error, [item.value for item in app.error]
    text = texts(app)
    assert "**东城区 · 供暖问题**" in text
    assert "四周预计 160 件" in text
    assert "过去 4 个四周窗口里发出预警 2 次，命中 1、误报 1；另有 1 个旺的窗口没有报出。命中的平均提前 6.0 周" in text
    weeks = next(item.value for item in app.dataframe if "周一" in item.value)
    week = [f"2025-11-{day}" for day in range(10, 17)]
    assert weeks.loc[weeks["周一"] == "2025-11-10", "实际"].item() == sum(counted(day, category=HEATING, district="东城区") for day in week)


def test_a_series_without_windows_or_past_says_so(open_page, foresight_home):
    app = opened(open_page, foresight_home, role="街乡镇", unit="110101001", category=HEATING)
    assert not app.error, [item.value for item in app.error]
    text = texts(app)
    assert "没有合计的区间" in text
    assert "causes_as" not in {group.key for group in app.button_group}, "there is nothing to show as chart or list"
    assert "season_as" in {group.key for group in app.button_group}
    assert "不判断四周窗口，也就不拆分原因" in text
    assert "不保留过去的逐日预测" in text
    assert "由“按上级份额”预测" in text


def test_a_place_without_requests_of_a_category(open_page, foresight_home):
    app = opened(open_page, foresight_home, role="规划专班", district="110102", category=HEATING)
    assert "没有诉求记录，因此没有预测" in app.info[0].value


def test_before_the_first_foresight(open_page):
    app = open_page(PAGE, role="规划专班")
    assert app.info[0].value == "预测正在生成或尚未生成：python manage.py foresee"
    assert not app.error


def test_a_foresight_of_older_data_says_so(open_page, foresight_home):
    write(foresight_home, "another")
    app = open_page(PAGE, home=foresight_home, role="规划专班")
    assert "预测基于截至 2025年11月20日 的数据" in texts(app)


def test_a_district_cannot_ask_for_another(foresight_home):
    version = foresight_loaders.current(loaders.pin_version())
    assert isinstance(version, Foresight)
    with pytest.raises(ScopeError):
        foresight_loaders.ahead(version.version, Scope(Role.DISTRICT, "110101"), 7, "daily")
