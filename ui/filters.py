"""The filters of a page: period, place, category, request type and channel, all bound to the URL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import streamlit as st

from governance.periods import Grain, Period
from governance.tickets import Channel, RequestType
from storage.reads import Selection
from storage.scope import Role
from ui import loaders, sentences, urlstate, words
from ui.kept import kept
from ui.words import _

if TYPE_CHECKING:
    import pandas as pd

    from storage.reads import Facts
    from ui.frame import View

__all__ = ["Choice", "month_options", "pick", "pick_category", "pick_period", "pick_place", "visible_places"]

GRAIN_KEY = "grain"
DISTRICT_KEY = "district"
SUBDISTRICT_KEY = "subdistrict"
CATEGORY_KEY = "category"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the filters say: rows, days, and the same in words for titles and downloads."""

    selection: Selection
    period: Period
    place_name: str
    words: str
    note: str = ""


def visible_places(view: View) -> pd.DataFrame:
    """The rows of the place register that the scope's place pickers may offer."""
    places = loaders.place_register(view.version)
    unit = view.scope.unit_code
    match view.scope.role:
        case Role.DISTRICT:
            return places[(places["code"] == unit) | (places["parent_code"] == unit)]
        case Role.SUBDISTRICT:
            return places[(places["level"] == "subdistrict") & (places["code"] == unit)]
        case _:
            return places


def month_options(known: Facts) -> dict[str, str]:
    """The months the data cover, newest first: name by year and month."""
    names = {}
    first = known.data_until.replace(day=1)
    while first >= known.data_from.replace(day=1):
        names[f"{first:%Y-%m}"] = words.month(first)
        first = (first - timedelta(days=1)).replace(day=1)
    return names


def _pick_day(title: str, known: Facts) -> date:
    first, last = known.data_from, known.data_until
    value = st.date_input(title, value=known.filled_until, min_value=first, max_value=last, key="day", bind="query-params", format="YYYY-MM-DD")
    return value if isinstance(value, date) else known.filled_until


def _default_period(grain: Grain, known: Facts) -> Period:
    """What the controls show of a grain before anybody touched them."""
    if grain is Grain.RANGE:
        return Period(grain, max(known.data_from, known.filled_until - timedelta(days=29)), known.filled_until)
    return Period.containing(grain, known.filled_until, until=known.data_until)


def _pick_range(known: Facts) -> Period:
    shown = _default_period(Grain.RANGE, known)
    default = (shown.start, shown.end)
    value = st.date_input(
        _("起止日期"), value=default, min_value=known.data_from, max_value=known.data_until, key="range", bind="query-params", format="YYYY-MM-DD"
    )
    days = list(value) if isinstance(value, tuple) else [value]
    if len(days) < len(default):
        st.caption(_("请再选一个日期；现按最近三十天显示。"))
        days = list(default)
    return Period(Grain.RANGE, days[0], days[-1])


def pick_period(known: Facts) -> Period:
    """Draw the period controls; the default is the last well-filled month, cut at the last day with data."""
    names = {grain: words.label(grain) for grain in Grain}
    grain = st.segmented_control(
        _("时段"),
        list(Grain),
        default=Grain.MONTH,
        required=True,
        format_func=names.__getitem__,
        key=GRAIN_KEY,
        bind="query-params",
        width="stretch",
        wrap=False,
    )
    until, shown = known.data_until, known.filled_until
    match grain:
        case Grain.DAY:
            return Period.containing(Grain.DAY, _pick_day(_("日期"), known))
        case Grain.WEEK:
            return Period.containing(Grain.WEEK, _pick_day(_("所在周（任选一天）"), known), until=until)
        case Grain.YEAR:
            years = {str(year): _("{year}年").format(year=year) for year in range(until.year, known.data_from.year - 1, -1)}
            chosen = urlstate.select(_("年份"), years, key="year", required=True, default=str(shown.year)) or str(shown.year)
            return Period.containing(Grain.YEAR, date(int(chosen), 1, 1), until=until)
        case Grain.RANGE:
            return _pick_range(known)
        case _:
            chosen = urlstate.select(_("月份"), month_options(known), key="month", required=True, default=f"{shown:%Y-%m}") or f"{shown:%Y-%m}"
            return Period.containing(Grain.MONTH, date.fromisoformat(f"{chosen}-01"), until=until)


def _place_labels(view: View, level: str, parent: str | None) -> dict[str, str]:
    """Screen names by code of the places of a level that the pickers may offer, below a district where one is chosen."""

    def make() -> dict[str, str]:
        rows = visible_places(view)
        rows = rows[rows["level"] == level]
        rows = rows if parent is None else rows[rows["parent_code"] == parent]
        return urlstate.unique_labels(rows["code"], rows["name"], rows["parent_name"])

    return kept("place_labels", make, view.version, view.scope, level, parent)


def pick_place(view: View) -> tuple[str | None, str | None, str]:
    """District and subdistrict; the second depends on the first, both on the scope."""
    known = view.facts
    district, subdistrict, name = None, None, known.city_name
    labels = _place_labels(view, "district", None)
    if known.has_districts and labels:
        bound = view.scope.role is Role.DISTRICT
        district = urlstate.select(known.district_word, labels, key=DISTRICT_KEY, required=bound)
        name = labels.get(district or "", name)
    labels = _place_labels(view, "subdistrict", district)
    if labels:
        bound = view.scope.role is Role.SUBDISTRICT
        subdistrict = urlstate.select(known.subdistrict_word, labels, key=SUBDISTRICT_KEY, required=bound)
        name = labels.get(subdistrict or "", name)
    return district, subdistrict, name


def pick_category(view: View) -> str | None:
    """A category of the first level, or all."""

    def make() -> dict[str, str]:
        return {str(name): str(name) for name in loaders.categories(view.version)["category_1"].dropna().drop_duplicates().sort_values()}

    return urlstate.select(_("一级分类"), kept("category_labels", make, view.version), key=CATEGORY_KEY)


def _pick_kind(view: View) -> tuple[str | None, str | None, str | None]:
    category = pick_category(view)
    left, right = st.columns(2)
    with left:
        kind = urlstate.select(_("工单类型"), {item.value: words.label(item) for item in RequestType}, key="type")
    with right:
        channel = urlstate.select(_("渠道"), {item.value: words.label(item) for item in Channel}, key="channel")
    return category, kind, channel


def _own_unit(view: View) -> list[str]:
    """The name of a department that sees its own rows only."""
    if view.scope.role is not Role.DEPARTMENT:
        return []
    units = loaders.unit_register(view.version)
    return [str(name) for name in units.loc[units["unit_code"] == view.scope.unit_code, "unit_name"].head(1)]


def pick(view: View) -> Choice:
    """Draw all filters in the sidebar and return what they say."""
    with st.sidebar:
        period = pick_period(view.facts)
        district, subdistrict, place = pick_place(view)
        category, kind, channel = _pick_kind(view)
        for note in urlstate.notes():
            st.caption(f"⚠ {note}")
    selection = Selection(district_code=district, subdistrict_code=subdistrict, category_1=category, request_type=kind, channel=channel)
    parts = [place, *_own_unit(view), words.period_name(period)]
    parts += [category] if category else []
    parts += [words.label(RequestType(kind))] if kind else []
    parts += [words.label(Channel(channel))] if channel else []
    return Choice(
        selection, period, place, " · ".join(parts), sentences.thin_months(view.facts, period, is_default=period == _default_period(period.grain, view.facts))
    )
