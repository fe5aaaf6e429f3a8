"""The models of statsforecast on the counts of a contest; run by a Python of its own, see ``benchmarks.forecasts``."""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
import pandas as pd


def main(asked: str, answered: str) -> None:
    """Read counts and cut-offs from one file, write each model's quantiles and seconds to another."""
    from statsforecast import StatsForecast
    from statsforecast.models import MSTL, AutoETS, DynamicOptimizedTheta

    warnings.filterwarnings("ignore")
    with np.load(asked) as given:
        counts, sizes, horizon, levels, season = (given[name] for name in ("counts", "sizes", "horizon", "levels", "season"))
    steps, week = int(horizon), int(season)
    percents = sorted({round(abs(level - 0.5) * 200) for level in levels} - {0})
    models = [AutoETS(season_length=week), DynamicOptimizedTheta(season_length=week), MSTL(season_length=[7, 365] if week == 7 else 52)]
    found: dict[str, object] = {}
    for model in models:
        began, quantiles = time.process_time(), []
        for size in sizes:
            days = pd.date_range("2000-01-01", periods=size, freq="D")
            history = pd.DataFrame(
                {"unique_id": np.repeat(np.arange(len(counts)), size), "ds": np.tile(days, len(counts)), "y": np.nan_to_num(counts[:, :size]).ravel()}
            )
            table = StatsForecast([model], freq="D", n_jobs=1).forecast(df=history, h=steps, level=percents)
            columns = [_column(str(model), float(level)) for level in levels]
            quantiles.append(np.maximum(table[columns].to_numpy().reshape(len(counts), steps, len(levels)), 0))
        found |= {f"statsforecast {model}": np.stack(quantiles), f"statsforecast {model}.seconds": time.process_time() - began}
    np.savez(answered, **found)


def _column(model: str, level: float) -> str:
    percent = round(abs(level - 0.5) * 200)
    return model if percent == 0 else f"{model}-{'lo' if level < 0.5 else 'hi'}-{percent}"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
