"""Momenta of charge-density waves, against the characters of localised carriers."""

from fractions import Fraction

import numpy as np
import pytest

import moire as mo
from moire.predictions import expected_momenta, stripe_momenta, tower_momenta, zone_corners

LATTICE = mo.MoireLattice.from_twist(3.7, 0.352)


def localised(grid, occupied, n_translates):
    """Momenta of the translates of filled sites: the characters of their representation, fermion signs included."""
    inverse = np.linalg.inv(grid.matrix)

    def fold(site):
        """Fractional position of a site in the cluster, rounded to a key."""
        return tuple(np.round((np.array(site) @ inverse) % 1 % (1 - 1e-9), 6))

    sites = {}
    for a in range(40):
        for b in range(40):
            sites.setdefault(fold((a, b)), (a, b))
    assert len(sites) == grid.n_points
    filled = [key for key in sorted(sites) if occupied(*sites[key])]
    weight = np.zeros(grid.n_points, dtype=complex)
    for shift in sites.values():
        moved = [fold(np.array(sites[key]) + shift) for key in filled]
        if set(moved) != set(filled):
            continue
        order = [filled.index(key) for key in moved]
        sign = (-1) ** sum(order[i] > order[j] for i in range(len(order)) for j in range(i + 1, len(order)))
        weight += sign * np.exp(-2j * np.pi * grid.fractional @ np.array(shift))
    multiplicity = n_translates * weight / grid.n_points
    found = [tuple(map(int, grid.labels[i])) for i in np.nonzero(multiplicity.real > 0.5)[0]]
    assert len(found) == n_translates
    return found


def test_tower_is_that_of_localised_carriers():
    """Momenta of the three translates of one filled sublattice."""
    for shape, filling in (
        ((3, 3), "1/3"),
        ((3, 6), "1/3"),
        ((3, 6), "2/3"),
        ((6, 6), "1/3"),
        (((6, 3), (3, 6)), "1/3"),
    ):
        grid = mo.MomentumGrid.cluster(LATTICE, np.array(shape))
        expected = localised(grid, lambda a, b, filling=filling: ((a + b) % 3 == 0) != (filling == "2/3"), 3)
        assert tower_momenta(grid, filling) == tuple(sorted(expected))


@pytest.mark.parametrize(
    "shape", [(3, 4), (4, 4), (2, 8), (3, 6), (4, 5), (4, 6), ((4, 0), (2, 4)), ((4, 2), (-2, 4)), ((3, 1), (-1, 3))]
)
def test_stripes_are_those_of_localised_carriers(shape):
    """Rows of sites filled in turn, along each direction in which the cluster closes on itself."""
    grid = mo.MomentumGrid.cluster(LATTICE, np.array(shape))
    closing = [u for u in ((1, 0), (0, 1), (1, 1)) if not (grid.matrix @ np.array(u) % 2).any()]
    expected = [
        label for u in closing for label in localised(grid, lambda a, b, u=u: (a * u[0] + b * u[1]) % 2 == 0, 2)
    ]
    assert stripe_momenta(grid) == tuple(sorted(expected))
    assert len(expected) in (2, 6)


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
    with pytest.raises(mo.InputError, match="`cluster` must have an even number of cells at half filling, but has 9"):
        stripe_momenta(grid)
