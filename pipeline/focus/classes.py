"""Classes of every place and problem, month by month: what its last twelve months of hot and cold amount to, in one word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geodata.emerging import NEITHER, classify
from geodata.hotspots import judge_maps

if TYPE_CHECKING:
    from geodata.hotspots import Judged
    from geodata.neighbours import Neighbours
    from pipeline.focus.panels import Panel

__all__ = ["MONTHS_JUDGED", "MONTHS_SHOWN", "class_months"]

MONTHS_JUDGED = 12
LEAST_JUDGED = 4
MONTHS_SHOWN = 24
NUMBERS = ("ratio", "low", "high", "gi", "q_hot", "q_cold", "q_many", "q_few")


def class_months(panel: Panel, neighbours: Neighbours | None) -> pd.DataFrame:
    """One row a problem, member and month, of the last two years.

    Parameters
    ----------
    panel
        By month.
    neighbours
        Of the members; None where they have none.

    Returns
    -------
    DataFrame
        ``problem_id``, ``code``, ``month``, ``observed``, ``expected``, ``ratio``, ``low``, ``high``, ``gi``, ``q_hot``, ``q_cold``, ``q_many``, ``q_few``,
        ``state`` (1 hot, 0, -1 cold), ``kind`` and ``side`` (``geodata.emerging``). Months in which nothing can be expected are not there.
    """
    judged = [judge_maps(seen, usual, neighbours) for seen, usual in zip(panel.observed, panel.expected, strict=True)]
    known = np.isfinite(panel.expected[0]).any(axis=0) if len(panel.problems) else np.zeros(0, dtype=bool)
    months = [place for place in range(len(panel.starts)) if known[place]][-MONTHS_SHOWN:]
    return pd.concat([_month(panel, judged, place, int(np.argmax(known))) for place in months], ignore_index=True) if months else _nothing()


def _month(panel: Panel, judged: list[Judged], place: int, first: int) -> pd.DataFrame:
    span = slice(max(place - MONTHS_JUDGED + 1, first), place + 1)
    states, intensity = (np.concatenate([getattr(item, name)[:, span] for item in judged]) for name in ("states", "intensity"))
    if states.shape[1] < LEAST_JUDGED:
        kinds, sides = np.full(len(states), "none", dtype=object), np.full(len(states), NEITHER)
    else:
        kinds, sides = classify(states, intensity)
    size = len(panel.members)
    most = float(np.finfo("float32").max)
    numbers = {name: np.clip(np.concatenate([getattr(item, name)[:, place] for item in judged]), -most, most).astype("float32") for name in NUMBERS}
    frame = pd.DataFrame(
        {
            "problem_id": np.repeat(panel.problems["problem_id"].to_numpy(), size).astype("int32"),
            "code": np.tile(panel.members, len(judged)),
            "month": panel.starts[place],
            "observed": panel.observed[:, :, place].ravel().astype("int32"),
            "expected": panel.expected[:, :, place].ravel().astype("float32"),
        }
        | numbers
        | {"state": states[:, -1].astype("int8"), "kind": kinds.astype("str"), "side": sides.astype("int8")}
    )
    return frame[np.isfinite(frame["expected"])]


def _nothing() -> pd.DataFrame:
    kinds = {"problem_id": "int32", "code": "str", "month": "datetime64[us]", "observed": "int32", "expected": "float32"}
    kinds |= dict.fromkeys(NUMBERS, "float32") | {"state": "int8", "kind": "str", "side": "int8"}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
