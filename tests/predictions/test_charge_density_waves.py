"""Momenta of a sqrt3 x sqrt3 wave, against the characters of localised carriers."""

from fractions import Fraction

import numpy as np
import pytest

import moire as mo
from moire.predictions import expected_momenta, tower_momenta, zone_corners


def test_tower_is_that_of_localised_carriers():
    """Momenta of the three translates of one filled sublattice: its characters, fermion signs included."""
    lattice = mo.MoireLattice.from_twist(3.7, 0.352)
    for shape, filling in (
        ((3, 3), "1/3"),
        ((3, 6), "1/3"),
        ((3, 6), "2/3"),
        ((6, 6), "1/3"),
        (((6, 3), (3, 6)), "1/3"),
    ):
        grid = mo.MomentumGrid.cluster(lattice, np.array(shape))
        inverse = np.linalg.inv(grid.matrix)

        def fold(site, inverse=inverse):
            """Fractional position of a site in the cluster, rounded to a key."""
            return tuple(np.round((np.array(site) @ inverse) % 1 % (1 - 1e-9), 6))

        sites = {}
        for a in range(40):
            for b in range(40):
                sites.setdefault(fold((a, b)), (a, b))
        keys = sorted(sites)
        assert len(keys) == grid.n_points
        sublattice = [key for key in keys if (sum(sites[key]) % 3 == 0) != (filling == "2/3")]
        weight = np.zeros(grid.n_points, dtype=complex)
        for shift in sites.values():
            moved = [fold(np.array(sites[key]) + shift) for key in sublattice]
            if set(moved) != set(sublattice):
                continue
            order = [sublattice.index(key) for key in moved]
            sign = (-1) ** sum(order[i] > order[j] for i in range(len(order)) for j in range(i + 1, len(order)))
            weight += sign * np.exp(-2j * np.pi * grid.fractional @ np.array(shift))
        multiplicity = 3 * weight / grid.n_points  # of the induced representation, of dimension 3
        expected = [tuple(map(int, grid.labels[i])) for i in np.nonzero(multiplicity.real > 0.5)[0]]
        assert tower_momenta(grid, filling) == tuple(sorted(expected))
        assert len(expected) == 3


def test_corners_and_towers_need_the_right_cluster():
    lattice = mo.MoireLattice.from_twist(3.7, 0.352)
    for shape, held in (
        ((3, 3), True),
        ((3, 4), False),
        ((6, 6), True),
        (((4, 2), (2, 4)), True),
        (((5, 1), (4, 5)), True),
    ):
        grid = mo.MomentumGrid.cluster(lattice, np.array(shape))
        corners = zone_corners(grid)
        assert (corners is not None) == held
        if held:
            assert grid.sum_index[corners[0], corners[1]] == 0
            assert np.abs(grid.fractional[corners[0]] - 1 / 3).max() < 1e-12
            assert len(set(tower_momenta(grid, "2/3"))) == 3
        assert tower_momenta(grid, "1/2") is None
    grid = mo.MomentumGrid.cluster(lattice, (3, 3))
    assert tower_momenta(grid, "1/3") == ((0, 0), (1, 1), (2, 2))
    assert expected_momenta(grid, Fraction(1, 3)) == ((0, 0),) * 3  # on 3x3 the momenta tell them apart


def test_bad_input():
    grid = mo.MomentumGrid.regular(mo.MoireLattice.from_twist(3.7, 0.352), 3, 3)
    with pytest.raises(mo.InputError, match=r"`filling` must be a number of carriers per cell"):
        tower_momenta(grid, "x")
