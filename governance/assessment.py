"""The monthly assessment (月度考评) of units: three rates with counts and intervals, a composite score, a grade, the gap to target, peers, ranges of rank.

At 97 percent a rank is mostly chance, so a unit is shown by its grade, by what is still unresolved and by the range its rank may lie in. Weights, grades
and targets of the city are not published: all of them are dated policy and assumed.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from governance.intervals import share_interval
from governance.rates import RATE_COUNTS, share, three_rates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from governance.policy import PolicyBook

__all__ = ["AssessmentRule", "Grade", "assess", "nearest_peers", "possible_ranks"]

FULL_SCORE = 100
"""Points of a unit whose three rates are all 1."""

PERCENT = 100
DRAWS = 2000
"""The ends of a range then move by about one rank in forty from seed to seed."""

MOST_ALIKE = 1e6
LEAST_ALIKE = 1.0
"""Weight of what the units have in common, in answers: bounded where units differ by no more than chance, or by all there is."""

KEYS = ("unit_code", "unit_type", "month")


class Grade(StrEnum):
    """Grade (档次) of a unit in a month."""

    EXCELLENT = "excellent"
    GOOD = "good"
    FAIR = "fair"
    WEAK = "weak"
    UNGRADED = "ungraded"


@dataclass(frozen=True, slots=True)
class AssessmentRule:
    """The rules of a month; policy ``assessment.*`` and ``display.small_base``.

    Attributes
    ----------
    weights
        Weight of each of the three rates in the score, by column name, 0 or more, together 1.
    grades
        Least score of ``EXCELLENT``, ``GOOD`` and ``FAIR``, falling; below the last a unit is ``WEAK``.
    targets
        Target of each rate, a fraction in (0, 1].
    small_base
        Valid answers to each of the three questions below which a unit is neither graded nor ranked.
    level
        Probability that the range of a rank holds, in (0, 1).
    answer_correlation
        Correlation between the answers to the three questions of one call, in [0, 1).
    peer_count
        Number of peers of a unit.
    """

    weights: Mapping[str, float]
    grades: Mapping[Grade, float]
    targets: Mapping[str, float]
    small_base: int
    level: float
    answer_correlation: float
    peer_count: int

    @classmethod
    def of(cls, book: PolicyBook, month: date) -> AssessmentRule:
        """The rules in force on the first day of a month, as for its counts."""
        first = month.replace(day=1)
        weights, grades, targets, compared = (book.entry(f"assessment.{name}", first).value for name in ("weights", "grades", "targets", "comparison"))
        return cls(
            weights={f"{name}_rate": float(value) for name, value in weights.items()},
            grades={Grade(name): float(value) for name, value in grades.items()},
            targets={f"{name}_rate": float(value) / PERCENT for name, value in targets.items()},
            small_base=book.on(first).small_base,
            level=float(compared["level"]),
            answer_correlation=float(compared["answer_correlation"]),
            peer_count=int(compared["peers"]),
        )


def assess(counts: pd.DataFrame, book: PolicyBook, *, seed: int) -> pd.DataFrame:
    """The assessment of every unit in every month, each month by the rules of its own first day.

    Parameters
    ----------
    counts
        One row a unit and month: ``unit_code``, ``unit_type`` (街乡镇, 委办局, 国企 ...; None where unknown), ``month`` (its first day),
        ``request_count`` and numerator and base of the three rates.
    book
        The dated policy.
    seed
        Of the draws behind the ranges of rank.

    Returns
    -------
    DataFrame
        The caller's index and columns, and for each of the three rates: ``<rate>`` with ``<rate>_low`` and ``<rate>_high`` (95 percent interval),
        fractions in [0, 1], NaN without answers; ``<rate>_gap`` (rate less target, below 0 is short of it; NaN without answers) and
        ``<rate>_missing_count`` (answers that would have had to be good to reach the target, 0 or more; NaN without answers). Then
        ``unresolved_count`` (NaN without answers); ``is_small_base`` (a rate has fewer answers than the policy asks); ``score`` (0 to 100, NaN where
        a rate with a weight is undefined); ``grade``; and the columns of ``possible_ranks``. Units of small base have a score, for it is what it
        is, but neither grade nor rank.

    Raises
    ------
    ValueError
        A column is missing, a unit stands twice in a month, a month is not its first day, a count is negative or a numerator exceeds its base.
    PolicyError
        A month has no policy.

    References
    ----------
    The score of the city and its weights are not published (policy ``assessment.weights``). Tiers rather than bare ranks: 国务院办公厅关于进一步规范和提升
    12345热线服务的意见 (2025-06-25).
    """
    _check(counts, *KEYS, "request_count", *(column for pair in RATE_COUNTS.values() for column in pair))
    _check_once(counts)
    parts = []
    for month in sorted(set(counts["month"])):
        rows, rule = counts[counts["month"] == month], AssessmentRule.of(book, month)
        measured = _measured(rows, rule)
        parts.append(pd.concat([rows, measured, possible_ranks(rows, rule, seed=seed)], axis=1))
    if not parts:
        return counts.copy()
    return pd.concat(parts).reindex(counts.index)


def _measured(rows: pd.DataFrame, rule: AssessmentRule) -> pd.DataFrame:
    """Rates, intervals, gaps, score and grade of one month's units."""
    found = three_rates(rows)
    for rate, (top, base) in RATE_COUNTS.items():
        ends = share_interval(rows[top], rows[base])
        found[f"{rate}_low"], found[f"{rate}_high"] = ends["low"], ends["high"]
        found[f"{rate}_gap"] = found[rate] - rule.targets[rate]
        # a hair off, for 0.97 of 300 answers is 291 and not the 292 that binary fractions make of it
        needed = np.ceil(rule.targets[rate] * rows[base].astype("float64") - 1e-9)
        found[f"{rate}_missing_count"] = (needed - rows[top]).clip(lower=0).where(rows[base] > 0)
    found["unresolved_count"] = (rows["resolution_base_count"] - rows["resolved_count"]).where(rows["resolution_base_count"] > 0)
    found["is_small_base"] = _is_small(rows, rule)
    found["score"] = _score(found, rule)
    grades = [_grade(score, is_small, rule) for score, is_small in zip(found["score"], found["is_small_base"], strict=True)]
    found["grade"] = pd.Series(grades, index=rows.index, dtype="object")  # members stay members
    return found


def _is_small(rows: pd.DataFrame, rule: AssessmentRule) -> pd.Series:
    """Whether one of the rates rests on fewer answers than asked for, or on none; a rate without weight does not matter."""
    weighed = [base for rate, (_top, base) in RATE_COUNTS.items() if rule.weights[rate] > 0]
    least = rows[weighed].min(axis=1)
    return (least < rule.small_base) | (least == 0)


def _score(rates: pd.DataFrame, rule: AssessmentRule) -> pd.Series:
    total = pd.Series(0.0, index=rates.index)
    for rate, weight in rule.weights.items():
        if weight > 0:  # an undefined rate that does not count must not make the score undefined
            total = total + weight * rates[rate]
    return FULL_SCORE * total


def _grade(score: float, is_small: bool, rule: AssessmentRule) -> Grade:
    """The best grade whose least score is reached; rounded to nine digits, for sums of weights are not exact."""
    if is_small or np.isnan(score):
        return Grade.UNGRADED
    reached = [grade for grade, least in sorted(rule.grades.items(), key=lambda item: -item[1]) if round(score, 9) >= least]
    return reached[0] if reached else Grade.WEAK


def possible_ranks(counts: pd.DataFrame, rule: AssessmentRule, *, seed: int, draws: int = DRAWS) -> pd.DataFrame:
    """The range in which the rank of each unit among those of its type and month may lie.

    Parameters
    ----------
    counts
        As for ``assess``; may hold several types and months, ranked apart.
    rule
        Weights, least base, level and correlation of answers.
    seed
        Of the draws. A group has the same draws whatever other groups and whatever order of rows the frame has.
    draws
        Number of draws, 1 or more.

    Returns
    -------
    DataFrame
        The caller's index: ``score_rank`` (1 is the highest score, equal scores share the best), ``score_rank_low`` and ``score_rank_high`` (the best
        and the worst rank that the level allows), ``ranked_count`` (units ranked in the group). NaN for units that have no type or a small base.

    Raises
    ------
    ValueError
        A column is missing, a unit stands twice in a month, counts contradict themselves or ``draws`` is below 1.

    Notes
    -----
    True rates are drawn from their Beta distribution given the answers, ranked, and the middle ``level`` of a unit's ranks is its range, ends included.
    The Beta starts from what the units of the group have in common, fitted to them by moments (beta-binomial), not from ignorance: without that, extreme
    units are drawn even more extreme, and of 40 made-up units with 30 to 500 answers only 61 to 83 % of true ranks lay within ranges of 90 %, with it 90 %.

    The three answers come from one call, so their errors go together: the draws of one unit's rates are put into the order of normal scores with
    ``answer_correlation`` (a Gaussian copula). Drawn apart, ranges of 90 % held 83 to 87 % of true ranks where answers correlate by 0.7.

    References
    ----------
    Goldstein & Spiegelhalter (1996), JRSS A 159:385 (ranks need ranges). Iman & Conover (1982), Communications in Statistics B 11:311 (order of draws).
    Kleinman (1973), JASA 68:46 (moments of the beta-binomial).
    """
    _check(counts, *KEYS, *(column for pair in RATE_COUNTS.values() for column in pair))
    _check_once(counts)
    if draws < 1:
        message = f"名次模拟的次数为 {draws};应为 1 或更大的整数"
        raise ValueError(message)
    found = pd.DataFrame(np.nan, index=counts.index, columns=["score_rank", "score_rank_low", "score_rank_high", "ranked_count"])
    if counts.empty:
        return found
    scores = _score(three_rates(counts), rule)
    usable = counts.assign(score=scores)[~_is_small(counts, rule)].sort_values("unit_code")
    for (kind, _month), group in usable.groupby(["unit_type", "month"], sort=True):
        chance = np.random.default_rng([seed, group["month"].iloc[0].toordinal(), zlib.crc32(str(kind).encode())])
        drawn = _ranked(_drawn_scores(group, rule, chance, draws))
        tail = (1 - rule.level) / 2
        low, high = np.quantile(drawn, [tail, 1 - tail], axis=0, method="inverted_cdf")
        found.loc[group.index, "score_rank"] = group["score"].round(9).rank(method="min", ascending=False)
        found.loc[group.index, "score_rank_low"], found.loc[group.index, "score_rank_high"] = low, high
        found.loc[group.index, "ranked_count"] = len(group)
    return found


def _drawn_scores(group: pd.DataFrame, rule: AssessmentRule, chance: np.random.Generator, draws: int) -> np.ndarray:
    """Draws x units: scores that the units may truly have."""
    units, weighed = len(group), [rate for rate in RATE_COUNTS if rule.weights[rate] > 0]
    common = chance.normal(size=(draws, units))
    total = np.zeros((draws, units))
    for rate in weighed:
        top, base = RATE_COUNTS[rate]
        good, asked = group[top].to_numpy("float64"), group[base].to_numpy("float64")
        first, second = _in_common(group[top], group[base])
        ordered = np.sort(chance.beta(good + first, asked - good + second, size=(draws, units)), axis=0)
        own = chance.normal(size=(draws, units))
        mixed = np.sqrt(rule.answer_correlation) * common + np.sqrt(1 - rule.answer_correlation) * own
        total += rule.weights[rate] * np.take_along_axis(ordered, mixed.argsort(axis=0).argsort(axis=0), axis=0)
    return total


def _in_common(good: pd.Series, asked: pd.Series) -> tuple[float, float]:
    """The two parameters of the Beta distribution from which the units' true rates seem to come."""
    answers = float(asked.sum())
    centre = float(share(pd.Series([good.sum() + 0.5]), pd.Series([answers + 1.0])).iloc[0])  # inside (0, 1) also where all or none are good
    spare = answers - float((asked.astype("float64") ** 2).sum()) / answers
    beyond_chance = float((asked * (share(good, asked) - centre) ** 2).sum()) - (len(good) - 1) * centre * (1 - centre)
    variance = beyond_chance / spare if spare > 0 else 0.0
    weight = MOST_ALIKE if variance <= 0 else float(np.clip(centre * (1 - centre) / variance - 1, LEAST_ALIKE, MOST_ALIKE))
    return centre * weight, (1 - centre) * weight


def _ranked(scores: np.ndarray) -> np.ndarray:
    """Ranks along the units, 1 is the highest; draws are never equal."""
    return (-scores).argsort(axis=1).argsort(axis=1) + 1


def nearest_peers(sizes: pd.DataFrame, *, count: int) -> pd.DataFrame:
    """The units of the same type that are nearest in size.

    Parameters
    ----------
    sizes
        One row a unit: ``unit_code``, ``unit_type``, ``request_count`` (0 or more). Units without a type have no peers.
    count
        How many peers at most, 1 or more; policy ``assessment.comparison``.

    Returns
    -------
    DataFrame
        ``unit_code``, ``peer_code``, ``peer_order`` (1 is the nearest), ``distance`` (difference of the logarithms of one more than the requests, so
        that twice as many is as far at every size and a unit without requests has a place; 0 or more). Ordered by unit and order; equally near
        peers by code.

    Raises
    ------
    ValueError
        A column is missing, a unit stands twice, a size is negative or unknown, or ``count`` is below 1.
    """
    _check(sizes, "unit_code", "unit_type", "request_count")
    if sizes["unit_code"].duplicated().any():
        message = f"同类单位:{_some(sizes.loc[sizes['unit_code'].duplicated(), 'unit_code'])} 出现不止一次;每个单位应只有一行"
        raise ValueError(message)
    if not (sizes["request_count"] >= 0).all():
        message = f"同类单位:{_some(sizes.loc[~(sizes['request_count'] >= 0), 'unit_code'])} 的诉求量为负数或空缺;应为 0 或正数"
        raise ValueError(message)
    if count < 1:
        message = f"同类单位的个数为 {count};应为 1 或更大的整数"
        raise ValueError(message)
    rows = []
    for _kind, group in sizes.dropna(subset=["unit_type"]).sort_values("unit_code").groupby("unit_type", sort=True):
        codes, volume = group["unit_code"].to_list(), np.log1p(group["request_count"].to_numpy("float64"))
        for place, code in enumerate(codes):
            distance = np.abs(volume - volume[place])
            nearest = [other for other in distance.argsort(kind="stable") if other != place][:count]
            rows += [(code, codes[other], order, float(distance[other])) for order, other in enumerate(nearest, start=1)]
    return pd.DataFrame(rows, columns=["unit_code", "peer_code", "peer_order", "distance"]).sort_values(["unit_code", "peer_order"], ignore_index=True)


def _check(frame: pd.DataFrame, *columns: str) -> None:
    if missing := [name for name in columns if name not in frame.columns]:
        message = f"考评数据缺少列 {'、'.join(missing)};现有 {'、'.join(map(str, frame.columns))}"
        raise ValueError(message)


def _check_once(counts: pd.DataFrame) -> None:
    if not counts.index.is_unique:
        message = f"考评数据的行号有重复,如 {_some(pd.Series(counts.index)[counts.index.duplicated()])};每行应有自己的行号"
        raise ValueError(message)
    if (twice := counts.duplicated(["unit_code", "month"])).any():
        message = f"考评数据:{_some(counts.loc[twice, 'unit_code'])} 在同一月出现不止一次;每个单位每月应只有一行"
        raise ValueError(message)
    if wrong := sorted({str(month) for month in counts["month"] if type(month) is not date or month.day != 1}):
        message = f"考评数据的月份 {'、'.join(wrong[:5])} 不是某月的第一天;应写作每月 1 日的日期"
        raise ValueError(message)


def _some(codes: pd.Series) -> str:
    """The first five codes, for a message."""
    return "、".join(str(code) for code in codes.unique()[:5])
