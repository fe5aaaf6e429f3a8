"""承办单位: hot pairs of unit and problem, the funnel of one problem's units, and how its tickets concentrate over time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from storage.scope import Role
from ui import exports, hotspot_figures, hotspot_loaders, loaders, panels, tables, theme, words
from ui import hotspot_sentences as said
from ui.kept import kept
from ui.words import _

if TYPE_CHECKING:
    from ui.frame import View
    from ui.hotspots import Hot

__all__ = ["draw", "pair_table"]

HEIGHT = 320
MOST_PAIRS = 60
FEWEST_UNITS = 6
"""With fewer units an outlier widens its own limits, and the funnel finds nothing."""


def draw(view: View, hot: Hot) -> None:
    """Pairs on the left; funnel and shares of the problem chosen on the right."""
    rows = hotspot_loaders.unit_months(hot.focus.version, view.scope, hot.problem[0] or None)
    newest = rows[rows["month"] == rows["month"].max()] if len(rows) else rows
    pairs = newest[newest["side"] != 0].sort_values(["side", "observed"], ascending=[False, False])
    st.markdown(f"**{_sentence(pairs, newest)}**")
    if newest.empty:
        return
    types = loaders.unit_register(view.version).drop_duplicates("unit_name").set_index("unit_name")["unit_type"]
    left, right = st.columns([1, 1], gap="small")
    with left, st.container(border=True, gap="small"):
        with panels.head(_("单位 × 问题")):
            name = _("单位热点_{day}.csv").format(day=hot.focus.cutoff)
            table = pair_table(pairs if len(pairs) else newest.sort_values("observed", ascending=False), types)
            st.download_button("CSV", data=partial(exports.csv_bytes, table), file_name=name, mime="text/csv", on_click="ignore", icon="⬇", key="pairs_csv")
        tables.plain(table.head(MOST_PAIRS), _("各单位的问题类别"), height=tables.fit(2 * HEIGHT + 40, min(len(table), MOST_PAIRS)))
    with right:
        _one_problem(view, hot, newest)


def _sentence(pairs: pd.DataFrame, newest: pd.DataFrame) -> str:
    if newest.empty:
        return _("没有可显示的承办单位：数据没有写承办单位，或历史太短。")
    month = words.month(newest["month"].iloc[0])
    hot = pairs[pairs["side"] > 0]
    if hot.empty:
        return _("{month}：没有哪家单位的哪类问题明显多于自己的平时。").format(month=month)
    top = hot.iloc[0]
    return _("{month}：{n} 组“单位×问题”多于自己的平时，件数最多的是{unit}的{problem}（{seen} 件，预期 {usual}）。").format(
        month=month, n=len(hot), unit=top["code"], problem=top["category_1"], seen=words.exact(top["observed"]), usual=f"{top['expected']:.1f}"
    )


def pair_table(pairs: pd.DataFrame, types: pd.Series) -> pd.DataFrame:
    """Units and problems with their class."""
    return pd.DataFrame(
        {
            _("承办单位"): pairs["code"],
            _("类别"): pairs["code"].map(types),
            _("问题"): pairs["category_1"],
            _("热点类别"): [said.class_word(kind, side) for kind, side in zip(pairs["kind"], pairs["side"], strict=True)],
            _("件数"): pairs["observed"],
            _("预期"): pairs["expected"].round(1),
            _("倍数"): pairs["ratio"].round(2),
            _("误报率q"): pairs["q_many"].where(pairs["side"] >= 0, pairs["q_few"]).round(3),
        }
    )


def _one_problem(view: View, hot: Hot, newest: pd.DataFrame) -> None:
    """Funnel and shares of the category in the filter, or of the largest."""
    totals = newest.groupby("category_1")["observed"].sum().sort_values(ascending=False)
    category = hot.problem[0] or str(totals.index[0])
    summed, found = hotspot_loaders.funnel_of(hot.focus.version, view.scope, category)
    with st.container(border=True, gap="small"):
        panels.head(_("{problem}：近三个月各单位实际与预期").format(problem=category))
        if found is None or int(np.isfinite(found.ratio).sum()) < FEWEST_UNITS:
            st.caption(_("可比的单位不足 {n} 家，不画漏斗图。").format(n=FEWEST_UNITS))
        else:
            figure = kept("funnel", lambda: hotspot_figures.funnel(summed, found, HEIGHT), hot.focus.version, view.scope, category, HEIGHT)
            text = _funnel_sentence(summed, found.z)
            st.plotly_chart(figure, config=theme.CONFIG, key="funnel", alt=text)
            st.caption(text)
    if view.scope.role is Role.DEPARTMENT:
        return
    with st.container(border=True, gap="small"):
        panels.head(_("{problem}：集中在少数单位的程度").format(problem=category))
        shares = hotspot_loaders.unit_shares(hot.focus.version, view.scope, category).dropna()
        if shares.empty:
            st.caption(_("没有数据。"))
            return
        last = shares.iloc[-1]
        text = _("{month}，前五家单位承办了 {share}，基尼系数 {gini}（0 为平均，1 为全在一家）。").format(
            month=words.month(last["month"].date()), share=words.percent(last["top_share"]), gini=f"{last['gini']:.2f}"
        )
        st.plotly_chart(
            kept("shares", lambda: hotspot_figures.shares(shares, HEIGHT - 100), hot.focus.version, category), config=theme.CONFIG, key="shares", alt=text
        )
        st.caption(text)


def _funnel_sentence(summed: pd.DataFrame, z: np.ndarray) -> str:
    judged = int(np.isfinite(z).sum())
    over = np.flatnonzero(np.nan_to_num(z, nan=-np.inf) > hotspot_figures.ALERT_Z)
    text = _("{n} 家可比单位；实线为偶然波动的99.8%界限，虚线为95%（已计入单位之间平常的差别）。").format(n=judged)
    if not over.size:
        return text + _("没有单位超出实线。")
    names = _("、").join(summed["code"].iloc[over[np.argsort(-z[over])][:3]])
    return text + _("超出上界的 {n} 家：{names}。").format(n=len(over), names=names)
