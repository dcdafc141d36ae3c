"""Momenta of Moore-Read states: counts, and paired composite fermions as another route."""

import itertools
from collections import Counter

import numpy as np
import pytest

import moire as mo
from moire.predictions import moore_read_momenta
from moire.predictions.composite_fermi_seas import _boson_labels

LATTICE = mo.MoireLattice.from_twist(2.0, 0.352)


def paired(grid):
    """Momenta of paired composite fermions: those of the bosons, and of the pairs (k, -k) of each boundary condition.

    Where the fermions turn periodic, the pairing leaves k = 0 single, which needs an odd number. Half a momentum step
    in one direction or both, taken from every boson, moves the total by N/2 steps (Read and Green, 2000).
    """
    n, steps = grid.n_points // 2, grid.labels[list(grid.turn_indices)]
    conditions = [(0, 0)] if n % 2 else [(1, 0), (0, 1), (1, 1)]
    totals = [
        (boson + n // 2 * np.array(condition) @ steps) % np.array(grid.moduli)
        for boson, condition in itertools.product(_boson_labels(grid), conditions)
    ]
    return sorted((int(first), int(second)) for first, second in totals)


@pytest.mark.parametrize(
    "shape",
    [
        *[(2, 2), (2, 5), (3, 4), (2, 6), (4, 4), (2, 8), (3, 6), (4, 5), (4, 6), (5, 6)],
        *[((4, 0), (2, 4)), ((4, 2), (-2, 4)), ((3, 1), (-1, 3)), ((2, 0), (1, 4)), ((1, 4), (-3, 2))],
        *[((2, 2), (-2, 4)), ((4, 4), (-4, 8)), ((3, 3), (-2, 4))],
    ],
)
def test_momenta_are_those_of_paired_composite_fermions(shape):
    grid = mo.MomentumGrid.cluster(LATTICE, np.array(shape) if np.ndim(shape) > 1 else shape)
    momenta = moore_read_momenta(grid)
    assert list(momenta) == paired(grid)
    assert len(momenta) == (6 if grid.n_points % 4 == 0 else 2)


@pytest.mark.parametrize(
    ("shape", "counts"),
    [
        ((4, 4), {(0, 0): 6}),
        ((3, 4), {(0, 0): 1, (0, 1): 2, (0, 2): 1, (0, 3): 2}),
        ((2, 6), {(0, 3): 2, (1, 0): 2, (1, 3): 2}),
        ((2, 5), {(0, 0): 1, (1, 0): 1}),
    ],
)
def test_small_clusters(shape, counts):
    assert Counter(moore_read_momenta(mo.MomentumGrid.regular(LATTICE, *shape))) == counts


def test_an_odd_number_of_cells_is_refused():
    with pytest.raises(mo.InputError, match="`cluster` must have an even number of cells at half filling, but has 9"):
        moore_read_momenta(mo.MomentumGrid.regular(LATTICE, 3, 3))
