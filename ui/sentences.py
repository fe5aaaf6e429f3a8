"""Generated sentences: what a chart shows, for the caption under it and for its ``alt``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.rates import RATE_COUNTS
from ui import words
from ui.words import _

if TYPE_CHECKING:
    import pandas as pd

    from governance.periods import Period
    from storage.reads import Facts

__all__ = ["columns_shown", "marked", "no_boundaries", "places", "problems", "ranking", "schematic", "thin_months", "units", "volume", "volume_chart"]


MARKS_SAID = 4


def thin_months(known: Facts, period: Period, *, is_default: bool) -> str:
    """Why the first view is not the newest data, or that a chosen period lies in months of few tickets; else empty."""
    if known.filled_until == known.data_until:
        return ""
    if period.start > known.filled_until:
        return _("{month}之后数据很少，所选时段的数字仅供参考。").format(month=words.month(known.filled_until))
    if not is_default:
        return ""
    return _("数据截至 {day}；{month}之后各月数据很少，默认显示 {period}。").format(
        day=words.day(known.data_until), month=words.month(known.filled_until), period=words.period_name(period)
    )


def places(frame: pd.DataFrame, word: str, unplaced: int) -> str:
    """Which area has most requests, out of how many, and how many tickets are on no area."""
    return _areas(frame, word) + _("未落图 {n} 件（地点不在区划表中，已计入总数）。").format(n=words.exact(unplaced))


def schematic() -> str:
    """What the map is drawn from where no official boundaries are installed."""
    return _("地图为示意边界，由中心点和面积推算，不是行政区界线。")


def _areas(frame: pd.DataFrame, word: str) -> str:
    if frame.empty:
        return _("所选范围内没有{word}。").format(word=word)
    top = frame.iloc[0]
    return _("{n} 个{word}中，诉求量最多的是{name}（{count} 件）。").format(n=len(frame), word=word, name=top["name"], count=words.exact(top["request_count"]))


LISTED = 10
"""A problem is on the list while it is among the first ten."""


def is_new(rank: pd.Series, before: pd.Series) -> pd.Series:
    """Whether a problem is new on the list: not there before, or not among the first ten."""
    return before.isna() | ((rank <= LISTED) & (before > LISTED))


def problems(frame: pd.DataFrame) -> str:
    """The first problem, and how many are new among the first."""
    top = frame.iloc[0]
    new = int((is_new(frame["rank"], frame["rank_before"]) & frame["before_count"].notna()).sum())
    text = _("诉求最多的问题是{name}（{count} 件，环比 {change}）").format(
        name=top["problem"], count=words.exact(top["request_count"]), change=words.relative(top["change_before"])
    )
    return text + (_("；新上榜 {n} 类。").format(n=new) if new else _("。"))


def ranking(frame: pd.DataFrame) -> str:
    """By what, and on which level of the categories, problems are ranked."""
    return _("按诉求量 · 二级分类") if frame.attrs.get("level") == 2 else _("按诉求量 · 一级分类")


def marked(marks: pd.DataFrame) -> str:
    """What is marked on the chart: holidays and seasons with their days; empty where there are none."""
    rows = marks.head(MARKS_SAID)
    days = [words.short_span(first.date(), last.date()) for first, last in zip(rows["start"], rows["end"], strict=True)]
    spans = [_("{label}（{days}）").format(label=label, days=span) for label, span in zip(rows["label"], days, strict=True)]
    more = _("等") if len(marks) > MARKS_SAID else ""
    return _("图中标出：{spans}{more}。").format(spans=_("、").join(spans), more=more) if spans else ""


def volume_chart(frame: pd.DataFrame, marks: pd.DataFrame) -> str:
    """What the volume chart shows, for those who do not see it."""
    return volume(frame) + marked(marks)


def volume(frame: pd.DataFrame) -> str:
    """Total and peak of the chart, beside a year ago where known."""
    peak = frame.loc[frame["request_count"].idxmax()]
    text = _("图中诉求量共 {total} 件，最高为 {day} 起的 {count} 件").format(
        total=words.exact(frame["request_count"].sum()), day=words.day(peak["start"].date()), count=words.exact(peak["request_count"])
    )
    past = frame["year_ago_count"]
    return text + (_("；去年同期共 {past} 件。").format(past=words.exact(past.sum())) if past.notna().any() else _("；数据未覆盖去年同期。"))


def units(frame: pd.DataFrame, small_base: int) -> str:
    """How many units, and for how many of them the rates rest on too few answers."""
    few = int(frame["resolution_base_count"].between(1, small_base - 1).sum())
    none = int((frame["resolution_base_count"] == 0).sum())
    return _("共 {n} 个单位，其中样本不足（有效回访少于 {base} 件）的 {few} 个，无回访的 {none} 个。").format(n=len(frame), base=small_base, few=few, none=none)


def columns_shown(frame: pd.DataFrame) -> str:
    """What stands beside each unit; the rates only where somebody was asked."""
    asked = frame[list(RATE_COUNTS)].notna().any(axis=None)
    return _("件数与三率并列") if asked else _("本时段无回访，三率不计算")


def no_boundaries(known: Facts, word: str) -> str:
    """Why there is no map, and what to bring."""
    return _(
        "{city}尚未安装{word}边界，地图暂不显示，列表照常可用。请管理员带上边界文件（GeoJSON，EPSG:4326，含代码列）运行："
        "`python manage.py ingest 工单文件 --city {code} --boundaries 边界.geojson`"
    ).format(city=known.city_name, word=word, code=known.city_code)
