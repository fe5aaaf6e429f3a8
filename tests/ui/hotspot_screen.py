"""What 重点治理 puts on the screen: its sentences, its cards, and everything a browser is sent."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

from streamlit.testing.v1 import AppTest

from storage.scope import Scope
from tests.ui import hotspot_city
from ui import hotspot_loaders, loaders
from ui.hotspots import Hot

PAGE = "pages/focus/hotspots.py"
IDENTITY = ("role", "unit")
TAGS = re.compile(r"<[^>]+>")


def sentences(app: AppTest) -> str:
    """What is written outside of cards, tables and figures."""
    return "\n".join(str(item.value) for kind in (app.title, app.markdown, app.caption, app.info, app.warning, app.error) for item in kind)


def blocks(app: AppTest) -> list[str]:
    """The HTML of the cards with their strips, in order."""
    return [item.proto.body for item in app.get("html") if "weisu-spot" in item.proto.body and "<style>\n.weisu-spot" not in item.proto.body]


def cards(app: AppTest) -> list[str]:
    """The text of each card, its strip left out."""
    return [TAGS.sub(" ", block.split("<style>")[0]) for block in blocks(app)]


def deck(app: AppTest) -> dict[str, dict]:
    """The layers of the map by their names."""
    return {layer["id"]: layer for layer in json.loads(app.get("deck_gl_json_chart")[0].proto.json)["layers"]}


def drawn(app: AppTest) -> str:
    """All that is sent, apart from the picker of demo units and the script of Chinese words."""
    parts = [sentences(app), *blocks(app), *(item.proto.json for item in app.get("deck_gl_json_chart"))]
    parts += [json.dumps(json.loads(item.proto.spec), ensure_ascii=False) for item in app.get("plotly_chart")]
    parts += [f"{item.proto.alt}" for kind in ("plotly_chart", "deck_gl_json_chart", "arrow_data_frame", "dataframe") for item in app.get(kind)]
    parts += [item.value.to_csv() for item in app.dataframe]
    parts += [" ".join(map(str, box.options)) for box in app.selectbox if box.key not in IDENTITY]
    parts += [str(item.label) for kind in ("button", "page_link", "download_button", "segmented_control", "toggle") for item in app.get(kind)]
    return "\n".join(parts)


def view(version: str, scope: Scope) -> SimpleNamespace:
    """What a page of this reader looks at."""
    return SimpleNamespace(version=version, scope=scope, facts=loaders.facts(version))


def hot(version: str, scope: Scope) -> Hot:
    """What the page would show this reader without any filter."""
    focus = hotspot_loaders.current(version)
    assert focus is not None
    spots = hotspot_loaders.hotspots(version, focus.version, scope)
    active = spots[spots["stage"] != "ended"]
    return Hot(focus, spots, active, active, 0, hotspot_city.NAMES, ("", ""))
