"""Where a problem concentrates among the units that handle it: shares over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from governance.unit_concentration import gini, top_share

if TYPE_CHECKING:
    from pipeline.focus.panels import Panel

__all__ = ["concentration"]


def concentration(panel: Panel) -> pd.DataFrame:
    """How unevenly each problem lies on units, month by month: ``problem_id``, ``month``, ``gini``, ``top_share`` of the five largest; NaN without requests."""
    frames = []
    for number, counts in zip(panel.problems["problem_id"], panel.observed, strict=True):
        frames.append(pd.DataFrame({"problem_id": number, "month": panel.starts, "gini": gini(counts), "top_share": top_share(counts)}))
    return pd.concat(frames, ignore_index=True)
