"""Block Lanczos from approximate vectors, and with looser residuals of some levels."""

import numpy as np
import pytest

from moire.linalg.lanczos import LanczosSettings, block_lanczos
from tests.linalg.test_lanczos import hermitian

LEVELS = np.concatenate([[0, 0.8, 1.5], np.linspace(2.5, 50, 397)])


class Counted:
    """Products with a matrix, counted."""

    def __init__(self, matrix):
        self.matrix, self.n_products = matrix, 0

    def __call__(self, x):
        self.n_products += x.shape[1]
        return self.matrix @ x


def solved(matrix, start=None, looser=(), wanted=2, **options):
    products = Counted(matrix)
    settings = LanczosSettings(wanted, min(wanted, 2), 40, 1e-8, seed=(1,), looser=looser, **options)
    return block_lanczos(products, len(matrix), settings, start=start), products.n_products


@pytest.fixture(scope="module")
def matrix():
    return hermitian(LEVELS, 2)


@pytest.fixture(scope="module")
def vectors(matrix):
    """Eigenvectors of the matrix, (level, component)."""
    return np.ascontiguousarray(np.linalg.eigh(matrix)[1].T)


@pytest.mark.parametrize("error", [1e-2, 0.3])
def test_a_start_saves_products_and_changes_nothing_else(matrix, vectors, error):
    rng = np.random.default_rng(3)
    cold, n_cold = solved(matrix)
    start = vectors[:2] + error * rng.standard_normal((2, 400)) / 20
    warm, n_warm = solved(matrix, start)
    assert n_warm < n_cold * (0.85 if error > 0.1 else 0.75)
    for result in (cold, warm):
        assert result.converged
        np.testing.assert_allclose(result.energies, LEVELS[:2], atol=1e-10)
        assert (result.residuals <= 1e-8).all()


def test_more_levels_than_a_block_are_mixed(matrix, vectors):
    rng = np.random.default_rng(3)
    cold, n_cold = solved(matrix, wanted=4)
    warm, n_warm = solved(matrix, vectors[:4] + 1e-2 * rng.standard_normal((4, 400)) / 20, wanted=4)
    assert n_warm < 0.9 * n_cold
    for result in (cold, warm):
        assert result.converged
        np.testing.assert_allclose(result.energies, LEVELS[:4], atol=1e-10)


def test_a_wrong_start_still_gives_the_lowest_levels(matrix, vectors):
    """Eigenvectors of higher levels: only the random part of the start contains the lowest states."""
    result, _ = solved(matrix, vectors[3:6])
    np.testing.assert_allclose(result.energies, LEVELS[:2], atol=1e-10)


def test_levels_may_have_their_own_residuals(matrix):
    loose, n_loose = solved(matrix, looser=(1e-3, 1e-2))
    _, n_tight = solved(matrix)
    assert n_loose < 0.8 * n_tight
    assert loose.converged
    assert 1e-8 < loose.residuals[0] <= 1e-3
    assert loose.residuals[1] <= 1e-2
    np.testing.assert_allclose(loose.energies, LEVELS[:2], atol=2e-4)  # r**2 over the distance of levels
    assert (loose.energies >= LEVELS[:2] - 1e-12).all()


def test_dependent_starting_vectors_are_replaced(matrix, vectors):
    result, _ = solved(matrix, np.concatenate([vectors[:1], 1j * vectors[:1], vectors[1:2]]))
    np.testing.assert_allclose(result.energies, LEVELS[:2], atol=1e-10)
