import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import LinAlgError

from moire.linalg.hermitian import extremal_eigenpairs, solve_many


def hermitian(n, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n))
    return matrix + matrix.conj().T


@given(st.integers(1, 30), st.integers(0, 10**6), st.data())
def test_against_numpy(n, seed, data):
    matrix, n_pairs, largest = hermitian(n, seed), data.draw(st.integers(1, n)), data.draw(st.booleans())
    values, vectors = extremal_eigenpairs(matrix, n_pairs, largest)
    expected = np.linalg.eigvalsh(matrix)
    expected = expected[::-1][:n_pairs] if largest else expected[:n_pairs]
    np.testing.assert_allclose(values, expected, atol=1e-11)
    np.testing.assert_allclose(vectors @ matrix.T, values[:, None] * vectors, atol=1e-10)
    np.testing.assert_allclose(vectors.conj() @ vectors.T, np.eye(n_pairs), atol=1e-12)
    largest_component = vectors[np.arange(n_pairs), np.argmax(np.abs(vectors), axis=1)]
    np.testing.assert_allclose(largest_component.imag, 0, atol=1e-14)
    assert np.all(largest_component.real > 0)


def test_only_the_lower_triangle_is_read_and_nothing_is_written():
    matrix = hermitian(8, 1)
    lower = np.tril(matrix) + 1e3 * np.triu(np.ones((8, 8)), 1)
    original = lower.copy()
    values, _ = extremal_eigenpairs(lower, 3, largest=True)
    np.testing.assert_allclose(values, extremal_eigenpairs(matrix, 3, largest=True)[0], atol=1e-12)
    np.testing.assert_array_equal(lower, original)


def test_degenerate_eigenvalues_give_orthonormal_vectors():
    unitary = np.linalg.qr(hermitian(12, 2))[0]
    matrix = unitary @ np.diag([3.0] * 4 + [1.0] * 8) @ unitary.conj().T
    values, vectors = extremal_eigenpairs((matrix + matrix.conj().T) / 2, 4, largest=True)
    np.testing.assert_allclose(values, 3, atol=1e-12)
    np.testing.assert_allclose(vectors.conj() @ vectors.T, np.eye(4), atol=1e-12)


def test_many_matrices_keep_their_order_on_any_number_of_threads():
    threads = set()

    def matrix_at(i):
        threads.add(threading.get_ident())
        return hermitian(20, i)

    one, two = (solve_many(matrix_at, 40, 2, largest=False, n_threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
    np.testing.assert_allclose(one[0][17], np.linalg.eigvalsh(hermitian(20, 17))[:2], atol=1e-12)
    assert len(threads) >= 2


def test_failure_of_lapack_is_an_error():
    with pytest.raises(LinAlgError, match="zheevr stopped"):
        extremal_eigenpairs(hermitian(4, 0), 5, largest=False)
