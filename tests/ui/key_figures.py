"""The key figures of a page as a reader sees them, whether they are the cockpit's cards or Streamlit's metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

__all__ = ["Card", "key_figures"]


@dataclass(frozen=True)
class Card:
    """The texts of one key figure."""

    label: str
    value: str
    delta: str
    year: str = ""


def key_figures(app: AppTest) -> list[Card]:
    """All key figures in the order of the page."""
    bodies = [item.value for item in app.markdown if "weisu-card" in item.value]
    drawn = [card for body in bodies for card in ElementTree.fromstring(f"<all>{body}</all>").iter("div") if card.get("class") == "weisu-card"]
    return [_card(card) for card in drawn] + [Card(item.label, item.value, item.delta) for item in app.metric]


def _card(card: ElementTree.Element) -> Card:
    parts = {(part.get("class") or "").split(" ")[-1]: part for part in card.iter()}
    delta = next(part for name, part in parts.items() if name in ("weisu-better", "weisu-worse", "weisu-even"))
    texts = ["".join(parts[name].itertext()) for name in ("weisu-value", "weisu-year")]
    return Card(card.get("aria-label") or "", texts[0], "".join(delta.itertext()).removeprefix("↑ ").removeprefix("↓ "), texts[1])
