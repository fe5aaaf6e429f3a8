"""Reconciled forecasts against a tree solved by hand, published software, and the equation written out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from forecasts.reconciliation import reconcile, summing_matrix

CODES = pd.DataFrame(
    [("e", "e1", "noise"), ("e", "e1", "water"), ("e", "e2", "noise"), ("e", "e2", "water"), ("w", "w1", "noise"), ("w", "w1", "water")],
    columns=["district", "subdistrict", "category"],
)
LEVELS = ((), ("district",), ("category",), ("district", "category"), ("subdistrict",))

BASE = np.array(
    [
        [21, 18],
        [13, 12],
        [9, 5],
        [12, 8],
        [8.5, 9],
        [7, 5],
        [7, 6],
        [5, 3],
        [4, 5],
        [8, 7],
        [6, 4.5],
        [8, 6.5],
        [4, 3],
        [3, 3.5],
        [2, 2],
        [4, 3],
        [5, 2.5],
        [3.5, 4],
    ]
)
VARIANCES = np.array([9, 6, 5, 6, 5, 4, 4, 3, 3, 4, 3, 3, 2, 2, 1.5, 2.5, 2, 2])
# hierarchicalforecast 1.5.3: MinTrace("wls_var").fit_predict(S, BASE, y_insample=sqrt(VARIANCES - 2e-8)[:, None], y_hat_insample=zeros)["mean"],
# whose variance is the mean square of the one residual and 2e-8; the bottom rows.
PUBLISHED = np.array(
    [
        [4.45571857, 3.28688715],
        [2.88737776, 3.44759928],
        [2.19314131, 2.03327972],
        [3.61147617, 2.63135637],
        [5.01737052, 2.48111925],
        [3.33136424, 3.90518316],
    ]
)
PUBLISHED_CITY = [21.49644858, 17.78542493]


def random_tree(seed: int, *, low: float = 5.0) -> tuple[sparse.csr_array, np.ndarray, np.ndarray]:
    """A city of 4 districts, 3 subdistricts each, 5 categories; base forecasts around coherent ones, and their variances."""
    rng = np.random.default_rng(seed)
    rows = [(f"d{place // 3}", f"s{place:02d}", f"c{category}") for place in range(12) for category in range(5)]
    matrix, _ = summing_matrix(pd.DataFrame(rows, columns=list(CODES.columns)), LEVELS)
    true = matrix @ rng.uniform(low, 30, (60, 4))
    variances = rng.uniform(0.2, 2.0, true.shape) * np.asarray(matrix.sum(axis=1)).reshape(-1, 1)
    return matrix, true + rng.normal(0, 0.5, true.shape) * np.sqrt(variances), variances


def by_the_equation(base: np.ndarray, variances: np.ndarray, matrix: sparse.csr_array) -> np.ndarray:
    """Bottom means of one step: (S' W^-1 S)^-1 S' W^-1 base."""
    full = matrix.toarray()
    weighted = full.T / variances
    return np.linalg.solve(weighted @ full, weighted @ base)


# The matrix


def test_summing_matrix_of_a_city():
    matrix, nodes = summing_matrix(CODES, LEVELS)
    assert matrix.shape == (18, 6)
    expected = {
        0: [1, 1, 1, 1, 1, 1],
        1: [1, 1, 1, 1, 0, 0],
        4: [0, 1, 0, 1, 0, 1],
        5: [1, 0, 1, 0, 0, 0],
        10: [0, 0, 1, 1, 0, 0],
        13: [0, 1, 0, 0, 0, 0],
    }
    for row, values in expected.items():
        assert matrix.toarray()[row].tolist() == values
    assert nodes.iloc[0].isna().all()
    assert nodes.iloc[5].dropna().to_dict() == {"district": "e", "category": "noise"}
    assert nodes.iloc[10].dropna().to_dict() == {"subdistrict": "e2"}
    pd.testing.assert_frame_equal(nodes.iloc[12:].reset_index(drop=True), CODES.astype("object"))


def test_summing_matrix_takes_the_bottom_in_any_order():
    order = [3, 0, 5, 1, 4, 2]
    matrix, nodes = summing_matrix(CODES, LEVELS)
    mixed, mixed_nodes = summing_matrix(CODES.iloc[order], LEVELS)
    np.testing.assert_array_equal(mixed.toarray()[:12], matrix.toarray()[:12][:, order])
    np.testing.assert_array_equal(mixed.toarray()[12:], np.eye(6))
    pd.testing.assert_frame_equal(mixed_nodes.iloc[:12], nodes.iloc[:12])


def test_summing_matrix_equals_group_sums():
    counts = CODES.assign(count=[5.0, 3, 8, 1, 0, 2])
    matrix, nodes = summing_matrix(CODES, LEVELS)
    sums = matrix @ counts["count"].to_numpy()
    for row, node in nodes.iterrows():
        chosen = counts
        for column, code in node.dropna().items():
            chosen = chosen[chosen[column] == code]
        assert sums[row] == chosen["count"].sum()


@pytest.mark.parametrize(
    ("codes", "levels", "said"),
    [
        (CODES.iloc[:0], LEVELS, "no bottom nodes"),
        (CODES.assign(category=None), LEVELS, "category has an empty code"),
        (CODES.iloc[[0, 1, 0]], LEVELS, "stands twice"),
        (CODES, (("ward",),), "names the column 'ward'"),
        (CODES, (("category", "district", "subdistrict"),), "that is the bottom"),
    ],
)
def test_wrong_codes_are_named(codes, levels, said):
    with pytest.raises(ValueError, match=said):
        summing_matrix(codes, levels)


# Reconciled means


def test_seven_nodes_solved_by_hand():
    # City 100, districts 60 and 50, bottoms 20 30 | 40 12 of variance 1; districts have variance 2, the city has 4.
    codes = pd.DataFrame({"district": ["a", "a", "b", "b"], "subdistrict": ["a1", "a2", "b1", "b2"]})
    matrix, _ = summing_matrix(codes, ((), ("district",)))
    base = np.array([[100.0], [60], [50], [20], [30], [40], [12]])
    found = reconcile(base, np.array([4.0, 2, 2, 1, 1, 1, 1]), matrix)
    # With s and t the moves of a district's two bottoms (equal within it), the derivative by each bottom is 0:
    #   s + (50 + 2s - 60) / 2 + (102 + 2s + 2t - 100) / 4 = 0   ->   5s + t = 9
    #   t + (52 + 2t - 50) / 2 + (102 + 2s + 2t - 100) / 4 = 0   ->   s + 5t = -3
    # so s = 2 and t = -1.
    np.testing.assert_allclose(found.bottom[:, 0], [22, 32, 39, 11], rtol=1e-13)
    np.testing.assert_allclose(found.nodes[:, 0], [104, 54, 50, 22, 32, 39, 11], rtol=1e-13)


def test_published_values_of_a_small_city():
    matrix, _ = summing_matrix(CODES, LEVELS)
    found = reconcile(BASE, VARIANCES, matrix)
    np.testing.assert_allclose(found.bottom, PUBLISHED, atol=1e-8)
    np.testing.assert_allclose(found.nodes[0], PUBLISHED_CITY, atol=2e-8)


def test_equals_the_library():
    methods = pytest.importorskip("hierarchicalforecast.methods")
    matrix, base, variances = random_tree(7)
    found = reconcile(base, variances[:, 0], matrix)
    residuals = np.sqrt(variances[:, :1] - 2e-8)
    library = methods.MinTrace("wls_var").fit_predict(matrix.toarray(), base, y_insample=residuals, y_hat_insample=np.zeros_like(residuals))
    assert found.bottom.min() > 0
    np.testing.assert_allclose(found.nodes, library["mean"], rtol=1e-9)
    sizes = np.asarray(matrix.sum(axis=1)).ravel()
    found = reconcile(base, sizes, matrix)
    np.testing.assert_allclose(found.nodes, methods.MinTrace("wls_struct").fit_predict(matrix.toarray(), base)["mean"], rtol=1e-9)
    # The sparse one stops its iterations at 1e-5.
    iterated = methods.MinTraceSparse("wls_struct").fit_predict(sparse.csr_matrix(matrix), base)
    np.testing.assert_allclose(found.nodes, iterated["mean"], rtol=1e-3)


def test_each_step_has_its_own_variances():
    matrix, base, variances = random_tree(8)
    found = reconcile(base, variances, matrix)
    for step in range(base.shape[1]):
        np.testing.assert_allclose(found.bottom[:, step], by_the_equation(base[:, step], variances[:, step], matrix), rtol=1e-9)
    same = reconcile(base, np.repeat(variances[:, :1], base.shape[1], axis=1), matrix)
    np.testing.assert_allclose(same.nodes, reconcile(base, variances[:, 0], matrix).nodes, rtol=1e-12)


def test_what_adds_up_stays():
    matrix, _, variances = random_tree(9)
    coherent = matrix @ np.random.default_rng(9).uniform(0, 20, (60, 4))
    np.testing.assert_allclose(reconcile(coherent, variances, matrix).nodes, coherent, rtol=1e-12)


@given(st.integers(0, 10_000), st.floats(1e-3, 1e3))
@settings(deadline=None, max_examples=12)
def test_all_nodes_add_up_and_only_ratios_of_variances_count(seed, factor):
    matrix, base, variances = random_tree(seed, low=0.0)
    found = reconcile(base, variances, matrix)
    assert found.bottom.min() >= 0
    for step in range(4):
        # Row by row in plain additions, the city also as the sum of its districts.
        sums = [sum(found.bottom[matrix.indices[start:end], step]) for start, end in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)]
        np.testing.assert_allclose(found.nodes[:, step], sums, rtol=1e-12)
        assert found.nodes[0, step] == pytest.approx(found.nodes[1:5, step].sum(), rel=1e-12)
    np.testing.assert_allclose(reconcile(base, variances * factor, matrix).nodes, found.nodes, rtol=1e-8, atol=1e-9)


def test_negative_bottoms_become_zero_and_sums_are_made_again():
    codes = pd.DataFrame({"subdistrict": ["a", "b"]})
    matrix, _ = summing_matrix(codes, ((),))
    found = reconcile(np.array([[2.0], [1], [7]]), np.ones(3), matrix)
    # The gap of -6 is shared by three: the bottoms come to -1 and 5.
    np.testing.assert_allclose(found.nodes[:, 0], [5, 0, 5], atol=1e-14)
    assert (found.bottom >= 0).all()


def test_a_bottom_without_variance_stays():
    matrix, base, variances = random_tree(10)
    variances[-60:-55] = 0  # a whole subdistrict
    variances[21 + 20 + 5] = 0
    base[-60:-55] = 0
    found = reconcile(base, variances, matrix)
    np.testing.assert_array_equal(found.bottom[:5], 0)
    assert np.isfinite(found.nodes).all()
    nearly = np.where(variances == 0, 1e-9, variances)
    np.testing.assert_allclose(found.nodes, reconcile(base, nearly, matrix).nodes, rtol=1e-6, atol=1e-6)


def test_a_sum_that_cannot_move_needs_no_variance():
    codes = pd.DataFrame({"district": ["a", "a", "b", "b"], "subdistrict": ["a1", "a2", "b1", "b2"]})
    matrix, _ = summing_matrix(codes, ((), ("district",)))
    base = np.array([[11.0], [0], [8], [0], [0], [4], [5]])
    found = reconcile(base, np.array([1.0, 0, 1, 0, 0, 1, 1]), matrix)
    np.testing.assert_array_equal(found.nodes[[1, 3, 4], 0], 0)
    # b1 and b2 move by t each: 2t to themselves, 1 + 2t over district b, -2 + 2t over the city.
    np.testing.assert_allclose(found.bottom[2:, 0], [4.2, 5.2])


def test_without_sums_the_bottom_is_kept():
    matrix, _ = summing_matrix(CODES, ())
    found = reconcile(BASE[12:], VARIANCES[12:], matrix)
    np.testing.assert_array_equal(found.nodes, BASE[12:])


@pytest.mark.parametrize(
    ("base", "variances", "said"),
    [
        (BASE[1:], VARIANCES, "base has shape"),
        (BASE, VARIANCES[1:], "variances have shape"),
        (np.where(np.arange(18)[:, None] == 4, np.nan, BASE), VARIANCES, "row 4 is not a finite"),
        (BASE, np.where(np.arange(18) == 5, -1, VARIANCES), "variance in row 5"),
        (BASE, np.where(np.arange(18) == 2, 0, VARIANCES), "sum in row 2 has variance 0"),
    ],
)
def test_wrong_numbers_are_named(base, variances, said):
    matrix, _ = summing_matrix(CODES, LEVELS)
    with pytest.raises(ValueError, match=said):
        reconcile(base, variances, matrix)


def test_a_matrix_without_the_bottom_at_its_end_is_refused():
    matrix, _ = summing_matrix(CODES, LEVELS)
    with pytest.raises(ValueError, match="last 6 rows"):
        reconcile(BASE, VARIANCES, sparse.csr_array(matrix[::-1]))
