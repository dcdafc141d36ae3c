"""The mean field against its definition, by identities and by exact diagonalization."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moire as mo
from moire import exact_diagonalization as ed
from moire.hartree_fock import MeanField, occupy
from moire.hartree_fock.mean_field import overlap
from tests.reference import hartree_fock as reference


@pytest.fixture(scope="module")
def two_valleys(build_model, layered_coulomb):
    """Return a function -> two valleys, two bands, 2x3 with a twist, layers and D."""

    def build(rule="exchange", carrier="hole", shape=(2, 3), n_bands=2, valleys=(1, -1), reference="vacuum"):
        models = [build_model("WANG_2023", 3.89, shells=2, valley=valley, displacement_mev=5.0) for valley in valleys]
        grid = mo.MomentumGrid.regular(models[0].lattice, *shape, boundary_phase=(0.1, 0.3))
        bands = mo.solve_bands(models, grid, n_bands)
        return mo.project(bands, layered_coulomb, carrier, q_cutoff=1.6, zero_momentum=rule, reference=reference)

    return build


def random_density(mean_field, seed, n_particles=None):
    """A Slater determinant that mixes everything."""
    generator = np.random.default_rng(seed)
    real, imag = generator.standard_normal((2, *mean_field.shape))
    matrix = real + 1j * imag
    count = mean_field.shape[0] * 2 if n_particles is None else n_particles
    return occupy(matrix + matrix.conj().swapaxes(1, 2), count).density_matrix


@pytest.mark.parametrize("carrier", ["hole", "electron"])
@pytest.mark.parametrize("rule", ["drop", "keep", "exchange"])
def test_self_energies_by_plain_loops(two_valleys, rule, carrier):
    mean_field = MeanField(two_valleys(rule, carrier))
    density_matrix = random_density(mean_field, 1)
    hartree, fock = reference.mean_field(mean_field.problem, density_matrix)
    np.testing.assert_allclose(mean_field.hartree(density_matrix), hartree, atol=1e-11)
    np.testing.assert_allclose(mean_field.fock(density_matrix), fock, atol=1e-11)
    assert np.abs(hartree).max() > 1
    assert np.abs(fock[:, :2, 2:]).max() > 1


@pytest.mark.parametrize("rule", ["drop", "keep", "exchange"])
def test_fock_is_the_derivative_of_the_energy(two_valleys, rule):
    mean_field = MeanField(two_valleys(rule))
    density_matrix, direction = (random_density(mean_field, seed) for seed in (2, 3))
    step = 0.1  # the energy is quadratic in P: central differences are exact to rounding
    slope = mean_field.energy(density_matrix + step * direction) - mean_field.energy(density_matrix - step * direction)
    expected = overlap(mean_field(density_matrix), direction)
    assert slope / (2 * step) == pytest.approx(expected, rel=1e-12)
    parts = mean_field.energy_parts(density_matrix)
    assert parts.total * 6 == pytest.approx(mean_field.energy(density_matrix), rel=1e-12)


@pytest.mark.parametrize("rule", ["drop", "keep"])
@pytest.mark.parametrize("carrier", ["hole", "electron"])
def test_one_carrier_has_no_self_energy(two_valleys, rule, carrier):
    mean_field = MeanField(two_valleys(rule, carrier))
    parts = mean_field.energy_parts(random_density(mean_field, 4, n_particles=1))
    assert parts.hartree + parts.fock == pytest.approx(0, abs=1e-12)
    assert abs(parts.fock) > 0.01


def test_one_carrier_under_the_exchange_rule(two_valleys):
    # the dropped energy of the mean charge, -V(0)/2A, is all that is left of one carrier
    mean_field = MeanField(two_valleys("exchange"))
    parts = mean_field.energy_parts(random_density(mean_field, 4, n_particles=1))
    v0 = mean_field.problem.interaction(0.0)[0, 0] / mean_field.problem.area_nm2
    assert 6 * (parts.hartree + parts.fock) == pytest.approx(-v0 / 2, rel=1e-12)


@given(seed=st.integers(0, 2**16))
def test_the_interaction_is_symmetric_and_the_energy_gauge_invariant(two_valleys, seed):
    mean_field = MeanField(two_valleys())
    first, second = random_density(mean_field, seed), random_density(mean_field, seed + 1)
    assert overlap(mean_field.interaction(first), second) == pytest.approx(
        overlap(first, mean_field.interaction(second)), rel=1e-12
    )
    # a valley rotation c_K -> e^{ia} c_K is a symmetry
    phases = np.exp(1j * np.array([0.7, 0.7, 0.0, 0.0]))
    turned = phases[:, None] * first * phases.conj()
    np.testing.assert_allclose(mean_field(turned), phases[:, None] * mean_field(first) * phases.conj(), atol=1e-10)
    assert np.abs(turned - first).max() > 0.01


def test_gauge_covariance(two_valleys):
    problem = two_valleys()
    angles = np.random.default_rng(5).uniform(0, 2 * np.pi, problem.bands.states.shape[:3])
    phases = np.exp(1j * angles)
    bands = problem.bands
    turned = mo.BandStructure(
        bands.momenta,
        bands.energies,
        bands.names,
        bands.top_band_first,
        bands.models,
        bands.states * phases[..., None, None],
    )
    other = MeanField(mo.project(turned, problem.interaction, "hole", 1.6, "exchange"))
    mean_field = MeanField(problem)
    density_matrix = random_density(mean_field, 6)
    # hole operators h^+ = c turn as the states do: <h^+_n h_m> -> phase_n phase_m^* <h^+_n h_m>
    gauge = phases.transpose(1, 0, 2).reshape(6, 4)
    moved = gauge[:, :, None] * density_matrix * gauge.conj()[:, None, :]
    np.testing.assert_allclose(
        other(moved), gauge[:, :, None] * mean_field(density_matrix) * gauge.conj()[:, None, :], atol=1e-10
    )
    assert np.abs(moved - density_matrix).max() > 0.1


@pytest.mark.parametrize("rule", ["drop", "keep", "exchange"])
@pytest.mark.parametrize("carrier", ["hole", "electron"])
@pytest.mark.parametrize("reference", ["vacuum", "average", "given"])
def test_slater_determinants_in_exact_diagonalization(small_problem, rule, carrier, reference):
    choice = given_reference(1) if reference == "given" else reference
    problem = small_problem([2, 3], carrier, rule, boundary_phase=(0.2, 0.6), reference=choice)
    mean_field = MeanField(problem)
    hamiltonian = ed.PairHamiltonian.from_problem(problem)
    for word in (0b000001, 0b010011, 0b111010, 0b111111):
        occupied = np.array([word >> i & 1 for i in range(6)])
        momentum = 0
        for k in np.nonzero(occupied)[0]:
            momentum = problem.grid.sum_index[momentum, k]
        sector = ed.MomentumSector(problem.orbitals, int(occupied.sum()), int(momentum))
        row = int(sector.rank(np.array([word], dtype=np.uint64))[0])
        exact = ed.SectorHamiltonian(hamiltonian, sector).to_csr().toarray()[row, row].real
        determinant = occupied.reshape(6, 1, 1).astype(complex)
        assert mean_field.energy(determinant) == pytest.approx(exact + hamiltonian.constant, rel=1e-11)


@given(seed=st.integers(0, 2**16), temperature=st.sampled_from([0.0, 3.0]))
def test_occupation(seed, temperature):
    generator = np.random.default_rng(seed)
    real, imag = generator.standard_normal((2, 4, 6, 6))
    fock = 10 * (real + real.swapaxes(1, 2) + 1j * (imag - imag.swapaxes(1, 2)))
    filled = occupy(fock, 9, temperature)
    density_matrix = filled.density_matrix
    assert np.einsum("kii->", density_matrix).real == pytest.approx(9, abs=1e-9)
    if temperature == 0:
        np.testing.assert_allclose(density_matrix @ density_matrix, density_matrix, atol=1e-13)
        assert filled.gap > 0
        assert filled.entropy == 0
    else:
        assert filled.entropy > 0


@pytest.mark.parametrize("rule", ["drop", "exchange"])
def test_without_memory_the_exchange_is_recomputed_at_every_build(two_valleys, monkeypatch, rule):
    problem = two_valleys(rule)
    stored = MeanField(problem)
    monkeypatch.setattr("moire.hartree_fock.exchange.fits_in_memory", lambda n_bytes: False)
    streamed = MeanField(problem)
    assert "stored" in str(stored)
    assert "recomputed" in str(streamed)
    density_matrix = random_density(stored, 7)
    np.testing.assert_allclose(streamed(density_matrix), stored(density_matrix), atol=1e-10)
    density_matrix[:, :2, 2:] = density_matrix[:, 2:, :2] = 0
    np.testing.assert_allclose(streamed(density_matrix), stored(density_matrix), atol=1e-10)
    monkeypatch.setattr("moire.resources.available_bytes", lambda: 1000)
    with pytest.raises(MemoryError, match=r"Form factors of 2 bands on 2x3 .* would fit"):
        _ = problem.form_factors.values
    with pytest.raises(MemoryError, match=r"shifted copies of the states on 2x3 .* would fit"):
        streamed(density_matrix)


def test_threads_do_not_change_a_bit(two_valleys, monkeypatch):
    focks = []
    for n_threads in (1, 2):
        monkeypatch.setattr("moire.form_factors.threads", lambda n_threads=n_threads: n_threads)
        mean_field = MeanField(two_valleys(shape=(6, 7)))
        assert len(mean_field.problem.form_factors.momentum_blocks()) > 1
        focks.append(mean_field(random_density(mean_field, 11)))
    np.testing.assert_array_equal(*focks)


@pytest.mark.parametrize("reference", ["vacuum", "average"])
def test_another_dielectric_constant_needs_no_build(two_valleys, reference):
    problem = two_valleys(reference=reference)
    mean_field = MeanField(problem).rescaled(7.0)
    interaction = dataclasses.replace(problem.interaction, epsilon_r=7.0)
    expected = MeanField(mo.project(problem.bands, interaction, "hole", 1.6, "exchange", reference))
    density_matrix = random_density(expected, 8)
    assert mean_field.problem.interaction == interaction
    np.testing.assert_allclose(mean_field(density_matrix), expected(density_matrix), atol=1e-11)
    assert mean_field.energy(density_matrix) == pytest.approx(expected.energy(density_matrix), rel=1e-13)
    again = mean_field.rescaled(3.0).rescaled(7.0)
    np.testing.assert_allclose(again(density_matrix), expected(density_matrix), atol=1e-11)
    with pytest.raises(mo.InputError, match="`epsilon_r` must be positive"):
        mean_field.rescaled(-1.0)


def given_reference(dimension, seed=9):
    generator = np.random.default_rng(seed)
    real, imag = generator.standard_normal((2, 6, dimension, dimension))
    return occupy(real + real.swapaxes(1, 2) + 1j * (imag - imag.swapaxes(1, 2)), 2 * dimension, 1.0).density_matrix


@pytest.mark.parametrize("reference", ["electron_vacuum", "average", "given"])
@pytest.mark.parametrize("rule", ["drop", "exchange"])
def test_the_interaction_acts_on_the_difference_to_the_reference(two_valleys, rule, reference):
    choice = given_reference(4) if reference == "given" else reference
    plain, mean_field = MeanField(two_valleys(rule)), MeanField(two_valleys(rule, reference=choice))
    p_ref = mean_field.problem.reference_density
    density_matrix, direction = (random_density(mean_field, seed) for seed in (2, 3))
    expected = plain.bare + plain.interaction(density_matrix - p_ref)
    np.testing.assert_allclose(mean_field(density_matrix), expected, atol=1e-11)
    step = 0.1
    slope = mean_field.energy(density_matrix + step * direction) - mean_field.energy(density_matrix - step * direction)
    assert slope / (2 * step) == pytest.approx(overlap(mean_field(density_matrix), direction), rel=1e-11)
    assert mean_field.energy_parts(density_matrix).total * 6 == pytest.approx(
        mean_field.energy(density_matrix), rel=1e-12
    )
    assert mean_field.energy(p_ref) == pytest.approx(overlap(plain.bare, p_ref), rel=1e-12)
    assert abs(mean_field.constant) > 1
    assert f"reference  {reference}" in str(mean_field.problem)


@pytest.mark.parametrize("rule", ["drop", "keep", "exchange"])
@pytest.mark.parametrize("reference", ["hole_vacuum", "electron_vacuum", "average"])
def test_holes_and_electrons_are_one_state_under_one_reference(two_valleys, rule, reference):
    # P_e = 1 - P_h^*, and the interaction acts on P - P_ref: the energies differ by the trace of the bands
    holes, electrons = (MeanField(two_valleys(rule, carrier, reference=reference)) for carrier in ("hole", "electron"))
    density_matrix = random_density(holes, 10)
    full = np.eye(4) - density_matrix.conj()
    expected = holes.energy(density_matrix) + electrons.problem.one_body.sum()
    assert electrons.energy(full) == pytest.approx(expected, rel=1e-11)
    np.testing.assert_allclose(electrons(full), -holes(density_matrix).conj(), atol=1e-10)


@pytest.mark.parametrize("rule", ["keep", "exchange"])
def test_hartree_fock_bounds_the_exact_energy(small_problem, rule):
    problem = small_problem([2, 3], zero_momentum=rule, boundary_phase=(0.2, 0.6))
    mean_field = MeanField(problem)
    differences = []
    for n_holes in range(1, 6):
        guesses = ("non_magnetic", "layer_polarised", "random")
        energy = 6 * mo.hartree_fock.ground_state(mean_field, n_holes / 6, guesses).best.energy_per_cell
        differences.append(energy - mo.solve_all_sectors(problem, (n_holes, 6), 1).ground_energy)
    # one hole and one electron are determinants; in between, correlation lowers the energy
    assert differences[0] == pytest.approx(0, abs=1e-9)
    assert differences[-1] == pytest.approx(0, abs=1e-9)
    assert min(differences[1:-1]) > 0.01
