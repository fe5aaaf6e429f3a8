"""Simulated futures that add up: whole counts for every node of a tree, each path a day-by-day course of the whole city."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import nnls

__all__ = ["Branch", "simulate_paths"]

SMALLEST_MEAN = 1e-9


@dataclass(frozen=True, slots=True)
class Branch:
    """One level of a tree: S nodes over H steps.

    Attributes
    ----------
    mean
        S x H; the means of the children of a node add up to its own.
    dispersion
        S x H: variance over mean that is chance alone, 1 or more.
    spread
        S x H: variance of the relative error of the level, which lasts over the steps.
    parents
        Of each node the row of its parent in the level above; empty for the root level.
    """

    mean: np.ndarray
    dispersion: np.ndarray
    spread: np.ndarray
    parents: np.ndarray


def simulate_paths(levels: tuple[Branch, ...], paths: int, seed: int) -> tuple[np.ndarray, ...]:
    """Draws of every level from the root down.

    Parameters
    ----------
    levels
        Root first.
    paths
        P, how many.
    seed
        The same seed gives the same paths.

    Returns
    -------
    tuple of ndarray
        For each level P x S x H whole numbers; in every path and step the children of a node add up to it exactly.

    Notes
    -----
    A root count is negative binomial around a mean that is off by one lognormal factor a path, whose variance is ``spread``; so errors of the level last,
    and totals over many steps scatter as they do in life. Each count is then dealt out to the children, multinomial with probabilities that are
    themselves drawn: gamma factors, one a path for what a child's level may be off beyond its parent's, and one a step for what its chance scatter has
    beyond the parent's share of it (the Dirichlet-multinomial of Mosimann 1962, Biometrika 49:65, with unequal precisions). Whatever a child's spread and
    dispersion have less than its parent's cannot be shown: such a child scatters as its parent makes it. Factors of small shares are an approximation to
    first order: children of less than one a step scatter somewhat less than their dispersion says.
    """
    chance = np.random.default_rng(seed)
    found = [_roots(levels[0], paths, chance)]
    for above, level in pairwise(levels):
        found.append(_dealt_out(above, level, found[-1], chance))
    return tuple(found)


def _roots(level: Branch, paths: int, chance: np.random.Generator) -> np.ndarray:
    series, steps = level.mean.shape
    spread = np.log1p(level.spread)
    error = np.exp(chance.standard_normal((paths, series, 1)) * np.sqrt(spread) - spread / 2)
    mean = np.maximum(level.mean * error, SMALLEST_MEAN)
    excess = np.broadcast_to(np.maximum(level.dispersion - 1.0, SMALLEST_MEAN), (paths, series, steps))
    return np.asarray(chance.poisson(chance.gamma(mean / excess, excess)))


def _dealt_out(above: Branch, level: Branch, counts: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """The counts of a level given those of the one above it."""
    paths, _nodes, steps = counts.shape
    found = np.zeros((paths, *level.mean.shape), dtype=counts.dtype)
    for node in range(above.mean.shape[0]):
        children = np.flatnonzero(level.parents == node)
        if not children.size:
            continue
        share = level.mean[children] / np.maximum(above.mean[node], SMALLEST_MEAN)
        lasting = np.maximum(level.spread[children] - above.spread[node], 0.0).mean(axis=1)
        beyond = np.maximum(level.dispersion[children] - 1.0 - share * (above.dispersion[node] - 1.0), 0.0)
        daily = (beyond / np.maximum(level.mean[children], 1.0)).mean(axis=1)
        usual = share.mean(axis=1)
        weight = share * _factors(chance, _own(lasting, usual), (paths, 1)) * _factors(chance, _own(daily, usual), (paths, steps))
        weight = np.maximum(weight, SMALLEST_MEAN)
        usual_weight = (weight / weight.sum(axis=1, keepdims=True)).mean(axis=0)
        weight *= np.maximum(share, SMALLEST_MEAN) / np.maximum(usual_weight, SMALLEST_MEAN)  # adding up to 1 draws means together
        weight = weight.transpose(0, 2, 1)
        drawn = chance.multinomial(counts[:, node, :], weight / weight.sum(axis=2, keepdims=True))
        found[:, children, :] = drawn.transpose(0, 2, 1).reshape(paths, len(children), steps)
    return found


def _own(wanted: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Variances of the factors of the children that give their shares the wanted relative variances once the shares are made to add up to 1.

    To first order share i then varies by (1 - 2 p_i) v_i + sum over j of p_j^2 v_j; solved for v, none below 0.
    """
    return np.asarray(nnls(np.diag(1.0 - 2.0 * share) + share**2, wanted)[0])


def _factors(chance: np.random.Generator, variance: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Gamma factors of mean 1, paths x children x steps or 1; 1 where the variance is 0."""
    safe = np.broadcast_to(np.maximum(variance, SMALLEST_MEAN)[:, None], (size[0], len(variance), size[1]))
    return np.where(safe > SMALLEST_MEAN, chance.gamma(1.0 / safe, safe), 1.0)
