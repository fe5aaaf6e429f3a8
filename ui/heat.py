"""The parts of 民生数据热力图: metric and month, the map in its three layers, the panel of one area, the clock of the week."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from storage.queries import Selection
from ui import areas, filters, heat_figures, heat_loaders, loaders, theme, urlstate, words
from ui.heat_loaders import CHANGE, COUNT, PER_10K
from ui.kept import kept
from ui.measures import MEASURES
from ui.words import _

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from ui.frame import View

__all__ = [
    "AREAS",
    "DENSITY",
    "Heat",
    "begin",
    "choose",
    "chosen_area",
    "density_sentence",
    "draw_hours",
    "draw_panel",
    "draw_table",
    "lacks_clock",
    "pick_month",
    "shown_areas",
]

AREAS, DENSITY, COMMUNITIES = "areas", "density", "communities"
LAYERS = {AREAS: _("区划"), DENSITY: _("密度"), COMMUNITIES: _("社区")}
METRIC_NAMES = {
    COUNT: MEASURES["request_count"].name,
    PER_10K: _("{name}（估计）").format(name=MEASURES["requests_per_10k"].name),
    CHANGE: MEASURES["against_own"].name,
    **{rate: MEASURES[rate].name for rate in ("response_rate", "resolution_rate", "satisfaction_rate")},
}
AREA_KEY = "area"
ROW_KEY = "area_of_the_row_clicked"
MONTH_KEY = "at"
PLAYING_KEY = "playing"
SECONDS_A_MONTH = 1.5
FEWEST_FOR_A_CLOCK = 24
"""So many tickets do not all come in at midnight by chance."""

RESOLUTIONS = {"city": 7, "district": 7, "subdistrict": 8}


@dataclass(frozen=True, slots=True)
class Heat:
    """What the controls say: the rows, the metric, the layer and the level of areas."""

    selection: Selection
    metric: str
    layer: str
    level: str
    place_name: str

    @property
    def metric_name(self) -> str:
        """The metric in words."""
        return METRIC_NAMES[self.metric]

    @property
    def layer_name(self) -> str:
        """The layer in words."""
        return LAYERS[self.layer]

    @property
    def resolution(self) -> int:
        """H3 resolution of the density layer: coarser for the city, finer for one subdistrict."""
        return RESOLUTIONS["subdistrict" if self.selection.subdistrict_code else "district" if self.selection.district_code else "city"]

    def text(self, value: float) -> str:
        """One value of the metric as it is written."""
        return value_text(self.metric)(value)


def begin(view: View) -> Heat:
    """Draw the controls in the sidebar."""
    with st.sidebar:
        layer = st.segmented_control(
            _("图层"), list(LAYERS), default=AREAS, required=True, format_func=LAYERS.__getitem__, key="layer", bind="query-params", width="stretch"
        )
        above = st.container()  # the metric stands above the place, but what it may be depends on the place
        district, subdistrict, name = filters.pick_place(view)
        category = filters.pick_category(view)
        selection = Selection(district_code=district, subdistrict_code=subdistrict, category_1=category)
        counted = heat_loaders.populated_levels(view.version, view.scope, selection)
        metric = COUNT
        if layer == AREAS:
            names = {key: text for key, text in METRIC_NAMES.items() if key != PER_10K or counted}
            with above:
                metric = urlstate.select(_("指标"), names, key="metric", required=True, default=COUNT) or COUNT
        level = _pick_level(view, selection, counted if metric == PER_10K else None)
        for note in urlstate.notes():
            st.caption(f"⚠ {note}")
    return Heat(selection, metric, layer or AREAS, level, name)


def _pick_level(view: View, selection: Selection, only: tuple[str, ...] | None) -> str:
    """The level of areas; ``only`` are the levels the metric is known on, where it is not known on all."""
    if only == (areas.DISTRICT,):
        st.caption(_("常住人口只有{word}一级（估计值），本指标按{word}显示。").format(word=areas.level_word(view, areas.DISTRICT)))
        return areas.DISTRICT
    if not view.facts.has_districts or selection.district_code is not None:
        return areas.SUBDISTRICT
    names = {level: areas.level_word(view, level) for level in (areas.SUBDISTRICT, areas.DISTRICT)}
    return urlstate.select(_("层级"), names, key="level", required=True, default=areas.SUBDISTRICT) or areas.SUBDISTRICT


def pick_month(view: View) -> tuple[date, bool]:
    """The month slider with its play switch, and whether it plays; it stands at the last well-filled month and plays only when asked."""
    every = heat_loaders.months(view.version)
    labels = {words.month(month): month for month in every}
    # a value beside one set by the playing would be two answers to the same question
    first = {} if MONTH_KEY in st.session_state else {"value": words.month(view.facts.filled_until.replace(day=1))}
    left, right = st.columns([7, 1], vertical_alignment="bottom")
    with left:
        shown = st.select_slider(_("月份"), list(labels), key=MONTH_KEY, bind="query-params", label_visibility="collapsed", **first)
    with right:
        playing = bool(st.toggle(_("播放"), key=PLAYING_KEY)) and len(every) > 1
    _play(list(labels), is_on=playing)
    return labels[shown], playing


def _advance(names: list[str]) -> None:
    place = names.index(st.session_state[MONTH_KEY])
    st.session_state[MONTH_KEY] = names[(place + 1) % len(names)]


def _play(names: list[str], *, is_on: bool) -> None:
    """Moves the slider one month on, again and again, until the switch is turned off.

    The fragment is there whether it plays or not: were it to come and go, all below it would change place and be drawn anew.
    """

    @st.fragment(run_every=SECONDS_A_MONTH if is_on else None)
    def tick() -> None:
        if is_on and st.session_state.get("_ticked"):
            _advance(names)
            st.rerun()
        st.session_state["_ticked"] = True

    st.session_state["_ticked"] = False
    tick()


def shown_areas(view: View, heat: Heat, month: date) -> tuple[pd.DataFrame, heat_loaders.AreaMonths]:
    """The areas in one month: register columns with ``request_count``, ``value``, ``base``, ``rank`` (1 = largest value); and all months."""
    everything = heat_loaders.area_months(view.version, view.scope, heat.selection, heat.level, heat.metric)
    now = everything.table[everything.table["month"] == pd.Timestamp(month)].drop(columns="month")
    frame = loaders.register(view.version, view.scope, heat.selection, heat.level).merge(now, on="code")
    frame["rank"] = frame["value"].rank(method="min", ascending=False)
    return frame.sort_values(["value", "name"], ascending=[False, True], na_position="last", ignore_index=True), everything


def value_text(metric: str) -> Callable[[float], str]:
    """How one value of a metric is written."""
    if metric == CHANGE:
        return words.relative
    if metric == COUNT:
        return words.exact
    if metric == PER_10K:
        return lambda value: words.DASH if pd.isna(value) else f"{value:,.1f}"
    return words.percent


def chosen_area(heat: Heat, frame: pd.DataFrame) -> str | None:
    """The area clicked last or named in the URL where it is shown, else the first by value."""
    wanted = st.session_state.get(AREA_KEY) or st.query_params.get(AREA_KEY) or heat.selection.subdistrict_code
    if wanted in set(frame["code"]):
        return str(wanted)
    first = frame.dropna(subset=["value"])["code"].head(1)
    return None if first.empty else str(first.iloc[0])


def choose(code: str | None) -> None:
    """Remember the area clicked, also in the URL."""
    if code is not None:
        st.session_state[AREA_KEY] = code
        st.query_params[AREA_KEY] = code


def _row_clicked(key: str, codes: tuple[str, ...]) -> None:
    """The area of the cell clicked; a second click on the same cell, which takes its mark away, means the same area."""
    cells = st.session_state[key].selection.cells
    code = codes[cells[0][0]] if cells and cells[0][0] < len(codes) else st.session_state.get(ROW_KEY)
    st.session_state[ROW_KEY] = code
    choose(code)


def draw_table(heat: Heat, frame: pd.DataFrame, word: str, alt: str, height: int) -> None:
    """The map's table twin; a click on a row opens the area."""
    key = f"heat_rows_{heat.level}"
    text = value_text(heat.metric)
    shown = pd.DataFrame(
        {word: frame["name"], heat.metric_name: [text(value) for value in frame["value"]], MEASURES["request_count"].name: frame["request_count"]}
    )
    if heat.metric == COUNT:
        shown = shown.drop(columns=heat.metric_name) if heat.metric_name != MEASURES["request_count"].name else shown[[word, heat.metric_name]]
    st.dataframe(
        shown,
        hide_index=True,
        height=height,
        key=key,
        alt=alt,
        on_select=partial(_row_clicked, key, tuple(frame["code"])),
        selection_mode="single-cell",
        row_height=28,
    )


def density_sentence(cells: pd.DataFrame, missing: int) -> str:
    """How many hexagons have requests, the fullest of them, and how many requests have no position."""
    return _("{n} 个六边形格内有诉求，最多的一格 {most} 件；另有 {missing} 件没有坐标，不画在图上。").format(
        n=words.exact(len(cells)), most=words.exact(cells["request_count"].max() if len(cells) else 0), missing=words.exact(missing)
    )


def draw_hours(view: View, heat: Heat, month: date, height: int) -> None:
    """Hour of the day by day of the week; days of the week alone where the tickets carry no time of day."""
    table, is_wider = heat_loaders.hours(view.version, view.scope, heat.selection, month)
    if not table.to_numpy().any():
        st.caption(_("所选范围本月没有工单。"))
        return
    draw = heat_figures.weekdays if lacks_clock(table) else heat_figures.hours
    figure = kept("hours", lambda: draw(table, height), view.version, view.scope, heat.selection, month, height)
    st.plotly_chart(figure, key="hours", config=theme.CONFIG, alt=hours_sentence(table))
    st.caption(hours_sentence(table) + (_("（按地点统计，未按分类细分。）") if is_wider else ""))


def lacks_clock(table: pd.DataFrame) -> bool:
    """Whether the tickets carry dates without a time of day, which read as midnight."""
    total = table.to_numpy().sum()
    return bool(total >= FEWEST_FOR_A_CLOCK and table[0].sum() == total)


def hours_sentence(table: pd.DataFrame) -> str:
    """The busiest hour of the week, or the busiest day where there are no hours, and the whole month."""
    if lacks_clock(table):
        text = _("这些工单只记了日期、没有时刻，只能按星期看：最忙的是{day}（{n} 件）；全月受理 {total} 件。")
        return text.format(
            day=heat_figures.WEEKDAYS[int(table[0].to_numpy().argmax())], n=words.exact(table[0].max()), total=words.exact(table.to_numpy().sum())
        )
    place = int(table.to_numpy().argmax())
    day, hour = place // table.shape[1] + 1, place % table.shape[1]
    total = table.to_numpy().sum()
    return _("最忙的是{day}{hour}时（{n} 件）；全月受理 {total} 件。").format(
        day=heat_figures.WEEKDAYS[day - 1], hour=hour, n=words.exact(table.to_numpy().max()), total=words.exact(total)
    )


def draw_panel(view: View, heat: Heat, frame: pd.DataFrame, everything: heat_loaders.AreaMonths, month: date, height: int) -> None:
    """The chosen area: its value, its trend over all months and its first problems."""
    code = chosen_area(heat, frame)
    if code is None:
        st.caption(_("所选范围本月没有可显示的区域。"))
        return
    names = frame.set_index("code")["name"]
    own = everything.table[everything.table["code"] == code]
    now = own[own["month"] == pd.Timestamp(month)].iloc[0]
    count = _("诉求量 {n} 件").format(n=words.exact(now["request_count"]))
    value = "" if heat.metric == COUNT else f" · {heat.metric_name} {heat.text(now['value'])}"
    st.markdown(f"**{names[code]}**{value} · {count}")
    figure = kept("trend", lambda: heat_figures.trend(own, month, height), view.version, view.scope, heat, month, code, height)
    st.plotly_chart(figure, key="area_trend", config=theme.CONFIG, alt=_("{name}各月诉求量走势").format(name=names[code]))
    narrowed: dict[str, Any] = {f"{heat.level}_code": code}
    selection = Selection(category_1=heat.selection.category_1, **narrowed)
    problems = loaders.problems(view.version, view.scope, selection, heat_loaders.month_period(month), 5)
    triples = zip(problems["problem"], problems["request_count"], problems["change_before"], strict=True)
    listed = [_("{name} {n} 件（{change}）").format(name=name, n=words.exact(count), change=words.relative(moved)) for name, count, moved in triples]
    st.caption(_("主要问题：") + (_("；").join(listed) if listed else _("无")))
