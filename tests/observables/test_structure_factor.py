"""n(k), S(q), g(r) and the quantum weight: sum rules, Jordan-Wigner matrices, wave functions in real space."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

import moire as mo
from moire import plot
from moire.form_factors import FormFactors
from moire.observables import (
    momentum_occupation,
    pair_correlation,
    quantum_weight,
    structure_factor,
)
from moire.orbitals import Orbitals, Species
from tests.fractional_cases import problem_on, solved
from tests.reference import jordan_wigner


@pytest.fixture(scope="module")
def fci():
    """Structure factor, problem and spectrum at nu_h = 2/3 on 3x5."""
    problem, spectrum = problem_on((3, 5)), solved((3, 5))
    return structure_factor(spectrum, problem), problem, spectrum


@pytest.mark.parametrize("carrier", ["hole", "electron"])
@pytest.mark.parametrize("zero_momentum", ["drop", "keep", "exchange"])
@pytest.mark.parametrize("particle_hole", [False, True])
def test_interaction_energy_from_the_structure_factor(carrier, zero_momentum, particle_hole):
    """sum_q V_ll'(q) <:rho_q rho_-q:> / 2A + sum e_k n_k is the energy, for either species and every rule at q = 0."""
    settings = {"carrier": carrier, "zero_momentum": zero_momentum, "d": 0.7}
    spectrum = solved((3, 4), (2, 3), 2, particle_hole=particle_hole, **settings)
    result = structure_factor(spectrum, problem_on((3, 4), **settings))
    assert abs(result.energy_error) < 1e-8
    exact = np.mean([spectrum.energies[state] for state in result.states])
    assert result.energy == pytest.approx(exact, abs=1e-8)
    one_body = result.occupation @ problem_on((3, 4), **settings).one_body[0, :, 0]
    assert abs(result.energy - one_body) > 10  # most of it is interaction


def test_sum_rules(fci):
    result, _, spectrum = fci
    zero, minus = result.transfers.zero, result.transfers.minus
    n = spectrum.n_carriers
    assert result.mean_density[zero] == pytest.approx(n, abs=1e-10)
    assert result.pair_weight[zero] == pytest.approx(n * (n - 1), abs=1e-9)
    assert result.band_weight[zero] == pytest.approx(n, abs=1e-10)
    assert result.full[zero] == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(result.pairs, result.pairs.conj().transpose(0, 2, 1), atol=1e-10)
    np.testing.assert_allclose(result.pairs[minus], result.pairs.conj(), atol=1e-10)
    np.testing.assert_allclose(result.full[minus], result.full, atol=1e-12)
    np.testing.assert_allclose(result.full, result.projected + result.remote, atol=1e-12)
    assert result.projected.min() > -1e-12
    assert result.remote.min() > -1e-12
    assert result.full[result.zone].max() > 0.5
    assert len(np.unique(result.transfers.group_index[result.zone])) == 15
    reciprocal = result.transfers.group_index == 0
    assert not result.mean_density[~reciprocal].any()
    assert np.abs(result.mean_density[reciprocal]).max() > 0
    assert "energy from the normal-ordered S(q)" in str(result)


def test_both_species_give_the_same(fci):
    problem = problem_on((3, 4))
    results = [
        structure_factor(solved((3, 4), (2, 3), 2, particle_hole=choice), problem, [(0, 0)]) for choice in (False, True)
    ]
    for name in ("pairs", "occupation", "mean_density", "band_weight"):
        np.testing.assert_allclose(getattr(results[0], name), getattr(results[1], name), atol=1e-8)
    assert np.ptp(results[0].full) > 0.5


def test_density_operators_on_the_full_fock_space(small_problem):
    """<rho^l_q rho^l'_-q> with rho^l_q = sum_k lambda^l_q(k) c^+_k c_{k+q} written out, averaged over two states."""
    problem = small_problem([2, 3])
    grid, form = problem.grid, problem.form_factors
    spectrum = mo.solve_all_sectors(problem, (1, 2), 2, keep_vectors=True)
    states = [(1, 0), (3, 1)]
    result = structure_factor(spectrum, problem, states)
    words = jordan_wigner.sector_states(grid, 3)
    c = jordan_wigner.annihilators(6)
    psi = np.zeros((2, 64), dtype=complex)
    for i, (row, level) in enumerate(states):
        psi[i, words[grid.index_of(spectrum.labels[row])]] = spectrum.vectors[row][level]

    def moved(q, layer):
        """The states rho^l_-q |psi>."""
        minus = form.transfers.minus[q]
        target = grid.sum_index[:, form.transfers.group_index[minus]]
        rho = sum(form.values[0, minus, k, 0, 0, layer] * (c[k].conj().T @ c[target[k]]) for k in range(6))
        return (rho @ psi.T).T

    for q in range(0, form.transfers.size, 3):
        after = [moved(q, layer) for layer in (0, 1)]
        total = np.mean(np.sum(np.abs(after[0] + after[1]) ** 2, axis=1))
        disconnected = abs(result.mean_density[q]) ** 2
        assert result.projected[q] * 3 + disconnected == pytest.approx(total, abs=1e-10)
        one_body = form.values[0, q, :, 0, 0]
        for a, b in itertools.product((0, 1), repeat=2):
            contraction = result.occupation @ (one_body[:, a] * one_body[:, b].conj())
            expected = np.mean(np.sum(after[a].conj() * after[b], axis=1)) - contraction
            assert result.pairs[q, a, b] == pytest.approx(expected, abs=1e-10)
    average = [np.mean(np.sum(psi.conj() * moved(q, 0), axis=1)) for q in range(form.transfers.size)]
    assert np.abs(average).max() > 0.5


def test_filled_band_is_a_determinant(small_problem):
    """With one carrier missing the pairs follow from n(k): a determinant of N_s - 1 orbitals."""
    problem = small_problem([2, 3])
    spectrum = mo.solve_all_sectors(problem, (5, 6), 1, keep_vectors=True)
    assert spectrum.transformed
    result = structure_factor(spectrum, problem, [(4, 0)])
    occupied = result.occupation > 0.5
    assert occupied.sum() == 5
    form, grid = problem.form_factors, problem.grid
    overlap = form.values[0, :, :, 0, 0].sum(axis=2)
    target = grid.sum_index[:, form.transfers.group_index].T
    blocked = (np.abs(overlap) ** 2 * occupied * occupied[target]).sum(axis=1)
    np.testing.assert_allclose(result.normal_ordered * 5, -blocked, atol=1e-10)
    assert blocked.max() > 1


def test_bands_are_complete():
    """sum_n |lambda_0n|^2 tends to one with the plane-wave cutoff: what the remote part of S(q) rests on."""
    problem = problem_on((3, 5))
    model = problem.bands.models[0]
    deficits = []
    for shells in (1, 2, 3):
        basis = mo.PlaneWaveBasis(model.lattice, shells)
        small = mo.ContinuumModel(mo.parameters.WANG_2023, basis)
        bands = mo.solve_bands(small, problem.grid, n_bands=2 * basis.size)
        overlaps = FormFactors.compute(bands, 0.5).values[0, :, :, 0].sum(axis=-1)
        deficits.append(np.abs(1 - (np.abs(overlaps) ** 2).sum(axis=-1)).max())
    assert deficits[0] > 10 * deficits[1] > 100 * deficits[2]
    assert deficits[2] < 1e-4
    short = np.abs(overlaps[..., 0]) ** 2
    assert (1 - short).max() > 0.3  # and the top band alone is far from complete


@pytest.mark.parametrize("carrier", ["hole", "electron"])
def test_pair_correlation_from_wave_functions_in_real_space(build_model, layered_coulomb, carrier):
    """|Psi_ll'(R, R + r)|^2 of two carriers averaged over R; one shell of plane waves, so that every q is kept."""
    model = build_model("WANG_2023", 3.7, shells=1, displacement_mev=5.0)
    grid = mo.MomentumGrid.regular(model.lattice, 2, 3)
    bands = mo.solve_bands(model, grid, n_bands=1)
    problem = mo.project(bands, layered_coulomb, carrier, q_cutoff=4.0)
    spectrum = mo.solve_all_sectors(problem, (1, 3), 1, keep_vectors=True)
    row = 3
    result = pair_correlation(structure_factor(spectrum, problem, [(row, 0)]), side=48)
    mesh = np.stack(np.meshgrid(*[np.arange(12) / 12] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    centres = mesh @ model.lattice.primitive
    area = problem.area_nm2

    def orbitals(positions):
        """Bloch functions (k, layer, r); a hole created by c is described by their conjugates."""
        waves = np.exp(1j * (grid.points[:, None, None] + model.basis.cartesian[None, :, None]) @ positions.T)[:, :, 0]
        functions = np.einsum("klg,kgr->klr", bands.states[0, :, 0], waves) / np.sqrt(area)
        return functions.conj() if carrier == "hole" else functions

    sector = jordan_wigner.sector_states(grid, 2)[grid.index_of(spectrum.labels[row])]
    pairs = [[k for k in range(6) if word >> k & 1] for word in sector]
    here = orbitals(centres)
    for i, j in ((0, 0), (8, 0), (16, 25), (41, 33)):
        there = orbitals(centres + result.positions[i, j])
        psi = sum(
            amplitude * (here[a][:, None] * there[b][None] - here[b][:, None] * there[a][None])
            for amplitude, (a, b) in zip(spectrum.vectors[row][0], pairs, strict=True)
        )
        expected = area**2 / 4 * (np.abs(psi) ** 2).sum(axis=(0, 1)).mean()
        assert result.values[i, j] == pytest.approx(expected, abs=1e-9)
        assert expected > 1e-3
    assert result.values.mean() == pytest.approx(1 / 2, abs=1e-10)


def test_pair_correlation_of_the_manifold(fci):
    result = pair_correlation(fci[0])
    assert result.values.mean() == pytest.approx(1 - 1 / 10, abs=1e-10)
    assert 0 < result.at_contact < 0.1  # carriers meet only in opposite layers
    assert result.values.max() > 1.1
    assert result.values.min() == pytest.approx(result.at_contact)
    assert "g(0) = 0.06" in str(result)


def test_occupation(fci):
    spectrum = fci[2]
    result = momentum_occupation(spectrum)
    assert result.per_state.shape == (3, 15)
    np.testing.assert_allclose(result.per_state.sum(axis=1), 10, atol=1e-10)
    assert result.sum_rule_error < 1e-10
    assert result.per_state.min() > 0
    assert result.per_state.max() < 1
    np.testing.assert_allclose(result.mean, fci[0].occupation, atol=1e-12)
    assert 0.01 < result.relative_spread < 0.1  # flat: no Fermi surface
    assert "10 carriers on 3x5" in str(result)
    direct = momentum_occupation(solved((3, 4), (2, 3), 2, particle_hole=False), [(0, 0)])
    through_missing = momentum_occupation(solved((3, 4), (2, 3), 2, particle_hole=True), [(0, 0)])
    np.testing.assert_allclose(direct.mean, through_missing.mean, atol=1e-8)


def test_fermi_sea_has_the_largest_spread(small_problem):
    problem = small_problem([2, 3], interaction=mo.ScreenedCoulomb(epsilon_r=1e14))
    spectrum = mo.solve_all_sectors(problem, (1, 2), 1, keep_vectors=True)
    row = int(np.argmin(spectrum.energies[:, 0]))
    result = momentum_occupation(spectrum, [(row, 0)])
    lowest = np.argsort(problem.one_body[0, :, 0])[:3]
    assert set(np.nonzero(result.mean > 0.5)[0]) == set(lowest)
    assert result.relative_spread == pytest.approx(1, abs=1e-9)


def test_quantum_weight_and_its_bounds():
    spectrum, problem = solved(((5, 1), (4, 5)), n_eigenstates=1), problem_on(((5, 1), (4, 5)))
    result = quantum_weight(structure_factor(spectrum, problem), problem)
    assert result.hall_bound == pytest.approx(2 / 3)
    assert result.value > result.hall_bound
    # Quartic terms of the fit: the remote part is known exactly from the metric.
    assert result.remote_fitted == pytest.approx(result.remote, rel=0.03)
    assert result.remote == pytest.approx(result.band_weight, rel=1e-3)
    assert result.remote > result.hall_bound
    assert 0 < result.within_band < 0.05 * result.value
    np.testing.assert_allclose(result.tensor, np.eye(2) * result.value / 2, atol=0.005)
    assert "bound nu |C| = 0.6667" in str(result)


def test_remote_weight_tends_to_the_metric():
    """The fit of the remote part approaches the quantum metric as the transfers become short."""
    errors = []
    for shape in ((3, 3), (6, 6), (12, 12)):
        problem = problem_on(shape)
        transfers = problem.form_factors.transfers
        n = problem.grid.n_points
        weight = (np.abs(problem.form_factors.values[0, :, :, 0, 0].sum(axis=2)) ** 2).sum(axis=1)
        full_band = mo.observables.StructureFactor(
            transfers,
            n,
            ((0, 0),),
            np.ones((1, n, 1, 1)),
            np.zeros((1, 1, transfers.size, 2, 2)),
            np.zeros((1, transfers.size)),
            weight[None],
            0,
            0,
        )
        result = quantum_weight(full_band, problem, 18)
        errors.append(abs(result.remote_fitted / result.remote - 1))
    assert errors[0] > 5 * errors[1] > 25 * errors[2]
    assert errors[2] < 1e-3


def test_figures(fci):
    result, _, spectrum = fci
    ax = plot.plot_structure_factor(result, Figure().subplots())
    assert len(ax.collections[0].get_array()) == result.transfers.size
    correlation = pair_correlation(result, side=12)
    ax = plot.plot_pair_correlation(correlation, Figure().subplots())
    assert ax.collections[0].get_array().max() == correlation.values.max()
    occupation = momentum_occupation(spectrum)
    ax = plot.plot_occupation(occupation, Figure().subplots())
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), occupation.mean)


def test_bad_input(fci):
    result, problem, spectrum = fci
    with pytest.raises(mo.InputError, match=r"`spectrum` must be solved with keep_vectors=True"):
        structure_factor(replace(spectrum, vectors=()), problem)
    with pytest.raises(mo.InputError, match=r"`spectrum` must be solved with keep_vectors=True"):
        momentum_occupation(replace(spectrum, vectors=()))
    with pytest.raises(mo.InputError, match=r"`problem` must have the cluster of the spectrum, 3x5 .* has 3x4"):
        structure_factor(spectrum, problem_on((3, 4)))
    with pytest.raises(
        mo.InputError, match=r"`problem` must have the carrier of the spectrum, hole, but has electron\."
    ):
        structure_factor(spectrum, problem_on((3, 5), carrier="electron"))
    twisted = mo.MomentumGrid(problem.grid.lattice, problem.grid.matrix, (0.1, 0.0))
    with pytest.raises(mo.InputError, match=r"`problem` must have .* at boundary phase \(0\.1, 0\.0\)"):
        structure_factor(replace(spectrum, species=Species(Orbitals(twisted))), problem)
    phases = np.exp(1j * np.arange(15))
    bands = replace(problem.bands, states=problem.bands.states * phases[:, None, None, None])
    other_gauge = mo.project(bands, problem.interaction, "hole", 3.0)
    with pytest.raises(mo.InputError, match=r"`problem` must be the one .* in the same gauge, but its energy .* off\."):
        structure_factor(spectrum, other_gauge)
    for side in (0, 2.5):
        with pytest.raises(mo.InputError, match=r"`side` must be an? (positive )?integer"):
            pair_correlation(result, side)
    with pytest.raises(mo.InputError, match=r"`n_transfers` must lie in 12\.\.\d+, but is 3\."):
        quantum_weight(result, problem, 3)
    with pytest.raises(mo.InputError, match=r"`problem` must have the cluster of the structure factor"):
        quantum_weight(result, problem_on((3, 4)))
