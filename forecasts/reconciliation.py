"""Forecasts that add up: of places within places, and of categories within their total.

The bottom nodes are cells of place and category; every other node (a district, a category in the whole city, the city) is a sum of them.
Forecasts made of each node alone do not add up; they are drawn together so that they do, those of small variance moving least.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Reconciled", "reconcile", "summing_matrix"]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Means that add up.

    Attributes
    ----------
    bottom
        Of the B bottom nodes, B x H, 0 or more.
    nodes
        Of all N nodes, N x H, sums of ``bottom``, in the order of the summing matrix.
    """

    bottom: np.ndarray
    nodes: np.ndarray


def summing_matrix(codes: pd.DataFrame, levels: Sequence[Sequence[str]]) -> tuple[sparse.csr_array, pd.DataFrame]:
    """Which bottom nodes each node is the sum of.

    Parameters
    ----------
    codes
        One row for each of the B bottom nodes, all columns together its name, as ``district``, ``subdistrict``, ``category``.
    levels
        For each level above the bottom the columns whose codes name its nodes: ``()`` the whole city, ``("district",)``,
        ``("district", "category")``. The bottom itself is not named.

    Returns
    -------
    matrix
        N x B of 0 and 1: the nodes of each level in turn, each level sorted by its codes, then the bottom nodes in the order of ``codes``.
    nodes
        N rows with the columns of ``codes``, empty where the node is a sum over all of them.

    Raises
    ------
    ValueError
        There is no bottom node, a code is empty, a bottom node stands twice, a column of a level does not exist, or a level is the bottom.
    """
    _check_codes(codes, levels)
    size = len(codes)
    blocks, names = [], []
    for level in levels:
        keys = codes.loc[:, list(level)]
        number = keys.groupby(list(level), sort=True).ngroup().to_numpy() if level else np.zeros(size, dtype="int64")
        groups = int(number.max()) + 1
        blocks.append(sparse.csr_array((np.ones(size), (number, np.arange(size))), shape=(groups, size)))
        first = np.unique(number, return_index=True)[1]
        names.append(keys.iloc[first].reindex(columns=codes.columns))
    matrix = sparse.csr_array(sparse.vstack([*blocks, sparse.eye_array(size)], format="csr"))
    nodes = pd.concat([*(name.astype("object") for name in names), codes.astype("object")], ignore_index=True)
    return matrix, nodes


def _check_codes(codes: pd.DataFrame, levels: Sequence[Sequence[str]]) -> None:
    if codes.empty:
        message = "there are no bottom nodes; a hierarchy needs at least one"
        raise ValueError(message)
    if codes.isna().any(axis=None):
        column = codes.columns[codes.isna().any()][0]
        message = f"column {column} has an empty code; every bottom node needs all of {', '.join(map(str, codes.columns))}"
        raise ValueError(message)
    if (twice := codes.duplicated()).any():
        message = f"the bottom node {tuple(codes[twice].iloc[0])} stands twice; each may stand once"
        raise ValueError(message)
    for level in levels:
        if missing := [name for name in level if name not in codes.columns]:
            message = f"level {tuple(level)} names the column {missing[0]!r}; there are {', '.join(map(str, codes.columns))}"
            raise ValueError(message)
        if len(set(level)) == codes.shape[1]:
            message = f"level {tuple(level)} names all columns; that is the bottom, which is there already"
            raise ValueError(message)


def reconcile(base: np.ndarray, variances: np.ndarray, summing: sparse.csr_array) -> Reconciled:
    """Means that add up, nearest to the base forecasts in squares weighted by 1 / variance.

    Parameters
    ----------
    base
        Forecasts of each node by itself, N x H, in the order of the summing matrix.
    variances
        Of the errors of ``base``, N or N x H, 0 or more; a ratio between nodes is all that counts. A bottom node of variance 0 stays.
    summing
        N x B of :func:`summing_matrix`: the A sums first, then the bottom nodes.

    Returns
    -------
    Reconciled
        Means of the bottom and of all nodes. A bottom node that came out below 0 is set to 0 and all sums are made again, so what adds up
        still does, while the nodes above it rise a little (the set-negative-to-zero rule of Di Fonzo & Girolimetto 2023, Solar Energy 251:
        13-29; it is not the least-squares answer under the bound).

    Raises
    ------
    ValueError
        The shapes do not fit, the last rows of the matrix are not the bottom nodes, a base forecast is not finite, a variance is negative or
        not finite, or a sum has variance 0 while its bottom nodes have not.

    Notes
    -----
    Minimum trace with W diagonal (Wickramasuriya, Athanasopoulos & Hyndman 2019, Optimal forecast reconciliation for hierarchical and grouped
    time series through trace minimization, Journal of the American Statistical Association 114: 804-819, theorem 1). With the summing matrix
    S = [C; I], base forecasts (a, b) and variances (V, W) of sums and bottom nodes, the B x B inverse of their equation 9,
    (C' V^-1 C + W^-1)^-1, is by the identity of Woodbury one of A x A only (the form of their equation 10):

        b + W C' (V + C W C')^-1 (a - C b)
    """
    upper, spread = _parts(base, variances, summing)
    size = upper.shape[0]
    bottom = base[size:].astype("float64")
    gap = base[:size] - upper @ bottom
    if spread.shape[1] == 1:
        bottom += _moved(upper, spread[:, 0], gap)
    else:
        for step in range(base.shape[1]):
            bottom[:, step] += _moved(upper, spread[:, step], gap[:, step])
    bottom = np.maximum(bottom, 0.0)
    return Reconciled(bottom, np.concatenate([upper @ bottom, bottom]))


def _moved(upper: sparse.csr_array, variance: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """What the bottom nodes move by: W C' (V + C W C')^-1 gap."""
    size = upper.shape[0]
    if size == 0:
        return np.zeros((upper.shape[1], *gap.shape[1:]))
    weighted = sparse.csr_array(upper * variance[size:])
    system = (weighted @ upper.T).toarray()
    own = system.diagonal()
    if (stuck := (variance[:size] == 0) & (own > 0)).any():
        message = f"the sum in row {int(np.flatnonzero(stuck)[0])} has variance 0 while its bottom nodes have not; variances of sums must be above 0"
        raise ValueError(message)
    # A sum none of whose parts can move has a row of zeros; any number on its diagonal gives the same answer, 0.
    system[np.diag_indices(size)] = np.where(own > 0, own + variance[:size], 1.0)
    return weighted.T @ cho_solve(cho_factor(system, lower=True, overwrite_a=True), gap)


def _parts(base: np.ndarray, variances: np.ndarray, summing: sparse.csr_array) -> tuple[sparse.csr_array, np.ndarray]:
    """The rows of the sums, and the variances as N x 1 or N x H; checked."""
    count, size = summing.shape
    if base.ndim != 2 or base.shape[0] != count or count < size:  # noqa: PLR2004 - nodes and steps
        message = f"base has shape {base.shape}, the summing matrix {summing.shape}; base needs a row for each row of the matrix, and a column a step"
        raise ValueError(message)
    spread = np.asarray(variances, dtype="float64")
    spread = spread[:, None] if spread.ndim == 1 else spread
    if spread.shape not in {(count, 1), base.shape}:
        message = f"variances have shape {np.shape(variances)}; allowed are {(count,)} and {base.shape}"
        raise ValueError(message)
    matrix = sparse.csr_array(summing)
    if (matrix[count - size :] != sparse.eye_array(size, format="csr")).nnz:
        message = f"the last {size} rows of the summing matrix must be those of the bottom nodes, in the order of its columns"
        raise ValueError(message)
    if not np.isfinite(base).all():
        row = int(np.flatnonzero(~np.isfinite(base).all(axis=1))[0])
        message = f"base forecast in row {row} is not a finite number; every node needs a forecast of every step"
        raise ValueError(message)
    if not (np.isfinite(spread) & (spread >= 0)).all():
        row = int(np.flatnonzero(~(np.isfinite(spread) & (spread >= 0)).all(axis=1))[0])
        message = f"variance in row {row} is negative or not a number; allowed are finite numbers, 0 or more"
        raise ValueError(message)
    return matrix[: count - size], spread
