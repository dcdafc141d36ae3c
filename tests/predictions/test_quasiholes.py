"""Quasihole counts of Laughlin states: strings, sectors, free fermions, and the momenta of the ground states."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

import moire as mo
from moire.exact_diagonalization import sector_dimensions
from moire.orbitals import Orbitals
from moire.predictions import admissible_strings, admissible_total, expected_momenta, quasihole_counts, torus_counts


def test_counting_of_strings():
    for n_orbitals, n_particles, m in ((15, 3, 3), (12, 4, 3), (24, 3, 3), (25, 3, 5), (9, 4, 1), (10, 4, 3)):
        strings = list(admissible_strings(n_orbitals, n_particles, m))
        total = admissible_total(n_orbitals, n_particles, m)
        assert len(set(strings)) == len(strings) == total
        for string in strings:
            steps = np.diff([*string, string[0] + n_orbitals])
            assert steps.min() >= m
        if total:
            counts = torus_counts(n_orbitals, n_particles, m)
            assert counts.sum() * n_orbitals // len(counts) == total


@pytest.mark.parametrize("shape", [(3, 4), (4, 6), (6, 6), (3, 9), ((6, 3), (3, 6))])
def test_sectors_sum_to_the_total(shape):
    grid = mo.MomentumGrid.cluster(mo.MoireLattice.from_twist(3.7, 0.352), np.array(shape))
    for n_particles in range(1, grid.n_points // 8 + 1):
        counts = quasihole_counts(grid, n_particles, 3)
        assert counts.sum() == admissible_total(grid.n_points, n_particles, 3)
        free = quasihole_counts(grid, n_particles, 1)  # m = 1: all states of free fermions
        np.testing.assert_array_equal(free, sector_dimensions(Orbitals(grid), n_particles))


@pytest.mark.parametrize("shape", [(3, 4), (3, 5), (3, 6), (4, 6), (5, 6), ((6, 3), (3, 6))])
def test_full_number_of_particles_gives_the_ground_momenta(shape):
    grid = mo.MomentumGrid.cluster(mo.MoireLattice.from_twist(3.7, 0.352), np.array(shape))
    counts = quasihole_counts(grid, grid.n_points // 3, 3)
    expected = Counter(expected_momenta(grid, Fraction(1, 3)))
    assert {tuple(map(int, grid.labels[i])): int(counts[i]) for i in np.nonzero(counts)[0]} == expected


def test_bad_input():
    grid = mo.MomentumGrid.regular(mo.MoireLattice.from_twist(3.7, 0.352), 3, 5)
    with pytest.raises(mo.InputError, match="`m` must be odd"):
        quasihole_counts(grid, 2, 2)
    with pytest.raises(mo.InputError, match=r"`n_particles` must lie in 1\.\.15, but is 0"):
        quasihole_counts(grid, 0, 3)
