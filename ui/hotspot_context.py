"""What stands around one hot spot: places like it, what was done about the problem before, its tickets, and files to take away."""

from __future__ import annotations

import json
import math
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from geodata.hotspot_life import Stage
from storage.scope import Role
from storage.ticket_lines import FEWEST_CALLERS, may_read_texts
from ui import exports, foresight_loaders, geometry, hotspot_loaders, tables, words
from ui import hotspot_sentences as said
from ui.words import _

if TYPE_CHECKING:
    from ui.frame import View
    from ui.hotspots import Hot

__all__ = ["downloads", "draw", "line_table"]

MOST_LINES = 500
DEEDS_SHOWN = 3


def draw(view: View, hot: Hot, spot: pd.Series) -> None:
    """Similar places, what was done before, and the tickets."""
    st.markdown(_("##### 可参照"))
    _similar(view, hot, spot)
    _done_before(view, spot)
    if view.scope.role is not Role.DEPARTMENT and spot["level"] != "all" and st.button(_("查看工单"), key="hotspot_lines", icon=":material/list_alt:"):
        _show_lines(view, hot, spot)


def _similar(view: View, hot: Hot, spot: pd.Series) -> None:
    rows = hotspot_loaders.similar(view.version, hot.focus.version, view.scope, spot["hotspot_id"])
    if rows.empty:
        st.caption(_("本辖区内没有问题构成相近的地方可比。"))
        return
    text = _("{name} {seen} 件（预期 {usual}）")
    named = [
        text.format(name=hot.names.get(row["code"], row["code"]), seen=words.exact(row["observed"]), usual=f"{row['expected']:.1f}")
        for row in rows.to_dict("records")
    ]
    st.markdown(_("**问题构成相近的地方，同期同一问题**：{listed}。").format(listed=_("；").join(named)))


def _done_before(view: View, spot: pd.Series) -> None:
    """Earlier hot spells of the place, and what people did about warnings of the category."""
    if spot["spells"] > 1:
        st.markdown(_("**这里以前**：近一年半内这是第 {n} 次成为这一问题的热点。").format(n=int(spot["spells"])))
    warned = foresight_loaders.warnings(view.version, view.scope, view.facts.filled_until)
    own = warned[warned["category_1"] == spot["category_1"]] if len(warned) else warned
    deeds = []
    for key in own["warning_id"].head(DEEDS_SHOWN) if len(own) else []:
        done = foresight_loaders.actions(view.version, view.scope, str(key))
        deeds += [str(note) for note in done.get("note", pd.Series(dtype="str")) if isinstance(note, str) and note]
    if deeds:
        st.markdown(_("**同类预警做过什么**：{listed}。").format(listed=_("；").join(deeds[:DEEDS_SHOWN])))
    else:
        st.caption(_("预警台账里还没有同类问题的处置记录。"))


@st.dialog(_("热点的工单"), width="large")
def _show_lines(view: View, hot: Hot, spot: pd.Series) -> None:
    """The tickets since it began; words of few callers are shown to the unit responsible only."""
    lines = hotspot_loaders.lines(
        view.version, view.scope, (spot["category_1"], spot["category_2"]), frozenset(spot["areas"].split()), spot["since"].date(), hot.focus.cutoff
    )
    table, hidden = line_table(view, lines)
    sentence = _("{since}至{until}共 {n} 件，由新到旧").format(
        since=words.day(spot["since"].date()), until=words.day(hot.focus.cutoff), n=words.exact(len(lines))
    )
    sentence += _("（列出最近 {n} 件）。").format(n=MOST_LINES) if len(lines) > MOST_LINES else _("。")
    if hidden:
        sentence += _("{n} 件的标题不显示：同一社区的来电人不足 {fewest} 个，只有所在街乡镇和区可看。").format(n=hidden, fewest=FEWEST_CALLERS)
    st.caption(sentence)
    tables.plain(table.head(MOST_LINES), sentence, height=420)
    name = _("热点工单_{id}.csv").format(id=spot["hotspot_id"])
    st.download_button("CSV", data=partial(exports.csv_bytes, table), file_name=name, mime="text/csv", on_click="ignore", icon="⬇", key="lines_csv")


def line_table(view: View, lines: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The tickets under Chinese heads, and how many titles and places were kept back."""
    communities = lines.groupby(["subdistrict_code", "community"], dropna=False)
    callers = communities["caller_key"].transform("nunique") if lines["caller_key"].notna().any() else communities["ticket_id"].transform("size")
    rows = zip(lines["district_code"], lines["subdistrict_code"], callers, strict=True)
    allowed = pd.Series([may_read_texts(view.scope, district, code, int(count)) for district, code, count in rows], index=lines.index, dtype="bool")
    table = pd.DataFrame(
        {
            _("工单编号"): lines["ticket_id"],
            _("受理时间"): lines["accepted_at"].dt.strftime("%Y-%m-%d %H:%M"),
            _("细分问题"): lines["category_3"].fillna(lines["category_2"]),
            _("标题"): lines["title"].where(allowed),
            _("社区"): lines["community"],
            _("点位"): lines["place"].where(allowed),
            _("承办单位"): lines["handling_unit"],
            _("状态"): lines["status"],
        }
    )
    return table, int((~allowed).sum())


def downloads(view: View, hot: Hot) -> None:
    """The list as CSV, and the places with their hot spots as GeoJSON."""
    name = _("热点_{day}").format(day=hot.focus.cutoff)
    _button("CSV", partial(_csv, hot), f"{name}.csv", "text/csv")
    if geometry.shapes("subdistrict"):
        _button("GeoJSON", partial(_geojson, view, hot), f"{name}.geojson", "application/geo+json")


def _button(kind: str, make: Any, name: str, mime: str) -> None:
    st.download_button(kind, data=make, file_name=name, mime=mime, on_click="ignore", icon="⬇", key=f"hot_{kind.lower()}")


def _facts(hot: Hot, spot: pd.Series) -> dict[str, Any]:
    """One hot spot under Chinese heads."""
    return {
        _("编号"): spot["hotspot_id"],
        _("问题"): said.problem_name(spot["category_1"], spot["category_2"]),
        _("地区"): said.area_names(spot["areas"], hot.names),
        _("地区编码"): spot["areas"],
        _("状态"): said.STAGES[Stage(spot["stage"])],
        _("推定起始周"): str(spot["since"].date()),
        _("首次发现"): str(spot["first_found_on"].date()),
        _("件数"): int(spot["observed"]),
        _("预期件数"): round(float(spot["expected"]), 1),
        _("倍数下限"): round(float(spot["low"]), 2),
        _("倍数上限"): round(float(spot["high"]), 2),
        _("近四周件数"): int(spot["recent_observed"]),
        _("近四周预期"): round(float(spot["recent_expected"]), 1),
        _("偶然重现间隔（天）"): min(float(spot["recurrence_days"]), 1e9),
        _("建议模式"): said.MODES[spot["mode"]],
    }


def _csv(hot: Hot) -> bytes:
    return exports.csv_bytes(pd.DataFrame([_facts(hot, spot) for _place, spot in hot.shown.iterrows()]))


def _geojson(view: View, hot: Hot) -> bytes:
    """One feature a hot spot and place."""
    shapes = geometry.shapes("subdistrict")
    features = []
    for _place, spot in hot.shown.iterrows():
        for code in spot["areas"].split():
            if code in shapes:
                known = {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in _facts(hot, spot).items()}
                features.append({"type": "Feature", "properties": {"code": code, "name": hot.names.get(code, code)} | known, "geometry": shapes[code]})
    about = {"cutoff": str(hot.focus.cutoff), "version": hot.focus.version, "demo": _("演示数据") if view.facts.is_demo else ""}
    return json.dumps({"type": "FeatureCollection", "properties": about, "features": features}, ensure_ascii=False, separators=(",", ":")).encode()
