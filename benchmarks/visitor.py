"""One visitor of the running server, without a browser: Streamlit's own messages over its own WebSocket."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import connect

if TYPE_CHECKING:
    from random import Random

    from streamlit.proto.Element_pb2 import Element
    from websockets.asyncio.client import ClientConnection

__all__ = ["ACTIONS", "PAGES", "Run", "Visitor", "control_of", "page_of"]

PAGES = ("", "heatmap", "checkup")
KEYS = {
    "month": ("month", "at"),
    "place": ("district",),
    "twin": ("areas_as", "volume_as", "strips_as", "layer"),
}
ACTIONS = {"month": 35, "place": 30, "page": 20, "twin": 15}
"""What visitors do, by weight: the two filters most, then another page, then the table in place of a picture."""

RECENT = 12
"""Months further back are not looked at; of the others, and of districts, the n-th is chosen 1/n as often as the first (Zipf's law), the
first being the newest month and the whole city."""

RUNS_KEPT = 2  # Streamlit's browser side forgets a cached message that two runs did not use
ANSWER_SECONDS = 30.0
FAULTS = ("页面出错", "无权查看")


@dataclass(frozen=True, slots=True)
class Run:
    """From a request to ``script_finished``: seconds, bytes received, and what was wrong (empty: nothing)."""

    action: str
    seconds: float
    received: int
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Control:
    """A control on the page: its widget id, how its value travels, and its options in words."""

    widget_id: str
    is_list: bool
    options: tuple[str, ...]


def control_of(element: Element) -> tuple[str, Control] | None:
    """Key and control of a select box, a segmented control or a slider over names; ``None`` of anything else."""
    kind = element.WhichOneof("type")
    match kind:
        case "selectbox":
            options = tuple(element.selectbox.options)
        case "slider":
            options = tuple(element.slider.options)
        case "button_group":
            options = tuple(option.content for option in element.button_group.options)
        case _:
            return None
    widget_id = getattr(element, kind).id
    return widget_id.split("-", 2)[-1], Control(widget_id, kind != "selectbox", options)


def page_of(message: ForwardMsg) -> dict[str, str]:
    """Script hash of every page by its address."""
    return {page.url_pathname if not page.is_default else "": page.page_script_hash for page in message.navigation.app_pages}


@dataclass
class Visitor:
    """A tab: what it has been sent and what has been chosen in it."""

    address: str
    chance: Random
    controls: dict[str, Control] = field(default_factory=dict)
    chosen: dict[str, str] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    page: str = ""
    texts: list[str] = field(default_factory=list)
    _socket: ClientConnection | None = None
    _kept: dict[str, tuple[int, ForwardMsg]] = field(default_factory=dict)
    _runs: int = 0

    async def open(self) -> Run:
        """Connects and waits for the cockpit."""
        began = time.perf_counter()
        host = self.address.removeprefix("http://")
        self._socket = await connect(f"ws://{host}/_stcore/stream", subprotocols=["streamlit"], origin=self.address, compression=None, max_size=None)
        run = await self._rerun("open")
        return Run("open", time.perf_counter() - began, run.received, run.fault)

    async def close(self) -> None:
        """Leaves; the server keeps the session a while, as it does for a closed tab."""
        if self._socket is not None:
            await self._socket.close()

    async def act(self, action: str | None = None) -> Run:
        """Does one thing, drawn by weight when none is named, and waits until its run is over."""
        name = action or self.chance.choices([*ACTIONS], [*ACTIONS.values()])[0]
        key = next((key for key in KEYS.get(name, ()) if key in self.controls), None)
        if key is None:
            return await self.go(self.chance.choice([page for page in PAGES if page != self.page]))
        options = self.controls[key].options
        near = options[::-1][:RECENT] if key == "at" else options[:RECENT] if name == "month" else options
        others = [option for option in near if option != self.chosen.get(key, near[0])]
        return await self.choose(key, self.chance.choices(others, [1 / rank for rank in range(1, len(others) + 1)])[0], name)

    async def go(self, page: str) -> Run:
        """Switches to a page by its address; what was chosen on the one before is left behind."""
        self.page = page
        self.chosen.clear()
        return await self._rerun("page")

    async def choose(self, key: str, option: str, action: str = "choose") -> Run:
        """Sets one control."""
        self.chosen[key] = option
        return await self._rerun(action)

    def _request(self) -> bytes:
        message = BackMsg()
        state = message.rerun_script
        state.page_script_hash = self.pages.get(self.page, "")
        state.context_info.timezone = "Asia/Shanghai"
        state.context_info.locale = "zh-CN"
        state.context_info.url = f"{self.address}/{self.page}"
        state.context_info.color_scheme = "light"
        state.cached_message_hashes.extend(self._kept)
        for key, option in self.chosen.items():
            control = self.controls.get(key)
            if control is not None:
                value = state.widget_states.widgets.add(id=control.widget_id)
                _set(value, control, option)
        return message.SerializeToString()

    async def _rerun(self, action: str) -> Run:
        request = self._request()
        self.controls, self.texts = {}, []
        self._runs += 1
        received, fault = 0, ""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._socket.send(request)
                while True:
                    raw = await self._socket.recv()
                    received += len(raw)
                    message = ForwardMsg.FromString(raw)
                    fault = self._take(message) or fault
                    if message.WhichOneof("type") == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                        break
        except TimeoutError:
            fault = "no answer"
        taken = time.perf_counter() - began
        self._kept = {name: kept for name, kept in self._kept.items() if self._runs - kept[0] < RUNS_KEPT}
        return Run(action, taken, received, fault)

    def _take(self, message: ForwardMsg) -> str:
        """Keeps what a browser keeps of a message; returns what is wrong with it."""
        kind = message.WhichOneof("type")
        if kind == "ref_hash":
            if message.ref_hash not in self._kept:
                return "message refers to one that was not kept"
            message = self._kept[message.ref_hash][1]
            kind = message.WhichOneof("type")
        if message.metadata.cacheable:
            self._kept[message.hash] = (self._runs, message)
        if kind == "navigation":
            self.pages = page_of(message)
        elif kind == "page_not_found":
            return "page not found"
        elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            return "script error"
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            return self._take_element(message.delta.new_element)
        return ""

    def _take_element(self, element: Element) -> str:
        found = control_of(element)
        if found is not None:
            self.controls[found[0]] = found[1]
        kind = element.WhichOneof("type")
        if kind == "exception":
            return "exception"
        text = element.alert.body if kind == "alert" else element.markdown.body if kind == "markdown" else ""
        self.texts.append(text)
        return next((fault for fault in FAULTS if fault in text), "")


def _set(value: WidgetState, control: Control, option: str) -> None:
    if control.is_list:
        value.string_array_value.data.append(option)
    else:
        value.string_value = option
