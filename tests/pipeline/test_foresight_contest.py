"""The contest of a city: whose loss is least wins, and who serves is not changed for little or for what cannot be had in time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecasts.baselines import LastYearLevel
from forecasts.counts import negative_binomial_quantiles
from forecasts.interface import LEVELS, Forecast
from forecasts.panel import Panel
from pipeline.foresight import contest as rules
from pipeline.foresight.contest import contest, serving
from pipeline.foresight.panels import Level

UNTIL, USUAL = date(2025, 12, 31), 40.0
SERIES = 20


@dataclass(frozen=True)
class Says:
    """Says the same mean every day, as sure of it as its variance."""

    name: str
    mean: float
    variance: float

    def fit_predict(self, history: Panel, horizon: int, cutoff: date, *, levels: tuple[float, ...] = LEVELS) -> Forecast:
        past = history.until(cutoff)
        mean = np.full((len(past.ids), horizon), self.mean)
        quantiles = negative_binomial_quantiles(mean, np.full_like(mean, self.variance), levels)
        return Forecast(past.ids, past.ahead(horizon), mean, levels, quantiles, (self.name,) * len(past.ids))


INCUMBENT = Says("incumbent", USUAL * 1.15, 2 * USUAL)
BETTER = Says("better", USUAL, USUAL)
OFF = Says("off", USUAL * 1.2, USUAL)


@pytest.fixture(scope="module")
def level() -> Level:
    days = np.arange(np.datetime64("2025-01-01"), np.datetime64(UNTIL) + 1)
    counts = np.random.default_rng(3).poisson(USUAL, (SERIES, len(days))).astype("float64")
    return Level("category", ("category_1",), pd.DataFrame({"series_id": range(SERIES)}), Panel(tuple(map(str, range(SERIES))), days, counts))


def held(level: Level, monkeypatch: pytest.MonkeyPatch, *models: Says) -> pd.DataFrame:
    monkeypatch.setattr(rules, "_models", lambda _calendar: list(models))
    monkeypatch.setattr(rules, "MOST_SERIES_SERVED", {model.name: SERIES for model in models})
    return contest((level,), "none", UNTIL).set_index("model")


def test_the_clearly_better_one_wins_and_serves(level: Level, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = held(level, monkeypatch, INCUMBENT, BETTER)
    assert scores["is_winner"].to_dict() == {"incumbent": False, "better": True}
    assert scores["is_serving"].to_dict() == {"incumbent": False, "better": True}
    assert serving(scores.reset_index(), "none") == {"category": BETTER}
    assert scores["series_count"].tolist() == [8, 8]
    assert scores["cutoffs"].iloc[0] == "2025-12-03, 2025-06-18"


def test_one_that_is_hardly_better_wins_but_does_not_serve(level: Level, monkeypatch: pytest.MonkeyPatch) -> None:
    hardly = Says("hardly", USUAL * 1.13, 2 * USUAL)
    scores = held(level, monkeypatch, INCUMBENT, hardly)
    assert scores["is_winner"].to_dict() == {"incumbent": False, "hardly": True}
    assert scores["is_serving"].to_dict() == {"incumbent": True, "hardly": False}
    assert serving(scores.reset_index(), "none") == {}


def test_one_that_is_better_at_one_cutoff_only_does_not_serve(level: Level, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = level.panel.counts.copy()
    counts[:, -28:] += USUAL * 0.1  # between the two, as far from one as from the other
    other = replace(level, panel=replace(level.panel, counts=counts))
    scores = held(other, monkeypatch, INCUMBENT, BETTER)
    assert scores.loc["better", "loss"] < 0.92 * scores.loc["incumbent", "loss"]
    assert scores["is_serving"].to_dict() == {"incumbent": True, "better": False}


@pytest.mark.parametrize("most", [{"better": SERIES - 1}, {}])
def test_one_that_cannot_be_had_for_the_level_or_knows_no_year_does_not_serve(level: Level, monkeypatch: pytest.MonkeyPatch, most: dict[str, int]) -> None:
    monkeypatch.setattr(rules, "_models", lambda _calendar: [INCUMBENT, BETTER])
    monkeypatch.setattr(rules, "MOST_SERIES_SERVED", most)
    scores = contest((level,), "none", UNTIL).set_index("model")
    assert scores["is_winner"].to_dict() == {"incumbent": False, "better": True}
    assert scores["is_serving"].to_dict() == {"incumbent": True, "better": False}


def test_one_whose_band_holds_too_little_does_not_win_whatever_its_loss(level: Level, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = held(level, monkeypatch, Says("incumbent", USUAL * 2, 100 * USUAL), OFF)
    assert scores.loc["off", "loss"] < scores.loc["incumbent", "loss"]
    assert scores.loc["off", "coverage_80"] < 0.7
    assert scores["is_serving"].to_dict() == {"incumbent": True, "off": False}


def test_the_models_that_may_serve_have_different_names() -> None:
    names = [model.name for model in rules._models("none")]
    assert len(set(names)) == len(names)
    assert names[0] == "pooled_counts"
    assert LastYearLevel().name in names
    assert set(rules.MOST_SERIES_SERVED) < set(names) - {"pooled_counts", "ets", "seasonal_naive", "mean"}
