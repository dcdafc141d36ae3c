from dataclasses import dataclass

import numpy as np
import pytest

import moire as mo
from moire.topology import (
    berry_curvature,
    check_isolated,
    chern_number,
    quantum_geometry,
    smallest_direct_gap,
    wilson_loops,
)
from tests.topology_cases import LATTICE, haldane, solve

CRITICAL_MASS = 3 * np.sqrt(3) * 0.2
KAPPA = (1 / 3, 1 / 3)


def test_every_function_refuses_touching_bands_with_the_place():
    """At the transition the 6 x 6 mesh holds the Dirac point; band 0 alone has no topology."""
    bands = solve(haldane(CRITICAL_MASS), 6)
    gap = smallest_direct_gap(bands, [0])
    assert gap.gap_mev < 1e-12
    assert gap.fractional == pytest.approx(KAPPA)
    for function in (check_isolated, chern_number, berry_curvature, quantum_geometry, wilson_loops):
        with pytest.raises(mo.InputError, match=r"must be a group that no other band touches.*at k = \+0\.3333 b_1"):
            function(bands, [0])
    for function in (berry_curvature, quantum_geometry):  # the other band was not even solved
        with pytest.raises(mo.InputError, match=r"a band that was not kept at k = \+0\.3333 b_1"):
            function(solve(haldane(CRITICAL_MASS), 6, n_bands=1), [0])
    assert check_isolated(bands, [0, 1]) == (0, 1)
    assert check_isolated(bands, [0], touching_mev=0.0) == (0,)


@dataclass(frozen=True)
class Levels:
    """Flat levels that do not mix."""

    energies: tuple
    lattice: object = LATTICE
    state_shape: tuple = (1, 3)
    top_band_first: bool = False
    name: str = "levels"

    def hamiltonian(self, k):
        return np.diag(self.energies).astype(complex)


def test_a_group_sees_both_of_its_neighbours():
    """Three levels, the middle one near the upper: the gap of each group is to its nearest neighbour."""
    bands = solve(Levels((0.0, 1.0, 1.1)), 2)
    gaps = {group: smallest_direct_gap(bands, group) for group in ((0,), (1,), (2,), (0, 2), (0, 1))}
    assert [round(gap.gap_mev, 9) for gap in gaps.values()] == [1.0, 0.1, 0.1, 0.1, 0.1]
    assert (gaps[1,].band, gaps[1,].neighbour) == (1, 2)
    assert smallest_direct_gap(bands, (0, 1, 2)) is None
