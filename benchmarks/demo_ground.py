"""The demo city as a contest's ground: counts drawn from its plan, and the forecaster that knows the plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from forecasts.counts import negative_binomial_quantiles
from forecasts.interface import LEVELS, Forecast
from forecasts.panel import FREQUENCIES, Panel
from pipeline.demo.assumptions import load_assumptions
from pipeline.demo.plan import make_plan
from pipeline.demo.span import Span

if TYPE_CHECKING:
    from pipeline.demo.assumptions import Assumptions
    from pipeline.demo.plan import Plan

__all__ = ["TrueMean", "demo_panel", "true_mean"]

UNTIL = date(2026, 10, 31)
TICKETS = 1_500_000
SEED = 1
LEAST_TICKETS = 300


@dataclass(frozen=True, slots=True)
class TrueMean:
    """Knows what is expected of every day, storms included, and how daily chance scatters around it; nobody can know more.

    ``panel`` is that of the contest; ``mean`` and ``variance`` are S x T as its counts.
    """

    panel: Panel
    mean: np.ndarray
    variance: np.ndarray
    name: str = "true_mean"

    def fit_predict(self, history: Panel, horizon: int, cutoff: date, *, levels: tuple[float, ...] = LEVELS) -> Forecast:
        """The truth of the steps after the cut-off; the history is not needed."""
        past = history.until(cutoff)
        steps = slice(len(past.days), len(past.days) + horizon)
        mean, variance = self.mean[:, steps], self.variance[:, steps]
        return Forecast(past.ids, past.ahead(horizon), mean, levels, negative_binomial_quantiles(mean, variance, levels), (self.name,) * len(past.ids))


@cache
def true_mean(frequency: str) -> TrueMean:
    """District by first-level category, with at least 300 requests in three and a half years.

    Requests of a month are spread over days, third-level categories and districts as the demo's own parts spread them. The demo multiplies each topic's
    day with a lognormal factor of spread s; around the plan without it a count has variance m + (exp(s²) - 1) Σ m², summed over the topics it is made of.
    """
    assumed = load_assumptions()
    span = Span(UNTIL, assumed.volume["months_back"])
    drawn_from = make_plan(assumed, span, TICKETS, SEED)
    calm = make_plan(replace(assumed, volume={**assumed.volume, "day_noise": 0.0}), span, TICKETS, SEED)
    chance = np.random.default_rng([SEED, 4])
    names, kinds = np.unique(assumed.topics["category_1"].to_numpy(dtype="str"), return_inverse=True)
    districts = np.unique(assumed.streets["parent_name"].to_numpy(dtype="str"))
    shape = (len(span.days), len(names), len(districts))
    counts, mean, squares = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for month in range(len(span.months)):
        days = np.flatnonzero(span.month_of_day == month)
        weight = drawn_from.leaf_day[days]
        drawn = chance.multinomial(int(drawn_from.requests[month]), weight.ravel() / weight.sum()).reshape(weight.shape)
        where = _districts_of(drawn_from, month, assumed)
        expected = calm.leaf_day[days] * (calm.requests[month] / calm.leaf_day[days].sum())
        for topic, kind in enumerate(kinds):
            leaves = assumed.topic_of_leaf == topic
            of_topic = expected[:, leaves].sum(axis=1)[:, None] * where[topic]
            counts[days, kind] += chance.multinomial(drawn[:, leaves].sum(axis=1), where[topic])
            mean[days, kind] += of_topic
            squares[days, kind] += of_topic**2
    variance = mean + (np.exp(assumed.volume["day_noise"] ** 2) - 1) * squares
    return _of_series(span, [f"{district}/{kind}" for kind in names for district in districts], (counts, mean, variance), frequency)


def demo_panel(frequency: str) -> Panel:
    """The counts that ``true_mean`` is about."""
    return true_mean(frequency).panel


def _districts_of(plan: Plan, month: int, assumed: Assumptions) -> np.ndarray:
    """Share of each district in each topic's requests of a month, topics x districts; rows sum to 1."""
    names, places = np.unique(assumed.streets["parent_name"].to_numpy(dtype="str"), return_inverse=True)
    shares = plan.streets_of(month) @ np.eye(len(names))[places]
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _of_series(span: Span, names: list[str], tables: tuple[np.ndarray, ...], frequency: str) -> TrueMean:
    """Days x kinds x districts as series x steps, sparse series left out."""
    days, step = span.days, FREQUENCIES[frequency]
    counts, mean, variance = (table.reshape(len(days), -1).T for table in tables)
    skipped = int(-(days[0].astype("int64") + 3) % 7) if step > 1 else 0  # weeks begin on Mondays; day 0 of numpy is a Thursday
    steps = (len(days) - skipped) // step
    kept = counts.sum(axis=1) >= LEAST_TICKETS
    counts, mean, variance = (table[kept, skipped : skipped + steps * step].reshape(kept.sum(), steps, step).sum(axis=2) for table in (counts, mean, variance))
    chosen = tuple(name for name, is_kept in zip(names, kept, strict=True) if is_kept)
    axis = days[skipped : skipped + steps * step : step]
    return TrueMean(Panel(chosen, axis, counts, frequency, tuple(name.rsplit("/", 1)[1] for name in chosen)), mean, variance)
