"""The parts of 前瞻治理: whose warnings, the strip of the year, the cards, and one warning with its map and its handling."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from governance import rates
from storage.scope import Role
from ui import exports, foresight_loaders, geometry, identity, loaders, maps, season_figures, season_flags, season_tables, tables, theme, urlstate, words
from ui import season_sentences as said
from ui.kept import kept
from ui.words import _

if TYPE_CHECKING:
    from datetime import date

    import plotly.graph_objects as go

    from ui.foresight_loaders import Foresight
    from ui.frame import View
    from ui.season_flags import Card

__all__ = ["Flags", "begin", "download", "draw_cards", "draw_chosen", "draw_strip", "draw_where", "pick_card"]

FLAG_KEY = "flag"
EXPLORER_PAGE = "pages/foresight/explorer.py"
LEVEL_KEY = "flags_of"
WHOLE_KEY = "every_flag"
STYLE = """<style>
.weisu-flag p{margin:0 0 .2rem;line-height:1.5}
.weisu-flag .head{display:flex;flex-wrap:wrap;gap:.3rem .7rem;align-items:baseline}
.weisu-flag .name{font-size:1.05rem;font-weight:600}
.weisu-flag .tag{font-size:.85rem;border-radius:1rem;padding:0 .5rem;background:rgba(128,140,155,.18)}
.weisu-flag .who{font-size:.9rem;opacity:.8}
</style>"""


@dataclass(frozen=True, slots=True)
class Flags:
    """What the page shows: the foresight, the reader's day, the cards of the level chosen and how many more there are."""

    foresight: Foresight
    today: date
    level: str
    shown: list[Card]
    more: int
    every: list[Card]
    weeks: int


def _levels(view: View) -> dict[str, str]:
    known = view.facts
    names = {"city": _("全市"), "district": known.district_word, "subdistrict": known.subdistrict_word}
    if not known.has_districts:
        names.pop("district")
    if view.scope.role is Role.SUBDISTRICT:
        return {level: names[level] for level in ("subdistrict", "city") if level in names}
    if view.scope.role is Role.DISTRICT:
        return {level: names[level] for level in ("district", "subdistrict", "city") if level in names}
    return names


def begin(view: View) -> Flags | None:
    """Draw the switch of levels and read what it asks for; None where no foresight was made yet."""
    foresight = foresight_loaders.current(view.version)
    if foresight is None:
        return None
    levels = _levels(view)
    first = next(iter(levels))
    with st.sidebar:
        level = urlstate.select(_("预警层级"), levels, key=LEVEL_KEY, required=True, default=first) or first
        whole = st.toggle(_("显示预算线以下的预警"), key=WHOLE_KEY, bind="query-params")
        for note in urlstate.notes():
            st.caption(f"⚠ {note}")
    today = foresight.cutoff
    every = season_flags.cards_of(view.version, foresight, view.scope)
    shown, more = season_flags.ranked(every, level, foresight_loaders.budget(view.scope, today), whole=whole)
    return Flags(foresight, today, level, shown, more, every, int(foresight_loaders.policy("lead_weeks", today)["most"]))


def pick_card(flags: Flags) -> Card | None:
    """The card chosen in the URL, else the first shown."""
    key = st.query_params.get(FLAG_KEY)
    found = next((card for card in flags.every if key in card.warning_ids), None)
    return found or (flags.shown[0] if flags.shown else None)


def _choose(key: str) -> None:
    st.query_params[FLAG_KEY] = key


def draw_strip(view: View, flags: Flags, height: int, *, as_chart: bool) -> None:
    """The coming year of the seasonal problems of the city."""
    seasons = foresight_loaders.seasons(flags.foresight.version, view.scope)
    seasonal = seasons[seasons["is_seasonal"].astype("bool")]["level"].value_counts()
    level = max(("category", "category_2"), key=lambda name: int(seasonal.get(name, 0)))
    chosen = seasons[seasons["level"] == level]
    chosen = chosen[chosen["category_1"].fillna("") != ""]
    chosen = chosen.assign(name=chosen[level if level == "category_2" else "category_1"])
    chosen["name"] = list(urlstate.unique_labels(map(str, chosen["series_id"]), chosen["name"], chosen["category_1"]).values())
    rows = season_figures.strip_rows(chosen, foresight_loaders.profiles(flags.foresight.version, view.scope), flags.today, "name")
    if not rows.names:
        st.info(_("历史不足三年，或没有每年重复的季节性问题，还画不出全年日历。"), icon="📅")
        return
    events = foresight_loaders.events(flags.foresight.calendar, rows.weeks[0], rows.weeks[-1])
    sentence = season_tables.strip_sentence(rows)
    if as_chart:
        dark = st.context.theme.type == "dark"
        key = (flags.foresight.version, view.scope, height, dark)
        figure: go.Figure = kept("strip", lambda: season_figures.strip(rows, events, flags.today, height, dark=dark), *key)
        st.plotly_chart(figure, config=theme.CONFIG, alt=sentence, key="strip")
    else:
        tables.plain(season_tables.atlas_table(chosen), sentence, height=height)
    st.caption(sentence)


def draw_cards(view: View, flags: Flags, height: int) -> None:
    """The cards, each with its three lines, its owner and a button."""
    if not flags.shown:
        st.info(_("这一层级目前没有达到预警线的问题。"), icon="✔")
        _draw_reviews(flags)
        return
    st.html(STYLE)
    replayed = season_flags.flag_records(flags.foresight, view.scope)
    with st.container(height=height, border=False, gap="small"):
        for card in flags.shown:
            with st.container(border=True, gap="small"):
                st.html(_card_html(card, said.lines(card, season_flags.flag_record(replayed, card)), flags.today))
                st.button(_("查看与处置"), key=f"open_{card.key}", on_click=_choose, args=(card.key,), type="tertiary", icon=":material/arrow_forward:")
    _draw_reviews(flags)
    if flags.more:
        st.caption(_("另有 {n} 条低于预算线，可在侧栏打开。").format(n=flags.more))


def _draw_reviews(flags: Flags) -> None:
    """Windows that are over and wait for a word on what came of them."""
    waiting = season_flags.to_review(flags.every, flags.level)
    if not waiting:
        return
    with st.expander(_("{n} 条窗口已结束，待复盘").format(n=len(waiting))):
        for card in waiting:
            label = _("{problem} · {place}：{outcome}").format(problem=card.problem, place=card.place, outcome=said.outcome(card.warning))
            st.button(label, key=f"review_{card.key}", on_click=_choose, args=(card.key,), type="tertiary")


def _card_html(card: Card, lines: list[str], today: date) -> str:
    """One card's text; names come from deliveries and are escaped."""
    row = card.warning
    owner = _("主责 {owner}").format(owner=row["owner_now"])
    owner += _(" · 配合 {partner}").format(partner=row["partner"]) if isinstance(row["partner"], str) else ""
    owner += _(" · 预案应于{day}前就绪").format(day=words.day(pd.Timestamp(row["due_on"]).date()))
    head = [
        f'<span class="name">{escape(card.problem)} · {escape(card.place)}</span>',
        f'<span class="tag">{escape(said.when(card, today))}</span>',
        f'<span class="tag">{escape(season_flags.NEWS[card.news])}</span>',
        f'<span class="tag">{escape(said.stage_text(row))}</span>',
    ]
    lines = [said.outcome(row), *lines] if pd.notna(row["scored_on"]) else lines
    body = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return f'<div class="weisu-flag"><p class="head">{"".join(head)}</p>{body}<p class="who">{escape(owner)}</p></div>'


def draw_chosen(view: View, flags: Flags, card: Card) -> None:
    """The chosen warning in full: its lines and what is usually done."""
    replayed = season_flags.flag_records(flags.foresight, view.scope)
    st.html(STYLE + _card_html(card, said.lines(card, season_flags.flag_record(replayed, card)), flags.today))
    if view.scope.role is not Role.DEPARTMENT:
        st.page_link(EXPLORER_PAGE, label=_("看证据：历史、预测与成绩"), icon=":material/query_stats:", query_params=_evidence(card))
    st.markdown(_("**建议措施**（假定，来自通用预案库）"))
    st.markdown("\n".join(f"{number}. {text}" for number, text in enumerate(card.warning["actions"], 1)))


def _evidence(card: Card) -> dict[str, str]:
    """The query that opens the explorer on the card's series, by the same identity."""
    row = card.warning
    query = {key: st.query_params[key] for key in (identity.ROLE_KEY, identity.UNIT_KEY) if key in st.query_params}
    query["category"] = str(row["category_1"])
    if isinstance(row["category_2"], str):
        query["category_2"] = row["category_2"]
    if isinstance(row["place_code"], str):
        query[str(row["level"])] = row["place_code"]
    return query


def _places(view: View, flags: Flags, card: Card, level: str) -> pd.DataFrame:
    """Every place of a level the reader may see, with what is expected of the card's first window."""
    start = pd.Timestamp(card.warning["window_start"]).date()
    said_of = foresight_loaders.window_places(flags.foresight.version, view.scope, str(card.warning["category_1"]), start)
    column = "district" if level == "district" else "subdistrict"
    rows = said_of[(said_of["level"] == ("district_category" if level == "district" else "cell")) & said_of["usual"].gt(0)]
    known = loaders.place_register(view.version)
    known = known[known["level"] == level]
    least = int(foresight_loaders.policy("least_count", flags.today))
    rows = rows[rows["usual"] >= least].assign(times=lambda frame: rates.share(frame["expected"], frame["usual"]))
    return known[["code", "name"]].merge(rows.rename(columns={column: "code"})[["code", "expected", "usual", "probability", "times"]], on="code", how="left")


def draw_where(view: View, flags: Flags, card: Card, height: int) -> None:
    """Map and table of where the problem will be busy; by district, or by subdistrict in a city without districts or within one."""
    if view.scope.role is Role.DEPARTMENT:
        st.caption(_("以{role}身份只看全市合计；各地的预测由区和街乡镇查看。").format(role=words.label(Role.DEPARTMENT)))
        return
    level = "district" if view.facts.has_districts and view.scope.role not in (Role.DISTRICT, Role.SUBDISTRICT) else "subdistrict"
    frame = _places(view, flags, card, level)
    known = frame.dropna(subset=["times"]).sort_values("times", ascending=False)
    sentence = season_tables.where_sentence(known, card)
    boundaries = view.facts.boundaries_key
    if boundaries is not None and loaders.has_geometry(view.version, level) and len(known):
        dark = st.context.theme.type == "dark"
        place = maps.view(geometry.extent(level, frame["code"]), height)
        chosen = card.warning["place_code"] if isinstance(card.warning["place_code"], str) else None

        def make() -> go.Figure:
            return season_figures.where_map(frame, maps.geometry_url(boundaries, level), place, height, chosen=chosen, dark=dark)

        figure = kept("where", make, flags.foresight.version, view.scope, card.key, level, height, dark)
        st.plotly_chart(figure, config=theme.CONFIG, alt=sentence, key="where")
    st.caption(sentence)
    if len(known):
        tables.plain(season_tables.where_table(known), sentence, height=height // 2)


def download(flags: Flags) -> None:
    """The cards as a file."""
    table = season_tables.cards_table(flags.shown)
    name = _("季节预警_{day}.csv").format(day=flags.today)
    st.download_button(_("下载 CSV"), data=partial(exports.csv_bytes, table), file_name=name, mime="text/csv", on_click="ignore", icon="⬇")
