"""The check-up page's parts: which object, its table, findings with their evidence, chart and download."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from governance.periods import Grain, Period
from storage.scope import BOUND_ROLES, Role
from ui import checkup_figures, checkup_loaders, exports, filters, identity, loaders, sentences, tables, theme, urlstate, words
from ui import checkup_sentences as said
from ui.checkup_loaders import WHOLE
from ui.kept import kept
from ui.measures import MEASURES
from ui.words import _

if TYPE_CHECKING:
    from governance.checkup import Checkup
    from storage.scope import Scope
    from ui.frame import View

__all__ = ["Target", "chart_title", "download", "draw_chart", "draw_findings", "draw_peers", "draw_table", "has_no_tickets", "pick", "result_table"]

COCKPIT = "pages/overview/cockpit.py"
OBJECT_KEY = "object"
HANDLER_KEY = "handler"
KINDS_OF = {
    Role.DISTRICT: ("district", "subdistrict", "category"),
    Role.SUBDISTRICT: ("subdistrict", "category"),
    Role.DEPARTMENT: ("handler", "category"),
}
EVERY_KIND = (WHOLE, "district", "subdistrict", "handler", "category")


@dataclass(frozen=True, slots=True)
class Target:
    """Whose check-up, in which month: kind and code, and the same in words. ``names`` are its peers' too."""

    kind: str
    code: str
    name: str
    word: str
    period: Period
    names: dict[str, str]
    note: str

    @property
    def words(self) -> str:
        """Object and month."""
        return _("{name} · {month}").format(name=self.name, month=words.period_name(self.period))


def _options(view: View, kind: str) -> dict[str, str]:
    """Code and name of every object of a kind that the scope may pick."""
    return kept("checkup_options", lambda: _all_options(view, kind), view.version, view.scope, kind)


def _all_options(view: View, kind: str) -> dict[str, str]:
    match kind:
        case "district" | "subdistrict":
            rows = filters.visible_places(view)
            rows = rows[rows["level"] == kind]
            return urlstate.unique_labels(rows["code"], rows["name"], rows["parent_name"])
        case "handler":
            units = loaders.unit_register(view.version)
            if view.scope.role is Role.DEPARTMENT:
                units = units[units["unit_code"] == view.scope.unit_code]
            return urlstate.unique_labels(units["unit_code"], units["unit_name"], units["unit_type"])
        case "category":
            first = loaders.categories(view.version)["category_1"].dropna().drop_duplicates()
            return {str(name): str(name) for name in first}
        case _:
            return {WHOLE: view.facts.city_name}


def _kind_words(view: View) -> dict[str, str]:
    known = view.facts
    return {WHOLE: _("全市"), "district": known.district_word, "subdistrict": known.subdistrict_word, "handler": known.unit_word, "category": _("行业")}


def _own_name(view: View) -> str:
    """The name of the unit a bound role sees; empty for a free role."""
    if view.scope.role not in BOUND_ROLES:
        return ""
    kind = {Role.DEPARTMENT: "handler"}.get(view.scope.role, view.scope.role.value)
    return _options(view, kind).get(view.scope.unit_code or "", "")


def pick(view: View) -> Target | None:
    """Draw the pickers in the sidebar; ``None`` where there is nothing to check."""
    offered = {kind: _options(view, kind) for kind in KINDS_OF.get(view.scope.role, EVERY_KIND)}
    kind_words = {kind: text for kind, text in _kind_words(view).items() if offered.get(kind)}
    if not kind_words:
        return None
    known = view.facts
    default = loaders.default_period(known)
    with st.sidebar:
        kind = urlstate.select(_("体检对象"), kind_words, key=OBJECT_KEY, required=True) or next(iter(kind_words))
        names = offered[kind]
        code = next(iter(names))
        if kind != WHOLE:
            key = {"handler": HANDLER_KEY}.get(kind, kind)
            code = urlstate.select(kind_words[kind], names, key=key, required=True) or code
        month = f"{default.start:%Y-%m}"
        month = urlstate.select(_("月份"), filters.month_options(known), key="month", required=True, default=month) or month
        for note in urlstate.notes():
            st.caption(f"⚠ {note}")
    period = Period.containing(Grain.MONTH, date.fromisoformat(f"{month}-01"), until=known.data_until)
    own = _own_name(view)
    name = _("{own} · {name}").format(own=own, name=names[code]) if own and own != names[code] and kind == "category" else names[code]
    return Target(kind, code, name, kind_words[kind], period, names, sentences.thin_months(known, period, is_default=period == default))


def result_table(result: Checkup) -> pd.DataFrame:
    """The check-up in words, one row an indicator: the table on screen and the download."""
    rows = [(str(key), row) for key, row in result.table.iterrows()]
    return pd.DataFrame(
        {
            _("指标"): [MEASURES[key].name for key, _row in rows],
            _("状态"): [said.status_text(row["status"]) for _key, row in rows],
            _("本月"): [said.value_text(key, row["value"]) for key, row in rows],
            _("95%区间"): [said.interval_text(key, row) for key, row in rows],
            _("上月"): [said.value_text(key, row["before"]) for key, row in rows],
            _("去年同月"): [said.value_text(key, row["year_ago"]) for key, row in rows],
            _("近12月中位"): [said.value_text(key, row["past_median"]) for key, row in rows],
            _("同级中位"): [said.value_text(key, row["peer_median"]) for key, row in rows],
            _("位次"): [said.rank_text(row) for _key, row in rows],
            _("判断依据"): [said.reason_text(key, row) for key, row in rows],
        }
    )


def draw_table(result: Checkup, target: Target) -> None:
    """The indicators with their references."""
    shown = result_table(result)
    tables.plain(shown, _("{name}体检表：{verdict}").format(name=target.words, verdict=said.verdict(result)))
    st.caption(_("区间为 Wilson 得分区间；位次由高到低。各项阈值为假定，见指标口径。"))


def download(result: Checkup, target: Target) -> None:
    """The table as a file."""
    name = _("城市体检_{name}_{month}.csv").format(name=target.name, month=f"{target.period.start:%Y-%m}")
    shown = result_table(result)
    st.download_button(_("下载 CSV"), data=partial(exports.csv_bytes, shown), file_name=name, mime="text/csv", on_click="ignore", icon="⬇")


def has_no_tickets(result: Checkup) -> bool:
    """Whether the object had no ticket in the month: then every share is unknown."""
    return not result.table["base"].astype("float64")["consultation_share"] > 0


def chart_title(result: Checkup) -> str:
    """What the chart compares with."""
    return _("与自己的过去比") if result.peers.empty else _("与同级比")


def _evidence(target: Target, category: str | None) -> dict[str, str]:
    """The query that opens the cockpit on the same selection, by the same identity."""
    query = {key: st.query_params[key] for key in (identity.ROLE_KEY, identity.UNIT_KEY) if key in st.query_params}
    query |= {"grain": words.label(Grain.MONTH), "month": words.month(target.period.start)}
    if target.kind in ("district", "subdistrict", "category"):
        query[target.kind] = target.names[target.code]
    if category is not None and target.kind != "category":
        query["category"] = category
    return query


def draw_findings(view: View, result: Checkup, target: Target) -> None:
    """The findings, most severe first, each with the way to its evidence."""
    key = shows(view, target)
    growing, problems = checkup_loaders.growing(*key), checkup_loaders.problems(*key)
    for finding in said.findings(result, growing, problems, target.period, target.word):
        text, link = st.columns([6, 1], gap="small")
        text.markdown(finding.text)
        link.page_link(COCKPIT, label=_("看依据"), query_params=_evidence(target, finding.category), help=_("在数据驾驶舱中打开同一对象、同一月份"))
    if target.kind == "handler" and view.scope.role not in BOUND_ROLES:
        st.caption(_("数据驾驶舱不能按承办单位筛选：打开后请在“{word}”一栏中查看。").format(word=target.word))


def shows(view: View, target: Target) -> tuple[str, Scope, str, str, Period]:
    """What a check-up depends on."""
    return view.version, view.scope, target.kind, target.code, target.period


def draw_chart(view: View, result: Checkup, target: Target) -> None:
    """Own value among the peers, or among the own past where there are no peers."""
    figure = kept("strips", lambda: checkup_figures.strips(result, target.names), *shows(view, target))
    st.plotly_chart(figure, config=theme.CONFIG, alt=said.strip(result, target.name, target.word), key="strips")


def draw_peers(result: Checkup, target: Target) -> None:
    """The chart's table twin: a row for each dot."""
    dots = result.past.rename(columns={"months_back": "code"}) if result.peers.empty else result.peers
    table = dots.pivot_table(index="code", columns="indicator", values="value", aggfunc="first").reindex(columns=result.table.index)
    if result.peers.empty:
        labels = [_("{n} 个月前").format(n=code) if code else _("本月") for code in table.index]
    else:
        table = pd.concat([result.table["value"].rename(target.code).to_frame().T, table])
        labels = [target.names.get(str(code), str(code)) for code in table.index]
    shown = pd.DataFrame({MEASURES[str(key)].name: [said.value_text(str(key), value) for value in table[key]] for key in table.columns})
    head = _("月份") if result.peers.empty else target.word
    shown.insert(0, head, labels)
    tables.plain(shown, said.strip(result, target.name, target.word), height=360)
