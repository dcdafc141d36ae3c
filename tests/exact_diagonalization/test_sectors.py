from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moire as mo
from moire.exact_diagonalization import MomentumSector, carriers_on, rectangles_for, sector_dimensions
from moire.filling import one_band_filling
from moire.orbitals import Orbitals
from tests.reference.jordan_wigner import sector_states
from tests.test_grids import clusters


@given(clusters(max_size=60), st.data())
def test_dimensions_sum_to_the_binomial(grid, data):
    n = data.draw(st.integers(0, grid.n_points))
    dimensions = sector_dimensions(Orbitals(grid), n)
    assert dimensions.sum() == comb(grid.n_points, n)
    assert dimensions.min() >= 0


@pytest.mark.parametrize("shape", [[1, 11], [11, 1], [3, 4], [[2, 2], [-2, 4]], [[1, 3], [3, -1]]])
def test_states_are_those_of_a_plain_listing(shape):
    grid = mo.MomentumGrid.cluster(mo.MoireLattice.from_twist(3.0, 0.352), shape)
    for n in range(grid.n_points + 1):
        listed = sector_states(grid, n)
        dimensions = sector_dimensions(Orbitals(grid), n)
        for momentum, words in listed.items():
            sector = MomentumSector(Orbitals(grid), n, momentum)
            np.testing.assert_array_equal(sector.states.astype(np.int64), words)  # sorted by (high, low) = by word
            assert sector.dimension == dimensions[momentum] == len(words)
            assert sector.label == tuple(grid.labels[momentum])


@given(clusters(max_size=18), st.data())
@settings(max_examples=15)
def test_rank_inverts_the_list(grid, data):
    n = data.draw(st.integers(0, grid.n_points))
    momentum = data.draw(st.integers(0, grid.n_points - 1))
    sector = MomentumSector(Orbitals(grid), n, momentum)
    np.testing.assert_array_equal(sector.rank(sector.states), np.arange(sector.dimension))
    assert sector.dimension == sector_dimensions(Orbitals(grid), n)[momentum]


def test_large_dimension_without_enumeration():
    grid = mo.MomentumGrid.regular(mo.MoireLattice.from_twist(3.0, 0.352), 4, 6)
    assert (
        sector_dimensions(Orbitals(grid), 8).max() == 30709
    )  # of the 735471 states, as published for 4x6 with 16 holes
    assert sector_dimensions(Orbitals(grid), 8).sum() == comb(24, 8)


@pytest.mark.parametrize("text", ["-2/3", "2/3", (2, 3), (-2, 3), Fraction(2, 3)])
def test_fillings(text):
    grid = mo.MomentumGrid.regular(mo.MoireLattice.from_twist(3.0, 0.352), 3, 4)
    assert one_band_filling(text) == Fraction(2, 3)
    assert carriers_on(grid, text) == 8


def test_clusters_that_would_fit_do_fit():
    for filling in (Fraction(2, 3), Fraction(3, 5), Fraction(1, 7)):
        names = rectangles_for(filling, 13)
        assert len(names) == 4
        for name in names:
            n1, n2 = map(int, name.split("x"))
            assert (filling * n1 * n2).denominator == 1
    assert rectangles_for(Fraction(1, 65), 12) == []
