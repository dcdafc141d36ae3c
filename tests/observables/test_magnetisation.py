"""Orbital magnetisation: sums over bands, Chern numbers, time reversal."""

import dataclasses

import numpy as np
import pytest

import moire as mo
from moire import hartree_fock as hf
from moire.observables import orbital_magnetisation
from moire.topology import chern_number
from moire.units import HBAR2_OVER_2ME

TIGHT = hf.ScfSettings(tolerance_mev=1e-9)


def project_valleys(build_model, epsilon_r=20.0, displacement_mev=5.0, carrier="hole", shells=2):
    models = [
        build_model("WANG_2023", 3.89, shells=shells, valley=v, displacement_mev=displacement_mev) for v in (1, -1)
    ]
    grid = mo.MomentumGrid.regular(models[0].lattice, 3, 3, boundary_phase=(0.1, 0.2))
    interaction = mo.ScreenedCoulomb(epsilon_r=epsilon_r, gate_distance_nm=30, layer_distance_nm=0.7)
    return mo.project(mo.solve_bands(models, grid, 2), interaction, carrier, 2.0, "exchange")


@pytest.fixture(scope="module")
def polarised(build_model):
    """One valley filled, with interaction."""
    return hf.solve_hartree_fock(project_valleys(build_model), 1, "valley_polarised", settings=TIGHT)


def test_without_interaction_it_is_the_sum_over_all_electrons(build_model):
    state = hf.solve_hartree_fock(project_valleys(build_model, epsilon_r=1e12), 2, "non_magnetic")
    found = orbital_magnetisation(state)
    mu = sum(found.gap_edges_mev) / 2
    for flavour, model in enumerate(state.problem.bands.models):
        moment, slope = 0.0, 0.0
        for k in state.problem.grid.points:
            energies, vectors = np.linalg.eigh(model.hamiltonian(k))
            vx, vy = (vectors.conj().T @ velocity @ vectors for velocity in model.velocity(k))
            top = len(energies) - 1
            for n in range(top):  # filled with electrons: all but the top band; pairs of filled ones cancel
                weight = (vx[n, top] * vy[top, n]).imag / (energies[n] - energies[top]) ** 2
                moment += weight * (energies[n] + energies[top] - 2 * mu) / (9 * HBAR2_OVER_2ME)
                slope -= 2 * weight / (9 * HBAR2_OVER_2ME)
        assert found.per_cell()[flavour] == pytest.approx(moment, rel=1e-6)
        assert found.slope[flavour] == pytest.approx(slope, rel=1e-6)
        assert abs(moment) > 1e-3
    low, high = found.gap_edges_mev
    assert found.per_cell(high).sum() - found.per_cell(low).sum() == pytest.approx(found.jump, rel=1e-12)


def test_derivatives_of_the_projector(polarised):
    """The same trace from finite differences of the projector, M ~ -Im tr [dP Q (H - mu) Q dP + ...]."""
    found = orbital_magnetisation(polarised)
    mu = sum(found.gap_edges_mev) / 2
    model = hf.MeanFieldModel(polarised.problem.bands.models, polarised, dropped_bands="bare")
    step, total = 1e-4, 0.0
    for k in polarised.problem.grid.points:
        hamiltonian = model.hamiltonian(k)
        own = hf.interpolate_bands(polarised, _point(polarised, k)).states[0, 0, 0].ravel()
        projector = np.outer(own, own.conj())
        slopes = []
        for unit in np.eye(2):
            pair = []
            for sign in (1, -1):
                near = np.linalg.eigh(model.hamiltonian(k + sign * step * unit))[1]
                best = near[:, np.argmax(np.abs(own.conj() @ near))]
                pair.append(np.outer(best, best.conj()))
            slopes.append((pair[0] - pair[1]) / (2 * step))
        x, y = ((np.eye(len(own)) - projector) @ slope @ projector for slope in slopes)
        level = (own.conj() @ hamiltonian @ own).real
        total -= np.trace(x.conj().T @ (hamiltonian + (level - 2 * mu) * np.eye(len(own))) @ y).imag
    assert found.total == pytest.approx(total / (9 * HBAR2_OVER_2ME), rel=1e-4)
    assert abs(found.total) > 1e-3


def _point(state, k):
    lattice = state.problem.grid.lattice
    return mo.MomentumGrid.regular(lattice, 1, 1, boundary_phase=tuple(k @ np.linalg.inv(lattice.reciprocal)))


def test_the_slope_is_the_chern_number(polarised):
    fine = mo.MomentumGrid.regular(polarised.problem.grid.lattice, 5, 5)
    found = orbital_magnetisation(polarised, fine)
    links = chern_number(hf.interpolate_bands(polarised, fine), [0])
    # electrons fill everything but the holes; the mean of the curvature converges exponentially with the mesh
    assert found.chern.sum() == pytest.approx(-links.value, abs=0.02)
    area = polarised.problem.grid.lattice.cell_area_nm2
    np.testing.assert_allclose(found.slope * 2 * np.pi * HBAR2_OVER_2ME / area, found.chern)
    assert "where C of the electrons is" in str(found)


@pytest.mark.slow
def test_the_other_valley_has_the_opposite_moment(build_model):
    problem = project_valleys(build_model, displacement_mev=0.0, shells=4)
    moments = []
    for flavour in (0, 1):
        projector = np.zeros((9, 4, 4), dtype=complex)
        projector[:, 2 * flavour, 2 * flavour] = 1.0
        grid = mo.MomentumGrid.regular(problem.grid.lattice, 3, 3)  # k and -k
        bands = mo.solve_bands(problem.bands.models, grid, 2)
        own = mo.project(bands, problem.interaction, "hole", 2.0, "exchange")
        moments.append(orbital_magnetisation(hf.solve_hartree_fock(own, 1, projector)).total)
    # k and -k + G have different plane waves in a disk of 4 shells
    assert moments[0] == pytest.approx(-moments[1], rel=0.01)
    assert abs(moments[0]) > 1e-3


def test_bad_input(build_model, polarised):
    with pytest.raises(mo.InputError, match="`chemical_potential_mev` must lie in the gap"):
        orbital_magnetisation(polarised).per_cell(1e4)
    with pytest.raises(mo.InputError, match="`result` must be an insulator with filled bands"):
        orbital_magnetisation(dataclasses.replace(polarised, temperature_mev=1.0))
    electrons = hf.solve_hartree_fock(project_valleys(build_model, carrier="electron"), 1, "valley_polarised")
    with pytest.raises(mo.InputError, match="`result` must be a state of holes"):
        orbital_magnetisation(electrons)
