"""预测查询: which series is asked for, and the frames of its parts: history beside forecast, causes, course of the year, odd days, model and record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from forecasts import city_calendar, track_record
from governance import rates
from governance.periods import Grain, Period
from storage import reads
from storage.reads import Selection
from storage.scope import BOUND_ROLES
from ui import explorer_figures as drawn
from ui import explorer_sentences as said
from ui import filters, foresight_loaders, loaders, quality, tables, theme, urlstate, words
from ui.kept import cached, kept
from ui.words import _

if TYPE_CHECKING:
    from storage.scope import Scope
    from ui.foresight_loaders import Foresight
    from ui.frame import View

__all__ = [
    "Course",
    "Season",
    "Target",
    "course",
    "draw_causes",
    "draw_course",
    "draw_model",
    "draw_odd",
    "draw_season",
    "find",
    "has_windows",
    "history",
    "marks_of",
    "past_record",
    "pick",
    "pick_step",
    "season",
    "this_year",
    "verdict",
    "weekly",
]

NUMBER = st.column_config.NumberColumn
DAY, WEEK = "day", "week"
DAYS_OF_A_WEEK = drawn.DAYS_OF_A_WEEK
YEAR_DAYS = drawn.YEAR_DAYS
SHOWN_DAYS = {DAY: YEAR_DAYS, WEEK: 2 * YEAR_DAYS}
REST = _("（其余）")  # as the pipeline writes it


@dataclass(frozen=True, slots=True)
class Target:
    """The series asked for: its number and level, where its requests are found, and its name; ``model`` serves it."""

    series_id: int
    level: str
    selection: Selection
    category_2: str | None
    name: str
    model: str


@dataclass(frozen=True, slots=True)
class Course:
    """A series over time in one step: what came, what was said before, and what is said now.

    Attributes
    ----------
    past
        ``day``, ``count``.
    back
        ``day``, ``mean``; by day also ``q0.1`` and ``q0.9``. Empty where no past forecasts are kept.
    ahead
        ``day``, ``mean``, ``q0.1``, ``q0.25``, ``q0.5``, ``q0.75``, ``q0.9``.
    busy
        Count of a step from which it is busy; NaN without a year of history.
    """

    step: str
    cutoff: date
    past: pd.DataFrame
    back: pd.DataFrame
    ahead: pd.DataFrame
    busy: float

    @property
    def by_day(self) -> bool:
        """Whether a step is a day; else it is a week."""
        return self.step == DAY


@dataclass(frozen=True, slots=True)
class Season:
    """The mean course of the year and the present year over it; ``facts`` is the atlas row, None where there is none, ``of`` whose it is where not the own."""

    profile: pd.DataFrame
    facts: pd.Series | None
    of: str


def find(series: pd.DataFrame, selection: Selection, category_2: str | None) -> pd.Series | None:
    """The row of the series asked for; None where there is none."""
    district, subdistrict, category = selection.district_code, selection.subdistrict_code, selection.category_1
    wanted: dict[str, str | None] = {}
    if subdistrict:
        level = "cell" if category else "subdistrict"
        wanted = {"subdistrict": subdistrict}
    elif district:
        level = "district_category" if category else "district"
        wanted = {"district": district}
    else:
        level = "category_2" if category_2 else "category" if category else "city"
    wanted |= {"category_1": category} if category else {}
    wanted |= {"category_2": category_2} if level == "category_2" else {}
    rows = series[series["level"] == level]
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    return None if rows.empty else rows.iloc[0]


def _finer(series: pd.DataFrame, category: str) -> dict[str, str]:
    rows = series[(series["level"] == "category_2") & (series["category_1"] == category)]
    return {name: name for name in sorted(rows["category_2"]) if name not in ("", REST)}


def pick(view: View, foresight: Foresight) -> tuple[Target | None, str]:
    """Draw the pickers in the sidebar; the series, None where it is not forecast, and its name."""
    series = foresight_loaders.series(foresight.version, view.scope)
    with st.sidebar:
        district, subdistrict, place = filters.pick_place(view)
        category = filters.pick_category(view)
        finer = None
        if category and not district and not subdistrict and view.scope.role not in BOUND_ROLES:
            names = kept("finer_labels", lambda: _finer(series, category), foresight.version, category)
            finer = urlstate.select(_("二级分类"), names, key="category_2") if names else None
        for note in urlstate.notes():
            st.caption(f"⚠ {note}")
    selection = Selection(district_code=district, subdistrict_code=subdistrict, category_1=category)
    name = _(" · ").join([place, finer or category or _("全部诉求")])
    row = find(series, selection, finer)
    if row is None:
        return None, name
    return Target(int(row["series_id"]), row["level"], selection, finer, name, row["model"]), name


def pick_step() -> str:
    """The switch between days and weeks."""
    names = {DAY: _("日"), WEEK: _("周")}
    chosen = st.segmented_control(
        _("步长"), list(names), default=DAY, required=True, format_func=names.__getitem__, key="step", bind="query-params", label_visibility="collapsed"
    )
    return chosen or DAY


@cached(128)
def history(version: str, scope: Scope, selection: Selection, category_2: str | None) -> pd.DataFrame:
    """Requests of every day of the data: ``day``, ``count``."""
    known = loaders.facts(version)
    period = Period(Grain.RANGE, known.data_from, known.filled_until)
    if category_2 is None:
        daily = reads.read_daily(loaders.snapshot(version), scope, selection, period)
        return daily[["day", "request_count"]].rename(columns={"request_count": "count"})
    pairs = ((selection.category_1, category_2),)
    found = reads.read_category_days(loaders.snapshot(version), scope, selection, period, pairs, 2).groupby("day")["request_count"].sum()
    days = pd.date_range(period.start, period.end, name="day", unit="us")
    return found.reindex(days, fill_value=0).rename("count").reset_index()


def weekly(daily: pd.DataFrame, column: str) -> pd.DataFrame:
    """Sums of a column over whole weeks from Monday: ``day`` (the Monday) and the column; weeks with a missing day are left out."""
    days = pd.to_datetime(daily["day"])
    monday = (days - pd.to_timedelta(days.dt.day_of_week, unit="D")).rename("monday")
    sums = daily[column].groupby(monday).agg(["sum", "size"])
    whole = sums.loc[sums["size"] == DAYS_OF_A_WEEK, "sum"]
    return pd.DataFrame({"day": whole.index, column: whole.to_numpy()})


def course(view: View, foresight: Foresight, target: Target, step: str) -> Course:
    """What the chart shows."""
    daily = history(view.version, view.scope, target.selection, target.category_2)
    back = foresight_loaders.hindcast(foresight.version, view.scope, target.series_id)
    ahead = foresight_loaders.ahead(foresight.version, view.scope, target.series_id, "weekly" if step == WEEK else "daily")
    known = daily[daily["day"] <= pd.Timestamp(foresight.cutoff)]
    ratio = foresight_loaders.policy("busy_ratio", foresight.cutoff)
    steps = DAYS_OF_A_WEEK if step == WEEK else 1
    busy = float(known["count"].tail(YEAR_DAYS).mean()) * float(ratio) * steps if len(known) >= YEAR_DAYS else float("nan")
    first = pd.Timestamp(foresight.cutoff) - pd.Timedelta(days=SHOWN_DAYS[step])
    if step == WEEK:
        daily, back = weekly(daily, "count"), weekly(back, "mean")
    past, said_then = (frame[frame["day"] > first].reset_index(drop=True) for frame in (daily, back))
    return Course(step, foresight.cutoff, past, said_then, ahead, busy)


def marks_of(calendar: str, start: date, end: date) -> pd.DataFrame:
    """Events of the calendar that begin within some days, and shocks: ``label``, ``start``, ``end``, ``kind``."""
    events = foresight_loaders.events(calendar, start, end)
    both = pd.concat([city_calendar.shocks(calendar, start, end), events[events["start"] >= pd.Timestamp(start)]], ignore_index=True)
    return both[["label", "start", "end", "kind"]].sort_values("start", kind="stable", ignore_index=True)


def season(view: View, foresight: Foresight, target: Target) -> Season:
    """The mean course of the year of the series, or of the one above it where only that has one, with the present year over it.

    ``profile`` has ``week`` (0-51), ``ratio`` (mean of the years to their mean) and ``now`` (weeks of this year that are over, to the mean of the last year).
    """
    atlas = foresight_loaders.seasons(foresight.version, view.scope)
    profiles = foresight_loaders.profiles(foresight.version, view.scope)
    chosen = target.selection
    city, above = Selection(category_1=chosen.category_1), None
    if chosen.subdistrict_code:
        places = loaders.place_register(view.version)
        parent = places.loc[places["code"] == chosen.subdistrict_code, "parent_code"].dropna()
        above = Selection(district_code=str(parent.iloc[0]), category_1=chosen.category_1) if len(parent) else None
    found, of = atlas[atlas["series_id"] == target.series_id], ""
    for other, word in ((above, _("所在区同类问题")), (city, _("全市同类问题"))):
        if found.empty and other is not None and (row := find(atlas, other, None)) is not None:
            found, of = atlas[atlas["series_id"] == row["series_id"]], word
    weeks = pd.DataFrame({"week": range(52), "ratio": float("nan")})
    if len(found):
        mean = profiles[profiles["series_id"] == found.iloc[0]["series_id"]].set_index("week")["ratio"]
        weeks["ratio"] = weeks["week"].map(mean)
    daily = history(view.version, view.scope, target.selection, target.category_2)
    weeks["now"] = weeks["week"].map(this_year(daily[daily["day"] <= pd.Timestamp(foresight.cutoff)]))
    return Season(weeks, found.iloc[0] if len(found) else None, of)


def this_year(daily: pd.DataFrame) -> pd.Series:
    """Mean day of each week of the last day's year that is over, to the mean day of the last 364 days; weeks as in the atlas."""
    if daily.empty:
        return pd.Series(dtype="float64")
    last = daily["day"].iloc[-1]
    usual = daily["count"].tail(YEAR_DAYS).mean()
    rows = daily[daily["day"].dt.year == last.year]
    week = ((rows["day"].dt.day_of_year - 1) // DAYS_OF_A_WEEK).clip(upper=drawn.LAST_WEEK)
    sums = rows["count"].groupby(week).agg(["mean", "size"])
    whole = sums.loc[sums["size"] >= DAYS_OF_A_WEEK, "mean"]
    return rates.change(whole, pd.Series(usual, index=whole.index)) + 1


def past_record(view: View, foresight: Foresight, target: Target) -> tuple[track_record.Record, int]:
    """How the rule would have done on this series, and on how many windows."""
    rows = foresight_loaders.windows_replayed(foresight.version, view.scope)
    rows = rows[rows["series_id"] == target.series_id]
    return track_record.record(rows), len(rows)


def _told(sentence: str, table: pd.DataFrame, target: Target, part: str) -> None:
    """The sentence of a part with the table as a file beside it, named by series and part."""
    name = _("预测查询_{name}_{part}").format(name=target.name.replace(" · ", "_"), part=part)
    with st.container(horizontal=True, vertical_alignment="top", gap="small"):
        st.caption(sentence, width="stretch")
        quality.download(table, name, f"download_{part}")


def _listed(table: pd.DataFrame, alt: str, height: int | None = None) -> None:
    """A table of narrow columns, as high as it needs to be, at most ``height``."""
    numbers = table.select_dtypes("number")
    columns: dict[str, Any] = {str(name): NUMBER(format="%.3f" if table[name].max() < 1 else "localized", width=58) for name in numbers}
    columns[_("说明")] = st.column_config.TextColumn(width=104)
    shown = tables.fit(height or drawn.SMALL, len(table))
    st.dataframe(table, hide_index=True, height=shown, row_height=tables.ROW, column_config=columns, alt=alt, placeholder=words.DASH)


def verdict(view: View, foresight: Foresight, target: Target) -> str:
    """What comes in the next four weeks."""
    frame = drawn.cause_frame(foresight_loaders.windows(foresight.version, view.scope, target.series_id))
    return said.verdict(frame, foresight_loaders.ahead(foresight.version, view.scope, target.series_id, "daily"))


def draw_course(view: View, foresight: Foresight, target: Target, step: str, *, as_chart: bool) -> None:
    """History and forecast with their sentence and file."""
    key = (foresight.version, view.version, view.scope, target, step)
    shown = kept("explorer_shown", lambda: course(view, foresight, target, step), *key)
    # by week three years are shown: those behind would shade the chart
    first = shown.past["day"].min().date() if shown.by_day else foresight.cutoff + timedelta(days=1)
    marks = marks_of(foresight.calendar, first, shown.ahead["day"].max().date())
    if not shown.by_day:
        marks = marks[marks["kind"] == "holiday"]
    sentence, table = said.course(shown, marks), kept("explorer_table", lambda: drawn.course_table(shown), *key)
    if as_chart:
        st.plotly_chart(kept("explorer_course", lambda: drawn.course_figure(shown, marks), *key), config=theme.CONFIG, alt=sentence, key="course")
    else:
        _listed(table, sentence, drawn.HEIGHT)
    _told(sentence, table, target, _("走势"))


def has_windows(view: View, foresight: Foresight, target: Target) -> bool:
    """Whether windows ahead are judged; of small series they are not."""
    return not foresight_loaders.windows(foresight.version, view.scope, target.series_id).empty


def draw_causes(view: View, foresight: Foresight, target: Target, *, as_chart: bool) -> None:
    """What makes the windows ahead differ from usual."""
    frame = drawn.cause_frame(foresight_loaders.windows(foresight.version, view.scope, target.series_id))
    sentence = said.why(frame, drawn.named_causes(target.level))
    if frame.empty:
        st.info(sentence, icon=":material/data_thresholding:")
        return
    table = drawn.cause_table(frame, drawn.named_causes(target.level))
    if as_chart:
        key = (foresight.version, view.scope, target)
        figure = kept("explorer_causes", lambda: drawn.cause_figure(frame, drawn.named_causes(target.level)), *key)
        st.plotly_chart(figure, config=theme.CONFIG, alt=sentence, key="causes")
    else:
        _listed(table, sentence)
    _told(sentence, table, target, _("原因"))


def draw_season(view: View, foresight: Foresight, target: Target, *, as_chart: bool) -> None:
    """The course of the year, with this year over it."""
    key, year = (foresight.version, view.version, view.scope, target), foresight.cutoff.year
    shown = kept("explorer_season", lambda: season(view, foresight, target), *key)
    sentence, table = said.season(shown, year), drawn.season_table(shown, year)
    if as_chart:
        st.plotly_chart(kept("explorer_year", lambda: drawn.season_figure(shown, year), *key), config=theme.CONFIG, alt=sentence, key="season")
    else:
        _listed(table, sentence)
    _told(sentence, table, target, _("往年走势"))


def draw_odd(view: View, foresight: Foresight, target: Target) -> None:
    """Days of the last year outside the band that was forecast."""
    daily = history(view.version, view.scope, target.selection, target.category_2)
    back = foresight_loaders.hindcast(foresight.version, view.scope, target.series_id)
    marks = marks_of(foresight.calendar, foresight.cutoff - timedelta(days=YEAR_DAYS), foresight.cutoff)
    found, known = kept("explorer_odd", lambda: drawn.odd_days(daily, back, marks, foresight.cutoff), foresight.version, view.version, view.scope, target)
    sentence = said.odd(found, known) + said.not_yet(back["day"], foresight.cutoff)
    if not known:
        st.info(sentence, icon=":material/event_busy:")
        return
    table = drawn.odd_table(found)
    _listed(table, sentence)
    _told(sentence, table, target, _("异常日"))


def draw_model(view: View, foresight: Foresight, target: Target) -> None:
    """Which model served, how the others did on its level, and how warnings on this series would have done."""
    contest = foresight_loaders.contest(foresight.version)
    sentence = said.model(target, contest)
    table = drawn.contest_table(contest[contest["level"] == said.CONTEST_LEVELS[target.level]], target.model, said.MODEL_NAMES)
    if len(table):
        _listed(table, sentence)
    st.caption(sentence)
    st.caption(said.record(*past_record(view, foresight, target)))
