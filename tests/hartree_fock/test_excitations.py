"""Time-dependent Hartree-Fock against integrals, exact diagonalization, symmetry and the equation of motion."""

import dataclasses

import numpy as np
import pytest
from matplotlib.figure import Figure

import moire as mo
from moire import hartree_fock as hf
from moire import plot
from moire.hartree_fock.tangent import Tangent
from moire.hartree_fock.time_dependent import modes
from moire.hartree_fock.time_dependent.modes import normal_modes
from moire.hartree_fock.time_dependent.particle_hole import SecondVariation, insulating_groups, sectors_of
from tests.reference import particle_hole as reference

TIGHT = hf.ScfSettings(tolerance_mev=1e-9)


def project_valleys(
    build_model, shape, n_bands=2, rule="exchange", displacement_mev=0.0, boundary_phase=(0.0, 0.0), eps=20.0
):
    models = [build_model("WANG_2023", 3.89, shells=2, valley=v, displacement_mev=displacement_mev) for v in (1, -1)]
    grid = mo.MomentumGrid.cluster(models[0].lattice, shape, boundary_phase)
    interaction = mo.ScreenedCoulomb(epsilon_r=eps, gate_distance_nm=30, layer_distance_nm=0.7)
    return mo.project(mo.solve_bands(models, grid, n_bands), interaction, "hole", 1.6, rule)


@pytest.fixture(scope="module")
def mean_field(build_model):
    """WANG_2023 at 3.89 degrees, D = 0, 3x3, two bands per valley."""
    return hf.MeanField(project_valleys(build_model, (3, 3)))


@pytest.fixture(scope="module")
def antiferromagnet(mean_field):
    """The in-plane antiferromagnet, which breaks the U(1) of the valleys."""
    return hf.solve_hartree_fock(mean_field, 2, "AFMxy", settings=TIGHT)


@pytest.fixture(scope="module")
def ising(build_model):
    """A valley-diagonal minimum: the layer-polarised band insulator."""
    problem = project_valleys(build_model, (3, 3), displacement_mev=50.0, eps=40.0)
    return hf.solve_hartree_fock(problem, 2, "layer_polarised", settings=TIGHT)


def all_energies(excitations):
    return np.sort(excitations.energies[~np.isnan(excitations.energies)])


@pytest.mark.parametrize(("guess", "displacement"), [("AFMxy", 0.0), ("layer_polarised", 50.0), ("AFMz", 20.0)])
@pytest.mark.parametrize("rule", ["exchange", "keep"])
def test_all_modes_from_two_body_integrals(build_model, guess, displacement, rule):
    state = hf.solve_hartree_fock(
        project_valleys(build_model, (2, 2), 2, rule, displacement),
        2,
        guess,
        settings=TIGHT,
    )
    full, tamm_dancoff = reference.frequencies(state.problem, state.density_matrix)
    found = hf.excitations(state, n_modes=100)
    # the reference does not know the norm of a mode: a saddle has some of negative energy. The zero mode is the root
    # of a curvature of 1e-9 meV.
    tolerance = 1e-3 if guess == "AFMxy" else 1e-8
    np.testing.assert_allclose(np.sort(np.abs(all_energies(found))), full, atol=tolerance)
    damped = hf.excitations(state, n_modes=100, approximation="tda")
    np.testing.assert_allclose(all_energies(damped), tamm_dancoff, atol=1e-8)
    assert np.abs(full - tamm_dancoff).max() > 0.1
    assert len(full) == 4 * found.n_pairs
    assert found.is_stable == (guess != "AFMz")


@pytest.mark.parametrize("carrier", ["hole", "electron"])
def test_excitons_of_one_valley(build_model, carrier):
    model = build_model("WANG_2023", 3.89, shells=2, displacement_mev=5.0)
    bands = mo.solve_bands(model, mo.MomentumGrid.cluster(model.lattice, (2, 3), (0.1, 0.2)), 3)
    interaction = mo.ScreenedCoulomb(epsilon_r=20.0, gate_distance_nm=30, layer_distance_nm=0.7)
    state = hf.solve_hartree_fock(mo.project(bands, interaction, carrier, 1.6, "exchange"), 1, "non_magnetic", seed=1)
    full, tamm_dancoff = reference.frequencies(state.problem, state.density_matrix)
    found = hf.excitations(state, n_modes=100)
    np.testing.assert_allclose(np.sort(np.abs(all_energies(found))), full, atol=1e-6)
    assert np.abs(full - tamm_dancoff).max() > 0.01
    with pytest.raises(mo.InputError, match="`channel` must be 'all'"):
        hf.excitations(state, "intervalley")


@pytest.mark.parametrize("rule", ["drop", "exchange"])
def test_one_flip_over_a_full_band_is_exact(build_model, rule):
    problem = project_valleys(build_model, (2, 3), 1, rule, 5.0, boundary_phase=(0.2, 0.1))
    state = hf.solve_hartree_fock(problem, 1, "valley_polarised")
    assert state.density_matrix[:, 0, 0].real.min() > 1 - 1e-12
    exact, full_band = reference.one_flip_levels(problem)
    for approximation in ("tdhf", "tda"):
        found = hf.excitations(state, "intervalley", n_modes=6, approximation=approximation)
        np.testing.assert_allclose(all_energies(found), exact - full_band, atol=1e-9)
    assert np.ptp(exact) > 1
    assert found.n_pairs == 6


def test_the_broken_valley_rotation_costs_nothing(mean_field, antiferromagnet):
    found = hf.excitations(antiferromagnet)
    assert found.is_stable
    # a curvature c of the size of the residual 1e-9 meV gives omega = sqrt(c 50 meV)
    assert abs(found.energies[0, 0]) < 1e-3
    assert found.energies[0, 1] > 1
    assert found.energies[1:, 0].min() > 1
    assert found.energies[:, 0].max() < found.continuum.min()
    damped = hf.excitations(antiferromagnet, approximation="tda")
    assert damped.energies[0, 0] > 1  # without B the theorem fails
    assert (damped.energies[:, 0] > found.energies[:, 0]).all()


@pytest.mark.parametrize("name", ["antiferromagnet", "ising", "saddle"])
def test_curvature_is_half_the_hessian(mean_field, name, request):
    # rotations at Q = 0 see the same quadratic form: X and Y = X^+ there, X and Y apart here
    if name == "saddle":
        state = hf.solve_hartree_fock(mean_field, 2, "AFMz", settings=TIGHT)
    else:
        state = request.getfixturevalue(name)
    functional = hf.MeanField(state.problem)
    tangent = Tangent(functional, state.density_matrix, functional(state.density_matrix))
    size = int(tangent.mask.sum())
    columns = [tangent.hessian(factor * unit) for factor in (1, 1j) for unit in np.eye(size)]
    hessian = np.array([np.concatenate([column.real, column.imag]) for column in columns])
    found = hf.excitations(state, momenta=[(0, 0)])
    lowest = np.linalg.eigvalsh(hessian)[0]
    assert found.curvature[0] == pytest.approx(lowest / 2, abs=1e-9)
    assert hf.lowest_curvature(functional, state) == pytest.approx(lowest, abs=1e-3)  # 1e-6 of the largest pair energy
    assert found.is_stable == (name != "saddle")
    assert found.unstable_labels == ([(0, 0)] if name == "saddle" else [])


def test_a_mode_solves_the_equation_of_motion(ising):
    mean_field = hf.MeanField(ising.problem)
    groups = insulating_groups(ising)
    variation = SecondVariation(ising.problem, groups, sectors_of(groups, "intervalley")[0])
    modes = normal_modes(variation.matrix(0), variation.n_forward, 2)
    energy, vector = modes.forward[0].real, modes.vectors[0]
    above, here = (groups[index] for index in variation.sector[0])
    x = vector[: variation.n_forward].reshape(9, above.empty.shape[3], here.filled.shape[3])
    y = vector[variation.n_forward :].reshape(9, above.filled.shape[3], here.empty.shape[3])
    assert np.abs(y).max() > 0.01
    block = above.empty[:, 0] @ x @ here.filled[:, 0].conj().swapaxes(1, 2)
    block += above.filled[:, 0] @ y @ here.empty[:, 0].conj().swapaxes(1, 2)
    mode = np.zeros(mean_field.shape, dtype=complex)
    mode[:, above.flavours[0] * 2 :, here.flavours[0] * 2 :][:, :2, :2] = block
    start = ising.density_matrix
    # i dP/dt = [F[P], P] from P + small (D + D^+), by Runge-Kutta; D turns by exp(-i omega t)
    small = 1e-5
    time = np.pi / 2 / energy
    density = start + small * (mode + mode.conj().swapaxes(1, 2))
    n_steps = 400

    def slope(p):
        fock = mean_field(p)
        return -1j * (fock @ p - p @ fock)

    step = time / n_steps
    for _ in range(n_steps):
        first = slope(density)
        second = slope(density + step / 2 * first)
        third = slope(density + step / 2 * second)
        fourth = slope(density + step * third)
        density = density + step / 6 * (first + 2 * second + 2 * third + fourth)
    turned = -1j * mode
    expected = small * (turned + turned.conj().swapaxes(1, 2))
    np.testing.assert_allclose(density - start, expected, atol=20 * small**2)  # second order in the amplitude
    assert np.abs(expected).max() > 1e3 * small**2


def test_without_interaction_the_modes_are_bare_pairs(ising):
    problem = dataclasses.replace(ising.problem, coulomb=np.zeros_like(ising.problem.coulomb), zero_exchange=0.0)
    state = hf.solve_hartree_fock(problem, 2, "non_magnetic")
    found = hf.excitations(state, n_modes=100)
    groups = insulating_groups(state)
    bare = []
    for sector in sectors_of(groups, "all"):
        variation = SecondVariation(problem, groups, sector)
        bare += [variation.differences(momentum)[: variation.n_forward] for momentum in range(9)]
    np.testing.assert_allclose(all_energies(found), np.sort(np.concatenate(bare)), atol=1e-9)
    np.testing.assert_allclose(found.energies[:, 0], found.continuum, atol=1e-10)


def test_channels_and_momenta_of_opposite_sign(ising):
    found = hf.excitations(ising, n_modes=100)
    parts = [hf.excitations(ising, channel, n_modes=100) for channel in ("intravalley", "intervalley")]
    np.testing.assert_allclose(np.sort(np.concatenate([part.energies for part in parts], axis=1)), found.energies)
    assert found.n_pairs == sum(part.n_pairs for part in parts)
    # each momentum alone gives what the pairs (Q, -Q) gave
    for label in ((0, 1), (0, 2), (2, 1)):
        alone = hf.excitations(ising, n_modes=100, momenta=[label])
        np.testing.assert_allclose(alone.energies[0], found.energies[ising.problem.grid.index_of(label)], atol=1e-8)


def test_gauge_invariance(build_model, ising):
    bands = ising.problem.bands
    phases = np.exp(2j * np.pi * np.random.default_rng(3).uniform(size=bands.states.shape[:3]))
    turned = dataclasses.replace(bands, states=bands.states * phases[..., None, None])
    problem = mo.project(turned, ising.problem.interaction, "hole", 1.6, "exchange")
    state = hf.solve_hartree_fock(problem, 2, "AFMz", settings=TIGHT)
    np.testing.assert_allclose(hf.excitations(state).energies, hf.excitations(ising).energies, atol=1e-7)


def test_lanczos_and_dense_modes_agree(monkeypatch, ising, antiferromagnet):
    dense = hf.excitations(ising, n_modes=3), hf.excitations(antiferromagnet, n_modes=3, momenta=[(0, 1)])
    monkeypatch.setattr("moire.hartree_fock.time_dependent.modes.DENSE_DIMENSION", 0)
    lanczos = hf.excitations(ising, n_modes=3), hf.excitations(antiferromagnet, n_modes=3, momenta=[(0, 1)])
    for left, right in zip(dense, lanczos, strict=True):
        np.testing.assert_allclose(left.energies, right.energies, atol=1e-9)
        np.testing.assert_allclose(left.curvature, right.curvature, atol=1e-9)
        assert right.residual < 1e-8
        assert right.converged


def planted_modes(forward, backward, seed=1):
    """M = sigma_z S W S^+ sigma_z with S^+ sigma_z S = sigma_z: its modes are the columns of S."""
    rng, n = np.random.default_rng(seed), len(forward)

    def unitary():
        return np.linalg.qr(rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n)))[0]

    angle, zero = np.diag(rng.uniform(0, 0.5, n)), np.zeros((n, n))
    turns = [np.block([[unitary(), zero], [zero, unitary()]]) for _ in range(2)]
    boost = np.cosh(np.kron(np.eye(2), angle)) * np.eye(2 * n) + np.kron([[0, 1], [1, 0]], np.sinh(angle))
    columns = np.repeat([1.0, -1.0], n)[:, None] * (turns[0] @ boost @ turns[1])
    matrix = (columns * np.concatenate([forward, backward])) @ columns.conj().T
    return (matrix + matrix.conj().T) / 2


def is_missing(copies):
    """A Lanczos method that returns one copy of a level instead of `copies`, with no residual to show it."""
    largest = modes._largest

    def incomplete(product, dimension, n_values, generator):
        values, vectors = largest(product, dimension, n_values + copies - 1, generator)
        kept = [0, *range(copies, n_values + copies - 1)]
        return values[kept], vectors[:, kept]

    return incomplete


@pytest.mark.parametrize("copies", [3, 8, 20])
@pytest.mark.parametrize("is_incomplete", [False, True])
def test_no_mode_of_a_degenerate_level_is_missed(monkeypatch, copies, is_incomplete):
    # next to 20 copies, or copies and neighbours, ARPACK gave up with an error of scipy
    forward = np.concatenate([np.full(copies, 1.0), np.full(3, 1.0001), np.linspace(2, 60, 77 - copies)])
    monkeypatch.setattr(modes, "DENSE_DIMENSION", 0)
    if is_incomplete:
        monkeypatch.setattr(modes, "_largest", is_missing(copies))
    for n_modes in (1, 2, 5):
        found = modes.normal_modes(planted_modes(forward, forward + 0.3), 80, n_modes)
        np.testing.assert_allclose(found.forward, forward[:n_modes], atol=1e-9)
        np.testing.assert_allclose(found.backward, forward[:n_modes] + 0.3, atol=1e-9)
        assert found.residual < 1e-9


def test_negative_eigenvalues_are_counted():
    rng = np.random.default_rng(0)
    for size in (1, 2, 5, 40, 200):
        for diagonal in (0.0, 1.0, rng.standard_normal(size)):
            matrix = rng.standard_normal((size, size)) + 1j * rng.standard_normal((size, size))
            matrix = (matrix + matrix.conj().T) * (1 - np.eye(size)) + diagonal * np.eye(size)
            expected = int(np.sum(np.linalg.eigvalsh(matrix) < -1e-12))
            assert modes.negative_eigenvalues(matrix) == expected


def test_modes_that_did_not_converge_say_so(monkeypatch, ising):
    monkeypatch.setattr("moire.hartree_fock.time_dependent.spectrum.RESIDUAL_MEV", 0.0)
    with pytest.warns(mo.ConvergenceWarning, match="excitations did not converge: residual above 0 meV"):
        found = hf.excitations(ising, momenta=[(0, 0)])
    assert not found.converged
    assert "NOT converged" in str(found)


def test_modes_of_two_coupled_pairs():
    for b, expected in ((3.0, 4.0), (13.0, 12j)):  # M = ((5, b), (b, 5)): omega^2 = 25 - b^2
        modes = normal_modes(np.array([[5.0, b], [b, 5.0]], dtype=complex), 1, 4)
        np.testing.assert_allclose([modes.forward[0], modes.backward[0]], [expected, expected], atol=1e-12)
        assert modes.curvature == pytest.approx(5 - b)
        assert modes.residual < 1e-12
    modes = normal_modes(np.diag([-2.0, 5.0]).astype(complex), 1, 4)  # a saddle: a pair that gains energy
    np.testing.assert_allclose([modes.forward[0], modes.backward[0]], [-2.0, 5.0], atol=1e-12)
    zero = normal_modes(np.array([[5.0, 5.0], [5.0, 5.0]], dtype=complex), 1, 4)
    np.testing.assert_allclose([zero.forward[0], zero.backward[0]], 0.0, atol=1e-6)


@pytest.mark.parametrize("kind", ["quadratic", "linear"])
def test_small_momentum_fit_recovers_a_law(ising, kind):
    found = hf.excitations(ising)
    square = np.sum(found.momenta**2, axis=1)
    law = 2.0 + 7.0 * square if kind == "quadratic" else np.sqrt(4.0 + 49.0 * square)
    made = dataclasses.replace(found, energies=np.stack([law, law + 1], axis=1))
    fit = made.small_momentum_fit(kind, n_shells=2)
    assert fit.gap_mev == pytest.approx(2.0, rel=1e-10)
    assert max(fit.stiffness_mev_nm2, fit.velocity_mev_nm) == pytest.approx(7.0, rel=1e-10)
    assert fit.residual_mev < 1e-10
    assert fit.n_momenta == 9
    assert "meV nm" in str(fit)


def test_momenta_are_the_shortest(ising):
    found = hf.excitations(ising, n_modes=1)
    length = np.linalg.norm(found.momenta, axis=1)
    third = ising.problem.grid.lattice.reciprocal_length / 3
    np.testing.assert_allclose(np.sort(length), third * np.sqrt([0, 1, 1, 1, 1, 1, 1, 3, 3]))


def test_what_is_printed(ising, mean_field):
    text = str(hf.excitations(ising, "intervalley"))
    assert "time-dependent Hartree-Fock, channel intervalley" in text
    assert "stable" in text
    saddle = hf.solve_hartree_fock(mean_field, 2, "AFMz")
    assert "UNSTABLE at Q = (0, 0)" in str(hf.excitations(saddle, momenta=[(0, 0)]))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"channel": "spin"}, "`channel` must be one of all"),
        ({"channel": "intervalley"}, "`channel` must be 'all' where the valleys mix"),
        ({"n_modes": 0}, "`n_modes` must be an integer of at least 1"),
        ({"approximation": "rpa"}, "`approximation` must be 'tdhf' or 'tda'"),
        ({"momenta": []}, "`momenta` must name at least one"),
        ({"momenta": [(3, 0)]}, "`momentum` must be a label"),
    ],
)
def test_bad_input(antiferromagnet, options, match):
    with pytest.raises(mo.InputError, match=match):
        hf.excitations(antiferromagnet, **options)


def test_states_that_have_no_excitations(mean_field, antiferromagnet):
    loose = dataclasses.replace(antiferromagnet, converged=False, stop_reason="iterations used up")
    with pytest.raises(mo.InputError, match=r"`result` must be converged, but is not \(iterations used up\)"):
        hf.excitations(loose)
    grid = antiferromagnet.problem.grid
    for moved in (hf.Folding(grid, 2, supercell="sqrt3"), hf.Folding(grid, 2, boost="+Q")):
        folded = dataclasses.replace(antiferromagnet, folding=moved)
        for function in (hf.excitations, hf.MeanFieldModel.of, lambda state: hf.active_bands(state)):
            with pytest.raises(
                mo.InputError, match=r"`result` must have the moire cell and no boost, but has cell = .*"
            ):
                function(folded)
    warm = dataclasses.replace(antiferromagnet, temperature_mev=1.0)
    with pytest.raises(mo.InputError, match="`result` must be at zero temperature"):
        hf.excitations(warm)
    with pytest.raises(mo.InputError, match="`result` must be an insulator"):
        hf.excitations(hf.solve_hartree_fock(mean_field, 4, "non_magnetic"))
    found = hf.excitations(antiferromagnet, momenta=[(0, 0), (1, 1)])
    with pytest.raises(mo.InputError, match=r"`n_shells` must be at least 1 and below 2, the lengths"):
        found.small_momentum_fit("linear", n_shells=2)


def test_memory_is_refused_before_it_is_taken(antiferromagnet, monkeypatch):
    monkeypatch.setattr("moire.resources.available_bytes", lambda: 1000)
    with pytest.raises(MemoryError, match="particle-hole pairs on 3x3 would take"):
        hf.excitations(antiferromagnet)


def test_dispersion_along_a_path(ising):
    found = hf.excitations(ising, "intervalley", n_modes=2)
    path = mo.KPath.through(ising.problem.grid.lattice, ("gamma", "kappa_+", "kappa_-", "gamma"))
    distances, rows = found.on_path(path)
    # 3x3 holds gamma and kappa_+-, and nothing else on these lines
    np.testing.assert_allclose(distances, path.distances[list(path.tick_indices)], atol=1e-5)
    assert [tuple(map(int, found.labels[row])) for row in rows] == [(0, 0), (2, 2), (1, 1), (0, 0)]
    ax = plot.plot_excitations(found, path, Figure().subplots())
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), found.energies[rows, 0])
    assert ax.get_ylabel() == "energy (meV)"
    alone = hf.excitations(ising, "intervalley", momenta=[(0, 1)])
    with pytest.raises(mo.InputError, match="`path` must hold at least two of the momenta solved"):
        plot.plot_excitations(alone, mo.KPath.through(path.lattice, ("gamma", "m")), Figure().subplots())
