"""A made city with two strong seasons, in plain rows, so that a test can count them again; and its forecasts, made once for all tests."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from forecasts.baselines import SampleMean
from forecasts.level import Blocks
from forecasts.panel import Panel
from forecasts.pooled import PooledCounts, Shape
from pipeline.refresh import refresh
from storage.home import Home
from tests.factories import load, write_csv

FIRST, KNOWN_UNTIL, LATER_UNTIL = date(2023, 6, 1), date(2025, 10, 5), date(2025, 11, 23)
PLACES = (
    ("110101001", "东华门街道", "110101", "东城区"),
    ("110101002", "景山街道", "110101", "东城区"),
    ("110102001", "西长安街街道", "110102", "西城区"),
    ("110102003", "新街口街道", "110102", "西城区"),
)
PROBLEMS = {"公共服务": ("供暖", "供水"), "市容环卫": ("垃圾", "公厕"), "噪声": ("施工", "商业")}
UNITS = {"公共服务": "热力集团", "市容环卫": "城管委", "噪声": "生态局"}
A_DAY = {
    ("公共服务", "供暖"): 2.4,
    ("公共服务", "供水"): 0.8,
    ("市容环卫", "垃圾"): 2.4,
    ("市容环卫", "公厕"): 0.7,
    ("噪声", "施工"): 1.8,
    ("噪声", "商业"): 0.6,
}
UNPLACED_EVERY = 40


def season(problem: str, day: date) -> float:
    """How many times the year's mean: heating in the cold months, building noise in the warm ones."""
    if problem == "供暖":
        return 2.9 if (day.month, day.day) >= (11, 8) or (day.month, day.day) < (3, 16) else 0.1
    return (2.0 if 5 <= day.month <= 8 else 0.5) if problem == "施工" else 1.0


@cache
def rows_of(day: date) -> tuple[dict[str, str], ...]:
    """Every ticket of a day."""
    chance = random.Random(day.toordinal())
    made = []
    for (category, problem), usual in A_DAY.items():
        mean = usual * season(problem, day)
        for turn in range(int(mean) + (chance.random() < mean % 1) + chance.choice((0, 0, 0, 1, -1))):
            _code, subdistrict, _above, district = chance.choice(PLACES)
            is_unplaced = chance.randrange(UNPLACED_EVERY) == 0
            made.append(
                {
                    "ticket_id": f"{day:%Y%m%d}{problem}{turn}",
                    "request_type": "投诉",
                    "accepted_at": f"{day} 09:{turn:02d}:00",
                    "category": f"{category}->{problem}",
                    "district": "" if is_unplaced else district,
                    "subdistrict": "不详" if is_unplaced else subdistrict,
                    "handling_unit": UNITS[category],
                }
            )
    return tuple(made)


def rows(first: date = FIRST, until: date = LATER_UNTIL) -> list[dict[str, str]]:
    """Every ticket of those days, the same ones in whatever part the days are asked for."""
    return [row for offset in range((until - first).days + 1) for row in rows_of(first + timedelta(days=offset))]


def ingest_days(home: Home, folder: Path, first: date, until: date) -> None:
    """Take in the tickets of some days and publish a snapshot."""
    load(home, write_csv(folder / f"{first}.csv", rows(first, until)))
    refresh(home)


class Quick(SampleMean):
    """Takes the part of a model that takes long."""

    def __init__(self, *_given: object) -> None:
        super().__init__()


def flat_shape(_model: PooledCounts, past: Panel, horizon: int, spans: Blocks | None = None) -> Shape:
    """The last year's mean day again and again: in place of the regression where only what is made of it is tested."""
    mean = np.nan_to_num(np.nanmean(past.counts[:, -364 // past.step :], axis=1))[:, None] * np.ones(horizon) + 0.01
    ones = np.ones((len(mean), len(spans.starts) if spans else 0))
    return Shape(mean, np.ones_like(mean), np.full_like(mean, 0.01), ones * 0.01, ones, ones)


@contextmanager
def quick_models(*, flat: bool) -> Iterator[pytest.MonkeyPatch]:
    """A contest of cheap models, and where asked for the flat shape instead of the regression; one key, though others may be editing the code."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("Ets", "StlArima", "ProphetModel", "PooledCounts"):
            patch.setattr(f"pipeline.foresight.contest.{name}", Quick)
        patch.setattr("pipeline.foresight.run.code_key", lambda: "code")
        if flat:
            patch.setattr(PooledCounts, "shape", flat_shape)
        yield patch
