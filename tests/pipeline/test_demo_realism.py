"""The demo city against the texts it is modelled on: every figure with its source and tolerance, on a smaller sample.

The expected values are written here again from the field's texts (docs/demo_city.md names them), not read from the tables
the generator uses: a slip in a table shows. Shares are in percent, indices have mean 1.
"""

from __future__ import annotations

import json
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.demo.assumptions import load_assumptions
from pipeline.demo.city import build_city
from pipeline.demo.make import _batches, write_files
from pipeline.demo.part import Order, planned
from pipeline.demo.truths import truth_list

pytestmark = pytest.mark.slow

ORDER = Order(240_000, date(2026, 6, 30), 20)
REQUESTS = ("诉求", "投诉", "求助", "举报")
DAY = pd.Timedelta(days=1)

INTAKE_INDEX = [0.95, 0.80, 0.95, 0.93, 0.97, 1.00, 1.10, 1.12, 1.02, 0.97, 1.14, 1.05]
REQUEST_INDEX = [0.98, 0.76, 0.99, 0.98, 1.02, 1.10, 1.18, 1.12, 1.01, 0.92, 1.03, 0.91]
SHARES = {"市场管理": 14.0, "住房": 10.7, "公共服务": 9.3, "医疗卫生": 8.6, "城乡建设": 7.4, "交通管理": 6.8, "社会秩序": 6.6, "市容环卫": 6.0}
SHARES |= {"劳动和社会保障": 5.1, "教育": 5.0}
DISTRICTS = {"朝阳区": 18.5, "海淀区": 12.8, "丰台区": 9.9, "西城区": 5.8, "东城区": 4.6, "石景山区": 3.4, "昌平区": 9.0, "通州区": 7.8, "大兴区": 6.3}
DISTRICTS |= {"房山区": 5.7, "顺义区": 4.9, "密云区": 2.6, "怀柔区": 2.2, "平谷区": 2.2, "门头沟区": 2.2, "延庆区": 2.1}


@pytest.fixture(scope="module")
def tickets(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """All delivered rows of the sample, categories split."""
    folder = tmp_path_factory.mktemp("demo")
    paths = [path for files in _batches(ORDER) for path in write_files(ORDER, files, folder)[0]]
    frame = pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)
    for path in paths:
        path.unlink()
    for name in frame.columns[frame.dtypes == "category"]:
        frame[name] = frame[name].astype("str")
    split = frame["问题分类"].str.split("->", expand=True)
    day, month = frame["创建时间"].dt.normalize(), frame["创建时间"].dt.to_period("M")
    return frame.assign(one=split[0], two=split[1], three=split[2], day=day, month=month)


@pytest.fixture(scope="module")
def requests(tickets: pd.DataFrame) -> pd.DataFrame:
    return tickets[tickets["工单类型"].isin(REQUESTS)]


@pytest.fixture(scope="module")
def truths() -> dict[str, dict[str, Any]]:
    plan, planted = planned(ORDER)
    found = truth_list(load_assumptions(), build_city(), plan, planted)
    return {item["key"]: json.loads(json.dumps(item)) for item in found}


def index_of(rows: pd.DataFrame, year: int) -> np.ndarray:
    counts = rows[rows["day"].dt.year == year].groupby("month").size().to_numpy(dtype="float64")
    return counts / counts.mean()


def rate(rows: pd.DataFrame, column: str, good: tuple[str, ...]) -> float:
    answers = rows.loc[(rows["是否参评"] == "是"), column].dropna()
    answers = answers[~answers.isin(["nan", "未评价"])]
    return float(answers.isin(good).mean())


def test_three_and_a_half_years_of_so_many_requests(tickets: pd.DataFrame, requests: pd.DataFrame) -> None:
    """--tickets counts 诉求; they are 38-42 % of intake (§0.3: 41.5 %); numbers are unique."""
    assert len(requests) == ORDER.tickets
    assert 0.38 <= len(requests) / len(tickets) <= 0.42
    assert tickets["工单编号"].is_unique
    assert (tickets["day"].min(), tickets["day"].max()) == (pd.Timestamp("2022-12-01"), pd.Timestamp("2026-06-30"))
    assert ((tickets["工单类型"] == "咨询").sum() / (~tickets["工单类型"].isin(REQUESTS)).sum()) > 0.9


@pytest.mark.parametrize("year", [2023, 2024, 2025])
def test_all_intake_has_the_months_of_the_texts(tickets: pd.DataFrame, year: int) -> None:
    """§4.4, every month within 0.03; quarters of 2024: Q3 1.15 and Q4 1.14 of the first half, within 0.04."""
    found = index_of(tickets, year)
    assert found == pytest.approx(INTAKE_INDEX, abs=0.03)
    assert found[6:9].mean() / found[:6].mean() == pytest.approx(1.15, abs=0.04)
    assert found[9:].mean() / found[:6].mean() == pytest.approx(1.14, abs=0.04)


def test_requests_have_their_season_and_growth(requests: pd.DataFrame) -> None:
    """§3.4: the implied index with 1 % growth a month, mean of three years, within 0.07; 2024 to 2025 +12.7 %, within 3 points."""
    grown = np.array(REQUEST_INDEX) * 1.01 ** np.arange(12)
    found = np.mean([index_of(requests, year) for year in (2023, 2024, 2025)], axis=0)
    assert found == pytest.approx(grown / grown.mean(), abs=0.07)
    years = requests["day"].dt.year.value_counts()
    assert years[2025] / years[2024] == pytest.approx(1.127, abs=0.03)


def test_spring_festival_moves_the_trough_and_unpaid_wages(requests: pd.DataFrame) -> None:
    """§7.2: the week of the festival lies below 70 % of January and February (assumed); wages peak in the four weeks before it."""
    for start in ("2023-01-22", "2024-02-10", "2025-01-29", "2026-02-17"):
        first = pd.Timestamp(start)
        daily = requests[(requests["month"] >= f"{first.year}-01") & (requests["month"] <= f"{first.year}-02")].groupby("day").size()
        assert daily[first : first + 5 * DAY].mean() < 0.7 * daily.mean()
        wages = requests[requests["two"] == "拖欠工资"].groupby("day").size()
        before, after = wages[first - 28 * DAY : first - DAY].sum(), wages[first + 7 * DAY : first + 34 * DAY].sum()
        assert before > 2 * after


def test_top_ten_categories(requests: pd.DataFrame) -> None:
    """§3.4 and §4.2: first levels within 0.7 points of their share, and the ten largest are these ten."""
    found = requests["one"].value_counts(normalize=True) * 100
    assert set(found.index[:10]) == set(SHARES)
    for name, share in SHARES.items():
        assert found[name] == pytest.approx(share, abs=0.7), name


def test_districts(requests: pd.DataFrame) -> None:
    """§4.3, within 0.4 points; the six central districts 55 % together, within 1."""
    found = requests["被反映区"].value_counts(normalize=True) * 100
    for name, share in DISTRICTS.items():
        assert found[name] == pytest.approx(share, abs=0.4), name
    assert found[["东城区", "西城区", "朝阳区", "丰台区", "石景山区", "海淀区"]].sum() == pytest.approx(55.0, abs=1.0)


def test_streets_are_heavy_tailed(requests: pd.DataFrame) -> None:
    """All 343 have requests; the largest tenth has 25-40 % of them (assumed)."""
    counts = requests.groupby(["被反映区", "被反映街乡镇"]).size().drop("nan", level=1, errors="ignore").sort_values(ascending=False)
    assert len(counts) == 343
    assert 0.25 <= counts.iloc[:34].sum() / counts.sum() <= 0.40


def test_hours_peak_from_nine_and_from_two(requests: pd.DataFrame) -> None:
    """§4.4: peaks 9-11 and 14-16; nights are quiet but not empty."""
    found = requests["创建时间"].dt.hour.value_counts(normalize=True).sort_index()
    assert set(found.nlargest(4).index) == {9, 10, 14, 15}
    assert found[12] < 0.75 * found[10]
    assert 0 < found[3] < 0.01


def test_midweek_above_weekend(requests: pd.DataFrame) -> None:
    """§4.4 says midweek above weekend; 1.10 to 1.40 is assumed."""
    daily = requests.groupby("day").size()
    weekday = daily.index.day_of_week
    assert 1.10 <= daily[(weekday >= 1) & (weekday <= 3)].mean() / daily[weekday >= 5].mean() <= 1.40


def test_heating_starts_with_a_spike_that_halves(requests: pd.DataFrame) -> None:
    """§4.4: 1600 on 7 November 2020 to 413 on the 14th, a half-life of 3.6 days; within 0.6 over three starts of two days each."""
    daily = requests[requests["two"] == "供暖"].groupby("day").size()
    starts = [pd.Timestamp(year, 11, 7) for year in (2023, 2024, 2025)]
    first = sum(daily[day : day + DAY].sum() for day in starts)
    later = sum(daily[day + 7 * DAY : day + 8 * DAY].sum() for day in starts)
    assert 7 * np.log(2) / np.log(first / later) == pytest.approx(3.6, abs=0.6)
    assert daily[starts[0]] > 3 * daily[starts[0] - 2 * DAY]


def test_catkins_fly_in_three_waves(requests: pd.DataFrame) -> None:
    """§7.2: 4 April to 22 May (the indices of §3.4 leave a tenth outside); three peaks stand out from the days between."""
    rows = requests[requests["two"] == "杨柳飞絮"]
    of_year = rows["day"].dt.strftime("%m-%d")
    assert of_year.between("04-04", "05-22").mean() > 0.85

    def mean(first: str, last: str) -> float:
        days = pd.date_range(f"2023-{first}", f"2023-{last}")
        return float(of_year.isin(days.strftime("%m-%d")).sum() / len(days))

    between = max(mean("04-20", "04-23"), mean("05-08", "05-10"))
    assert min(mean("04-10", "04-14"), mean("04-28", "05-02"), mean("05-14", "05-18")) > 1.8 * between


def test_storm_of_july_2023(requests: pd.DataFrame) -> None:
    """§4.4: of the rain requests 48 % leaks and 20 % water on roads, within 8 points; 28 thousand beside about 70 thousand ordinary ones in three days."""
    storm = requests[requests["创建时间"].between("2023-07-29 15:00", "2023-08-01 15:00")]
    before = requests[requests["day"].between("2023-07-14", "2023-07-27")]
    extra = (storm.groupby("two").size() / 3).sub(before.groupby("two").size() / 14, fill_value=0)
    usual = len(before) / 14
    more = len(storm) / 3 - usual
    assert 0.25 <= more / usual <= 0.60
    assert extra["漏雨"] / more * 100 == pytest.approx(48, abs=8)
    assert (extra["积水"] + extra["排水管道"]) / more * 100 == pytest.approx(20, abs=8)


def test_channels(tickets: pd.DataFrame) -> None:
    """§4.1: telephone 89.14 % in 2021 and falling slowly: 84-89 %; WeChat most of the rest."""
    found = tickets["渠道"].value_counts(normalize=True)
    assert 0.84 <= found["电话"] <= 0.89
    assert found["微信"] / (1 - found["电话"]) > 0.6


@pytest.mark.parametrize(
    ("year", "response", "resolution", "satisfaction"),
    [(2023, 0.983, 0.951, 0.959), (2024, 0.986, 0.967, 0.970), (2025, 0.989, 0.971, 0.975)],
)
def test_three_rates_improve(requests: pd.DataFrame, year: int, response: float, resolution: float, satisfaction: float) -> None:
    """§4.1: June 2024 96.77/97.10, December 97.0/97.3, November 2025 97.2/97.6, response 98-99; years within 0.6 points."""
    rows = requests[requests["day"].dt.year == year]
    assert rate(rows, "是否响应", ("是",)) == pytest.approx(response, abs=0.006)
    assert rate(rows, "是否解决", ("解决",)) == pytest.approx(resolution, abs=0.006)
    assert rate(rows, "是否满意", ("满意", "基本满意")) == pytest.approx(satisfaction, abs=0.006)


def test_rates_differ_by_category(requests: pd.DataFrame) -> None:
    """Property certificates are hard, litter is easy (assumed)."""
    assert rate(requests[requests["two"] == "房产证"], "是否解决", ("解决",)) < rate(requests[requests["two"] == "垃圾"], "是否解决", ("解决",)) - 0.02


def test_handling_runs_in_order(requests: pd.DataFrame) -> None:
    """Accepted, dispatched, signed, responded, closed, followed up; the end of the data is open work."""
    steps = ["创建时间", "派单时间", "签收时间", "首次响应时间", "办结时间", "回访时间"]
    for earlier, later in pairwise(steps):
        known = requests[requests[later].notna()]
        assert (known[later] >= known[earlier]).all(), later
    assert (requests[steps].max() < pd.Timestamp("2026-07-01")).all()
    last_week = requests["day"] > pd.Timestamp("2026-06-23")
    assert requests.loc[last_week, "办结时间"].isna().mean() > 0.3
    assert requests.loc[~last_week, "办结时间"].isna().mean() < 0.02
    assert 0.01 <= (requests["办结时间"] > requests["办理时限"]).mean() <= 0.06
    hours = (requests["办理时限"] - requests["派单时间"]).dt.total_seconds() / 3600
    assert set(hours.dropna().round(3)) == {2, 24, 168, 360}


def test_units_beside_streets(requests: pd.DataFrame) -> None:
    """§0.1: streets, departments and state firms; streets about two thirds (assumed)."""
    units = pd.read_csv(Path(__file__).resolve().parents[2] / "cities/demo/units.csv", comment="#").set_index("name")["kind"]
    kinds = requests["承办单位"].map(units).fillna("街乡镇").value_counts(normalize=True)
    assert units.value_counts().to_dict() == {"委办局": 65, "国企": 49}
    assert 0.58 <= kinds["街乡镇"] <= 0.75
    assert kinds["委办局"] > kinds["国企"] > 0.03


def test_repeat_groups_are_one_caller_and_one_matter(requests: pd.DataFrame) -> None:
    grouped = requests[requests["重复来电组"].notna()].groupby("重复来电组")
    for name in ("来电人电话/账号", "three", "被反映街乡镇"):
        assert grouped[name].agg(lambda own: set(own.dropna()) - {"nan"}).map(len).max() == 1, name
    assert (grouped.size() >= 2).all()
    assert 0.05 <= (requests["多次来电次数"] > 1).mean() <= 0.10


def test_texts_name_the_place_and_the_wish(requests: pd.DataFrame) -> None:
    """Contents hold street and place, vary, and hold nothing that looks like a telephone number."""
    rows = requests[requests["小区点位"].notna()].iloc[:5000]
    assert all(street in text and place in text for street, place, text in zip(rows["被反映街乡镇"], rows["小区点位"], rows["主要内容"], strict=True))
    assert rows["主要内容"].str.contains("希望|请|要求").all()
    assert not rows["主要内容"].str.contains(r"\d{5}").any()
    assert rows["主要内容"].nunique() > 0.95 * len(rows)
    assert rows["标题"].str.len().median() <= 16


def test_hotspots_stand_out(requests: pd.DataFrame, truths: dict[str, dict[str, Any]]) -> None:
    for truth in (item for item in truths.values() if item["kind"] == "hotspot"):
        own = requests[(requests["被反映街乡镇"] == truth["subdistrict"]) & (requests["three"] == truth["category_3"])]
        length = pd.Timestamp(truth["to"]) - pd.Timestamp(truth["from"])
        inside = own["创建时间"].between(truth["from"], truth["to"]).sum() / (length / DAY)
        outside = (~own["创建时间"].between(truth["from"], truth["to"])).sum() / ((requests["day"].max() - requests["day"].min() - length) / DAY)
        assert inside > 4 * outside, truth["key"]
        assert truth["count"] * 0.9 <= inside * (length / DAY) <= truth["count"] * 1.6 + 8


def test_emerging_problem_is_new_and_grows(requests: pd.DataFrame, truths: dict[str, dict[str, Any]]) -> None:
    truth = truths["emerging_delivery_carts"]
    rows = requests[requests["three"] == truth["category_3"]]
    assert rows["day"].min() >= pd.Timestamp(truth["from"])
    thirds = pd.cut(rows["day"], pd.date_range(truth["from"], truth["to"], periods=4), include_lowest=True).value_counts(sort=False).to_numpy()
    assert thirds[0] < thirds[1] < thirds[2]
    assert thirds[2] > 20


def test_group_complaints_are_many_callers_in_two_days(requests: pd.DataFrame, truths: dict[str, dict[str, Any]]) -> None:
    for truth in (item for item in truths.values() if item["kind"] == "group"):
        rows = requests[requests["小区点位"].isin(truth["places"]) & requests["创建时间"].between(truth["from"], truth["to"])]
        rows = rows[rows["three"] == truth["category_3"]]
        assert rows["来电人电话/账号"].nunique() >= 0.95 * truth["count"] >= 50
        assert pd.Timestamp(truth["to"]) - pd.Timestamp(truth["from"]) <= pd.Timedelta(hours=48)


@pytest.mark.parametrize(("key", "volume", "better"), [("governed_worked", (0.30, 0.55), True), ("governed_no_effect", (0.88, 1.12), False)])
def test_governed_topics(requests: pd.DataFrame, truths: dict[str, dict[str, Any]], key: str, volume: tuple[float, float], better: bool) -> None:
    """Against all other requests, same season a year apart."""
    truth = truths[key]
    after = requests[requests["day"] > pd.Timestamp(truth["complete"])]
    same_days = requests["day"].between(pd.Timestamp(truth["complete"]) - 365 * DAY, requests["day"].max() - 365 * DAY)
    before = requests[same_days & (requests["day"] <= pd.Timestamp(truth["from"]))]
    shares = [(rows["three"] == truth["category_3"]).mean() for rows in (before, after)]
    rates = [rate(rows[rows["three"] == truth["category_3"]], "是否解决", ("解决",)) for rows in (requests[requests["day"] < truth["from"]], after)]
    assert volume[0] <= shares[1] / shares[0] <= volume[1]
    assert (rates[1] - rates[0] > 0.025) == better


def test_rising_streets_enter_the_top_ten(requests: pd.DataFrame, truths: dict[str, dict[str, Any]]) -> None:
    last = requests[requests["month"] == requests["month"].max()]["被反映街乡镇"].value_counts()
    year_before = requests[requests["day"].between("2025-01-01", "2025-12-31")]["被反映街乡镇"].value_counts()
    for truth in (item for item in truths.values() if item["kind"] == "rising"):
        assert last.index.get_loc(truth["subdistrict"]) < 10, truth
        assert year_before.index.get_loc(truth["subdistrict"]) >= 20, truth


def test_recovering_streets(requests: pd.DataFrame, truths: dict[str, dict[str, Any]]) -> None:
    """First in the top of the city with low rates, then down to the planted part with rates near the city's."""
    for truth in (item for item in truths.values() if item["kind"] == "recovering"):
        own = requests[(requests["被反映街乡镇"] == truth["subdistrict"]) & (requests["被反映区"] == truth["district"])]
        early, late = own[own["month"] < truth["from"]], own[own["month"] > truth["complete"]]
        everyone = [(requests["month"] < truth["from"]).sum(), (requests["month"] > truth["complete"]).sum()]
        assert (len(late) / everyone[1]) / (len(early) / everyone[0]) == pytest.approx(truth["factor"], rel=0.2)
        ranks = requests[requests["month"] < truth["from"]]["被反映街乡镇"].value_counts().index
        assert ranks.get_loc(truth["subdistrict"]) < 6
        assert rate(late, "是否解决", ("解决",)) > rate(early, "是否解决", ("解决",)) + 0.02
