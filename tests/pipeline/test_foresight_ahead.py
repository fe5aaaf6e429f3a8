"""Forecasts of all levels: which model serves which series, whose share a sparse one is, and that all of it adds up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from forecasts.baselines import LastYearLevel
from forecasts.counts import negative_binomial_quantiles
from forecasts.paths import simulate_paths
from forecasts.pooled import PooledCounts
from forecasts.shares import share_of_parent
from pipeline.foresight.ahead import QUANTILES, branches, forecast_finer, forecast_levels, long_frame
from pipeline.foresight.panels import Hierarchy, build_hierarchy, category_panel
from storage.series import CellSeries
from tests.pipeline.foresight_city import flat_shape

FIRST, DAYS, UNTIL = np.datetime64("2024-01-01"), 420, date(2025, 2, 23)
A_DAY = {
    ("d1", "d1a", "水"): 3.0,
    ("d1", "d1a", "路"): 0.2,
    ("d1", "d1b", "水"): 0.3,
    ("d2", "d2a", "水"): 0.6,
    ("d2", "d2b", "路"): 1.8,
    ("", "", "水"): 0.1,
}
SPARSE = [(codes[0], codes[1], codes[2]) for codes, usual in A_DAY.items() if usual < 1]


def cells(*, with_districts: bool = True) -> CellSeries:
    counts = np.random.default_rng(4).poisson(np.array(list(A_DAY.values()))[:, None], (len(A_DAY), DAYS))
    names = pd.DataFrame(list(A_DAY), columns=["district", "subdistrict", "category_1"])
    return CellSeries(names if with_districts else names.assign(district=""), FIRST + np.arange(DAYS), counts.astype("float32"))


@pytest.fixture(scope="module")
def hierarchy() -> Hierarchy:
    return build_hierarchy(cells(), UNTIL, has_districts=True)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[list[str], list[float]]]]:
    """The flat shape in place of the regression; of each call for shares the series asked for and the sum of each one's parent."""
    calls: list[tuple[list[str], list[float]]] = []

    def told(past, parents, history, ahead):  # type: ignore[no-untyped-def]
        calls.append(([name.split(":", 1)[1] for name in past.ids], history[parents].sum(axis=1).tolist()))
        return share_of_parent(past, parents, history, ahead)

    monkeypatch.setattr("pipeline.foresight.ahead.share_of_parent", told)
    monkeypatch.setattr(PooledCounts, "shape", flat_shape)
    return calls


def sums(**wanted: str) -> float:
    found = cells()
    inside = np.ones(len(found.cells), dtype=bool)
    for name, code in wanted.items():
        inside &= (found.cells[name] == code).to_numpy()
    return float(found.counts[inside].sum())


def test_sparse_places_are_shares_of_what_is_above_them(hierarchy: Hierarchy, asked: list[tuple[list[str], list[float]]]) -> None:
    ahead = forecast_levels(hierarchy, "none", 10, "D")
    models = dict(
        zip(hierarchy.nodes[["level", "district", "subdistrict", "category_1"]].fillna("*").itertuples(index=False, name=None), ahead.models, strict=True)
    )
    below = {key[1:]: model for key, model in models.items() if key[0] == "cell"}
    assert {key for key, model in below.items() if model == "share_of_parent"} == set(SPARSE)
    # d1b, d2a and no place have less than one a day; d1a and d2b more
    assert [key[2] for key, model in models.items() if key[0] == "subdistrict" and model == "share_of_parent"] == ["", "d1b", "d2a"]
    assert {model for key, model in models.items() if key[0] not in {"subdistrict", "cell"}} == {"pooled_counts"}
    places, few = asked
    assert places == (["|", "d1|d1b", "d2|d2a"], [sums(district=""), sums(district="d1"), sums(district="d2")])
    assert dict(zip(*few, strict=True)) == {"|".join(codes): sums(district=codes[0], category_1=codes[2]) for codes in SPARSE}


def test_without_districts_they_are_shares_of_the_category_and_the_city(asked: list[tuple[list[str], list[float]]]) -> None:
    flat = build_hierarchy(cells(with_districts=False), UNTIL, has_districts=False)
    forecast_levels(flat, "none", 10, "D")
    places, few = asked
    assert places == (["|", "|d1b", "|d2a"], [sums()] * 3)
    assert dict(zip(*few, strict=True)) == {f"|{codes[1]}|{codes[2]}": sums(category_1=codes[2]) for codes in SPARSE}


@pytest.mark.parametrize("frequency", ["D", "W"])
def test_every_node_is_the_sum_of_its_cells(hierarchy: Hierarchy, frequency: str) -> None:
    ahead = forecast_levels(hierarchy, "none", 15, frequency)
    below = ahead.mean[-len(A_DAY) :]
    np.testing.assert_allclose(ahead.mean, hierarchy.summing @ below, rtol=1e-9)
    nodes = hierarchy.nodes
    for level in ("category", "district", "district_category", "subdistrict", "cell"):
        np.testing.assert_allclose(ahead.mean[nodes["level"] == level].sum(axis=0), ahead.mean[0], rtol=1e-9)
    usual = sum(A_DAY.values()) * (7 if frequency == "W" else 1)
    np.testing.assert_allclose(ahead.mean[0].mean(), usual, rtol=0.15)
    step = np.timedelta64(7 if frequency == "W" else 1, "D")
    assert ahead.days.tolist() == (np.datetime64("2025-02-24") + step * np.arange(15)).tolist()
    assert ahead.quantiles.shape == (*ahead.mean.shape, len(QUANTILES))


def test_second_levels_come_to_their_first(hierarchy: Hierarchy, asked: list[tuple[list[str], list[float]]]) -> None:
    """The shape's proportions stay, the sum is that of the reconciled first level, and the quantiles are those of the scaled mean."""
    counts = np.random.default_rng(8).poisson([[1.0], [2.5], [1.2], [0.02]], (4, DAYS)).astype("float32")
    names = pd.DataFrame([("水", "漏水"), ("水", "停水"), ("路", "路灯"), ("路", "少见")], columns=["category_1", "category_2"])
    finer = category_panel(CellSeries(names, FIRST + np.arange(DAYS), counts), UNTIL, len(hierarchy.nodes))
    above = forecast_levels(hierarchy, "none", 10, "D")
    found = forecast_finer(finer, hierarchy, above, "none", 10, "D")
    shape = flat_shape(PooledCounts(), finer.panel, 10)
    for category in ("水", "路"):
        inside = (finer.series["category_1"] == category).to_numpy()
        row = hierarchy.nodes.query("level == 'category' and category_1 == @category").index[0]
        np.testing.assert_allclose(found.mean[inside].sum(axis=0), above.mean[row], rtol=1e-12)
        np.testing.assert_allclose(found.mean[inside] / found.mean[inside][0], shape.mean[inside] / shape.mean[inside][0], rtol=1e-12)
    np.testing.assert_array_equal(found.quantiles, negative_binomial_quantiles(found.mean, found.mean + 0.01 * found.mean**2, QUANTILES))


def test_the_long_frame_has_a_row_a_series_and_step(hierarchy: Hierarchy, asked: list[tuple[list[str], list[float]]]) -> None:
    ahead = forecast_levels(hierarchy, "none", 5, "D")
    numbers = hierarchy.nodes["series_id"].to_numpy() + 100
    frame = long_frame(ahead, numbers)
    assert frame.columns.tolist() == ["series_id", "day", "mean", "q0.025", "q0.1", "q0.25", "q0.5", "q0.75", "q0.9", "q0.975"]
    for row, number in enumerate(numbers):
        own = frame[frame["series_id"] == number]
        assert own["mean"].tolist() == ahead.mean[row].tolist()
        assert own["day"].to_numpy().astype("datetime64[D]").tolist() == ahead.days.tolist()
        assert own["q0.975"].tolist() == ahead.quantiles[row, :, -1].tolist()


def test_a_model_that_won_serves_its_level_and_all_still_adds_up(hierarchy: Hierarchy, asked: list[tuple[list[str], list[float]]]) -> None:
    winner = LastYearLevel()
    ahead = forecast_levels(hierarchy, "none", 10, "D", {"category": winner})
    nodes = hierarchy.nodes
    is_category = (nodes["level"] == "category").to_numpy()
    assert {model for model, own in zip(ahead.models, is_category, strict=True) if own} == {winner.name}
    assert winner.name not in {model for model, own in zip(ahead.models, is_category, strict=True) if not own}
    np.testing.assert_allclose(ahead.mean, hierarchy.summing @ ahead.mean[-len(A_DAY) :], rtol=1e-9)
    panel = next(level.panel for level in hierarchy.levels if level.name == "category")
    said = winner.fit_predict(panel, 10, UNTIL)
    served = forecast_levels(hierarchy, "none", 10, "D")
    towards = ahead.mean[is_category] - served.mean[is_category]
    wanted = said.mean - served.mean[is_category]
    assert (np.sign(towards) == np.sign(wanted)).mean() > 0.8  # reconciled with levels that it does not serve, it goes its way
    scatter = [found.dispersion[is_category] for found in (ahead, served)]
    np.testing.assert_array_equal(*scatter)  # how counts scatter the regression tells


def test_a_series_the_winner_cannot_tell_is_left_to_the_regression(hierarchy: Hierarchy, asked: list[tuple[list[str], list[float]]]) -> None:
    class Knows(LastYearLevel):
        def fit_predict(self, history, horizon, cutoff, **given):  # type: ignore[no-untyped-def]
            found = super().fit_predict(history, horizon, cutoff, **given)
            mean = found.mean.copy()
            mean[0], mean[1, :2] = np.nan, 0.0
            return replace(found, mean=mean, models=("none", *found.models[1:]))

    ahead = forecast_levels(hierarchy, "none", 10, "D", {"category": Knows()})
    names = [model for model, level in zip(ahead.models, hierarchy.nodes["level"], strict=True) if level == "category"]
    assert names == ["pooled_counts", "last_year_level"]
    assert np.isfinite(ahead.mean).all()
    assert (ahead.quantiles[(hierarchy.nodes["level"] == "category").to_numpy()][1, :2, -1] > 0).all()


@pytest.mark.parametrize("names", [("city", "district", "subdistrict"), ("city", "category", "district_category", "cell")])
def test_simulated_futures_of_a_chain_of_levels_add_up(hierarchy: Hierarchy, asked: list[tuple[list[str], list[float]]], names: tuple[str, ...]) -> None:
    ahead = forecast_levels(hierarchy, "none", 10, "D")
    chain = branches(hierarchy, ahead, names)
    for above, below in pairwise(chain):
        summed = np.zeros_like(above.mean)
        np.add.at(summed, below.parents, below.mean)
        np.testing.assert_allclose(summed, above.mean, rtol=1e-9)
    drawn = simulate_paths(chain, 400, 3)
    assert [counts.shape for counts in drawn] == [(400, len(level.mean), 10) for level in chain]
    for counts in drawn:
        np.testing.assert_array_equal(counts.sum(axis=1), drawn[0][:, 0])
    np.testing.assert_allclose(drawn[-1].mean(axis=(0, 2)), chain[-1].mean.mean(axis=1), rtol=0.1, atol=0.05)
