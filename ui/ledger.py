"""预警台账: warnings that were issued and replays of the rule, as one record: headline, calibration, tables and the list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from forecasts import track_record
from governance.intervals import share_interval
from storage.scope import Role
from ui import foresight_loaders, loaders, panels, quality, tables, theme, words
from ui import ledger_figures as drawn
from ui import ledger_sentences as said
from ui.kept import kept
from ui.words import _

if TYPE_CHECKING:
    from forecasts.track_record import Record
    from storage.scope import Scope
    from ui.foresight_loaders import Foresight
    from ui.frame import View

__all__ = [
    "ISSUED",
    "REPLAYED",
    "Track",
    "chosen",
    "draw_calibration",
    "draw_headline",
    "draw_list",
    "draw_records",
    "draw_verdict",
    "issued_track",
    "last_year_rule",
    "listed",
    "outcomes",
    "pick",
    "records_table",
    "replayed_track",
]

ISSUED, REPLAYED = "issued", "replayed"
PLACE_LEVELS = {"category": "city", "category_2": "city", "district_category": "district", "cell": "subdistrict"}
"""Level of place of each level of series that warnings are about."""

YEAR = pd.Timedelta(days=364)
"""Thirteen windows of four weeks."""

BY = {"category_1": _("分类"), "level": _("层级"), "district": _("区")}
HEIGHT = 340
CARD_WIDTH = 152
EVERY = ""
NO_WINDOWS = pd.DataFrame(columns=["is_warned", "came_true", "lead_days", "level", "district", "category_1", "series_id", "window_start", "probability"])
HIT, FALSE, OPEN, LATE = "hit", "false", "open", "late"


@dataclass(frozen=True, slots=True)
class Track:
    """What was said and what came.

    Attributes
    ----------
    kind
        `ISSUED` or `REPLAYED`.
    windows
        One row a series and window: ``is_warned``, ``came_true``, ``lead_days``, ``level`` (of place), ``district``, ``category_1``. Of those that were
        issued all are warned.
    statements
        ``probability`` and ``came_true`` of everything that was said.
    cutoffs
        At how many points in time.
    """

    kind: str
    windows: pd.DataFrame
    statements: pd.DataFrame
    cutoffs: int

    @property
    def knows_missed(self) -> bool:
        """Whether windows without a warning are known, and so what was missed."""
        return self.kind == REPLAYED


def outcomes(frame: pd.DataFrame, today: pd.Timestamp) -> list[str]:
    """Of each warning what became of it: a hit, a false alarm, open, or over and not counted yet."""
    found = []
    for came, end in zip(frame["came_true"], frame["window_end"], strict=True):
        if came is None or pd.isna(came):
            found.append(LATE if end <= today else OPEN)
        else:
            found.append(HIT if came else FALSE)
    return found


def issued_track(warnings: pd.DataFrame, parents: dict[str, str]) -> Track:
    """The warnings of the ledger whose window was counted.

    Parameters
    ----------
    warnings
        As ``foresight_loaders.warnings`` gives.
    parents
        District of each subdistrict.
    """
    rows = warnings[warnings["scored_on"].notna()].reset_index(drop=True)
    lead = (rows["window_start"] - rows["issued_on"]).dt.days - 1
    district = rows["place_code"].where(rows["level"] == "district", rows["place_code"].map(parents))
    came = rows["came_true"].astype("bool")
    windows = rows[["level", "category_1"]].assign(is_warned=True, came_true=came, lead_days=lead, district=district)
    return Track(ISSUED, windows, rows[["probability"]].assign(came_true=came), int(rows["issued_on"].nunique()))


def replayed_track(foresight: Foresight | None, scope: Scope) -> Track:
    """What the rule would have said; empty before the first foresight."""
    if foresight is None:
        return Track(REPLAYED, NO_WINDOWS, NO_WINDOWS, 0)

    def make() -> Track:
        statements = foresight_loaders.replays(foresight.version, scope)
        windows = foresight_loaders.windows_replayed(foresight.version, scope)
        windows = windows.assign(level=windows["level"].map(PLACE_LEVELS))
        return Track(REPLAYED, windows, statements[["probability", "came_true"]], int(statements["cutoff"].nunique()))

    return kept("ledger_replayed", make, foresight.version, scope)


def last_year_rule(windows: pd.DataFrame) -> tuple[Record, Record, int]:
    """The rule beside the simple one that warns of a window where the same one a year before was busy, and on how many windows both are known.

    Parameters
    ----------
    windows
        One row a series and window: ``series_id``, ``window_start``, ``is_warned``, ``came_true``, ``lead_days``.
    """
    before = windows[["series_id", "window_start", "came_true"]].rename(columns={"came_true": "was_busy"})
    both = windows.merge(before.assign(window_start=before["window_start"] + YEAR), on=["series_id", "window_start"])
    return track_record.record(both), track_record.record(both.assign(is_warned=both["was_busy"])), len(both)


def pick(warnings: pd.DataFrame, replayed: Track) -> str:
    """The switch between what was issued and replays; what was issued comes first once any of it was counted."""
    names = {ISSUED: _("已发布"), REPLAYED: _("历史回放")}
    has_scores = bool(warnings["scored_on"].notna().any())
    default = ISSUED if has_scores or replayed.windows.empty else REPLAYED
    chosen = st.segmented_control(
        _("成绩来自"),
        list(names),
        default=default,
        required=True,
        format_func=names.__getitem__,
        key="track",
        bind="query-params",
        label_visibility="collapsed",
    )
    return chosen or default


def chosen(view: View, kind: str, warnings: pd.DataFrame, replayed: Track) -> Track:
    """The record asked for."""
    return replayed if kind == REPLAYED else issued_track(warnings, foresight_loaders.parents(view.version))


def draw_verdict(view: View, track: Track, warnings: pd.DataFrame) -> None:
    """How good it was in one sentence, where that is from, and what the simplest rule would have done."""
    st.markdown(f"#### {said.verdict(track_record.record(track.windows), is_replayed=track.knows_missed)}")
    text = said.origin(warnings, is_replayed=track.knows_missed, cutoffs=track.cutoffs, scope=view.scope)
    if track.knows_missed and len(track.windows):
        text += said.against_last_year(*last_year_rule(track.windows))
    st.caption(text)


def _interval(part: int, whole: int) -> str:
    """Wilson's interval in words; empty without a base."""
    ends = share_interval(pd.Series([part]), pd.Series([whole])).iloc[0]
    return "" if pd.isna(ends["low"]) else f"{ends['low'] * 100:.1f}–{ends['high'] * 100:.1f}%"


def draw_headline(track: Track) -> None:
    """The six numbers, shares with their interval."""

    def within(part: int, whole: int) -> str:
        ends = _interval(part, whole)
        return _("95%：{ends}").format(ends=ends) if ends else ""

    found = track_record.record(track.windows)
    warned, busy = found.hit_count + found.false_count, found.hit_count + found.missed_count
    unknown = _("只有回放知道没报的窗口")
    cards = [
        (_("命中"), words.count(found.hit_count), _("报了，也旺了")),
        (_("误报"), words.count(found.false_count), _("报了，没旺")),
        (_("漏报"), words.count(found.missed_count) if track.knows_missed else words.DASH, _("没报，却旺了") if track.knows_missed else unknown),
        (_("查准率"), words.percent(found.precision), within(found.hit_count, warned) or _("还没有到期的预警")),
        (_("查全率"), words.percent(found.recall) if track.knows_missed else words.DASH, within(found.hit_count, busy) if track.knows_missed else unknown),
        (_("平均提前"), said.weeks(found.lead_days), _("命中的，距窗口首日")),
    ]
    with st.container(horizontal=True, gap="small"):
        for name, value, note in cards:
            with st.container(border=True, width=CARD_WIDTH, gap=None):
                st.metric(name, value)
                st.caption(note)


def draw_calibration(view: View, track: Track, *, as_chart: bool) -> None:
    """Whether what was said with a probability came true that often."""
    values = track.statements
    # others score warnings too: the number of those scored is part of what is shown
    shows = (view.version, foresight_loaders.current(view.version), view.scope, track.kind, len(values))
    frame = kept("ledger_calibration", lambda: track_record.calibration(values["probability"].to_numpy(float), values["came_true"].to_numpy(bool)), *shows)
    sentence = said.calibration(frame, is_replayed=track.knows_missed)
    table = drawn.calibration_table(frame)
    if as_chart:
        figure = kept("ledger_calibration_figure", lambda: drawn.calibration_figure(frame), *shows)
        st.plotly_chart(figure, config=theme.CONFIG, alt=sentence, key="calibration")
    else:
        _table(table, sentence)
    _told(sentence, table, _("校准"))


def _table(table: pd.DataFrame, alt: str, columns: dict[str, Any] | None = None) -> None:
    height = tables.fit(HEIGHT, len(table))
    st.dataframe(table, hide_index=True, height=height, row_height=tables.ROW, alt=alt, placeholder=words.DASH, column_config=columns)


def _told(sentence: str, table: pd.DataFrame, part: str) -> None:
    """The sentence of a part with the table as a file beside it."""
    with st.container(horizontal=True, vertical_alignment="top", gap="small"):
        st.caption(sentence, width="stretch")
        quality.download(table, _("预警台账_{part}").format(part=part), f"download_{part}")


def records_table(track: Track, by: str, names: dict[str, str]) -> pd.DataFrame:
    """The record of each value of a column, those warned of most first; what was missed only where that is known."""
    frame = track_record.records_by(track.windows.dropna(subset=[by]), by)
    frame = frame[frame[["hit_count", "false_count", "missed_count"]].sum(axis=1) > 0]
    warned = frame["hit_count"] + frame["false_count"]
    shown = {
        BY[by]: [names.get(value, value) for value in frame[by]],
        _("命中"): frame["hit_count"],
        _("误报"): frame["false_count"],
        _("漏报"): frame["missed_count"],
        _("查准率"): [words.percent(value) for value in frame["precision"]],
        _("查准率95%区间"): [_interval(hits, count) or words.DASH for hits, count in zip(frame["hit_count"], warned, strict=True)],
        _("查全率"): [words.percent(value) for value in frame["recall"]],
        _("提前周数"): [said.weeks(value, unit="") for value in frame["lead_days"]],
    }
    table = pd.DataFrame(shown)
    return table if track.knows_missed else table.drop(columns=[_("漏报"), _("查全率")])


def _names(view: View) -> dict[str, str]:
    """Screen names of levels and districts."""
    known, places = view.facts, loaders.place_register(view.version)
    levels = {"city": _("全市"), "district": known.district_word, "subdistrict": known.subdistrict_word}
    return dict(zip(places["code"], places["name"], strict=True)) | levels


def draw_records(view: View, track: Track) -> None:
    """The record by category, level or district, as a table."""
    offered = {by: name for by, name in BY.items() if by != "district" or view.scope.role not in (Role.DISTRICT, Role.SUBDISTRICT)}
    with panels.head(_("分项成绩")):
        by = st.segmented_control(
            _("分项"), list(offered), default="category_1", required=True, format_func=offered.__getitem__, key="records_by", bind="query-params",
            label_visibility="collapsed",
        )  # fmt: skip
    by = by or "category_1"
    table = records_table(track, by, _names(view))
    sentence = said.records(table, BY[by])
    _table(table, sentence)
    _told(sentence, table, _("分{by}成绩").format(by=BY[by]))


def listed(warnings: pd.DataFrame, found: list[str], names: dict[str, str]) -> pd.DataFrame:
    """The ledger in words, one row a warning, newest issue first; nothing of it changes once it was issued."""
    rows = warnings.assign(outcome=found).sort_values(["issued_on", "window_start"], ascending=[False, True], kind="stable")
    return pd.DataFrame(
        {
            _("发出"): rows["issued_on"].dt.strftime("%Y-%m-%d"),
            _("问题"): [fine if isinstance(fine, str) else coarse for coarse, fine in zip(rows["category_1"], rows["category_2"], strict=True)],
            _("地点"): [names.get(code, code) if isinstance(code, str) else names["city"] for code in rows["place_code"]],
            _("窗口"): [f"{start:%Y-%m-%d}–{end:%m-%d}" for start, end in zip(rows["window_start"], rows["window_end"], strict=True)],
            _("发出时概率"): (rows["probability"] * 100).clip(1, 99),
            _("最新概率"): (rows["stated_probability"] * 100).clip(1, 99),
            _("转旺线"): rows["threshold"],
            _("预计"): rows["expected"].round(),
            _("平时"): rows["usual"].round(),
            _("实际"): rows["count"],
            _("结果"): [said.OUTCOMES[item] for item in rows["outcome"]],
            _("阶段"): rows["label"],
            _("主责"): rows["owner_now"],
        }
    )


def draw_list(view: View, warnings: pd.DataFrame) -> None:
    """All warnings ever issued, as they were issued, by outcome."""
    found = outcomes(warnings, pd.Timestamp(view.facts.filled_until))
    counts = pd.Series(found, dtype="object").value_counts()
    offered = {EVERY: _("全部 {n}").format(n=len(found))} | {
        key: _("{word} {n}").format(word=said.OUTCOMES[key], n=counts[key]) for key in said.OUTCOMES if key in counts
    }
    with panels.head(_("已发布的预警")):
        if len(offered) > 2:
            chosen = st.segmented_control(
                _("结果"), list(offered), default=EVERY, required=True, format_func=offered.__getitem__, key="outcome", label_visibility="collapsed"
            )
        else:
            chosen = EVERY
    if warnings.empty:
        st.info(said.none_issued(), icon=":material/inbox:")
        return
    inside = [chosen in (EVERY, None, item) for item in found]
    kept_outcomes = [item for item, is_in in zip(found, inside, strict=True) if is_in]
    table = listed(warnings[inside], kept_outcomes, _names(view))
    sentence = said.ledger(warnings, found)
    number = st.column_config.NumberColumn
    columns = {name: number(format="%.0f%%", width=80) for name in (_("发出时概率"), _("最新概率"))}
    columns |= {name: number(format="localized", width=64) for name in (_("转旺线"), _("预计"), _("平时"), _("实际"))}
    _table(table, sentence, columns)
    _told(sentence, table, _("已发布"))
