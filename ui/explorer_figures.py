"""Figures of 预测查询 and their table twins: history with bands ahead, what makes the windows differ, the course of the year, odd days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecasts.early_warnings import CAUSES
from governance import rates
from ui import figures, theme, words
from ui.season_sentences import CAUSE_NAMES
from ui.words import _

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from ui.explorer import Course, Season

__all__ = [
    "DAYS_OF_A_WEEK",
    "HEIGHT",
    "SMALL",
    "YEAR_DAYS",
    "cause_figure",
    "cause_frame",
    "cause_table",
    "contest_table",
    "course_figure",
    "course_table",
    "named_causes",
    "odd_days",
    "odd_table",
    "season_figure",
    "season_table",
    "week_start",
]

OWN_LEVEL = _("自身水平")
CAUSE_COLOURS = {"season": theme.NOW, "calendar": theme.ACCENT, "city": theme.SEQUENTIAL[1], "neighbours": theme.SEQUENTIAL[3], "own": theme.COMPARISON}
HEIGHT, SMALL = 340, 280
MONTH_TICKS = 6
LABEL_ROOM, LABEL_ROWS = 0.037, 4
"""Share of the width that a character of an event's name takes on a phone; names without room in so many rows are left out."""

PASSED_OVER = frozenset({"school", "commerce", "labour"})
"""Kinds of events that are marked ahead alone: a year of them would shade the chart."""

SHADED = timedelta(days=12)
"""What lasts as long or longer is a season: only its beginning is marked, and only its first days are odd because of it."""

DAYS_OF_A_WEEK, YEAR_DAYS, LAST_WEEK = 7, 364, 51
SILENT_BELOW = 20.0
"""Requests a day; where more are usual, a day without any was not delivered."""

WEEKDAYS = tuple(_("一二三四五六日"))


def _tint(colour: str, share: float) -> str:
    """A colour let through by so much."""
    parts = ",".join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))
    return f"rgba({parts},{share})"


def _band(days: pd.Series, low: pd.Series, high: pd.Series, name: str, fill: str, hover: str | None = None) -> list[dict[str, Any]]:
    """The two edges of a band, the upper one filled down to the lower."""
    edge: dict[str, Any] = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "x": days, "legendgroup": name}
    told = {"customdata": pd.DataFrame({"low": low, "high": high}), "hovertemplate": hover} if hover else {"hoverinfo": "skip"}
    lower = edge | {"y": low, "name": name, "showlegend": False, "hoverinfo": "skip"}
    return [lower, edge | {"y": high, "name": name, "fill": "tonexty", "fillcolor": fill} | told]


def course_figure(shown: Course, marks: pd.DataFrame, height: int = HEIGHT) -> go.Figure:
    """What came (line), the band that was said before (grey), and the bands ahead with their middle (dashed); events are marked.

    Parameters
    ----------
    marks
        ``label``, ``start``, ``end``, ``kind``.
    """
    past, back, ahead = shown.past, shown.back, shown.ahead
    traces: list[dict[str, Any]] = []
    if "q0.1" in back:
        hover = "%{customdata[0]:,.0f}–%{customdata[1]:,.0f}"
        traces += _band(back["day"], back["q0.1"], back["q0.9"], _("当时的80%区间"), _tint(theme.COMPARISON, 0.35), hover) if len(back) else []
    elif len(back):
        dotted = {"color": theme.COMPARISON, "width": 2, "dash": "dot"}
        traces.append({"type": "scatter", "mode": "lines", "x": back["day"], "y": back["mean"], "name": _("当时的预计"), "line": dotted} | _told())
    traces += _band(ahead["day"], ahead["q0.1"], ahead["q0.9"], _("80%区间"), _tint(theme.ACCENT, 0.22))
    traces += _band(ahead["day"], ahead["q0.25"], ahead["q0.75"], _("50%区间"), _tint(theme.ACCENT, 0.45))
    line = {"type": "scatter", "mode": "lines"}
    told = "%{y:,.0f}" + _("（50%：{low}–{high}，80%：{least}–{most}）").format(
        low="%{customdata[0]:,.0f}", high="%{customdata[1]:,.0f}", least="%{customdata[2]:,.0f}", most="%{customdata[3]:,.0f}"
    )
    ends = ahead[["q0.25", "q0.75", "q0.1", "q0.9"]]
    middle = {"color": theme.ACCENT, "width": 2.5, "dash": "dash"}
    traces.append(line | {"x": ahead["day"], "y": ahead["q0.5"], "name": _("预计（中位）"), "line": middle, "customdata": ends, "hovertemplate": told})
    traces.append(line | {"x": past["day"], "y": past["count"], "name": _("实际"), "line": {"color": theme.NOW, "width": 1.8}} | _told())
    days = pd.concat([past["day"], ahead["day"]])
    if shown.busy == shown.busy:
        thin = {"color": theme.COMPARISON, "width": 1.2, "dash": "longdash"}
        traces.append(line | {"x": [days.min(), days.max()], "y": [shown.busy] * 2, "name": _("转旺线"), "line": thin} | _told())
    top = max(float(part.max()) for part in (past["count"], ahead["q0.9"], back.get("q0.9", back["mean"])) if len(part))
    values, texts = figures.axis_ticks(max(top, shown.busy if shown.busy == shown.busy else 0.0))
    reach = [0, max(top, values[-2]) * 1.12]
    counts = {"tickmode": "array", "tickvals": values, "ticktext": texts, "range": reach, "rangemode": "tozero"}
    layout = {"xaxis": _months(days.min(), days.max()), "yaxis": counts, "hovermode": "x unified"}
    return theme.figure(traces, layout | _marked(marks, shown.cutoff, days.min(), days.max()), height)


def _told() -> dict[str, str]:
    return {"hovertemplate": "%{y:,.0f}"}


def _months(first: pd.Timestamp, last: pd.Timestamp) -> dict[str, Any]:
    """An axis of days with round months."""
    starts = pd.date_range(first, last, freq="MS")
    chosen = starts[:: max(1, -(-len(starts) // MONTH_TICKS))]
    texts = [_("{year}年{month}月").format(year=day.year, month=day.month) if day.month == 1 or day == chosen[0] else words.month(day)[5:] for day in chosen]
    return {"tickmode": "array", "tickvals": list(chosen), "ticktext": texts, "tickangle": 0, "hoverformat": _("%Y年%-m月%-d日")}


def _marked(marks: pd.DataFrame, cutoff: date, first: pd.Timestamp, last: pd.Timestamp) -> dict[str, Any]:
    """Shaded short events, the first days of long ones, the cut-off, and names as far as they have room; those ahead go first."""
    upright = {"xref": "x", "yref": "y domain", "y0": 0, "y1": 1}
    half = pd.Timedelta(hours=12)
    edge = pd.Timestamp(cutoff) + half
    shapes: list[dict[str, Any]] = [{"type": "line", "x0": edge, "x1": edge, "line": {"color": theme.COMPARISON, "width": 2}, **upright}]
    text = _("截至{day}").format(day=words.short_span(cutoff, cutoff))
    place = {"xref": "x", "yref": "y domain", "showarrow": False, "yanchor": "top", "font": {"size": 11}}
    labels: list[dict[str, Any]] = [place | {"text": text, "x": edge, "y": 1, "xanchor": "right"}]
    free_from = [edge] * LABEL_ROWS
    inside = marks[marks["start"].between(first, last) & ((marks["start"] > edge) | ~marks["kind"].isin(PASSED_OVER))]
    for label, begin, end in zip(inside["label"], inside["start"], inside["end"], strict=True):
        if end - begin < SHADED:
            shapes.append({"type": "rect", "x0": begin - half, "x1": end + half, "fillcolor": theme.ACCENT, "opacity": 0.13, "line": {"width": 0}, **upright})
        elif begin > edge:
            shapes.append({"type": "line", "x0": begin, "x1": begin, "line": {"color": theme.ACCENT, "width": 1, "dash": "dot"}, **upright})
        width = (last - first) * LABEL_ROOM * len(label)
        fits = begin + width <= last
        from_day = begin if fits else last - width
        row = next((row for row, free in enumerate(free_from) if from_day >= free), None)
        if row is not None:
            free_from[row] = from_day + width
            labels.append(place | {"text": label, "x": begin - half if fits else last, "y": 1 - 0.08 * row, "xanchor": "left" if fits else "right"})
    return {"shapes": shapes, "annotations": labels}


def named_causes(level: str) -> dict[str, str]:
    """Names of the causes that a level has: nothing lies above the city and its categories; a finer category follows that of the whole city."""
    names = {cause: name for cause, name in CAUSE_NAMES.items() if cause != "neighbours" or level == "cell"}
    if level in ("city", "category"):
        return {cause: name for cause, name in names.items() if cause not in ("city", "own")} | {"own": OWN_LEVEL}
    return names | ({"own": OWN_LEVEL, "city": _("所属一级分类趋势")} if level == "category_2" else {})


def cause_figure(frame: pd.DataFrame, names: dict[str, str], height: int = SMALL) -> go.Figure:
    """Bars of the requests that each cause adds to a window or takes from it, stacked; their sum is the difference from usual.

    Parameters
    ----------
    frame
        As made by ``cause_frame``.
    names
        Of the causes, as ``named_causes`` gives.
    """
    spans = [words.short_span(start, end) for start, end in zip(frame["window_start"].dt.date, frame["window_end"].dt.date, strict=True)]
    traces = [
        {
            "type": "bar",
            "x": spans,
            "y": frame[f"count_{cause}"],
            "name": name,
            "marker": {"color": CAUSE_COLOURS[cause]},
            "hovertemplate": "%{y:+,.0f}",
        }
        for cause, name in names.items()
    ]
    whole = {"type": "scatter", "mode": "markers", "x": spans, "y": frame["expected"] - frame["usual"], "name": _("合计")}
    marker = {"symbol": "diamond", "size": 11, "color": theme.MISSING, "line": {"width": 1.5, "color": theme.SEQUENTIAL[4]}}
    traces.append(whole | {"marker": marker, "hovertemplate": "%{y:+,.0f}"})
    layout = {"barmode": "relative", "bargap": 0.45, "hovermode": "x unified", "yaxis": {"tickformat": "+,.0f", "zeroline": True, "zerolinewidth": 2}}
    return theme.figure(traces, layout, height)


def week_start(week: float, year: int) -> date:
    """First day of a week of the atlas: week 0 begins on 1 January; weeks below 0 and above 51 go round the year."""
    return date(year, 1, 1) + timedelta(days=7 * (int(week) % 52))


def season_figure(shown: Season, year: int, height: int = SMALL) -> go.Figure:
    """The mean course of the year (dotted) with this year's weeks over it; the season is shaded, and so is the time for works."""
    days = [week_start(week, year) for week in shown.profile["week"]]
    base: dict[str, Any] = {"type": "scatter", "x": days, "hovertemplate": _("{y} 倍").format(y="%{y:.2f}")}
    mean = shown.profile["ratio"]
    traces = []
    if mean.notna().any():
        name = _("往年平均（{of}）").format(of=shown.of) if shown.of else _("往年平均")
        traces.append(base | {"y": mean, "name": name, "mode": "lines", "line": {"color": theme.COMPARISON, "width": 2.5, "dash": "dot"}})
    now = {"y": shown.profile["now"], "name": _("{year}年").format(year=year), "mode": "lines+markers", "marker": {"size": 4}}
    traces.append(base | now | {"line": {"color": theme.NOW, "width": 2}})
    layout: dict[str, Any] = {"shapes": [], "annotations": [], "hovermode": "x unified"}
    facts = shown.facts
    if facts is not None and facts["is_seasonal"]:
        traces.append(_peak(mean, int(facts["peak_week"]), year))
        _shade(layout, facts["onset_week"], facts["end_week"], _("旺季"), theme.ACCENT, year)
        if pd.notna(facts["works_from_week"]):
            _shade(layout, facts["works_from_week"], facts["works_until_week"], _("适宜施工"), theme.NOW, year)
    top = max(1.2, float(shown.profile[["ratio", "now"]].max().max())) * 1.15
    months = [date(year, month, 1) for month in (1, 3, 5, 7, 9, 11)]
    texts = [_("{month}月").format(month=day.month) for day in months]
    ends = [date(year, 1, 1), date(year, 12, 31)]
    layout["xaxis"] = {"tickmode": "array", "tickvals": months, "ticktext": texts, "tickangle": 0, "range": ends, "hoverformat": _("%-m月%-d日起一周")}
    layout["yaxis"] = {"range": [0, top], "ticksuffix": _("倍"), "nticks": 6}
    return theme.figure(traces, layout, height)


def _peak(mean: pd.Series, week: int, year: int) -> dict[str, Any]:
    marker = {"symbol": "star", "size": 13, "color": theme.ACCENT}
    return {"type": "scatter", "mode": "markers", "x": [week_start(week, year)], "y": [mean.iloc[week]], "name": _("★ 高峰周"), "marker": marker} | {
        "hoverinfo": "skip"
    }


def _shade(layout: dict[str, Any], first: float, last: float, name: str, colour: str, year: int) -> None:
    """Shade some weeks, in two parts where they reach over New Year; the longer part is named."""
    begin, end = week_start(first, year), week_start(last, year) + timedelta(days=6)
    parts = [(begin, end)] if begin <= end else [(begin, date(year, 12, 31)), (date(year, 1, 1), end)]
    for start, stop in parts:
        box = {"type": "rect", "x0": start, "x1": stop, "xref": "x", "yref": "y domain", "y0": 0, "y1": 1, "layer": "below"}
        layout["shapes"].append(box | {"fillcolor": colour, "opacity": 0.12, "line": {"width": 0}})
    start, stop = max(parts, key=lambda part: part[1] - part[0])
    middle = start + (stop - start) / 2
    place = {"xref": "x", "yref": "y domain", "x": middle, "y": 1, "yanchor": "top", "showarrow": False, "font": {"size": 11}}
    layout["annotations"].append(place | {"text": name})


def cause_frame(windows: pd.DataFrame) -> pd.DataFrame:
    """What makes each window ahead differ from usual.

    Parameters
    ----------
    windows
        As ``foresight_loaders.windows`` gives.

    Returns
    -------
    DataFrame
        ``window_start``, ``window_end``, ``expected``, ``usual``, ``threshold``, ``probability``, ``low_80``, ``high_80``, ``change`` (relative to
        usual), and for each cause ``share_<cause>`` in whole percent, which add up to 100 (NaN where nothing differs), and ``count_<cause>``,
        requests, which add up to the difference: the additive form of the same decomposition.
    """
    names = ["window_start", "window_end", "expected", "usual", "threshold", "probability", "low_80", "high_80"]
    shares = windows[[f"share_{cause}" for cause in CAUSES]].astype("float64")
    counts = shares.mul(windows["expected"] - windows["usual"], axis=0).rename(columns=lambda name: name.replace("share_", "count_"))
    whole = [_rounded([float(value) * 100 for value in row]) for row in shares.to_numpy()]
    percents = pd.DataFrame(whole, columns=shares.columns, index=windows.index, dtype="float64")
    return windows[names].assign(change=rates.change(windows["expected"], windows["usual"])).join(percents).join(counts)


def _rounded(percents: list[float]) -> list[float]:
    """Whole numbers nearest to some that add up to 100, and that still do: the largest remainders are rounded up."""
    if any(value != value for value in percents):  # noqa: PLR0124 - NaN
        return percents
    floors = [value // 1 for value in percents]
    order = sorted(range(len(percents)), key=lambda place: floors[place] - percents[place])
    for place in order[: round(100 - sum(floors))]:
        floors[place] += 1
    return floors


def odd_days(daily: pd.DataFrame, back: pd.DataFrame, marks: pd.DataFrame, cutoff: date) -> tuple[pd.DataFrame, int]:
    """Days of the year up to the cut-off that lie outside the 80 % band of what was forecast, farthest first, and of how many days that is known.

    Parameters
    ----------
    daily
        ``day``, ``count``.
    back
        ``day``, ``mean``, ``q0.1``, ``q0.9``.
    marks
        ``label``, ``start``, ``end`` of events and shocks.

    Returns
    -------
    DataFrame
        ``day``, ``count``, ``mean``, ``low``, ``high``, ``excess`` (requests beyond the nearer end of the band, negative below it), ``mark`` (empty: none), and
        ``is_silent`` (nothing came where something always does: probably not delivered).
    """
    both = daily.merge(back[["day", "mean", "q0.1", "q0.9"]].rename(columns={"q0.1": "low", "q0.9": "high"}), on="day")
    last = pd.Timestamp(cutoff)
    both = both[(both["day"] > last - pd.Timedelta(days=YEAR_DAYS)) & (both["day"] <= last)]
    above, below = (both["count"] - both["high"]).clip(lower=0), (both["low"] - both["count"]).clip(lower=0)
    both = both.assign(excess=above - below, is_silent=(both["count"] == 0) & (both["mean"] >= SILENT_BELOW))
    odd = both[both["excess"] != 0]
    odd = odd.loc[odd["excess"].abs().sort_values(ascending=False, kind="stable").index].reset_index(drop=True)
    return odd.assign(mark=[_mark_on(day, marks) for day in odd["day"]]), len(both)


def _mark_on(day: pd.Timestamp, marks: pd.DataFrame) -> str:
    """Names of what a day lies in; of long ones only their first days count."""
    ends = marks["end"].where(marks["end"] - marks["start"] < SHADED, marks["start"] + timedelta(days=2))
    names = marks.loc[(marks["start"] <= day) & (ends >= day), "label"]
    return _("、").join(names.drop_duplicates())


def _range(low: pd.Series, high: pd.Series) -> list[str]:
    return [words.DASH if pd.isna(least) else f"{words.exact(least)}–{words.exact(most)}" for least, most in zip(low, high, strict=True)]


def course_table(shown: Course) -> pd.DataFrame:
    """The steps of the chart, newest first: what came, and what is or was said."""
    ahead = shown.ahead.assign(kind=_("▷ 预计"))
    back = shown.back.assign(kind=_("◁ 当时的预计")).reindex(columns=["day", "mean", "q0.1", "q0.9", "q0.25", "q0.75", "kind"])
    both = pd.concat([ahead, back[~back["day"].isin(ahead["day"])]], ignore_index=True)
    rows = both.merge(shown.past, on="day", how="outer").sort_values("day", ascending=False, ignore_index=True)
    return pd.DataFrame(
        {
            _("日期") if shown.by_day else _("周一"): rows["day"].dt.strftime("%Y-%m-%d"),
            _("实际"): rows["count"],
            _("预计"): rows["mean"].round(),
            _("50%区间"): _range(rows["q0.25"], rows["q0.75"]),
            _("80%区间"): _range(rows["q0.1"], rows["q0.9"]),
            _("性质"): rows["kind"].fillna(_("● 仅实际")),
        }
    )


def cause_table(frame: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """The windows of the chart: how many, how likely busy, and the shares of the causes."""
    shown = {
        _("窗口"): [words.short_span(start, end) for start, end in zip(frame["window_start"].dt.date, frame["window_end"].dt.date, strict=True)],
        _("预计"): frame["expected"].round(),
        _("80%区间"): _range(frame["low_80"], frame["high_80"]),
        _("平时"): frame["usual"].round(),
        _("与平时比"): [words.relative(value) for value in frame["change"]],
        _("转旺线"): frame["threshold"],
        _("转旺概率"): [words.percent(value) for value in frame["probability"].clip(0.001, 0.999)],
    }
    for cause, name in names.items():
        shown[name] = [words.DASH if pd.isna(value) else f"{value:.0f}%" for value in frame[f"share_{cause}"]]
    return pd.DataFrame(shown)


def season_table(shown: Season, year: int) -> pd.DataFrame:
    """The weeks of the chart."""
    return pd.DataFrame(
        {
            _("周（首日）"): [words.short_span(day, day) for day in (week_start(week, year) for week in shown.profile["week"])],
            _("往年平均（倍）"): shown.profile["ratio"].round(2),
            _("{year}年（倍）").format(year=year): shown.profile["now"].round(2),
        }
    )


def odd_table(days: pd.DataFrame) -> pd.DataFrame:
    """Odd days with direction and what the calendar knows of them."""
    silent = _("数据可能未送达")
    return pd.DataFrame(
        {
            _("日期"): [_("{day}（周{weekday}）").format(day=f"{day:%Y-%m-%d}", weekday=WEEKDAYS[day.weekday()]) for day in days["day"]],
            _("实际"): days["count"],
            _("预计"): days["mean"].round(),
            _("80%区间"): _range(days["low"], days["high"]),
            _("超出区间"): [
                _("▲ 多 {n}").format(n=words.exact(value)) if value > 0 else _("▼ 少 {n}").format(n=words.exact(-value)) for value in days["excess"]
            ],
            _("日历与大事"): [silent if is_silent else mark or words.DASH for is_silent, mark in zip(days["is_silent"], days["mark"], strict=True)],
        }
    )


def contest_table(contest: pd.DataFrame, served: str, names: dict[str, str]) -> pd.DataFrame:
    """The models of one level, best first; the winner and the one in service are marked."""
    rows = contest.sort_values("loss")
    return pd.DataFrame(
        {
            _("模型"): [names.get(name, name) for name in rows["model"]],
            _("说明"): [
                _("、").join(text for text in (_("★ 胜出") if won else "", _("● 在用") if name == served else "") if text) or words.DASH
                for won, name in zip(rows["is_winner"], rows["model"], strict=True)
            ],
            _("损失"): rows["loss"].round(3),
            _("80%区间含"): [words.percent(value) for value in rows["coverage_80"]],
            _("秒/序列"): rows["seconds"].round(3),
        }
    )
