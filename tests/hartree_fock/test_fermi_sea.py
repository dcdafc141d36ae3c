"""Fermi seas: moves of carriers against all determinants of small clusters, and against exact diagonalization."""

import dataclasses
from functools import cache
from itertools import combinations

import numpy as np
import pytest

import moire as mo
from moire import hartree_fock as hf
from moire.errors import ConvergenceWarning
from moire.hartree_fock.fermi_sea import Levels, largest_self_exchange
from moire.hartree_fock.tangent import Tangent


@pytest.fixture(scope="module")
def one_valley(wang_3p7, coulomb):
    """Return a function (shape, rule) -> mean field of one band of one valley at 3.7 degrees, eps = 10."""

    @cache
    def build(n1, n2, rule="exchange"):
        bands = mo.solve_bands(wang_3p7, mo.MomentumGrid.regular(wang_3p7.lattice, n1, n2), 1)
        return hf.MeanField(mo.project(bands, coulomb, "hole", 2.0, rule))

    return build


@pytest.fixture(scope="module")
def two_valleys(build_model):
    """One band of both valleys on 2x3 at 3.7 degrees, D = 10 meV, eps = 10."""
    models = [build_model("WANG_2023", 3.7, shells=3, valley=v, displacement_mev=10.0) for v in (1, -1)]
    bands = mo.solve_bands(models, mo.MomentumGrid.regular(models[0].lattice, 2, 3), 1)
    interaction = mo.ScreenedCoulomb(epsilon_r=10, gate_distance_nm=30, layer_distance_nm=0.7)
    return hf.MeanField(mo.project(bands, interaction, "hole", 2.0, "exchange"))


def lowest_determinant(mean_field, n_particles):
    """Energy in meV of the best of all choices of levels, each band state being one: sums over pairs of levels."""
    n_k, dimension, _ = mean_field.shape
    levels = [(k, i) for k in range(n_k) for i in range(dimension)]
    pairs = np.empty((len(levels), len(levels)))
    for j, (k, i) in enumerate(levels):
        density = np.zeros(mean_field.shape, dtype=complex)
        density[k, i, i] = 1.0
        pairs[:, j] = np.einsum("kii->ki", mean_field.interaction(density)).real.ravel()
    chosen = np.array(list(combinations(range(len(levels)), n_particles)))
    occupations = np.zeros((len(chosen), len(levels)))
    np.put_along_axis(occupations, chosen, 1.0, axis=1)
    one_body = np.einsum("kii->ki", mean_field.one_body).real.ravel()
    energies = occupations @ one_body + np.einsum("ni,ni->n", occupations @ pairs, occupations) / 2
    return energies.min()


@pytest.mark.parametrize("shape", [(3, 4), (3, 3), (2, 6)])
def test_the_best_of_all_determinants_of_one_band(one_valley, shape):
    mean_field = one_valley(*shape)
    n_cells = shape[0] * shape[1]
    gained = 0.0
    for n_holes in range(1, n_cells):
        first = hf.solve_hartree_fock(mean_field, (n_holes, n_cells), "non_magnetic")
        best = hf.ground_state(mean_field, (n_holes, n_cells)).best
        assert best.converged
        assert best.is_metal
        assert best.is_minimum
        assert "a metal: 0 to 1 states" in str(best)
        assert best.energy_per_cell * n_cells == pytest.approx(lowest_determinant(mean_field, n_holes), abs=1e-8)
        assert best.density_matrix.sum().real == pytest.approx(n_holes, abs=1e-12)
        gained = max(gained, first.energy_per_cell - best.energy_per_cell)
    assert gained > 0.07  # the first Fermi sea, converged and filled in the aufbau order, is not the best one


def test_one_hole_is_exact(one_valley):
    mean_field = one_valley(3, 4)
    best = hf.ground_state(mean_field, (1, 12)).best
    spectrum = mo.solve_all_sectors(mean_field.problem, (1, 12), n_eigenstates=1)
    assert 12 * best.energy_per_cell == pytest.approx(spectrum.energies.min(), abs=1e-9)


@pytest.mark.parametrize("n_holes", [2, 3, 4, 5, 7])
def test_the_best_of_all_determinants_of_two_valleys(two_valleys, n_holes):
    lowest = lowest_determinant(two_valleys, n_holes) / 6
    best = hf.ground_state(two_valleys, (n_holes, 6), symmetry="valley_diagonal").best
    assert best.converged
    assert best.energy_per_cell == pytest.approx(lowest, abs=1e-8)
    assert hf.ground_state(two_valleys, (n_holes, 6)).best.energy_per_cell < lowest + 1e-8


@pytest.mark.filterwarnings("ignore:.*filled against the aufbau order")
@pytest.mark.parametrize("n_holes", [4, 6, 8])
def test_the_rule_for_zero_momentum_does_not_choose_the_sea(one_valley, n_holes):
    # at a fixed number of carriers the rules differ by a constant; "drop" puts the best sea against the aufbau order
    mean_field = one_valley(3, 4)
    best = hf.ground_state(mean_field, (n_holes, 12)).best
    for rule in ("drop", "keep"):
        other = hf.ground_state(one_valley(3, 4, rule), (n_holes, 12)).best
        assert other.converged
        assert abs(other.energy_per_cell - best.energy_per_cell) > 1
        assert mean_field.energy(other.density_matrix) / 12 == pytest.approx(best.energy_per_cell, abs=1e-8)


def test_the_cost_of_moves_is_a_difference_of_energies(two_valleys):
    state = hf.solve_hartree_fock(two_valleys, "2/3", "AFMxy")
    tangent = Tangent(two_valleys, state.density_matrix, two_valleys(state.density_matrix))
    levels = Levels.of(two_valleys, tangent, np.ones_like(tangent.filled))
    cost, to, origin = levels.costs(levels.filled)
    before = two_valleys.energy(state.density_matrix)
    bound = largest_self_exchange(two_valleys)
    for i, p in enumerate(to):
        for j, h in enumerate(origin):
            moved = state.density_matrix.copy()
            for level, sign in ((p, 1), (h, -1)):
                column = levels.columns[level]
                moved[levels.momenta[level]] += sign * np.outer(column, column.conj())
            assert cost[i, j] == pytest.approx(two_valleys.energy(moved) - before, abs=1e-9)
            assert cost[i, j] > levels.energies[p] - levels.energies[h] - bound
    attraction = levels.energies[to][:, None] - levels.energies[origin] - cost
    assert bound > attraction.max() > 0.3 * bound


def test_an_insulator_is_not_searched(one_valley, two_valleys, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("levels were computed")

    monkeypatch.setattr(Levels, "of", refuse)
    full = hf.ground_state(one_valley(3, 3), 1).best
    assert not full.is_metal
    assert full.is_minimum
    assert "no gap is defined" in str(full)
    weak = two_valleys.rescaled(1000.0)
    insulator = hf.ground_state(weak, 2).best  # both bands full
    assert not insulator.is_metal


def test_a_state_says_what_was_tested(two_valleys):
    one = hf.solve_hartree_fock(two_valleys, 1, "AFMxy")
    assert one.converged
    assert one.is_minimum is None
    assert "not tested for a minimum" in str(one)
    found = hf.ground_state(two_valleys, 1)
    assert found.best.is_minimum
    assert "a minimum of the energy, lowest curvature" in str(found)
    saddle = dataclasses.replace(one, curvature_mev=-1.0)
    assert saddle.is_minimum is False
    assert "no minimum of the energy" in str(saddle)
    warm = hf.ground_state(two_valleys, 1, "AFMxy", temperature_mev=1.0).best
    assert warm.is_minimum is None
    assert "not tested for a minimum" in str(warm)
    half = dataclasses.replace(one, curvature_mev=1.0)  # as for a metal that keeps a rotation
    assert half.is_minimum is None
    assert "lowest curvature 1.0000 meV, moves of carriers were not tested" in str(half)
    assert "stationary" not in str(dataclasses.replace(one, converged=False))


def test_an_unfinished_state_stays_unconverged(one_valley):
    mean_field = one_valley(3, 3)
    with pytest.warns(ConvergenceWarning, match="filled in part"):
        open_shell = hf.ground_state(mean_field, (4, 9), "non_magnetic", symmetry="c3").best
    assert not open_shell.converged
    assert open_shell.is_minimum is None
