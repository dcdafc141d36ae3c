"""Z2Pack through its overlap interface: it chooses the lines and reads the invariants, we give the sewn overlaps."""

import itertools
import logging

import numpy as np
import pytest

import moire as mo
from moire.topology import wilson_loops, z2_index

z2pack = pytest.importorskip("z2pack", reason="the extra `peers` is not installed")
pytestmark = pytest.mark.peers


class SewnOverlaps(z2pack.system.OverlapSystem):
    """Overlaps of a group of bands of one or more models along a line of reduced momenta that closes."""

    def __init__(self, models, n_bands):
        self.models, self.n_bands = models, n_bands

    def get_mmn(self, kpt, dim=None):
        kpt = np.asarray(kpt)
        return [self._block(here, there, kpt[0]) for here, there in itertools.pairwise(kpt)]

    def _block(self, here, there, first):
        total = np.zeros((len(self.models) * self.n_bands,) * 2, dtype=complex)
        for i, model in enumerate(self.models):
            part = slice(i * self.n_bands, (i + 1) * self.n_bands)
            total[part, part] = np.einsum(
                "mlg,nlg->mn", self._states(model, here, first).conj(), self._states(model, there, first)
            )
        return total

    def _states(self, model, fractional, first):
        """States at a point of the line; the last point is the first one, a reciprocal vector further."""
        ahead = np.round(fractional - first)
        closes = np.allclose(fractional - first, ahead) and ahead.any()
        k = (first if closes else fractional) @ model.lattice.reciprocal
        _, states = mo.linalg.hermitian.extremal_eigenpairs(model.hamiltonian(k), self.n_bands, model.top_band_first)
        states = states.reshape(self.n_bands, *model.state_shape)
        return model.sew(states, ahead.astype(int)) if closes else states


@pytest.fixture(scope="module")
def models():
    wang = mo.parameters.WANG_2023
    lattice = mo.MoireLattice.from_twist(3.89, wang.lattice_constant_nm)
    basis = mo.PlaneWaveBasis(lattice, 4)
    return [mo.ContinuumModel(wang, basis, valley) for valley in (1, -1)]


@pytest.fixture(autouse=True)
def _quiet():
    logging.getLogger("z2pack").setLevel(logging.ERROR)


def run(models, n_bands, surface, n_lines):
    system = SewnOverlaps(models, n_bands)
    settings = {"num_lines": n_lines, "iterator": range(24, 100, 24), "save_file": None, "pos_tol": 1e-3}
    return z2pack.surface.run(system=system, surface=surface, **settings)


def solved(models, n_bands):
    """Our mesh with the lines of Z2Pack: 12 lines over the zone, 24 points along each."""
    return mo.solve_bands(models, mo.MomentumGrid.regular(models[0].lattice, 12, 24), n_bands)


def nearest(angles, others):
    """Largest distance from one of the angles, in turns, to the nearest of the others."""
    return np.abs((np.subtract.outer(angles, others) + 0.5) % 1 - 0.5).min(axis=1).max()


@pytest.mark.parametrize(("valley", "n_bands", "expected"), [(0, 1, -1), (1, 1, 1), (0, 2, 0)])
def test_chern_number_and_wannier_centres_of_one_valley(models, valley, n_bands, expected):
    """Z2Pack takes a centre as + arg of the product of <u(k)|u(k+dk)>, which is minus <r>: signs are opposite."""
    result = run([models[valley]], n_bands, lambda s, t: [s, t], 13)
    loops = wilson_loops(solved([models[valley]], n_bands), range(n_bands))
    assert loops.chern == pytest.approx(expected, abs=1e-9)
    assert -z2pack.invariant.chern(result) == pytest.approx(loops.chern, abs=1e-3)
    theirs = dict(zip(result.t, result.wcc, strict=True))
    assert len(theirs) >= 13
    for transverse, centres in zip(loops.transverse, loops.centres, strict=True):
        other = -np.array(theirs[min(theirs, key=lambda t: abs(t - transverse))])
        assert nearest(centres, other) < 1e-3  # both converge as 1/N^2 along the line: 24 points here, 48 there
        assert nearest(other, centres) < 1e-3
    assert np.ptp(loops.centres) > 0.1


@pytest.mark.parametrize("n_bands", [1, 2])
def test_z2_of_the_two_valleys(models, n_bands):
    result = run(models, n_bands, lambda s, t: [s / 2, t], 11)
    assert z2pack.invariant.z2(result) == z2_index(solved(models, n_bands), range(n_bands)).value == n_bands % 2
