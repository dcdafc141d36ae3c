"""The references themselves, against what they must obey."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy import sparse

import moire as mo
from tests.reference import jordan_wigner, kubo
from tests.reference.elements import one_band
from tests.reference.torus import manifold_momenta


def test_anticommutators():
    c = jordan_wigner.annihilators(5)
    one = sparse.eye_array(32)
    for i, a in enumerate(c):
        for j, b in enumerate(c):
            dagger = b.conj().T
            expected = one if i == j else 0 * one
            np.testing.assert_array_equal((a @ dagger + dagger @ a).toarray(), expected.toarray())
            np.testing.assert_array_equal((a @ b + b @ a).toarray(), 0)


def test_bits_are_occupations():
    for k, a in enumerate(jordan_wigner.annihilators(4)):
        occupation = (a.conj().T @ a).diagonal().real
        np.testing.assert_array_equal(occupation, [(word >> k) & 1 for word in range(16)])


def test_two_particles_by_hand():
    # 1/2 W c^+_0 c^+_1 c_1 c_0 for both orders of (k1, k2) with d = 0 is W n_0 n_1.
    elements = np.zeros((2, 2, 2), dtype=complex)
    elements[0, 1, 0] = elements[1, 0, 0] = 3.0
    table = np.array([[0, 1], [1, 0]])
    h = jordan_wigner.from_elements([1.0, 10.0], elements, table, table)
    np.testing.assert_allclose(h.diagonal(), [0, 1, 10, 14])


def test_sector_lists_are_a_partition():
    grid = mo.MomentumGrid.cluster(mo.MoireLattice.from_twist(3.0, 0.352), [[2, 1], [-1, 3]])
    lists = jordan_wigner.sector_states(grid, 3)
    words = np.concatenate(list(lists.values()))
    assert len(set(words.tolist())) == len(words) == comb(7, 3)


def test_the_two_many_body_references_agree(small_problem):
    problem = small_problem([2, 3])
    grid = problem.grid
    elements = jordan_wigner.from_elements(
        problem.one_body[0, :, 0], one_band(problem), grid.difference_index, grid.sum_index
    )
    densities = jordan_wigner.from_form_factors(problem)
    np.testing.assert_allclose(densities.toarray(), elements.toarray(), atol=1e-10)
    difference = densities - densities.conj().T
    assert np.abs(difference.toarray()).max() < 1e-10
    off_diagonal = densities.toarray() - np.diag(densities.diagonal())
    assert np.abs(off_diagonal).max() > 0.1


def test_curvature_of_all_bands_vanishes_and_flips_with_the_valley(build_model):
    k = np.array([0.2, 0.1])
    one, other = (build_model("WANG_2023", 3.89, shells=1, valley=v) for v in (+1, -1))
    assert sum(kubo.curvature(one, k, [n]) for n in range(14)) == pytest.approx(0, abs=1e-9)
    assert kubo.curvature(one, k, [0]) == pytest.approx(-kubo.curvature(other, -k, [0]), rel=1e-9)


def test_torus_momenta_of_laughlin_by_hand():
    # 1x3 with one particle at 1/3: the three one-particle states have the three momenta.
    lattice = mo.MoireLattice.from_twist(3.0, 0.352)
    grid = mo.MomentumGrid.regular(lattice, 1, 3)
    assert manifold_momenta(grid, Fraction(1, 3)) == ((0, 0), (0, 1), (0, 2))
