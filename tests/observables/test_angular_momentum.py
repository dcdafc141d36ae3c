"""Angular momenta of many-body states: of one carrier, in any gauge, of either species, and counted."""

import dataclasses

import numpy as np
import pytest

import moire as mo
from moire.exact_diagonalization import MomentumSector
from moire.exact_diagonalization.symmetry import ROTATION_60
from moire.lattice import C3_ROTATION
from moire.observables import angular_momenta
from moire.topology import c3_eigenvalues

ROUND = [[4, 2], [-2, 2]]  # 12 cells with gamma, kappa_+ and kappa_-


@pytest.fixture(scope="module")
def problem(build_model, coulomb):
    """Return a function carrier -> problem on 12 cells with a sixfold axis, at 3.7 degrees with 5 shells."""
    model = build_model("WANG_2023", 3.7)
    bands = mo.solve_bands(model, mo.MomentumGrid.cluster(model.lattice, ROUND), n_bands=1)

    def build(carrier="hole"):
        return mo.project(bands, coulomb, carrier, 2.0)

    return build


def momenta_of(problem, filling, n_eigenstates=4, **settings):
    spectrum = mo.solve_all_sectors(
        problem, filling, n_eigenstates, keep_vectors=True, settings=mo.SpectrumSettings(**settings)
    )
    return spectrum, angular_momenta(spectrum, problem.bands, problem.carrier)


def test_both_rotations_are_the_same():
    np.testing.assert_array_equal(ROTATION_60 @ ROTATION_60, C3_ROTATION)


@pytest.mark.parametrize(("carrier", "sign"), [("electron", 1), ("hole", -1)])
def test_one_carrier_has_the_angular_momentum_of_its_band(problem, carrier, sign):
    start = problem(carrier)
    spectrum, found = momenta_of(start, (1, 12), 1)
    table = c3_eigenvalues(start.bands.models[0], 1)
    resolved = [label for label in spectrum.labels if found.of(label) >= 0]
    assert len(resolved) == 3
    fractional = {label: start.grid.fractional[start.grid.index_of(label)] for label in resolved}
    for point, expected in zip(("gamma", "kappa_+", "kappa_-"), table.labels[:, 0], strict=True):
        corner = start.grid.lattice.corners[point] @ np.linalg.inv(start.grid.lattice.reciprocal)
        (label,) = [name for name, k in fractional.items() if np.allclose((k - corner) % 1 % 0.9999999, 0, atol=1e-6)]
        assert found.of(label) == sign * expected % 3
    assert found.distance < 1e-3


def test_neither_gauge_nor_species_matters(problem):
    start = problem()
    spectrum, reference = momenta_of(start, (2, 3))
    direct = momenta_of(start, (2, 3), particle_hole=False)[1]
    phases = np.exp(2j * np.pi * np.random.default_rng(4).random(start.bands.states.shape[:3]))
    bands = dataclasses.replace(start.bands, states=start.bands.states * phases[..., None, None])
    turned = momenta_of(mo.project(bands, start.interaction, "hole", 2.0), (2, 3))[1]
    assert spectrum.transformed
    resolved = reference.values >= 0
    assert resolved.sum() >= 10
    for other in (direct, turned):
        both = resolved & (other.values >= 0)
        assert both.sum() >= 10
        np.testing.assert_array_equal(other.values[both], reference.values[both])


def test_all_levels_of_a_sector_are_counted(problem):
    """The eigenvalues of all states of a sector sum to the trace of C3, which the orbitals alone give."""
    start = problem()
    spectrum, found = momenta_of(start, (1, 4), 100, particle_hole=False)  # three carriers: sectors of about 18 states
    for row, label in enumerate(spectrum.labels):
        values = found.values[row][found.values[row] >= 0]
        if values.size:
            dimension = MomentumSector(start.orbitals, 3, start.grid.index_of(label)).dimension
            assert values.size == dimension
            n_orbits = np.bincount(values, minlength=3)
            assert np.ptp(n_orbits) <= 4  # orbits of three states hold every value once; fixed states differ
    assert (found.values >= 0).sum() > 30


def test_bad_input(problem, build_model, coulomb):
    start = problem()
    with pytest.raises(mo.InputError, match="`spectrum` must be solved with keep_vectors=True"):
        angular_momenta(mo.solve_all_sectors(start, (2, 3), 1), start.bands, "hole")
    model = build_model("WANG_2023", 3.7)
    flat = mo.project(mo.solve_bands(model, mo.MomentumGrid.cluster(model.lattice, [2, 3]), 1), coulomb, "hole", 2.0)
    spectrum = mo.solve_all_sectors(flat, (2, 3), 1, keep_vectors=True)
    with pytest.raises(
        mo.InputError, match="`spectrum` must be that of a cluster with C3 about gamma, but is that of 2x3"
    ):
        angular_momenta(spectrum, flat.bands, "hole")
