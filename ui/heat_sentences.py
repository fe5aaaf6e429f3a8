"""Generated sentences of the heat map, for captions and ``alt`` texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui import heat_loaders, loaders, sentences, words
from ui.heat import density_sentence
from ui.words import _

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from ui.frame import View
    from ui.heat import Heat

__all__ = ["areas", "communities", "layer", "unplaced"]


def layer(view: View, heat: Heat, frame: pd.DataFrame, word: str, month: date) -> str:
    """What the map of the chosen layer shows."""
    if heat.layer == "areas":
        return areas(frame, word, heat, words.month(month))
    if heat.layer == "density":
        return density_sentence(*heat_loaders.density(view.version, view.scope, heat.selection, month, heat.resolution))
    return communities(heat_loaders.communities(view.version, view.scope, heat.selection, month, heat_loaders.MOST_COMMUNITIES))


def areas(frame: pd.DataFrame, word: str, heat: Heat, month: str) -> str:
    """Which area stands first by the metric, and for how many it cannot be told."""
    known = frame.dropna(subset=["value"])
    if known.empty:
        return _("{month}没有一个{word}算得出{metric}。").format(month=month, word=word, metric=heat.metric_name)
    top = known.iloc[0]
    text = _("{month}，{n} 个{word}中{metric}最高的是{name}（{value}）。").format(
        month=month, n=len(frame), word=word, metric=heat.metric_name, name=top["name"], value=heat.text(top["value"])
    )
    missing = len(frame) - len(known)
    return text + (_("{n} 个没有数据或样本不足，不着色。").format(n=missing) if missing else "")


def communities(frame: pd.DataFrame) -> str:
    """How many communities are drawn, the first of them, and why some are not."""
    located = frame.dropna(subset=["longitude", "latitude"])
    if located.empty:
        return _("社区的位置取其全部工单坐标的平均，不足 5 件的不显示。")
    top = located.iloc[0]
    return _("画出诉求最多的 {n} 个社区，第一是{name}（{count} 件）；位置取其全部工单坐标的平均，不足 5 件的不显示。").format(
        n=len(located), name=top["community"], count=words.exact(top["request_count"])
    )


def unplaced(view: View, missing: int) -> str:
    """How many tickets of the month lie on no area."""
    text = _("未落图 {n} 件（地点不在区划表中，已计入总数）。").format(n=words.exact(missing))
    return text + (sentences.schematic() if loaders.has_schematic_boundaries(view.version) else "")
