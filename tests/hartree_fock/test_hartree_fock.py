"""Self-consistency: solvers, guesses, symmetry, results."""

import dataclasses
import itertools
from fractions import Fraction

import numpy as np
import pytest

import moire as mo
from moire import hartree_fock as hf
from moire.hartree_fock.newton import Newton
from moire.hartree_fock.occupation import Aufbau, occupy
from moire.hartree_fock.optimal_damping import OptimalDamping
from moire.hartree_fock.stages import Iterate, commutator
from moire.hartree_fock.tangent import Tangent


def build_problem(build_model, shape, n_bands=2, displacement_mev=0.0, epsilon_r=20.0, shells=3, q_cutoff=2.0):
    models = [
        build_model("WANG_2023", 3.89, shells=shells, valley=v, displacement_mev=displacement_mev) for v in (1, -1)
    ]
    grid = mo.MomentumGrid.regular(models[0].lattice, *shape)
    interaction = mo.ScreenedCoulomb(epsilon_r=epsilon_r, gate_distance_nm=30, layer_distance_nm=0.7)
    return mo.project(mo.solve_bands(models, grid, n_bands), interaction, "hole", q_cutoff, "exchange")


@pytest.fixture(scope="module")
def mean_field(build_model):
    """WANG_2023 at 3.89 degrees, eps = 20, D = 0, 3x3, two bands per valley."""
    return hf.MeanField(build_problem(build_model, (3, 3)))


@pytest.fixture(scope="module")
def states(mean_field):
    """The competing states from every named guess."""
    return hf.ground_state(mean_field, 2)


def start_from(mean_field, seed, n_particles=18):
    generator = np.random.default_rng(seed)
    real, imag = generator.standard_normal((2, *mean_field.shape))
    noise = real + 1j * imag
    density_matrix = occupy(noise + noise.conj().swapaxes(1, 2), n_particles).density_matrix
    return Iterate.of(mean_field, density_matrix)


def test_converged_states_are_stationary_projectors(mean_field, states):
    assert len(states.solutions) == len(hf.possible_guesses(mean_field.problem))
    for state in states.solutions:
        p = state.density_matrix
        assert state.converged
        assert state.stop_reason == "residual below tolerance"
        np.testing.assert_allclose(p @ p, p, atol=1e-12)
        assert np.einsum("kii->", p).real == pytest.approx(18, abs=1e-10)
        assert np.abs(commutator(mean_field(p), p)).max() < 1e-6
        assert state.energy_per_cell >= states.best.energy_per_cell
        # Koopmans: the filled quasiparticle energies and h count the energy
        filled = (state.occupation.energies * state.occupation.weights).sum() / 9
        assert (filled + state.energy.one_body) / 2 == pytest.approx(state.energy_per_cell, rel=1e-8)
    energies = {state.guess: state.energy_per_cell for state in states.solutions}
    assert energies["AFMz"] - energies["AFMxy"] > 0.1


def test_the_solvers_agree(mean_field, states):
    # different routes to the same state; the energy of a stationary state is exact to residual^2 / gap
    expected = next(state for state in states.solutions if state.guess == "AFMz")
    # the last one goes on to the tolerance, whichever it is
    for solvers in (("oda",), ("diis",), ("newton",), ("diis", "newton"), ("oda", "oda")):
        state = hf.solve_hartree_fock(
            mean_field, 2, "AFMz", settings=hf.ScfSettings(solvers=solvers, max_iterations=1000)
        )
        assert state.converged, solvers
        assert state.energy_per_cell == pytest.approx(expected.energy_per_cell, abs=1e-9), solvers
        assert {step.solver for step in state.history} <= set(solvers)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_newton_never_raises_the_energy(mean_field, seed):
    state = Newton(1e-8)(mean_field, start_from(mean_field, seed), Aufbau(18), limit=200)
    energies = [step.energy_per_cell for step in state.steps]
    assert all(after <= before for before, after in itertools.pairwise(energies))
    assert state.residual < 1e-8
    assert energies[0] - energies[-1] > 1  # it had somewhere to go
    p = state.density_matrix
    np.testing.assert_allclose(p @ p, p, atol=1e-12)
    assert mean_field.energy(p) / 9 == pytest.approx(energies[-1], abs=1e-8)


def test_damping_never_raises_the_energy(mean_field):
    state = OptimalDamping(1e-2, max_steps=60)(mean_field, start_from(mean_field, 4), Aufbau(18), limit=100)
    energies = [step.energy_per_cell for step in state.steps]
    assert len(energies) > 5
    assert all(after <= before + 1e-11 for before, after in itertools.pairwise(energies))


def test_gradient_and_hessian_by_finite_differences(mean_field):
    start = start_from(mean_field, 5)
    tangent = Tangent(mean_field, start.density_matrix, start.fock)
    generator = np.random.default_rng(6)
    x, y = generator.standard_normal((2, 2, int(tangent.mask.sum())))
    x, y = x[0] + 1j * x[1], y[0] + 1j * y[1]

    def energy(t):
        return mean_field.energy(start.density_matrix + tangent.change(t * x))

    step = 1e-3
    slope = (energy(step) - energy(-step)) / (2 * step)
    assert slope == pytest.approx(np.vdot(tangent.gradient, x).real, rel=1e-4)
    curvature = (energy(step) - 2 * energy(0) + energy(-step)) / step**2
    assert curvature == pytest.approx(np.vdot(x, tangent.hessian(x)).real, rel=1e-4)
    assert np.vdot(y, tangent.hessian(x)).real == pytest.approx(np.vdot(tangent.hessian(y), x).real, rel=1e-10)


def test_stability_tells_a_minimum_from_a_saddle(mean_field, states):
    # the intervalley state breaks the U(1) of the valleys: one zero mode and no negative one; the non-magnetic
    # state can lower its energy by magnetic order
    curvatures = {}
    for state in states.solutions:
        if state.guess in ("AFMxy", "non_magnetic"):
            curvatures[state.guess] = hf.lowest_curvature(mean_field, state)
    assert curvatures["AFMxy"] == pytest.approx(0, abs=1e-3)
    assert curvatures["non_magnetic"] < -1
    saddle = next(state for state in states.solutions if state.guess == "non_magnetic")
    lower = hf.relax(mean_field, saddle)
    assert lower.converged
    assert hf.lowest_curvature(mean_field, lower) > -1e-2
    assert lower.energy_per_cell == pytest.approx(states.best.energy_per_cell, abs=1e-8)
    minimum = next(state for state in states.solutions if state.guess == "AFMxy")
    assert hf.relax(mean_field, minimum) is minimum


def test_the_way_down_from_a_saddle_keeps_the_settings(mean_field):
    tight = hf.ScfSettings(tolerance_mev=1e-9)
    found = hf.ground_state(mean_field, 2, "non_magnetic", settings=tight)
    assert found.best.guess == "non_magnetic relaxed"
    assert found.best.residual < 1e-9
    with pytest.raises(mo.ConvergenceWarning, match="stopped at a residual"):
        hf.relax(mean_field, found.solutions[-1], hf.ScfSettings(max_iterations=1, strict=True))


def test_no_interaction_converges_in_one_step(mean_field):
    free = dataclasses.replace(mean_field.problem, coulomb=np.zeros_like(mean_field.problem.coulomb), zero_exchange=0.0)
    for guess in ("non_magnetic", "AFMxy"):
        state = hf.solve_hartree_fock(free, 2, guess)
        assert state.converged
        assert state.n_iterations == 1
        assert state.energy_per_cell == pytest.approx(np.sort(free.one_body, axis=None)[:18].sum() / 9, rel=1e-12)


def test_valley_diagonal_states_stay_diagonal(mean_field, states):
    state = hf.solve_hartree_fock(mean_field, 2, "random", symmetry="valley_diagonal")
    assert np.abs(state.density_matrix[:, :2, 2:]).max() == 0
    assert state.moments.coherence == 0
    assert state.energy_per_cell > states.best.energy_per_cell + 0.1


def test_same_seed_same_bits(mean_field):
    first, second = (hf.solve_hartree_fock(mean_field, 2, "random") for _ in range(2))
    np.testing.assert_array_equal(first.density_matrix, second.density_matrix)
    assert first.seed == second.seed
    other = hf.solve_hartree_fock(mean_field, 2, "random", seed=first.seed + 1)
    assert np.abs(other.density_matrix - first.density_matrix).max() > 1e-6
    assert hf.solve_hartree_fock(mean_field, 2, "AFMz").seed != first.seed


def test_a_state_is_its_own_guess_and_guesses_are_gauge_covariant(mean_field, states):
    again = hf.solve_hartree_fock(mean_field, 2, states.best.density_matrix)
    assert again.n_iterations <= 2
    assert again.energy_per_cell == pytest.approx(states.best.energy_per_cell, abs=1e-9)
    bands = mean_field.problem.bands
    phases = np.exp(2j * np.pi * np.random.default_rng(7).uniform(size=bands.states.shape[:3]))
    turned = dataclasses.replace(bands, states=bands.states * phases[..., None, None])
    problem = mo.project(turned, mean_field.problem.interaction, "hole", 2.0, "exchange")
    for guess in ("AFMxy", "AFMz"):
        state = hf.solve_hartree_fock(problem, 2, guess)
        expected = next(s for s in states.solutions if s.guess == guess)
        assert state.energy_per_cell == pytest.approx(expected.energy_per_cell, abs=1e-8)
        assert state.moments.coherence == pytest.approx(expected.moments.coherence, abs=1e-5)
        assert abs(state.moments.in_plane[0]) == pytest.approx(abs(expected.moments.in_plane[0]), abs=1e-5)


def test_a_mixed_guess_is_filled_before_newton(mean_field):
    mixed = np.broadcast_to(np.eye(4) / 2, mean_field.shape)
    state = hf.solve_hartree_fock(mean_field, 2, mixed, settings=hf.ScfSettings(solvers=("newton",)))
    assert state.converged
    np.testing.assert_allclose(state.density_matrix @ state.density_matrix, state.density_matrix, atol=1e-12)


def test_temperature(mean_field):
    cold = hf.solve_hartree_fock(mean_field, 2, "AFMz")
    cool = hf.solve_hartree_fock(mean_field, 2, "AFMz", temperature_mev=0.2)
    warm = hf.solve_hartree_fock(mean_field, 2, "AFMz", temperature_mev=6.0)
    assert cool.energy_per_cell == pytest.approx(cold.energy_per_cell, abs=1e-8)  # kT << gap
    assert warm.converged
    assert warm.free_energy_per_cell < cold.energy_per_cell
    assert warm.energy_per_cell > cold.energy_per_cell
    p = warm.density_matrix
    assert np.abs(p @ p - p).max() > 1e-3
    assert np.einsum("kii->", p).real == pytest.approx(18, abs=1e-8)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"filling": 4.5}, "`filling` must lie in .-4, 4"),
        ({"filling": Fraction(1, 7)}, "`filling` must put a whole number of carriers on 3x3"),
        ({"guess": "AFMx"}, "did you mean 'AFMxy'"),
        ({"guess": "AFMxy", "symmetry": "valley_diagonal"}, "`guess` must keep the symmetry"),
        ({"guess": np.zeros((9, 2, 2))}, "`guess` must have shape"),
        ({"guess": np.zeros((9, 4, 4))}, "`guess` must hold 18 carriers"),
        ({"symmetry": "C7"}, "`symmetry` must be one of"),
        ({"temperature_mev": -1.0}, "`temperature_mev` must be finite"),
    ],
)
def test_bad_input(mean_field, options, match):
    with pytest.raises(mo.InputError, match=match):
        hf.solve_hartree_fock(mean_field, **{"filling": 2, "guess": "AFMz", **options})


@pytest.mark.parametrize(
    ("values", "temperature_mev", "match"),
    [
        ({"solvers": ("magic",)}, 0.0, "`solvers` must be one or more of"),
        ({"tolerance_mev": 0.0}, 0.0, "`tolerance_mev` must be positive"),
        ({"level_shift_mev": -1.0}, 0.0, "`level_shift_mev` must be finite"),
        ({"level_shift_mev": 5.0}, 1.0, "`level_shift_mev` must be zero at a nonzero temperature"),
        ({"level_shift_mev": 5.0, "solvers": ("newton",)}, 0.0, "`level_shift_mev` must be zero without the solver"),
        ({"solvers": ("oda", "newton")}, 1.0, "`solvers` must include 'diis' at a temperature"),
    ],
)
def test_bad_settings(mean_field, values, temperature_mev, match):
    with pytest.raises(mo.InputError, match=match):
        hf.ground_state(mean_field, 2, "AFMz", temperature_mev=temperature_mev, settings=hf.ScfSettings(**values))


def test_a_level_shift_changes_the_way_and_not_the_state(mean_field):
    plain, shifted = (
        hf.solve_hartree_fock(mean_field, 2, "AFMz", settings=hf.ScfSettings(solvers=("diis",), level_shift_mev=shift))
        for shift in (0.0, 20.0)
    )
    assert shifted.converged
    assert shifted.energy_per_cell == pytest.approx(plain.energy_per_cell, abs=1e-8)
    assert shifted.gap == pytest.approx(plain.gap, abs=1e-4)
    assert [step.energy_per_cell for step in shifted.history] != [step.energy_per_cell for step in plain.history]


def test_a_state_that_did_not_converge_says_so(mean_field):
    with pytest.warns(mo.ConvergenceWarning, match="stopped at a residual"):
        state = hf.solve_hartree_fock(mean_field, 2, "random", settings=hf.ScfSettings(max_iterations=2))
    assert not state.converged
    assert state.n_iterations == 2
    assert state.residual > 1e-6
    assert "NOT converged" in str(state)
