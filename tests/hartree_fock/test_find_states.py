"""Searches for further states: the penalty on known ones, their partners, and how reliably the lowest is found."""

import numpy as np
import pytest

import moire as mo
from moire import hartree_fock as hf
from moire.hartree_fock.deflation import Deflated, partners, valley_overlap
from moire.hartree_fock.mean_field import overlap
from moire.hartree_fock.time_reversal import TimeReversal


def build(build_model, shape, n_bands=2, displacement_mev=10.0, boundary_phase=(0.0, 0.0), epsilon_r=20.0, shells=4):
    valleys = [build_model("WANG_2023", 3.89, shells, valley, displacement_mev) for valley in (1, -1)]
    grid = mo.MomentumGrid.cluster(valleys[0].lattice, shape, boundary_phase)
    coulomb = mo.ScreenedCoulomb(epsilon_r=epsilon_r, gate_distance_nm=30, layer_distance_nm=0.7)
    return mo.project(mo.solve_bands(valleys, grid, n_bands), coulomb, "hole", 2.0, "exchange")


def random_density(mean_field, n_particles, seed=0):
    real, imag = np.random.default_rng(seed).standard_normal((2, *mean_field.shape))
    matrix = real + real.swapaxes(1, 2) + 1j * (imag - imag.swapaxes(1, 2))
    return hf.occupy(matrix, n_particles).density_matrix


@pytest.fixture(scope="module")
def near_the_line(build_model):
    """2 bands on 6x6, D = 30 meV: AFMxy lies 0.05 meV per cell below AFMz, and hardly any random start ends in it."""
    return hf.MeanField(build(build_model, (6, 6), displacement_mev=30.0))


@pytest.mark.parametrize(
    ("shape", "phase", "options"),
    [
        ((3, 3), (0.0, 0.0), {}),
        ((3, 3), (0.0, 0.0), {"supercell": "sqrt3"}),
        ((3, 3), (0.0, 0.0), {"boost": "+Q"}),
        ((2, 3), (0.5, 0.5), {}),
    ],
)
def test_time_reversal_commutes_with_the_mean_field(build_model, shape, phase, options):
    mean_field = hf.MeanField(build(build_model, shape, boundary_phase=phase), **options)
    reversal = TimeReversal(mean_field.problem, mean_field.folding)
    density_matrix = random_density(mean_field, 7)
    turned = reversal(density_matrix)
    np.testing.assert_allclose(reversal(turned), density_matrix, atol=1e-12)
    # up to the plane-wave cutoff of 4 shells
    assert np.abs(mean_field(turned) - reversal(mean_field(density_matrix))).max() < 0.02
    assert np.abs(mean_field(turned) - mean_field(density_matrix)).max() > 1
    own, other = (hf.Moments.of(mean_field.problem, p, mean_field.folding) for p in (density_matrix, turned))
    np.testing.assert_allclose(other.occupations, own.occupations[::-1], atol=1e-4)


def test_the_penalty_is_quadratic_and_the_same_for_all_partners(near_the_line):
    mean_field = near_the_line
    state = hf.solve_hartree_fock(mean_field, 2, "AFMxy", settings=hf.ScfSettings(strict=False)).density_matrix
    images = partners(mean_field, state)
    deflated = Deflated.of(mean_field, [images], 100.0)
    density_matrix = random_density(mean_field, 72, seed=1)
    step = 1e-3 * (random_density(mean_field, 72, seed=2) - density_matrix)
    rise = (deflated.energy(density_matrix + step) - deflated.energy(density_matrix - step)) / 2
    assert rise == pytest.approx(overlap(deflated(density_matrix), step), rel=1e-9)

    def penalty(matrix):
        return deflated.energy(matrix) - mean_field.energy(matrix)

    # an average over partners: at most s N / 2
    assert 0 < penalty(density_matrix) < penalty(state) <= 100.0 * 72 / 2
    reversed_ = TimeReversal(mean_field.problem)(density_matrix)
    phases = np.exp(0.7j * mean_field.orbitals.flavour)
    turned = phases[:, None] * density_matrix * phases.conj()
    assert penalty(reversed_) == pytest.approx(penalty(density_matrix), rel=1e-6)
    assert penalty(turned) == pytest.approx(penalty(density_matrix), rel=1e-12)
    assert valley_overlap(mean_field.orbitals, state, phases[:, None] * state * phases.conj()) == pytest.approx(72)


def test_partners_are_counted_once(build_model):
    problem = build(build_model, (3, 3), 1, displacement_mev=60.0, epsilon_r=8.0, shells=5)
    mean_field = hf.MeanField(problem, supercell="sqrt3")
    counts = {}
    for name, filling, guess in (("band insulator", 2, "non_magnetic"), ("CDW", (1, 3), "charge_order")):
        state = hf.solve_hartree_fock(mean_field, filling, guess)
        images = partners(mean_field, state.density_matrix)
        counts[name] = len(images)
        for image in images:
            assert mean_field.energy(image) == pytest.approx(mean_field.energy(state.density_matrix), abs=2e-3)
    # three sites and two valleys; the rotation about r = 0 is a translation of the site
    assert counts == {"band insulator": 1, "CDW": 6}


@pytest.mark.slow
def test_the_lowest_state_is_found_from_every_random_start(near_the_line):
    lowest = hf.ground_state(near_the_line, 2, ("AFMxy", "AFMz")).best
    assert lowest.moments.coherence > 0.3
    alone = []
    for seed in range(100, 104):
        start = hf.ground_state(near_the_line, 2, [hf.solve_hartree_fock(near_the_line, 2, seed=seed).density_matrix])
        found = hf.find_states(near_the_line, start, n_searches=1, seed=1000 * seed)
        alone.append(start.best.energy_per_cell < lowest.energy_per_cell + 1e-4)
        assert found.best.energy_per_cell == pytest.approx(lowest.energy_per_cell, abs=1e-5)
        assert found.best.is_minimum
        minima = [group[0] for group in found.distinct if group[0].is_minimum]
        assert len(minima) >= 2
    assert not all(alone)  # one start each would not have been enough


def test_a_search_keeps_the_symmetry(near_the_line):
    start = hf.ground_state(near_the_line, 2, "layer_polarised", symmetry="valley_diagonal")
    found = hf.find_states(near_the_line, start, n_searches=1)
    assert len(found.solutions) > 1
    assert any(state.guess.startswith("search 1") for state in found.solutions)
    assert not any(state.mixes_valleys for state in found.solutions)


def test_bad_searches(near_the_line):
    hot = hf.GroundState.of(
        near_the_line, [hf.solve_hartree_fock(near_the_line, 2, "layer_polarised", temperature_mev=4.0)]
    )
    with pytest.raises(mo.InputError, match="`found` must be at zero temperature, but is at 4 meV"):
        hf.find_states(near_the_line, hot)
    cold = hf.GroundState((hf.solve_hartree_fock(near_the_line, 2, "layer_polarised"),))
    with pytest.raises(mo.InputError, match="`n_searches` must be at least 1, but is 0"):
        hf.find_states(near_the_line, cold, 0)
