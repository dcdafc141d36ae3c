"""Density matrices and correlations of several bands and both valleys: Jordan-Wigner matrices, sum rules, limits."""

import itertools
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from matplotlib.figure import Figure

import moire as mo
from moire import plot
from moire.observables import (
    StructureFactor,
    entanglement_spectrum,
    momentum_occupation,
    pair_correlation,
    quantum_weight,
    structure_factor,
)
from moire.observables.manifold_states import manifold_rows, manifold_states
from moire.observables.reduced_density import density_blocks, kept_numbers
from moire.observables.two_body import one_body_density, two_body_density
from moire.predictions import expected_momenta
from tests.flavour_cases import flavour_problem, flavour_spectrum, fock_states
from tests.reference import jordan_wigner

THIRD = Fraction(1, 3)
STATES = ((1, 0), (4, 1))  # S_z = 1 and S_z = 0: three and one, two and two carriers in the valleys
STATES_ONE = ((1, 0), (4, 0))


@pytest.fixture(scope="module")
def mixed():
    """Spectrum of four holes in 2 bands x 2 valleys x 3 momenta, its problem, the two states, and c of the orbitals."""
    spectrum = flavour_spectrum()
    assert [tuple(spectrum.numbers(row)) for row, _ in STATES] == [(3, 1), (2, 2)]
    return spectrum, flavour_problem(), fock_states(spectrum, STATES), jordan_wigner.annihilators(12)


def test_density_matrix_in_the_bands(mixed):
    spectrum, problem, psi, c = mixed
    orbitals = problem.orbitals
    result = momentum_occupation(spectrum, STATES)
    removed = np.array([(c[i] @ psi.T).T for i in range(12)])
    expected = np.einsum("jsx,isx->sij", removed.conj(), removed)  # <c^+_j c_i>
    found = np.zeros_like(expected)
    for f, k, m, n in np.ndindex(2, 3, 2, 2):
        found[:, orbitals.index(f, m, k), orbitals.index(f, n, k)] = result.density[:, f, k, m, n]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.abs(result.density[..., 0, 1]).max() > 0.01
    np.testing.assert_allclose(result.per_state.sum(axis=1), 4, atol=1e-12)
    np.testing.assert_allclose(result.by_band.sum(axis=(1, 2)), [2.5, 1.5], atol=1e-12)
    assert result.band_weights.sum() == pytest.approx(1, abs=1e-12)
    natural, rotated = result.natural_occupations, result.natural_orbitals
    rebuilt = np.einsum("fkmj,fkj,fknj->fkmn", rotated, natural, rotated.conj())
    np.testing.assert_allclose(rebuilt, result.density.mean(axis=0), atol=1e-12)
    assert natural.min() > -1e-12
    assert natural.max() < 1 + 1e-12
    assert "weight" in str(result)


@pytest.mark.parametrize("n_kept", [2, 3])
def test_density_matrices_of_several_particles(mixed, n_kept):
    spectrum, _, psi, c = mixed
    traces = {}
    for block in density_blocks(spectrum, STATES, n_kept):
        removed = np.zeros((len(block.states), *psi.shape), dtype=complex)
        for i, word in enumerate(block.states.tolist()):
            vectors = psi.T
            for orbital in [k for k in range(12) if word >> k & 1]:
                vectors = c[orbital] @ vectors
            removed[i] = vectors.T
        expected = np.einsum("asx,bsx->ab", removed, removed.conj()) / 2
        np.testing.assert_allclose(block.matrix, expected, atol=1e-12)
        traces[block.numbers] = traces.get(block.numbers, 0) + np.trace(block.matrix).real
    assert sum(traces.values()) == pytest.approx(comb(4, n_kept), abs=1e-10)
    for (first, second), trace in traces.items():
        expected = (comb(3, first) * comb(1, second) + comb(2, first) * comb(2, second)) / 2
        assert trace == pytest.approx(expected, abs=1e-10)
    assert kept_numbers(spectrum, 3, STATES) == ((3, 0), (2, 1), (1, 2))


def test_density_operators_of_the_valleys_and_layers(mixed):
    """<rho^{f,l}_q rho^{f',l'}_-q> with rho = sum lambda_mn c^+_mk c_n,k+q written out, contractions removed."""
    spectrum, problem, psi, c = mixed
    form, grid, orbitals = problem.form_factors, problem.grid, problem.orbitals
    result = structure_factor(spectrum, problem, STATES)

    def vertex(f, q, layer):
        matrix = np.zeros((12, 12), dtype=complex)
        moved = grid.sum_index[:, form.transfers.group_index[q]]
        for k, m, n in np.ndindex(3, 2, 2):
            matrix[orbitals.index(f, m, k), orbitals.index(f, n, moved[k])] = form.values[f, q, k, m, n, layer]
        return matrix

    def act(matrix):
        """The states sum matrix_ij c^+_i c_j |psi>."""
        terms = (matrix[i, j] * (c[i].conj().T @ (c[j] @ psi.T)) for i, j in np.argwhere(matrix))
        return sum(terms, np.zeros_like(psi.T)).T

    for q in range(1, form.transfers.size, 7):
        minus = form.transfers.minus[q]
        after = {key: act(vertex(key[0], minus, key[1])) for key in itertools.product((0, 1), (0, 1))}
        for (f, a), (g, b) in itertools.product(after, after):
            contraction = act(vertex(f, q, a) @ vertex(g, minus, b))
            expected = np.sum(after[f, a].conj() * after[g, b] - psi.conj() * contraction, axis=1).mean()
            assert result.flavour_pairs[f, g, q, a, b] == pytest.approx(expected, abs=1e-10)
        total = sum(after.values())
        disconnected = abs(result.mean_density[q]) ** 2
        projected = np.mean(np.sum(np.abs(total) ** 2, axis=1))
        assert result.projected[q] * 4 + disconnected == pytest.approx(projected, abs=1e-10)
        if form.transfers.group_index[q] == 0:
            for f in (0, 1):
                mean = np.mean(np.sum(psi.conj() * (act(vertex(f, q, 0) + vertex(f, q, 1))), axis=1))
                assert result.flavour_density[f, q] == pytest.approx(mean, abs=1e-10)
    assert np.abs(result.flavour_pairs[0, 1]).max() > 0.5


def test_sum_rules(mixed):
    spectrum, problem, *_ = mixed
    result = structure_factor(spectrum, problem, STATES)
    zero, minus = result.transfers.zero, result.transfers.minus
    assert abs(result.energy_error) < 1e-8
    np.testing.assert_allclose(result.flavour_density[:, zero], [2.5, 1.5], atol=1e-12)
    np.testing.assert_allclose(result.flavour_weight[:, zero], [2.5, 1.5], atol=1e-12)
    assert result.pair_weight[zero] == pytest.approx(12, abs=1e-10)
    assert result.full[zero] == pytest.approx(0, abs=1e-12)
    # N_K - N_K' is 2 in one state and 0 in the other: variance 1 over 4 carriers
    assert result.polarisation_full[zero] == pytest.approx(0.25, abs=1e-12)
    np.testing.assert_allclose(result.full[minus], result.full, atol=1e-10)
    assert result.full.min() > -1e-12
    np.testing.assert_allclose(result.by_flavour.sum(axis=(0, 1)), result.full, atol=1e-12)
    np.testing.assert_allclose(result.by_flavour[0, 1], result.by_flavour[1, 0], atol=1e-12)
    pairs = np.einsum("f,g,fgqab->q", [1, -1], [1, -1], result.flavour_pairs).real
    signed = (pairs - np.abs([1, -1] @ result.flavour_density) ** 2) / 4 + 1
    np.testing.assert_allclose(result.polarisation_full, signed, atol=1e-12)
    assert result.polarisation_full.min() > -1e-12
    assert result.projected.min() > -1e-12
    assert result.remote.min() > -1e-12
    correlation = pair_correlation(result, side=20)
    assert correlation.values.mean() == pytest.approx(1 - 1 / 4, abs=1e-10)
    assert correlation.between_flavours.mean() == pytest.approx(2 * (3 + 4) / 2 / 16, abs=1e-10)
    assert correlation.between_flavours[0, 0] > correlation.within_flavours[0, 0]


@pytest.mark.parametrize("carrier", ["hole", "electron"])
@pytest.mark.parametrize("zero_momentum", ["drop", "keep", "exchange"])
def test_energy_from_the_density_matrices(carrier, zero_momentum):
    """Tr h rho_1 + Tr v rho_2 / 2 with the elements of the Hamiltonian, and the same from S(q)."""
    options = {"shape": (2, 2), "carrier": carrier, "zero_momentum": zero_momentum}
    spectrum = flavour_spectrum("3/4", (1,), 1, **options)
    problem, states = flavour_problem(**options), [(1, 0), (2, 0)]
    exact = np.mean([spectrum.energies[state] for state in states])
    density = one_body_density(spectrum, states)
    gamma = two_body_density(spectrum, states, density)
    one_body = np.einsum("fkmm,fkm->", density, problem.one_body).real - problem.zero_exchange / 2 * 3
    two_body = np.vdot(problem.two_body_elements().conj(), gamma).real / 2
    assert one_body + two_body == pytest.approx(exact, abs=1e-8)
    assert abs(two_body) > 1
    assert structure_factor(spectrum, problem, states).energy == pytest.approx(exact, abs=1e-8)


def test_missing_carriers_of_both_valleys_give_the_same():
    """Four carriers in six orbitals of one band of each valley, and the two that are missing."""
    problem = flavour_problem(n_bands=1)
    results = []
    for choice in (False, True):
        settings = mo.SpectrumSettings(particle_hole=choice, tolerance_mev=1e-9)
        spectrum = mo.solve_all_sectors(problem, "4/3", 1, polarisation=(2, 0), keep_vectors=True, settings=settings)
        assert spectrum.transformed == choice
        results.append((momentum_occupation(spectrum, STATES_ONE), structure_factor(spectrum, problem, STATES_ONE)))
    (occupation, structure), (few_occupation, few_structure) = results
    np.testing.assert_allclose(few_occupation.density, occupation.density, atol=1e-10)
    assert np.ptp(occupation.by_band) > 0.1
    for name in ("flavour_pairs", "flavour_density", "flavour_weight"):
        np.testing.assert_allclose(getattr(few_structure, name), getattr(structure, name), atol=1e-9)
    assert abs(few_structure.energy_error) < 1e-8


@pytest.mark.parametrize("n_bands", [1, 2])
def test_energy_with_a_reference_density(n_bands):
    given = flavour_problem((2, 2), n_bands)
    problem = given.on_bands(given.bands, "average")
    spectrum = mo.solve_all_sectors(problem, "3/4", 1, polarisation=1, keep_vectors=True)
    result = structure_factor(spectrum, problem, [(0, 0)])
    assert abs(result.energy_error) < 1e-8


@pytest.mark.parametrize("n_bands", [1, 2])
def test_a_polarised_state_is_that_of_one_valley(n_bands):
    """Everything of the manifold of all carriers in one of two valleys equals the problem of that valley alone."""
    shape, filling = (2, 3), "1/3"
    both = mo.solve_all_sectors(flavour_problem(shape, n_bands), filling, 2, keep_vectors=True)
    alone = mo.solve_all_sectors(flavour_problem(shape, n_bands, (+1,)), filling, 2, keep_vectors=True)
    assert len(set(both.polarisation.tolist())) > 1
    assert {both.polarisation[row] for row in manifold_rows(both).values()} == {2}
    assert [both.labels[row] for row, _ in manifold_states(both)] == [
        alone.labels[row] for row, _ in manifold_states(alone)
    ]
    one, two = (momentum_occupation(each) for each in (alone, both))
    np.testing.assert_allclose(two.by_band[0], one.by_band[0], atol=1e-9)
    assert not two.by_band[1].any()
    problems = flavour_problem(shape, n_bands, (+1,)), flavour_problem(shape, n_bands)
    structures = [structure_factor(each, problem) for each, problem in zip((alone, both), problems, strict=True)]
    for name in ("full", "projected", "polarisation_full", "pairs", "mean_density"):
        np.testing.assert_allclose(getattr(structures[1], name), getattr(structures[0], name), atol=1e-8)
    weights = [quantum_weight(each, problem) for each, problem in zip(structures, problems, strict=True)]
    for name in ("value", "remote", "remote_fitted", "band_weight", "hall_bound"):
        assert getattr(weights[1], name) == pytest.approx(getattr(weights[0], name), abs=1e-8)


def test_full_bands_factorise():
    """All orbitals of one valley filled: one determinant, n(k) = 1 in both bands, pairs from exchange alone."""
    spectrum = flavour_spectrum("2", (6,), 1)
    (row,) = [row for row, size in enumerate(spectrum.dimensions) if size]
    result = structure_factor(spectrum, flavour_problem(), [(row, 0)])
    np.testing.assert_allclose(result.density[0], np.tile(np.eye(2), (3, 1, 1)), atol=1e-12)
    assert not result.density[1].any()
    form = flavour_problem().form_factors
    exchange = (np.abs(form.values[0].sum(axis=-1)) ** 2).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(result.normal_ordered * 6, -exchange, atol=1e-10)


def test_remote_weight_of_two_bands_is_that_of_their_metric():
    """Transitions to the bands left out, from the geometric tensor and from the form factors at short transfers."""
    errors = []
    for shape in ((3, 3), (6, 6)):
        problem = flavour_problem(shape, 2, (+1,), phase=(0.0, 0.0))
        n_k, transfers = problem.grid.n_points, problem.form_factors.transfers
        rng = np.random.default_rng(2)
        vectors = rng.normal(size=(n_k, 2)) + 1j * rng.normal(size=(n_k, 2))
        vectors /= np.linalg.norm(vectors, axis=1)[:, None]
        density = np.einsum("km,kn->kmn", vectors, vectors.conj())[None]  # one carrier a momentum, of any mixture
        overlap = problem.form_factors.values[0].sum(axis=-1)
        weight = np.einsum("knm,qkml,qknl->q", density[0], overlap, overlap.conj()).real
        pairs, mean = np.zeros((1, 1, transfers.size, 2, 2)), np.zeros((1, transfers.size))
        filled = StructureFactor(transfers, n_k, ((0, 0),), density, pairs, mean, weight[None], 0, 0)
        result = quantum_weight(filled, problem, 18)
        errors.append(abs(result.remote_fitted / result.remote - 1))
    assert errors[0] > 3 * errors[1]
    assert errors[1] < 0.03


def test_entanglement_of_both_valleys(mixed):
    spectrum, *_ = mixed
    result = entanglement_spectrum(spectrum, 2, STATES)
    assert np.nansum(result.eigenvalues) == pytest.approx(1, abs=1e-12)
    assert sorted({tuple(way) for way in result.numbers.tolist()}) == [(0, 2), (1, 1), (2, 0)]
    by_way = {way: np.nansum(result.eigenvalues[(result.numbers == way).all(axis=1)]) for way in [(2, 0), (1, 1)]}
    assert by_way[2, 0] == pytest.approx((3 + 1) / 2 / 6, abs=1e-12)
    assert by_way[1, 1] == pytest.approx((3 + 4) / 2 / 6, abs=1e-12)
    known = ~np.isnan(result.eigenvalues)
    assert known.sum() == comb(12, 2)
    assert result.predicted is None
    assert "particles of one flavour" in result.verdict
    assert "S_z" in result.table()


def test_one_particle_kept_are_the_natural_occupations(mixed):
    spectrum, *_ = mixed
    result = entanglement_spectrum(spectrum, 1, STATES)
    natural = momentum_occupation(spectrum, STATES).natural_occupations.reshape(6, 2)
    np.testing.assert_allclose(result.eigenvalues * 4, natural, atol=1e-12)


def test_full_orbitals_have_one_entanglement_level():
    """All orbitals of one valley filled: each way to keep particles is equally likely; the other valley is empty."""
    spectrum = flavour_spectrum("2", (6,), 1)
    (row,) = [row for row, size in enumerate(spectrum.dimensions) if size]
    result = entanglement_spectrum(spectrum, 3, [(row, 0)])
    levels = result.levels[~np.isnan(result.levels)]
    np.testing.assert_allclose(levels, np.log(comb(6, 3)), atol=1e-12)
    assert len(levels) == comb(6, 3)


@pytest.mark.parametrize("n_bands", [1, 2])
def test_entanglement_of_a_polarised_state_is_that_of_one_valley(n_bands):
    both, alone = (
        entanglement_spectrum(
            mo.solve_all_sectors(flavour_problem((2, 3), n_bands, valleys), "1/3", 2, keep_vectors=True), 1
        )
        for valleys in ((+1, -1), (+1,))
    )
    np.testing.assert_allclose(both.eigenvalues, alone.eigenvalues, atol=1e-9)
    np.testing.assert_array_equal(both.predicted, alone.predicted)
    assert both.decision.answer == alone.decision.answer
    assert np.ptp(alone.eigenvalues) > 1e-3


def test_counting_of_two_bands_is_that_of_the_first():
    """Four holes on 3x4 at 1/3: 42 levels of two particles below a gap, of the 66 of one band and the 276 of two."""
    problem = flavour_problem((3, 4), 2, (+1,), phase=(0, 0))
    spectrum = mo.solve_all_sectors(problem, "1/3", 1, momenta=expected_momenta(problem.grid, THIRD), keep_vectors=True)
    result = entanglement_spectrum(spectrum, 2)
    assert (~np.isnan(result.levels)).sum() == comb(24, 2)
    np.testing.assert_array_equal(result.counted_by_sector, result.predicted)
    assert result.counted == 42
    assert result.is_signature


def test_figures_of_bands_and_valleys(mixed):
    spectrum, *_ = mixed
    ax = plot.plot_occupation(momentum_occupation(spectrum, STATES), Figure().subplots())
    assert [line.get_label() for line in ax.lines] == [f"band {b}, valley {v}" for v in ("K", "K′") for b in (0, 1)]
    by_band = momentum_occupation(spectrum, STATES).by_band
    np.testing.assert_allclose(ax.lines[3].get_ydata(), by_band[1, :, 1])
    polarised = flavour_spectrum("2/3", "all", 2, shape=(1, 3))
    ax = plot.plot_spectrum(polarised, Figure().subplots())
    assert [line.get_label() for line in ax.lines][:3] == ["$S_z$ = 1", "$S_z$ = 0", "$S_z$ = -1"]
    assert len(ax.lines[0].get_ydata()) == 3 * 2
    assert len(ax.lines[3].get_ydata()) == 3  # the manifold, of the polarised sectors alone
    assert set(ax.lines[3].get_xdata()) <= set(ax.lines[0].get_xdata())
    ax = plot.plot_entanglement(entanglement_spectrum(spectrum, 2, STATES), Figure().subplots())
    assert set(ax.lines[0].get_xdata()) == {0, 1, 2}
