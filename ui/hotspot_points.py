"""点位: the places of a few hundred metres where tickets of one problem come thick, as discs and as a list."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from storage.ticket_lines import FEWEST_CALLERS, may_read_texts
from ui import exports, hotspot_figures, hotspot_loaders, loaders, maps, tables, words
from ui import hotspot_sentences as said
from ui.words import _

if TYPE_CHECKING:
    from ui.frame import View
    from ui.hotspots import Hot

__all__ = ["draw", "near_sentence", "point_table", "sentence"]

SAME_METRES = 10.0
SURE, LEAST_TIMES, NAMED = 0.005, 1.1, 4
"""The least p-value that 199 dealings can give, and a tenth more than chance: of eighty problems less than one is named by chance."""


def draw(view: View, hot: Hot) -> None:
    """Map and list of the points."""
    rows = hotspot_loaders.points(view.version, hot.focus.version, view.scope)
    if hot.problem[0]:
        rows = rows[(rows["category_1"] == hot.problem[0]) & ((rows["category_2"] == hot.problem[1]) | (hot.problem[1] == ""))]
    places = loaders.place_register(view.version).set_index("code")
    text = sentence(rows, hot.names)
    st.markdown(f"**{text}**")
    st.caption(_("最近八周内，200米、14天以内连成一片、不少于6件，且远多于同一处过去一年的同类诉求（全部位置合在一起，误报的可能不超过5%）。"))
    again = near_sentence(hotspot_loaders.near_repeats(hot.focus.version))
    if again:
        st.caption(again)
    if rows.empty:
        return
    table = point_table(view, rows, hot.names, dict(places["parent_code"].dropna()))
    left, right = st.columns([2, 3], gap="small")
    with left, st.container(border=True, gap="small"):
        _draw_map(view, rows, table, text)
    with right, st.container(border=True, gap="small"):
        tables.plain(table, text, height=tables.fit(hotspot_figures.MAP_HEIGHT - 60, len(table)))
        name = _("点位_{day}.csv").format(day=hot.focus.cutoff)
        st.download_button("CSV", data=partial(exports.csv_bytes, table), file_name=name, mime="text/csv", on_click="ignore", icon="⬇", key="points_csv")


def sentence(rows: pd.DataFrame, names: dict[str, str]) -> str:
    """How many points, and the largest."""
    if rows.empty:
        return _("最近八周没有发现异常密集的点位。")
    top = rows.loc[rows["observed"].idxmax()]
    return _("最近八周有 {n} 处点位异常密集，最多的在{place}：{problem} {seen} 件。").format(
        n=len(rows),
        place=names.get(top["code"], top["code"]),
        problem=said.problem_name(top["category_1"], top["category_2"] if isinstance(top["category_2"], str) else ""),
        seen=words.exact(top["observed"]),
    )


def near_sentence(rows: pd.DataFrame) -> str:
    """Which problems come back near by and soon, of the whole city; nothing where none does beyond chance."""
    sure = rows[(rows["p_value"] <= SURE) & (rows["ratio"] >= LEAST_TIMES)].head(NAMED)
    if sure.empty:
        return ""
    text = _("{problem}（{times}倍）")
    pairs = [(said.problem_name(row["category_1"], row["category_2"]), f"{row['ratio']:.1f}") for row in sure.to_dict("records")]
    named = _("、").join(text.format(problem=problem, times=times) for problem, times in pairs)
    return _("近重复（全市）：同类诉求在200米、14天之内再次发生，比日期打乱后多的问题依次为{named}。").format(named=named)


def point_table(view: View, rows: pd.DataFrame, names: dict[str, str], parents: dict[str, str]) -> pd.DataFrame:
    """The points in words; the name of one with few callers is kept back from those who are not responsible."""
    allowed = [may_read_texts(view.scope, parents.get(row["code"]), row["code"], int(row["callers"])) for row in rows.to_dict("records")]
    hidden = _("（来电人不足{n}个）").format(n=FEWEST_CALLERS)
    shown = [
        (row["pinpoint"] if isinstance(row["pinpoint"], str) else words.DASH) if may else hidden
        for row, may in zip(rows.to_dict("records"), allowed, strict=True)
    ]
    return pd.DataFrame(
        {
            _("点位"): shown,
            _("问题"): [
                said.problem_name(first, second if isinstance(second, str) else "")
                for first, second in zip(rows["category_1"], rows["category_2"], strict=True)
            ],
            view.facts.subdistrict_word: rows["code"].map(names),
            _("社区"): rows["community"],
            _("件数"): rows["observed"].astype("int64"),
            _("同一处平时"): rows["usual"].round(1),
            _("来电人"): rows["callers"].astype("int64"),
            _("最早"): rows["first_day"].dt.strftime("%m-%d"),
            _("最近"): rows["last_day"].dt.strftime("%m-%d"),
            _("范围"): [_("同一地址") if metres < SAME_METRES else _("{n}米").format(n=round(metres)) for metres in rows["radius_m"]],
        }
    )


def _draw_map(view: View, rows: pd.DataFrame, table: pd.DataFrame, alt: str) -> None:
    triples = zip(table[_("点位")], table[_("问题")], table[_("件数")], strict=True)
    texts = [_("{name}：{problem} {n} 件").format(name=name, problem=problem, n=seen) for name, problem, seen in triples]
    key = view.facts.boundaries_key
    url = maps.geometry_url(key, "subdistrict") if key is not None and loaders.has_geometry(view.version, "subdistrict") else None
    st.pydeck_chart(
        hotspot_figures.point_map(rows, texts, url, dark=st.context.theme.type == "dark"), height=hotspot_figures.MAP_HEIGHT, key="point_map", alt=alt
    )
