"""Moved occupations and their signs against creation operators written out."""

import numpy as np
import pytest

from moire.kernels import relabel
from tests.reference import jordan_wigner

N_ORBITALS = 6


def created(word, order, dagger):
    """Apply c^+_{order[k]} for the occupied k, the lowest k leftmost, to the vacuum."""
    state = np.zeros(1 << N_ORBITALS, dtype=complex)
    state[0] = 1.0
    for k in reversed(range(N_ORBITALS)):
        if word >> k & 1:
            state = dagger[order[k]] @ state
    return state


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_moved_creators(seed):
    dagger = [c.conj().T.tocsr() for c in jordan_wigner.annihilators(N_ORBITALS)]
    target = np.random.default_rng(seed).permutation(N_ORBITALS)
    states = np.arange(1 << N_ORBITALS, dtype=np.uint64)
    words, signs = np.empty_like(states), np.empty(states.size)
    relabel.relabel(states, target, words, signs)
    for word, moved, sign in zip(states.tolist(), words.tolist(), signs, strict=True):
        ordered = created(moved, range(N_ORBITALS), dagger)
        np.testing.assert_array_equal(created(word, target, dagger), sign * ordered)
    assert set(signs) == {1.0, -1.0}
    assert sorted(words.tolist()) == states.tolist()


@pytest.mark.parametrize("bit", [0, 1])
def test_products_over_occupied_and_empty_orbitals(bit):
    rng = np.random.default_rng(4)
    factors = rng.normal(size=N_ORBITALS) + 1j * rng.normal(size=N_ORBITALS)
    states = np.arange(1 << N_ORBITALS, dtype=np.uint64)
    out = np.empty(states.size, dtype=complex)
    relabel.occupied_products(states, factors, bit, out)
    expected = [np.prod([factors[k] for k in range(N_ORBITALS) if (word >> k & 1) == bit]) for word in states.tolist()]
    np.testing.assert_allclose(out, expected, rtol=1e-13)


def test_orbital_63_is_an_orbital():
    target = np.roll(np.arange(64), -1)  # k moves to k + 1
    states = np.array([(1 << 63) | 1, 1 << 62], dtype=np.uint64)
    words, signs = np.empty_like(states), np.empty(2)
    relabel.relabel(states, target, words, signs)
    assert words.tolist() == [1 << 1 | 1, 1 << 63]
    assert signs.tolist() == [-1.0, 1.0]
