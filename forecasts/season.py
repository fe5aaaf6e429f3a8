"""The season atlas: which problems come back every year, when they begin, peak and end, and when works against them must be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from forecasts.panel import Panel

__all__ = ["WEEKS", "season_atlas", "smoothed", "yearly_profiles"]

WEEKS = 52
LEAST_YEARS = 3
LEAST_A_WEEK = 1.0
LEAST_OF_MEDIAN = 0.3
TURNS = 499
DRAWS = 200
SMOOTHING = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
RISE = 0.25
"""A season has begun when the profile has risen by this share of the way from the year's mean to the peak."""
SURE = 0.05
STRONG_PEAK = 1.15
"""A peak below this many times the year's mean is not worth a plan, however regular."""
LEAD_WEEKS = 4
REST_WEEKS = 2
INTERVAL = (0.1, 0.9)

ENOUGH, TOO_SHORT, TOO_FEW = "", "history is shorter than three years", "fewer than one ticket a week"


def yearly_profiles(panel: Panel) -> np.ndarray:
    """Each whole year's course over its weeks, relative to that year's mean.

    The last 364 days are one year, the 364 before another, and so on; a steady growth from year to year is taken out first. Days are put
    into weeks by their date (1 to 7 January is week 0; the last week has eight or nine days).

    Parameters
    ----------
    panel
        Days or weeks.

    Returns
    -------
    ndarray
        S x Y x 52, oldest year first; 1 is the year's mean. Y is 0 where there is no whole year. NaN where a year has no counts at all.
    """
    steps = (WEEKS * 7) // panel.step
    years = len(panel.days) // steps
    size = years * steps
    profiles = np.full((len(panel.ids), years, WEEKS), np.nan)
    if not years:
        return profiles
    counts = panel.counts[:, -size:].reshape(len(panel.ids), years, steps)
    middle = panel.days[-size:].reshape(years, steps) + np.timedelta64(panel.step // 2, "D")
    weeks = np.minimum((middle - middle.astype("datetime64[Y]")).astype("int64") // 7, WEEKS - 1)
    growth = _growth(np.nanmean(counts, axis=2), steps)
    for year in range(years):
        belongs = np.eye(WEEKS)[weeks[year]]
        even = counts[:, year] / growth
        known = np.isfinite(even)
        sums, sizes = np.where(known, even, 0.0) @ belongs, known @ belongs
        beside = [np.roll(part, shift, axis=1) for part in (sums, sizes) for shift in (-1, 1)]
        # weeks of a weekly table now and then jump over a week of the year: it gets the mean of the two beside it
        sums, sizes = np.where(sizes > 0, sums, beside[0] + beside[1]), np.where(sizes > 0, sizes, beside[2] + beside[3])
        means = np.where(sizes > 0, sums / np.maximum(sizes, 1), np.nan)
        whole = means.mean(axis=1, keepdims=True)
        profiles[:, year] = np.divide(means, whole, out=np.full_like(means, np.nan), where=whole > 0)
    return profiles


def _growth(means: np.ndarray, steps: int) -> np.ndarray:
    """Steady growth within a year, S x steps with mean 1, from a straight line through the logarithms of the yearly means."""
    if means.shape[1] < 2:  # noqa: PLR2004 - one year has no growth
        return np.ones((len(means), steps))
    place = np.arange(means.shape[1]) - (means.shape[1] - 1) / 2
    slope = (np.log(np.maximum(np.nan_to_num(means), 1e-3)) @ place) / (place @ place)
    path = np.exp(np.clip(slope, -1, 1)[:, None] * (np.arange(steps) / steps - 0.5))
    return np.asarray(path / path.mean(axis=1, keepdims=True))


def season_atlas(panel: Panel, seed: int = 12345) -> pd.DataFrame:
    """Whether each series has a season, and its calendar.

    The strength is the share of the profiles' variance that repeats from year to year. It is tested by turning every year's profile by a random
    number of weeks: that leaves each year as it was, with its storms and its persistence, and takes away only that they come at the same time.
    Onset, peak and end are read off the mean profile; their uncertainty is that of drawing the years anew.

    Parameters
    ----------
    panel
        Days or weeks of at least three years.
    seed
        Of the turns and draws.

    Returns
    -------
    DataFrame
        One row a series: ``unique_id``; ``years`` (the last ones, one after the other, that are filled); ``reason`` (empty,
        or why it was not judged); ``strength`` (0-1); ``p_value``;
        ``q_value`` (Benjamini-Hochberg over the judged series); ``is_seasonal``; ``peak_ratio`` (peak over the year's mean);
        ``onset_week``, ``peak_week``, ``end_week`` (0-51) each with ``_low`` and ``_high`` (80 % interval; may be below 0 or above 51 where it
        reaches over New Year); ``works_from_week``, ``works_until_week`` (off-season works: from two weeks after the end to four before
        the onset; NaN where no week is left). NaN where not judged or, for the weeks, not seasonal.

    References
    ----------
    Strength: Wang, Smith & Hyndman (2006), Data Mining and Knowledge Discovery 13:335, section 3.1, on yearly profiles. Test by random rotation,
    as the toroidal shift of Lotwick & Silverman (1982), Journal of the Royal Statistical Society B 44:406. False discovery: Benjamini & Hochberg (1995).
    """
    profiles = yearly_profiles(panel)
    years = _filled_years(panel, profiles.shape[1])
    frame = pd.DataFrame({"unique_id": panel.ids, "years": years})
    few = np.where((years < LEAST_YEARS) & (profiles.shape[1] >= LEAST_YEARS), TOO_FEW, TOO_SHORT)
    frame["reason"] = np.where(years >= LEAST_YEARS, ENOUGH, few)
    columns = ["strength", "p_value", "q_value", "peak_ratio", *(f"{what}_week{end}" for what in ("onset", "peak", "end") for end in ("", "_low", "_high"))]
    values = np.full((len(frame), len(columns)), np.nan)
    chance = np.random.default_rng(seed)
    for count in np.unique(years[years >= LEAST_YEARS]):
        judged = years == count
        chosen = smoothed(profiles[judged, -count:])
        strength, p_value = _tested(chosen, chance)
        values[judged] = np.column_stack([strength, p_value, p_value, chosen.mean(axis=1).max(axis=1), _weeks(chosen, chance)])
    known = years >= LEAST_YEARS
    values[known, columns.index("q_value")] = _false_discovery(values[known, columns.index("p_value")])
    frame[columns] = values
    frame["is_seasonal"] = (frame["q_value"] <= SURE) & (frame["peak_ratio"] >= STRONG_PEAK)
    frame.loc[~frame["is_seasonal"], columns[4:]] = np.nan
    gap = (frame["onset_week"] - frame["end_week"]) % WEEKS
    fits = frame["is_seasonal"] & (gap > LEAD_WEEKS + REST_WEEKS)
    frame["works_from_week"] = ((frame["end_week"] + REST_WEEKS) % WEEKS).where(fits)
    frame["works_until_week"] = ((frame["onset_week"] - LEAD_WEEKS) % WEEKS).where(fits)
    return frame


def _filled_years(panel: Panel, years: int) -> np.ndarray:
    """Of each series how many of the last years, one after the other, were filled: a category that began later has fewer.

    A filled year has a ticket a week, and not far fewer than the median year: the year in which a category began would be all season.
    """
    size = years * (WEEKS * 7) // panel.step
    if not years:
        return np.zeros(len(panel.ids), dtype="int64")
    totals = np.nansum(panel.counts[:, -size:].reshape(len(panel.ids), years, -1), axis=2)
    filled = totals[:, ::-1] >= np.maximum(LEAST_A_WEEK * WEEKS, LEAST_OF_MEDIAN * np.median(totals, axis=1, keepdims=True))
    return np.asarray(np.where(filled.all(axis=1), years, filled.argmin(axis=1)))


def smoothed(profiles: np.ndarray) -> np.ndarray:
    """Weighted mean of five weeks, going on from December to January; the last axis is the week."""
    reach = len(SMOOTHING) // 2
    return np.asarray(sum(weight * np.roll(profiles, shift, axis=-1) for weight, shift in zip(SMOOTHING, range(-reach, reach + 1), strict=True)))


def _strength(profiles: np.ndarray) -> np.ndarray:
    """Share of the variance that the mean profile has, less what years without anything in common would have by chance."""
    years = profiles.shape[1]
    common = profiles.mean(axis=1).var(axis=-1)
    whole = ((profiles - profiles.mean(axis=2, keepdims=True)) ** 2).mean(axis=(1, 2))
    share = common / np.maximum(whole, 1e-12)
    return np.asarray(np.clip((share - 1 / years) / (1 - 1 / years), 0, 1))


def _tested(profiles: np.ndarray, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Strength of each series and the share of random turnings of its years that are as strong."""
    found = _strength(profiles)
    place = np.arange(WEEKS)
    as_strong = np.ones(len(profiles))
    for _turn in range(TURNS):
        turned = (place + chance.integers(0, WEEKS, (profiles.shape[1], 1))) % WEEKS
        as_strong += _strength(np.take_along_axis(profiles, np.broadcast_to(turned, profiles.shape), axis=2)) >= found
    return found, as_strong / (TURNS + 1)


def _false_discovery(p_values: np.ndarray) -> np.ndarray:
    """Benjamini-Hochberg adjusted p-values."""
    order = np.argsort(p_values)
    ranked = p_values[order] * len(p_values) / np.arange(1, len(p_values) + 1)
    adjusted = np.empty_like(ranked)
    adjusted[order] = np.minimum(np.minimum.accumulate(ranked[::-1])[::-1], 1.0)
    return adjusted


def _weeks(profiles: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Onset, peak and end with the ends of their intervals, S x 9."""
    found = _calendar(profiles.mean(axis=1))
    years = profiles.shape[1]
    drawn = np.stack([_calendar(profiles[:, chance.integers(0, years, years)].mean(axis=1)) for _draw in range(DRAWS)])
    away = (drawn - found + WEEKS / 2) % WEEKS - WEEKS / 2
    low, high = np.quantile(away, INTERVAL, axis=0)
    return np.stack([found, found + np.floor(low), found + np.ceil(high)], axis=2).reshape(len(found), 9)


def _calendar(mean: np.ndarray) -> np.ndarray:
    """Weeks of onset, peak and end of mean profiles, S x 3."""
    peak = mean.argmax(axis=1)
    bound = mean.mean(axis=1) + RISE * (mean.max(axis=1) - mean.mean(axis=1))
    away = np.arange(WEEKS)
    before = np.take_along_axis(mean, (peak[:, None] - away) % WEEKS, axis=1) < bound[:, None]
    after = np.take_along_axis(mean, (peak[:, None] + away) % WEEKS, axis=1) < bound[:, None]
    onset = (peak - before.argmax(axis=1) + 1) % WEEKS
    end = (peak + after.argmax(axis=1) - 1) % WEEKS
    return np.stack([onset, peak, end], axis=1).astype("float64")
