"""What every page shares: the view of a run, title, 数据截至, foot, errors and first steps."""

from __future__ import annotations

import logging
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from storage.scope import ScopeError
from ui import loaders, words
from ui.measures import MEASURES
from ui.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.reads import Facts
    from storage.scope import Scope

__all__ = ["View", "begin", "first_steps", "foot", "forbidden", "guarded", "install_style", "report", "set_view"]

LOG = logging.getLogger("weisu.ui")
VIEW_KEY = "_view"
MOVED_KEY = "_snapshot_moved"
DEFINITIONS_PAGE = "pages/overview/definitions.py"
STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding-left: 1.5rem; padding-right: 1.5rem; padding-bottom: 0.4rem; }
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: 0.6rem; }
[data-testid="stMainBlockContainer"] [data-testid="stElementContainer"]:has(> [data-testid="stHtml"] > script) { position: absolute; }
[data-testid="stPlotlyChart"] :is(.xtick, .ytick) text, [data-testid="stPlotlyChart"] .legendtext { fill: currentColor !important; }
@media (max-width: 640px) { [data-testid="stMainBlockContainer"] { padding-left: 0.8rem; padding-right: 0.8rem; } }
</style>"""


@dataclass(frozen=True, slots=True)
class View:
    """What one run of a page looks at: one snapshot, by one scope."""

    version: str
    scope: Scope
    facts: Facts


def set_view(view: View) -> None:
    """Pin the snapshot and the scope of this run; called by ``app.py`` before the page."""
    st.session_state[VIEW_KEY] = view


def install_style() -> None:
    """Narrower margins and gaps, with which the cockpit fits on a screen of 1080 lines, and axes in the colour of the text: theirs is too pale to read."""
    st.html(STYLE)


def begin(title: str, question: str) -> View:
    """Draw a page's head and return the run's view.

    Raises
    ------
    ScopeError
        The page was reached without passing ``app.py``, so nobody said who is looking.
    """
    view: View | None = st.session_state.get(VIEW_KEY)
    if view is None:
        message = "page was run without app.py"
        raise ScopeError(message)
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.title(title, anchor=False, width="content")
        if view.facts.is_demo:
            st.badge(_("演示数据"), color="orange")
        st.caption(f"{question}  \n{freshness(view.facts)}", width="content")
    return view


def freshness(known: Facts) -> str:
    """City and last day of data in words."""
    return _("{city} · 数据截至 {day}").format(city=known.city_name, day=words.day(known.data_until))


def foot(view: View, *measures: str) -> None:
    """The page's foot: definitions of the numbers shown, source and version."""
    known = view.facts
    with st.expander(_("指标口径与数据说明")):
        for key in measures:
            item = MEASURES[key]
            st.markdown(_("**{name}**（{unit}）：{definition}").format(name=item.name, unit=item.unit, definition=item.definition))
        st.page_link(DEFINITIONS_PAGE, label=_("全部指标口径与现行政策"))
    st.caption(
        _("数据截至 {day} · 数据始自 {first} · 来源：{city} · 共 {tickets} 件 · 数据版本 {version}").format(
            day=words.day(known.data_until),
            first=words.day(known.data_from),
            city=known.city_name,
            tickets=words.exact(known.ticket_count),
            version=view.version[:12],
        )
    )


def forbidden() -> None:
    """The sentence shown instead of a page the role may not see."""
    st.title(_("无权查看"), anchor=False)
    st.warning(_("当前身份无权查看本页。如需查看，请切换身份或联系管理员。"), icon="🔒")


def first_steps() -> None:
    """What to do while there is no data yet."""
    st.title(_("第一步：导入工单"), anchor=False)
    st.markdown(_("系统里还没有数据。请在项目目录的命令行中运行下面的命令，完成后刷新本页。"))
    st.markdown(_("**一、导入工单文件**（CSV、Parquet 或 XLSX，可一次多个；`--city` 指定城市配置，见 `cities/` 目录）："))
    st.code(_("python manage.py ingest 工单.csv --city beijing"), language="bash")
    st.markdown(_("**二、带上区划边界**（可选；没有边界时地图暂不显示，其余照常）："))
    st.code(_("python manage.py ingest 工单.csv --city beijing --boundaries 边界.geojson"), language="bash")
    st.markdown(_("**三、先看结果、不写入**（可选）："))
    st.code(_("python manage.py ingest 工单.csv --city beijing --dry-run"), language="bash")
    st.markdown(_("**想先看看？** 生成一个演示城市（全部为虚构数据，约一分钟）："))
    st.code(_("python manage.py demo"), language="bash")
    st.caption(_("数据目录由环境变量 WEISU_HOME 指定，未指定时为项目目录下的 data/。"))


def report(error: BaseException) -> None:
    """Log an error in full and tell the reader one sentence with a number to quote."""
    number = secrets.token_hex(3)
    LOG.error("page error %s", number, exc_info=error)
    st.error(_("页面出错，数据未受影响。请稍后重试；如仍出错，请把编号 {number} 告诉管理员。").format(number=number), icon="⚠️")


@contextmanager
def guarded() -> Iterator[None]:
    """Turn whatever goes wrong in a run into a Chinese sentence; tracebacks go to the log only."""
    try:
        yield
        st.session_state.pop(MOVED_KEY, None)
    except ScopeError:
        forbidden()
    except loaders.SnapshotMovedError as error:
        if st.session_state.get(MOVED_KEY):
            report(error)
            return
        st.session_state[MOVED_KEY] = True
        st.rerun()
    except Exception as error:  # noqa: BLE001 - the last stop before the reader; logged with its traceback
        report(error)
