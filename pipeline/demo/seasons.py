"""The shape of the year: how much of each topic falls on each day.

A topic's month index (§3.4) is met on average over the reference years; within and between years the days move with
weekdays, holidays, the Spring Festival, the start of heating, catkins and sales.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.demo.workdays import days_to_festival, kinds_of_days, weekday_of, written_day

if TYPE_CHECKING:
    from pipeline.demo.assumptions import Assumptions

__all__ = ["day_weights", "season", "storm_strength"]

REFERENCE_YEARS = (2019, 2026)
HOME_HOURS = ("home", "flat", "night")
ANCHOR_ROUNDS = 25
NEAR_FESTIVAL_DAYS = 5
LONG_RAIN_DAYS = 3
FRIDAY = 4
DAY_HOLIDAY, DAY_FESTIVAL = 2, 3


def years_of(days: np.ndarray) -> np.ndarray:
    """Calendar year of each day."""
    return days.astype("datetime64[Y]").astype("int64") + 1970


def months_of(days: np.ndarray) -> np.ndarray:
    """Calendar month of each day, 0 for January."""
    return days.astype("datetime64[M]").astype("int64") % 12


def day_weights(days: np.ndarray, assumed: Assumptions) -> np.ndarray:
    """What weekday and holidays do to each topic, shape (days, topics)."""
    volume = assumed.volume["weekday"]
    kinds = kinds_of_days(days, assumed.holidays)
    weekdays = weekday_of(days)
    gap = days_to_festival(days, assumed.holidays)
    near = (np.abs(gap) <= NEAR_FESTIVAL_DAYS) & (kinds != DAY_FESTIVAL)
    columns = {}
    for name, holiday, festival in (("day", "holiday", "festival_low"), ("home", "holiday_home", "festival_home")):
        # a worked weekend is like the work day it stands for
        curve = np.asarray(volume[name])[np.where((kinds == 0) & (weekdays > FRIDAY), FRIDAY, weekdays)]
        curve = np.where(kinds == DAY_HOLIDAY, volume[holiday], curve)
        curve = np.where(near & (name == "day"), curve * volume["festival_near"], curve)
        columns[name] = np.where(kinds == DAY_FESTIVAL, volume[festival], curve)
    home = assumed.topics["hours"].isin(HOME_HOURS).to_numpy()
    return np.where(home[None, :], columns["home"][:, None], columns["day"][:, None])


def _heating(days: np.ndarray, rule: dict[str, Any]) -> np.ndarray:
    """The start-up spike and its decay, cold waves, and the steady part; 1 is the day heating starts."""
    curve = np.full(len(days), rule["out_of_season"])
    decay = np.log(2) / rule["half_life_days"]
    for year in range(int(years_of(days).min()) - 1, int(years_of(days).max()) + 1):
        start = written_day(year, rule["starts"].get(str(year), rule["usual_start"]))
        end = written_day(year + 1, rule["end"])
        since = (days - start).astype("int64")
        inside = (since >= 0) & (days <= end)
        own = np.maximum(np.exp(-decay * np.maximum(since, 0)), rule["floor"])
        for written in rule["cold_waves"]:
            after = (days - written_day(year if written > "06" else year + 1, written)).astype("int64")
            own = own + np.where(
                (after >= 0) & (after < 3 * rule["cold_wave_days"]), rule["cold_wave_size"] * np.exp(-np.maximum(after, 0) / rule["cold_wave_days"]), 0
            )
        curve = np.where(inside, own, curve)
        ramp = (since >= -rule["ramp_days"]) & (since < 0)
        curve = np.where(ramp, rule["out_of_season"] + rule["ramp_step"] * (since + rule["ramp_days"] + 1), curve)
    return curve


def _bumps(days: np.ndarray, bumps: list[list[Any]]) -> np.ndarray:
    """Sum of bell curves around days of the year: centre, width in days, height."""
    curve = np.zeros(len(days))
    for year in np.unique(years_of(days)):
        for centre, width, height in bumps:
            curve += height * np.exp(-0.5 * ((days - written_day(int(year), centre)).astype("float64") / width) ** 2)
    return curve


def _events(days: np.ndarray, assumed: Assumptions) -> np.ndarray:
    """What dated events do to single topics, shape (days, topics); 1 elsewhere."""
    volume = assumed.volume
    weights = np.ones((len(days), len(assumed.topics)))
    weights[:, assumed.topic_number(volume["heating"]["topic"])] = _heating(days, volume["heating"])
    catkins = volume["catkins"]
    written = np.datetime_as_string(days.astype("datetime64[D]"))
    in_season = np.array([catkins["from"] <= day[5:] <= catkins["to"] for day in written])
    flight = np.where(in_season, catkins["floor"] + _bumps(days, catkins["peaks"]), 0.02)
    weights[:, assumed.topic_number(catkins["topic"])] = flight
    wages = volume["wages"]
    gap = days_to_festival(days, assumed.holidays)
    bell = wages["height"] * np.exp(-0.5 * ((gap - wages["peak_days_before"]) / wages["width_days"]) ** 2)
    weights[:, assumed.topic_number(wages["topic"])] = np.where(gap < 0, 0.8, 1 + bell)
    shopping = volume["shopping"]
    weights[:, assumed.topic_number(shopping["topic"])] = 1 + _bumps(days, shopping["days"])
    return weights


def _smooth_curve(index: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Daily curves through the middle of the months whose monthly means are the index, shape (days, topics)."""
    months = months_of(days)
    month_start = days.astype("datetime64[M]")
    length = ((month_start + 1).astype("datetime64[D]") - month_start.astype("datetime64[D]")).astype("float64")
    place = ((days - month_start.astype("datetime64[D]")).astype("float64") + 0.5) / length - 0.5
    other = np.where(place < 0, (months - 1) % 12, (months + 1) % 12)
    share = np.abs(place)[:, None]
    anchors = np.maximum(index, 1e-6)
    counts = np.bincount(months, minlength=12)
    curve = np.empty((len(days), len(index)))
    for _ in range(ANCHOR_ROUNDS):
        curve = anchors.T[months] * (1 - share) + anchors.T[other] * share
        means = np.stack([np.bincount(months, weights=column, minlength=12) for column in curve.T]) / np.maximum(counts, 1)
        anchors = anchors * np.where(means > 0, np.maximum(index, 1e-6) / np.maximum(means, 1e-12), 1)
    return curve


def season(days: np.ndarray, assumed: Assumptions) -> np.ndarray:
    """Relative number of requests of each topic on each day, shape (days, topics), before growth; mean 1 over the reference years.

    The mean of a calendar month over the reference years is the topic's index of that month: holidays that move between
    months move the requests with them.
    """
    first, last = REFERENCE_YEARS
    reference = np.arange(np.datetime64(f"{first}-01-01"), np.datetime64(f"{last + 1}-01-01"))
    smooth = (assumed.topics["shape"] == "smooth").to_numpy()
    index = assumed.month_index

    def shaped(over: np.ndarray) -> np.ndarray:
        curve = np.where(smooth[None, :], _smooth_curve(index, reference)[_same_day(over, reference)], 1.0)
        return curve * day_weights(over, assumed) * _events(over, assumed)

    raw = shaped(reference)
    months = months_of(reference)
    counts = np.bincount(months, minlength=12)
    means = np.stack([np.bincount(months, weights=column, minlength=12) for column in raw.T]) / counts
    scale = np.where(means > 0, index / np.maximum(means, 1e-12), 0)
    return shaped(days) * scale.T[months_of(days)]


def _same_day(days: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Where in ``reference`` a day of the same month and day of month stands: in a leap year of its own."""
    leap = np.datetime64("2024-01-01") - reference[0]
    in_month = days - days.astype("datetime64[M]").astype("datetime64[D]")
    month = np.datetime64("2024-01", "M") + months_of(days)
    return ((month.astype("datetime64[D]") + in_month - np.datetime64("2024-01-01")) + leap).astype("int64")


def storm_strength(days: np.ndarray, assumed: Assumptions) -> np.ndarray:
    """Rain requests of each day relative to an ordinary day's requests; 0 without a storm."""
    rule = assumed.volume["storm"]
    listed = {event["first"][:4] for event in rule["events"]}
    events = [(np.datetime64(event["first"]), event) for event in rule["events"]]
    for year in np.unique(years_of(days)):
        if str(year) not in listed:
            events += [(written_day(int(year), event["first"]), event) for event in rule["usual"]]
    strength = np.zeros(len(days))
    for first, event in events:
        since = (days - first).astype("float64")
        during = (since >= 0) & (since < event["days"])
        after = np.where(since >= event["days"], rule["after_share"] * np.exp(-np.maximum(since - event["days"], 0) / rule["decay_days"]), 0)
        # the count runs from afternoon to afternoon: its first and last day are half days
        is_edge = ((since == 0) | (since == event["days"] - 1)) & (event["days"] >= LONG_RAIN_DAYS)
        edge = np.where(is_edge, rule["edge_share"], 1.0)
        strength += event["size"] * rule["great_per_day_share"] * (during * edge + after)
    return strength
