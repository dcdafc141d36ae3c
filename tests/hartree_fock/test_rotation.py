"""Hartree-Fock restricted to states that keep the threefold rotation."""

import itertools
import warnings

import numpy as np
import pytest

import moire as mo
from moire import hartree_fock as hf
from moire.hartree_fock.rotation import RotatedMeanField, Rotation, moire_translations


@pytest.fixture(scope="module")
def build(build_model):
    def build(shape, n_bands=2, displacement_mev=10.0, boundary_phase=(0.0, 0.0), carrier="hole", epsilon_r=20):
        models = [
            build_model("WANG_2023", 3.89, shells=4, valley=v, displacement_mev=displacement_mev) for v in (1, -1)
        ]
        grid = mo.MomentumGrid.cluster(models[0].lattice, shape, boundary_phase)
        coulomb = mo.ScreenedCoulomb(epsilon_r=epsilon_r, gate_distance_nm=30, layer_distance_nm=0.7)
        return mo.project(mo.solve_bands(models, grid, n_bands), coulomb, carrier, 2.0, "exchange")

    return build


@pytest.mark.parametrize("carrier", ["hole", "electron"])
def test_the_rotation_is_a_symmetry_of_order_three(build, carrier):
    problem = build([3, 3], carrier=carrier)
    rotation = Rotation(problem)
    points, lattice = problem.grid.points, problem.grid.lattice
    turn = np.array([[-0.5, np.sqrt(3) / 2], [-np.sqrt(3) / 2, -0.5]])  # row vectors, by 120 degrees
    fractional = (points @ turn - points[rotation.target]) @ np.linalg.inv(lattice.reciprocal)
    np.testing.assert_allclose(fractional, np.round(fractional), atol=1e-9)
    assert rotation.smallest_overlap > 0.999
    generator = np.random.default_rng(1)
    real, imag = generator.standard_normal((2, 9, 4, 4))
    matrix = real + real.swapaxes(1, 2) + 1j * (imag - imag.swapaxes(1, 2))
    np.testing.assert_allclose(rotation(rotation(rotation(matrix))), matrix, atol=1e-12)
    invariant = rotation.project(matrix)
    np.testing.assert_allclose(rotation(invariant), invariant, atol=1e-12)
    assert np.abs(invariant - matrix).max() > 0.1
    # the mean field commutes with the rotation up to the plane-wave cutoff
    mean_field = hf.MeanField(problem)
    density_matrix = hf.occupy(matrix, 18).density_matrix
    assert np.abs(mean_field(rotation(density_matrix)) - rotation(mean_field(density_matrix))).max() < 0.02
    assert np.abs(rotation(mean_field(density_matrix)) - mean_field(density_matrix)).max() > 1


@pytest.mark.parametrize("guess", ["AFMxy", "AFMz", "random"])
def test_a_restricted_state_keeps_the_rotation(build, guess):
    mean_field = hf.MeanField(build([6, 6]))
    state = hf.solve_hartree_fock(mean_field, 2, guess, symmetry="c3")
    free = hf.solve_hartree_fock(mean_field, 2, state.density_matrix)
    assert state.converged
    restricted = RotatedMeanField.of(mean_field, state.density_matrix)
    assert restricted.keeps(state.density_matrix)
    # these insulators keep the rotation by themselves: the restriction costs only the error of the cutoff
    assert free.energy_per_cell <= state.energy_per_cell + 1e-8
    assert free.energy_per_cell == pytest.approx(state.energy_per_cell, abs=2e-3)
    assert hf.lowest_curvature(mean_field, state) > -1e-2


def test_a_ground_state_under_the_rotation(build):
    found = hf.ground_state(build([3, 3]), 2, ("AFMxy", "AFMz"), symmetry="c3")
    assert found.best.converged
    assert found.best.symmetry == "c3"


def test_an_open_shell_cannot_keep_the_rotation(build):
    # 3x3 has gamma, kappa_+ and kappa_- and two stars of three momenta: two holes in one flavour do not fit into both
    mean_field = hf.MeanField(build([3, 3]))
    stopped = []
    for n_particles in range(1, 7):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", mo.ConvergenceWarning)
            stopped.append(hf.solve_hartree_fock(mean_field, (n_particles, 9), "valley_polarised", symmetry="c3"))
    reasons = ["against the symmetry" in state.stop_reason for state in stopped]
    assert any(reasons)
    assert not all(reasons)
    assert not any(state.converged for state, reason in zip(stopped, reasons, strict=True) if reason)


@pytest.mark.parametrize(
    ("shape", "boundary_phase", "supercell", "match"),
    [
        ([4, 3], (0.0, 0.0), None, "`symmetry` must be a symmetry of the cluster, but 4x3"),
        ([3, 3], (0.2, 0.0), None, "is not threefold symmetric"),
        ([4, 4], (0.0, 0.0), [[1, 0], [0, 2]], "but 'c3' is none of 2 cells"),
    ],
)
def test_impossible_rotations(build, shape, boundary_phase, supercell, match):
    problem = build(shape, n_bands=1, boundary_phase=boundary_phase)
    mean_field = hf.MeanField(problem, supercell) if supercell else problem
    with pytest.raises(mo.InputError, match=match):
        hf.solve_hartree_fock(mean_field, 1, "random", symmetry="c3")


@pytest.mark.parametrize(
    ("shape", "options"),
    [([3, 3], {"supercell": "sqrt3"}), ([4, 4], {"supercell": [[2, 0], [0, 2]]}), ([3, 3], {"boost": "+Q"})],
)
def test_the_rotation_of_an_enlarged_cell_commutes_with_the_mean_field(build, shape, options):
    mean_field = hf.MeanField(build(shape), **options)
    generator = np.random.default_rng(2)
    real, imag = generator.standard_normal((2, *mean_field.shape))
    matrix = real + real.swapaxes(1, 2) + 1j * (imag - imag.swapaxes(1, 2))
    density_matrix = hf.occupy(matrix, shape[0] * shape[1] + 1).density_matrix
    centres = moire_translations(mean_field.folding)
    assert len(centres) == mean_field.folding.n_folds
    for label, centre in itertools.product(range(2), centres):
        rotation = Rotation(mean_field.problem, label, mean_field.folding, centre)
        np.testing.assert_allclose(rotation(rotation(rotation(matrix))), matrix, atol=1e-12)
        turned = mean_field(rotation(density_matrix))
        # up to the plane-wave cutoff of 4 shells, as in the moire cell
        assert np.abs(turned - rotation(mean_field(density_matrix))).max() < 0.02
        assert np.abs(turned - mean_field(density_matrix)).max() > 1
        projected = rotation.project(matrix)
        np.testing.assert_allclose(rotation(projected), projected, atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "supercell", "filling"), [([3, 3], "sqrt3", (1, 3)), ([4, 4], [[2, 0], [0, 2]], (1, 4))]
)
def test_a_charge_order_keeps_the_rotation_about_its_own_site(build, shape, supercell, filling):
    problem = build(shape, n_bands=1, displacement_mev=60.0, epsilon_r=8)
    mean_field = hf.MeanField(problem, supercell=supercell)
    state = hf.solve_hartree_fock(mean_field, filling, "charge_order", symmetry="c3")
    free = hf.solve_hartree_fock(mean_field, filling, "charge_order")
    assert state.converged
    assert state.moments.broken_translation > 0.1
    # the carrier sits on the site MX of one cell, which the rotation about r = 0 moves to another cell
    assert RotatedMeanField.of(mean_field, state.density_matrix).keeps(state.density_matrix)
    plain = Rotation(problem, folding=mean_field.folding)
    assert np.abs(plain(state.density_matrix) - state.density_matrix).max() > 0.1
    # the free state has the same rotation by itself
    assert free.energy_per_cell == pytest.approx(state.energy_per_cell, abs=1e-4)


def test_a_state_of_the_moire_cell_is_the_same_in_an_enlarged_one(build):
    problem = build([3, 3])
    energies = [
        hf.solve_hartree_fock(hf.MeanField(problem, supercell), 2, "AFMz", symmetry="c3").energy_per_cell
        for supercell in (None, "sqrt3")
    ]
    assert energies[0] == pytest.approx(energies[1], abs=1e-6)
