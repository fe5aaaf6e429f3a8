"""The parts of 重点治理: filters, the map of classes, the list of hot spots, and one of them in full."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from geodata.hotspot_life import Stage
from storage.scope import Role
from ui import geometry, hotspot_figures, hotspot_loaders, loaders, maps, tables, theme, urlstate, words
from ui import hotspot_sentences as said
from ui.kept import kept
from ui.words import _

if TYPE_CHECKING:
    from datetime import date

    from ui.frame import View
    from ui.hotspot_loaders import Focus

__all__ = ["Hot", "begin", "draw_chosen", "draw_drivers", "draw_list", "draw_map", "pick_month", "pick_spot", "pick_tab"]

SPOT_KEY = "spot"
TAB_KEY = "part"
CATEGORY_KEY = "category"
FINER_KEY = "category_2"
MONTH_KEY = "at"
ENDED_KEY = "ended"
PLACES, POINTS, UNITS = "places", "points", "units"
TABS = {PLACES: _("地区热点"), POINTS: _("点位"), UNITS: _("承办单位")}
BOUNDLESS = 1e6
"""Times from which an interval says nothing; where it has no end the table holds the largest number there is."""

STYLE = """<style>
.weisu-spot p{margin:0 0 .15rem;line-height:1.45}
.weisu-spot .head{display:flex;flex-wrap:wrap;gap:.25rem .6rem;align-items:baseline}
.weisu-spot .name{font-size:1.02rem;font-weight:600}
.weisu-spot .tag{font-size:.85rem;border-radius:1rem;padding:0 .5rem;background:rgba(128,140,155,.18)}
.weisu-spot .small{font-size:.88rem;opacity:.82}
</style>"""


@dataclass(frozen=True, slots=True)
class Hot:
    """What the page shows: the hot spots in use, those of the filters that are not over, those listed, names of places, and the problem chosen."""

    focus: Focus
    spots: pd.DataFrame
    active: pd.DataFrame
    shown: pd.DataFrame
    more: int
    names: dict[str, str]
    problem: tuple[str, str]

    @property
    def problem_name(self) -> str:
        """The problem in words."""
        return said.problem_name(*self.problem)


def pick_tab(view: View) -> str:
    """The switch between places, points and units; a reader bound to a place has no units, a department nothing but them."""
    role = view.scope.role
    if role is Role.DEPARTMENT:
        return UNITS
    names = {key: name for key, name in TABS.items() if key != UNITS or role not in (Role.DISTRICT, Role.SUBDISTRICT)}
    chosen = st.segmented_control(
        _("看什么"), list(names), default=PLACES, required=True, format_func=names.__getitem__, key=TAB_KEY, bind="query-params", label_visibility="collapsed"
    )
    return chosen or PLACES


def begin(view: View) -> Hot | None:
    """Draw the filters and read what they ask for; None where nobody looked for hot spots yet."""
    focus = hotspot_loaders.current(view.version)
    if focus is None:
        return None
    with st.sidebar:
        problem = _pick_problem(focus)
        ended = st.toggle(_("显示半年内已回落的"), key=ENDED_KEY, bind="query-params")
        for note in urlstate.notes():
            st.caption(f"⚠ {note}")
    spots = hotspot_loaders.hotspots(view.version, focus.version, view.scope)
    own = spots if problem == ("", "") else spots[(spots["category_1"] == problem[0]) & (spots["category_2"].isin([problem[1]]) | (problem[1] == ""))]
    active = own[own["stage"] != Stage.ENDED]
    shown = active.head(hotspot_loaders.budget(view.scope, focus.cutoff))
    more = len(active) - len(shown)
    if ended:
        shown = pd.concat([shown, own[own["stage"] == Stage.ENDED]])
    places = loaders.place_register(view.version)
    places = places[places["level"] == "subdistrict"]
    return Hot(focus, spots, active, shown, more, dict(zip(places["code"], places["name"], strict=True)), problem)


def _pick_problem(focus: Focus) -> tuple[str, str]:
    """First-level category, and within it a second-level one."""
    known = hotspot_loaders.problems(focus.version)
    firsts = {str(name): str(name) for name in known.loc[known["level"] == "category", "category_1"]}
    first = urlstate.select(_("一级分类"), firsts, key=CATEGORY_KEY) or ""
    below = known[(known["level"] == "problem") & (known["category_1"] == first)]["category_2"]
    second = urlstate.select(_("二级分类"), {str(name): str(name) for name in below}, key=FINER_KEY) or "" if first and len(below) else ""
    return first, second


def pick_month(hot: Hot) -> date | None:
    """The month of the map."""
    every = hotspot_loaders.months(hot.focus.version)
    if not every:
        return None
    labels = {words.month(month): month for month in every}
    if len(labels) == 1:
        return every[0]
    first = {} if MONTH_KEY in st.session_state else {"value": words.month(every[-1])}
    return labels[st.select_slider(_("月份"), list(labels), key=MONTH_KEY, bind="query-params", label_visibility="collapsed", **first)]


def pick_spot(hot: Hot) -> pd.Series | None:
    """The hot spot chosen in the URL, else the first shown; a number that is no longer on the list is said to be gone."""
    wanted = st.query_params.get(SPOT_KEY, "")
    own = hot.spots[hot.spots["hotspot_id"] == wanted]
    if not own.empty:
        return own.iloc[0]
    if wanted:
        st.caption(_("⚠ 链接中的热点编号不在您能看到的清单里，已改为显示第一个。"))
    return None if hot.shown.empty else hot.shown.iloc[0]


def _choose(key: str) -> None:
    st.query_params[SPOT_KEY] = key


def draw_map(view: View, hot: Hot, month: date | None, spot: pd.Series | None, *, as_map: bool) -> None:
    """The class of every place in a month, as a map or as a list."""
    if month is None:
        st.info(_("历史太短，还不能按月判断各地的类别（至少需要十六个月）。"), icon="📅")
        return
    rows = hotspot_loaders.classes(view.version, hot.focus.version, view.scope, hot.problem, month)
    sentence = said.class_sentence(rows, hot.problem_name, month)
    key = view.facts.boundaries_key
    if as_map and key is not None and loaders.has_geometry(view.version, "subdistrict"):
        dark = st.context.theme.type == "dark"
        chosen = tuple(spot["areas"].split()) if spot is not None else ()
        url = maps.geometry_url(key, "subdistrict")
        deck = kept(
            "class_map",
            lambda: hotspot_figures.class_map(rows, geometry.shapes("subdistrict"), url, geometry.extent("subdistrict", rows["code"]), chosen, dark=dark),
            *(view.version, hot.focus.version, view.scope, hot.problem, month, chosen, dark),
        )
        st.pydeck_chart(deck, height=hotspot_figures.MAP_HEIGHT, key="class_map", alt=sentence)
    else:
        tables.plain(class_table(rows, view), sentence, height=hotspot_figures.MAP_HEIGHT)
    st.caption(sentence + _("橙为热点，蓝为冷点，灰为与平时无异；与各地自己往年的份额相比，全市一起涨落不算。"))


def class_table(rows: pd.DataFrame, view: View) -> pd.DataFrame:
    """Places with their class, the hot ones first."""
    ordered = rows.assign(is_none=rows["side"] == 0).sort_values(["is_none", "side", "observed"], ascending=[True, False, False])
    numbers = zip(ordered["low"], ordered["high"], strict=True)
    return pd.DataFrame(
        {
            view.facts.subdistrict_word: ordered["name"],
            _("上级"): ordered["parent_name"],
            _("类别"): [said.class_word(kind, side) for kind, side in zip(ordered["kind"], ordered["side"], strict=True)],
            _("诉求量"): ordered["observed"],
            _("预期"): ordered["expected"].round(1),
            _("倍数"): ordered["ratio"].round(2),
            _("95%区间"): [f"{low:.2f}–{high:.2f}" if low <= high < BOUNDLESS else words.DASH for low, high in numbers],
            _("误报率q（与相邻）"): ordered["q_hot"].round(3),
            _("误报率q（本地）"): ordered["q_many"].round(3),
        }
    )


def draw_list(view: View, hot: Hot, height: int) -> None:
    """The hot spots, each with two lines, its history strip and a button."""
    if hot.shown.empty:
        st.info(_("没有超出偶然波动的集中问题。"), icon="✔")
        st.caption(_seen_size(hot))
        return
    st.html(STYLE)
    with st.container(height=height, border=False, gap="small"):
        for _place, spot in hot.shown.iterrows():
            with st.container(border=True, gap="small"):
                steps = hotspot_loaders.steps(view.version, hot.focus.version, view.scope, spot["hotspot_id"])
                st.html(_card_html(hot, spot) + hotspot_figures.strip_html(steps))
                st.button(
                    _("查看"), key=f"open_{spot['hotspot_id']}", on_click=_choose, args=(spot["hotspot_id"],), type="tertiary", icon=":material/arrow_forward:"
                )
    st.caption(_seen_size(hot))
    if hot.more:
        st.caption(_("另有 {n} 个热点低于预算线，可按分类筛选查看。").format(n=hot.more))


def _seen_size(hot: Hot) -> str:
    """What size of excess can be seen; a category that is divided is scanned by its parts."""
    first, second = hot.problem
    known = hotspot_loaders.problems(hot.focus.version)
    if first and not second and ((known["level"] == "problem") & (known["category_1"] == first)).any():
        return _("这一分类按二级问题逐个扫描；选定二级分类，可看多大的集中能看出来。")
    return said.seen_size(hotspot_loaders.sight(hot.focus.version, hot.problem))


def _card_html(hot: Hot, spot: pd.Series) -> str:
    """One hot spot in short; names come from deliveries and are escaped."""
    name = said.spot_name(spot, hot.names)
    recent = _("近四周 {seen} 件，平时约 {usual} 件").format(seen=words.exact(spot["recent_observed"]), usual=said.usual(spot["recent_expected"]))
    part = _("（仅计本辖区）") if spot["is_part"] else ""
    head = f'<p class="head"><span class="name">{escape(name)}</span><span class="tag">{escape(said.STAGES[spot["stage"]])}</span></p>'
    begun = _("始于 {day}，").format(day=words.day(spot["since"].date()))
    return f'<div class="weisu-spot">{head}<p>{escape(begun + recent + part)}</p></div>'


def draw_chosen(view: View, hot: Hot, spot: pd.Series, height: int) -> None:
    """One hot spot: how many more, since when, its course, and what to do."""
    name = said.spot_name(spot, hot.names)
    st.markdown(f"##### {name}")
    st.markdown(f"**{said.STAGES[spot['stage']]}** · " + said.excess(spot))
    st.caption(said.since(spot))
    weeks = hotspot_loaders.course(view.version, hot.focus.version, view.scope, spot["hotspot_id"])
    figure = kept("hotspot_course", lambda: hotspot_figures.course(weeks, spot["since"], height), hot.focus.version, view.scope, spot["hotspot_id"], height)
    st.plotly_chart(figure, config=theme.CONFIG, key="hotspot_course", alt=_("{name}近一年每周件数与预期。").format(name=name) + said.excess(spot))
    st.markdown(said.mode(spot))
    st.caption(_("编号 {id}").format(id=spot["hotspot_id"]))


def draw_drivers(view: View, hot: Hot, spot: pd.Series, height: int) -> None:
    """What drives it, by the part chosen."""
    rows = hotspot_loaders.drivers(view.version, hot.focus.version, view.scope, spot["hotspot_id"])
    kinds = {kind: name for kind, name in said.DRIVER_KINDS.items() if (rows["kind"] == kind).any()}
    st.markdown(_("##### 多在哪里"))
    if not kinds:
        st.caption(_("没有可显示的构成。"))
        return
    chosen = st.segmented_control(
        _("按什么分"), list(kinds), default=next(iter(kinds)), required=True, format_func=kinds.__getitem__, key="driver_kind", label_visibility="collapsed"
    )
    own = rows[rows["kind"] == (chosen if chosen in kinds else next(iter(kinds)))].reset_index(drop=True)
    own["name"] = list(urlstate.unique_labels(map(str, own.index), own["name"], own["code"].map(hot.names)).values())
    sentence = said.driven(rows, str(own["kind"].iloc[0]))
    figure = kept("hotspot_drivers", partial(hotspot_figures.drivers, own, height), hot.focus.version, view.scope, spot["hotspot_id"], chosen, height)
    st.plotly_chart(figure, config=theme.CONFIG, key="hotspot_drivers", alt=sentence or _("构成"))
    st.caption(sentence)
