"""What leaves the heat map as a file: the table as CSV, the areas or hexagons with their values as GeoJSON."""

from __future__ import annotations

import json
import math
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from geodata import hexagons
from ui import exports, fonts, geometry, heat_loaders, heat_picture, words
from ui.words import _

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    import pandas as pd

    from ui.frame import View
    from ui.heat import Heat

__all__ = ["area_geojson", "density_geojson", "downloads"]


def _about(view: View, heat: Heat, month: date) -> dict[str, str]:
    """What a file says of itself."""
    return {
        "title": _("民生数据热力图 · {place} · {metric} · {month}").format(place=heat.place_name, metric=heat.metric_name, month=words.month(month)),
        "data_until": view.facts.data_until.isoformat(),
        "version": view.version,
        "demo": _("演示数据") if view.facts.is_demo else "",
    }


def area_table(heat: Heat, frame: pd.DataFrame) -> pd.DataFrame:
    """The areas under Chinese heads; rates and changes as fractions."""
    columns = {
        "code": _("代码"),
        "name": _("名称"),
        "parent_name": _("上级"),
        "request_count": _("诉求量"),
        "intake_count": _("受理量"),
        "base": _("样本（件）"),
    }
    shown = frame[list(columns)].rename(columns=columns)
    return shown.assign(**{heat.metric_name: frame["value"]}) if heat.metric_name not in shown else shown


def area_geojson(view: View, heat: Heat, frame: pd.DataFrame, month: date) -> bytes:
    """The areas with shape, name, value and counts; areas without a shape are left out."""
    shapes = geometry.shapes(heat.level)
    features = []
    for row in frame.to_dict("records"):
        if row["code"] in shapes:
            value = None if math.isnan(row["value"]) else round(float(row["value"]), 6)
            properties = {"code": row["code"], "name": row["name"], heat.metric: value, "request_count": int(row["request_count"]), "base": int(row["base"])}
            features.append({"type": "Feature", "properties": properties, "geometry": shapes[row["code"]]})
    return _collection(features, _about(view, heat, month))


def density_geojson(view: View, heat: Heat, month: date, resolution: int) -> bytes:
    """The hexagons with their outline and requests."""
    cells, missing = heat_loaders.density(view.version, view.scope, heat.selection, month, resolution)
    rings = hexagons.outlines(int(cell, 16) for cell in cells["cell"])
    features = [
        {
            "type": "Feature",
            "properties": {"cell": cell, "request_count": int(count)},
            "geometry": {"type": "Polygon", "coordinates": [[[round(x, 6), round(y, 6)] for x, y in rings[int(cell, 16)]]]},
        }
        for cell, count in zip(cells["cell"], cells["request_count"], strict=True)
    ]
    return _collection(features, _about(view, heat, month) | {"without_position": str(missing)})


def _collection(features: list[dict[str, Any]], about: dict[str, str]) -> bytes:
    return json.dumps({"type": "FeatureCollection", "properties": about, "features": features}, ensure_ascii=False, separators=(",", ":")).encode()


def downloads(view: View, heat: Heat, frame: pd.DataFrame, breaks: tuple[float, ...], month: date, sentence: str) -> None:
    """The download buttons; files are made when clicked."""
    name = f"{heat.place_name}_{heat.metric_name}_{month:%Y-%m}"
    _button("CSV", lambda: exports.csv_bytes(area_table(heat, frame)), f"{name}.csv", "text/csv")
    whole = partial(density_geojson, view, heat, month, heat.resolution)
    make = whole if heat.layer == "density" else partial(area_geojson, view, heat, frame, month)
    _button("GeoJSON", make, f"{name}.geojson", "application/geo+json")
    if not fonts.has_chinese():
        st.caption(fonts.missing())
    elif heat_picture.can_draw(view, heat, month):
        picture = f"{heat.place_name}_{heat.layer_name}_{heat.metric_name}_{month:%Y-%m}.png"
        _button("PNG", partial(heat_picture.png, view, heat, frame, breaks, month, sentence), picture, "image/png")


def _button(kind: str, make: Callable[[], bytes], name: str, mime: str) -> None:
    st.download_button(kind, data=make, file_name=name, mime=mime, on_click="ignore", icon="⬇", key=f"heat_{kind.lower()}")
