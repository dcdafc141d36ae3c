"""Compact composite-Fermi seas, against all sets of momenta and the translations of the centre of mass."""

import itertools
from collections import Counter

import numpy as np
import pytest

import moire as mo
from moire.predictions import composite_fermi_seas


@pytest.mark.parametrize("shape", [[2, 4], [2, 5], [[3, 1], [2, 4]], [[4, 2], [-2, 2]]], ids=str)
def test_no_sea_is_smaller(shape):
    grid = mo.MomentumGrid.cluster(mo.MoireLattice.from_twist(3.7, 0.352), shape)
    prediction = composite_fermi_seas(grid)
    n = grid.n_points // 2
    basis = 2 * np.pi * np.linalg.inv(np.array(grid.matrix) @ grid.lattice.primitive).T
    side = range(-2, 3)
    points = np.array([i * basis[0] + j * basis[1] for i, j in itertools.product(side, side)])
    points = points[np.argsort(np.linalg.norm(points, axis=1))][:19]
    subsets = np.array(list(itertools.combinations(range(len(points)), n)))
    chosen = points[subsets]
    moments = np.sum((chosen - chosen.mean(axis=1, keepdims=True)) ** 2, axis=(1, 2))
    assert moments.min() == pytest.approx(prediction.second_moment, rel=1e-9)
    least = chosen[moments < moments.min() * (1 + 1e-9)]
    shapes = {tuple(np.round(np.sort_complex((sea - sea.mean(axis=0)) @ [1, 1j]), 6)) for sea in least}
    assert len(shapes) == len(prediction.seas)
    moved = prediction.seas @ basis
    own = {tuple(np.round(np.sort_complex((sea - sea.mean(axis=0)) @ [1, 1j]), 6)) for sea in moved}
    assert own == shapes


def test_states_come_in_pairs_under_a_turn():
    # A turn along L_i moves the sum of N momenta by N s_i: the two states of the centre of mass change places.
    for shape in ([3, 4], [4, 5], [2, 7], [[3, 1], [2, 4]]):
        grid = mo.MomentumGrid.cluster(mo.MoireLattice.from_twist(3.7, 0.352), shape)
        momenta = Counter(composite_fermi_seas(grid).momenta)
        for step in grid.labels[list(grid.turn_indices)]:
            moved = [
                tuple(map(int, (np.array(k) + grid.n_points // 2 * step) % grid.moduli)) for k in momenta.elements()
            ]
            assert Counter(moved) == momenta
        opposite = [tuple(map(int, -np.array(k) % grid.moduli)) for k in momenta.elements()]
        assert Counter(opposite) == momenta


def test_bad_input():
    grid = mo.MomentumGrid.regular(mo.MoireLattice.from_twist(3.7, 0.352), 3, 5)
    with pytest.raises(
        mo.InputError, match="`cluster` must have an even number of cells at half filling, but has 15 \\(3x5\\)"
    ):
        composite_fermi_seas(grid)
