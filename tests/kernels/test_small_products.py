import numpy as np
import pytest
from numba import njit

from moire.kernels.register_tile import by_fours
from moire.kernels.tile_product import LANES, multiply_tile, scratch


@pytest.fixture(scope="module", params=[(8, False), (16, False), (16, True)], ids=str)
def product(request):
    lanes, conjugate = request.param
    multiply = by_fours(lanes, conjugate=conjugate)

    @njit
    def run(first, last, n_terms, s, s_row, s_at, v, v_at, out, out_row):
        """Imaginary parts stand half an array behind the real ones."""
        multiply(
            first, last, n_terms, s, s.size // 2, s_row, s_at, v, v.size // 2, v_at, np.int64(0),
            out, out.size // 2, out_row, np.int64(0),
        )  # fmt: skip

    return lanes, conjugate, run


def halves(values):
    return np.concatenate([values.real.ravel(), values.imag.ravel()])


@pytest.mark.parametrize(("rows", "n_terms"), [(1, 1), (2, 7), (3, 0), (4, 5), (7, 12)])
def test_rows_and_lanes_of_a_tile(product, rows, n_terms):
    lanes, conjugate, run = product
    rng = np.random.default_rng(rows)
    scalars = rng.standard_normal((rows, 13)) + 1j * rng.standard_normal((rows, 13))
    vectors = rng.standard_normal((13, lanes)) + 1j * rng.standard_normal((13, lanes))
    terms = rng.permutation(13)[:n_terms]
    out = np.full(2 * rows * lanes, np.nan)
    order = rng.permutation(rows)  # rows of the result may stand anywhere
    run(
        *(0, rows, n_terms, halves(scalars), 13 * np.arange(rows), terms),
        *(halves(vectors), lanes * terms, out, lanes * order),
    )
    real, imag = out.reshape(2, rows, lanes)
    used = vectors[terms].conj() if conjugate else vectors[terms]
    np.testing.assert_allclose((real + 1j * imag)[order], scalars[:, terms] @ used, atol=1e-13)


@njit
def multiply(n_columns, n_vectors, width, blocks, rows, free, values, many):
    n_pairs = rows.size
    inner, outer, inner_at, stride, kept, across = scratch(many, 64 * n_vectors)
    for b in range(n_pairs):
        for j in range(n_columns):
            inner[inner_at[b] + j] = values[b, j].real
            inner[inner_at[b] + stride + j] = values[b, j].imag
    outer[:] = np.nan
    multiply_tile(
        n_pairs, n_columns, n_vectors, width, blocks, rows, 2 * width * rows, inner_at, free, stride, inner, outer,
        kept, across,
    )  # fmt: skip
    result = np.empty((n_pairs, n_columns), np.complex128)
    for a in range(n_pairs):
        for j in range(n_columns):
            result[a, j] = outer[inner_at[a] + j] + 1j * outer[inner_at[a] + stride + j]
    return result


@pytest.mark.parametrize("size", [1, 5, 23, 40])
@pytest.mark.parametrize("n_vectors", [1, 3])
def test_tile_leaves_out_pairs_that_are_not_free_in_its_columns(size, n_vectors):
    # Rows of A that nothing may sum over hold nan: half of the pairs are not free in any low half of their registers.
    rng = np.random.default_rng(size)
    matrix = rng.standard_normal((size, size)) + 1j * rng.standard_normal((size, size))
    matrix += matrix.conj().T
    width = -(-size // LANES) * LANES
    rows = np.sort(rng.permutation(size)[: size - size // 4])
    dead = rows[1::2]
    padded = np.zeros((size, 2, width))
    padded[:, 0, :size], padded[:, 1, :size] = matrix.real, matrix.imag
    padded[dead] = np.nan
    for n_low in (1, 2, 7, 8, 11, 16, 29, 64):
        n_columns = n_low * n_vectors
        is_free = rng.random((rows.size, n_low)) < 0.6
        is_free[np.isin(rows, dead)] = False
        free = (is_free.astype(np.uint64) << np.arange(n_low, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
        shown = np.repeat(is_free, n_vectors, axis=1)
        values = np.where(shown, rng.standard_normal(shown.shape) + 1j * rng.standard_normal(shown.shape), 0)
        found = multiply(n_columns, n_vectors, width, padded.ravel(), rows, free, values, width)
        expected = matrix[np.ix_(rows, rows)] @ values
        np.testing.assert_allclose(found[shown], expected[shown], atol=1e-12)
    assert np.abs(expected).max() > 0.1
