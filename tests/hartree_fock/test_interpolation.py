"""Hartree-Fock bands between the grid momenta: exact on the grid, smooth and right beside it."""

import dataclasses

import numpy as np
import pytest
from matplotlib.figure import Figure

import moire as mo
from moire import hartree_fock as hf
from moire import plot
from moire.topology import berry_curvature, chern_number

TIGHT = hf.ScfSettings(tolerance_mev=1e-9)


def project_valleys(
    build_model, n, rule="exchange", carrier="hole", displacement_mev=0.0, boundary_phase=(0.0, 0.0), shells=4
):
    models = [
        build_model("WANG_2023", 3.89, shells=shells, valley=v, displacement_mev=displacement_mev) for v in (1, -1)
    ]
    grid = mo.MomentumGrid.regular(models[0].lattice, n, n, boundary_phase)
    interaction = mo.ScreenedCoulomb(epsilon_r=20.0, gate_distance_nm=30, layer_distance_nm=0.7)
    return mo.project(mo.solve_bands(models, grid, 2), interaction, carrier, 2.0, rule)


@pytest.fixture(scope="module")
def magnets(build_model):
    """AFMxy, which mixes the valleys, and AFMz at D = 25 meV, on 6x6."""
    mixed = hf.solve_hartree_fock(project_valleys(build_model, 6), 2, "AFMxy", settings=TIGHT)
    diagonal = hf.solve_hartree_fock(project_valleys(build_model, 6, displacement_mev=25.0), 2, "AFMz", settings=TIGHT)
    return {"AFMxy": mixed, "AFMz": diagonal}


@pytest.mark.parametrize("carrier", ["hole", "electron"])
@pytest.mark.parametrize("rule", ["exchange", "keep", "drop"])
def test_the_grid_gives_its_own_bands(build_model, rule, carrier):
    problem = project_valleys(build_model, 3, rule, carrier, displacement_mev=10.0, boundary_phase=(0.1, 0.3))
    state = hf.solve_hartree_fock(problem, 1, "valley_polarised", settings=TIGHT)
    for correction in (True, False) if state.gap > 0 else (False,):
        bands = hf.interpolate_bands(state, problem.grid, correction)
        np.testing.assert_allclose(bands.energies, state.bands.energies, atol=1e-9)
        overlaps = np.einsum("fknlg,fknlg->fkn", bands.states.conj(), state.bands.states)
        np.testing.assert_allclose(np.abs(overlaps), 1, atol=1e-6)
    assert bands.top_band_first == (carrier == "hole")


@pytest.mark.parametrize("reference", ["electron_vacuum", "average"])
def test_the_reference_density_holds_between_the_grid_momenta_too(build_model, magnets, reference):
    base = magnets["AFMz"].problem
    problem = mo.project(base.bands, base.interaction, "hole", 2.0, "exchange", reference)
    state = hf.solve_hartree_fock(problem, 2, "AFMz", settings=TIGHT)
    bands = hf.interpolate_bands(state, problem.grid)
    np.testing.assert_allclose(bands.energies, state.bands.energies, atol=1e-9)
    # electrons and holes are one state under one reference, between the grid momenta too
    electrons = mo.project(base.bands, base.interaction, "electron", 2.0, "exchange", reference)
    same = np.eye(4) - state.density_matrix.conj()
    other = hf.solve_hartree_fock(electrons, 2, same, settings=TIGHT)
    path = mo.KPath.through(problem.grid.lattice, points_per_segment=3)
    first, second = (hf.interpolate_bands(each, path).energies[0] for each in (state, other))
    np.testing.assert_allclose(first, second[:, ::-1], atol=1e-9)


def test_without_interaction_the_bands_are_bare(magnets):
    problem = magnets["AFMz"].problem
    free = dataclasses.replace(problem, coulomb=np.zeros_like(problem.coulomb), zero_exchange=0.0)
    weak = dataclasses.replace(free, interaction=mo.ScreenedCoulomb(epsilon_r=1e12, gate_distance_nm=30))
    state = hf.solve_hartree_fock(weak, 2, "non_magnetic")
    path = mo.KPath.through(problem.grid.lattice, points_per_segment=3)
    bands = hf.interpolate_bands(state, path, image_correction=False)
    bare = mo.solve_bands(problem.bands.models, path, 2).energies
    expected = np.sort(bare.transpose(1, 0, 2).reshape(path.n_points, 4), axis=1)[:, ::-1]
    np.testing.assert_allclose(bands.energies[0], expected, atol=1e-8)
    ax = plot.plot_bands(bands, Figure().subplots())
    np.testing.assert_array_equal(ax.lines[3].get_ydata(), bands.energies[0, :, 3])


def test_the_bands_are_periodic(magnets):
    state = magnets["AFMxy"]
    lattice, model = state.problem.grid.lattice, hf.MeanFieldModel.of(state)
    k = np.array([0.1, 0.2])
    values = [
        np.linalg.eigvalsh(model.hamiltonian(k + n @ lattice.reciprocal))[-4:] for n in np.array([[0, 0], [1, -1]])
    ]
    # as far as the plane waves of 4 shells go
    np.testing.assert_allclose(values[0], values[1], atol=0.05)


@pytest.mark.parametrize("guess", ["AFMxy", "AFMz"])
def test_bands_of_a_coarse_grid_are_those_of_a_fine_one(build_model, magnets, guess):
    coarse = magnets[guess]
    displacement = 0.0 if guess == "AFMxy" else 25.0
    fine = hf.solve_hartree_fock(project_valleys(build_model, 12, displacement_mev=displacement), 2, guess)
    grid = fine.problem.grid
    shared, between = [0, 26, 52, 100], [1, 13, 38, 63, 70, 141]
    assert not (grid.labels[shared] % 2).any()
    images = [hf.MeanFieldModel.of(state).image_exchange_mev for state in (coarse, fine)]
    assert images[0] - images[1] > 5
    for correction in (True, False):
        model = hf.MeanFieldModel.of(coarse, correction)
        error = np.array([np.linalg.eigvalsh(model.fock(grid.points[i])[0]) for i in shared + between])
        error -= fine.occupation.energies[shared + between]
        offset, jump = error[:4].mean(axis=0), error[4:].mean(axis=0) - error[:4].mean(axis=0)
        assert np.abs(error[4:] - error[4:].mean(axis=0)).max() < 0.4
        # filled states lie too low by the exchange with the images, which is known; empty ones are right
        np.testing.assert_allclose(offset[:2], images[1] - images[0], atol=0.3)
        np.testing.assert_allclose(offset[2:], 0, atol=0.3)
        np.testing.assert_allclose(jump[:2], 0 if correction else 9.7, atol=0.3)


@pytest.mark.slow
def test_topology_of_interpolated_bands(magnets):
    state = magnets["AFMz"]
    lattice = state.problem.grid.lattice
    bands = hf.interpolate_bands(state, mo.MomentumGrid.regular(lattice, 8, 8))
    links = chern_number(bands, [0, 1])
    assert links.rounded == chern_number(state.bands, [0, 1]).rounded
    assert abs(links.rounded) == 1
    # the curvature from derivatives of H(k) is the flux through a small square of its states
    on_path = hf.interpolate_bands(state, mo.KPath.through(lattice, ("gamma", "m"), points_per_segment=5))
    curvature = berry_curvature(on_path, [0, 1]).curvature
    step = 2.5e-4  # the flux is off by its square
    for k, value in zip(on_path.momenta.points, curvature, strict=True):
        corners = k + step * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        vectors = [np.linalg.eigh(on_path.models[0].hamiltonian(corner))[1][:, -2:] for corner in corners]
        links = [np.linalg.det(vectors[i].conj().T @ vectors[(i + 1) % 4]) for i in range(4)]
        assert -np.angle(np.prod(links)) / (2 * step) ** 2 == pytest.approx(value, rel=2e-3)
    assert np.abs(curvature).max() > 1


def test_velocity_is_the_slope_of_the_bands(magnets):
    for state in magnets.values():
        model = hf.MeanFieldModel.of(state)
        k = state.problem.grid.points[8] + np.array([0.03, -0.02])
        step = 1e-3

        def top(momentum, model=model):
            return np.linalg.eigh(model.hamiltonian(momentum))[0][-1]

        vector = np.linalg.eigh(model.hamiltonian(k))[1][:, -1]
        slopes = np.einsum("i,aij,j->a", vector.conj(), model.velocity(k), vector).real
        expected = [(top(k + step * unit) - top(k - step * unit)) / (2 * step) for unit in np.eye(2)]
        np.testing.assert_allclose(slopes, expected, rtol=1e-3, atol=1e-3)
        assert np.abs(slopes).max() > 1


def test_bad_input(build_model, magnets):
    with pytest.warns(mo.ConvergenceWarning):
        metal = hf.solve_hartree_fock(
            project_valleys(build_model, 3), 2, "random", settings=hf.ScfSettings(max_iterations=1)
        )
    metal = dataclasses.replace(metal, temperature_mev=1.0)
    with pytest.raises(mo.InputError, match="`image_correction` must be False for a metal"):
        hf.interpolate_bands(metal, metal.problem.grid)
    other = mo.MoireLattice.from_twist(3.0, 0.352)
    with pytest.raises(mo.InputError, match="`momenta` must lie on the lattice"):
        hf.interpolate_bands(magnets["AFMz"], mo.KPath.through(other))
