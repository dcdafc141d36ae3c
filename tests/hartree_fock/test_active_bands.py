"""Exact diagonalization in a Hartree-Fock band: determinants cost the same on both sides."""

import dataclasses
import itertools

import numpy as np
import pytest

import moire as mo
from moire import exact_diagonalization as ed
from moire import hartree_fock as hf


def project_valleys(build_model, rule, carrier="hole", n_bands=2, reference="vacuum"):
    models = [build_model("WANG_2023", 3.7, shells=2, valley=valley, displacement_mev=10.0) for valley in (1, -1)]
    grid = mo.MomentumGrid.cluster(models[0].lattice, (2, 3), (0.2, 0.6))
    interaction = mo.ScreenedCoulomb(epsilon_r=10.0, gate_distance_nm=30, layer_distance_nm=0.7)
    return mo.project(mo.solve_bands(models, grid, n_bands), interaction, carrier, 2.0, rule, reference)


def diagonal_element(problem, word):
    """<word|H|word> of a one-band problem."""
    momentum = 0
    for k in range(6):
        if word >> k & 1:
            momentum = problem.grid.sum_index[momentum, k]
    sector = ed.MomentumSector(problem.orbitals, word.bit_count(), int(momentum))
    row = int(sector.rank(np.array([word], dtype=np.uint64))[0])
    return ed.SectorHamiltonian(ed.PairHamiltonian.from_problem(problem), sector).to_csr().toarray()[row, row].real


@pytest.mark.parametrize("carrier", ["hole", "electron"])
@pytest.mark.parametrize(
    ("rule", "reference"), [("drop", "vacuum"), ("keep", "vacuum"), ("exchange", "vacuum"), ("exchange", "average")]
)
def test_determinants_have_the_energy_of_hartree_fock(build_model, rule, carrier, reference):
    problem = project_valleys(build_model, rule, carrier, reference=reference)
    mean_field = hf.MeanField(problem)
    state = hf.solve_hartree_fock(mean_field, 2, "non_magnetic", symmetry="valley_diagonal")
    active = hf.active_bands(state, [1], [0], mean_field)
    assert active.n_frozen == 6
    own = problem.on_bands(active.bands, reference="vacuum")
    frozen = state.density_matrix.copy()
    states = problem.bands.states[1], active.bands.states[0, :, 0]
    phi = np.einsum("kmlg,klg->km", states[0].conj(), states[1])
    phi = phi.conj() if carrier == "hole" else phi
    band = phi[:, :, None] * phi[:, None, :].conj()
    frozen[:, 2:, 2:] = 0
    for word in (0b000001, 0b010011, 0b111111):
        occupied = np.array([word >> k & 1 for k in range(6)])
        density = frozen.copy()
        density[:, 2:, 2:] = occupied[:, None, None] * band
        exact = diagonal_element(own, word) + 6 * active.frozen_energy_per_cell
        assert mean_field.energy(density) == pytest.approx(exact, rel=1e-11)
    # with the band full this is the Hartree-Fock state itself
    assert exact / 6 == pytest.approx(state.energy_per_cell, rel=1e-8)
    assert np.abs(active.bands.energies - state.bands.energies[:, :, :1]).max() > 1


def test_correlation_lowers_the_energy_in_the_band(build_model):
    state = hf.solve_hartree_fock(project_valleys(build_model, "exchange"), 1, "valley_polarised")
    active = hf.active_bands(state)
    assert active.n_frozen == 0
    assert active.frozen_energy_per_cell == pytest.approx(0, abs=1e-12)
    own = state.problem.on_bands(active.bands, reference="vacuum")
    full = mo.solve_all_sectors(own, (6, 6), 1).ground_energy
    assert full / 6 == pytest.approx(state.energy_per_cell, rel=1e-9)
    # more freedom than the bare band gives a lower energy of the full band
    bare = mo.solve_bands(state.problem.bands.models[0], state.problem.grid, 1)
    plain = state.problem.on_bands(bare)
    assert full < mo.solve_all_sectors(plain, (6, 6), 1).ground_energy - 0.01


def test_the_hartree_fock_state_has_its_energy_in_several_active_bands(build_model):
    state = hf.solve_hartree_fock(project_valleys(build_model, "exchange", n_bands=3), 1, "valley_polarised")
    flavour = int(state.moments.valley_polarisation < 0)
    active = hf.active_bands(state, [flavour], [0, 1])
    assert active.n_frozen == 0
    own = state.problem.on_bands(active.bands, reference="vacuum")
    # the filled band at each k in the active bands, c_a(k), and the determinant as a vector over Fock states
    filled = hf.quasiparticles.valley_bands(state.problem, state.occupation, flavour).states[0, :, 0]
    c = np.einsum("kalg,klg->ka", active.bands.states[0].conj(), filled).conj()  # of holes
    np.testing.assert_allclose(np.linalg.norm(c, axis=1), 1, atol=1e-9)
    assert np.abs(c[:, 1]).max() > 1e-3
    total = int(own.grid.index_of((own.grid.labels.sum(axis=0) % np.array(own.grid.moduli)).tolist()))
    sector = ed.MomentumSector(own.orbitals, 6, total)
    vector = np.zeros(sector.dimension, dtype=complex)
    for choice in itertools.product((0, 1), repeat=6):
        order = [band * 6 + k for k, band in enumerate(choice)]
        sign = (-1) ** sum(order[i] > order[j] for i in range(6) for j in range(i + 1, 6))
        word = np.array([sum(1 << orbital for orbital in order)], dtype=np.uint64)
        vector[sector.rank(word)[0]] = sign * np.prod([c[k, band] for k, band in enumerate(choice)])
    matrix = ed.SectorHamiltonian(ed.PairHamiltonian.from_problem(own), sector).to_csr()
    assert np.vdot(vector, matrix @ vector).real / 6 == pytest.approx(state.energy_per_cell, rel=1e-9)
    correlated = mo.solve_all_sectors(own, "-1", 1)
    assert correlated.ground_energy / 6 <= state.energy_per_cell + 1e-9


def test_both_valleys_in_hartree_fock_bands(build_model):
    state = hf.solve_hartree_fock(project_valleys(build_model, "exchange"), 1, "valley_polarised")
    active = hf.active_bands(state, [0, 1], [0])
    own = state.problem.on_bands(active.bands, reference="vacuum")
    spectrum = mo.solve_all_sectors(own, "-1", 1, polarisation="all")
    assert spectrum.ground_energy / 6 <= state.energy_per_cell + 1e-9
    assert str(active).startswith("bands 0 of flavours 0, 1, widths ")


def test_bad_input(build_model):
    problem = project_valleys(build_model, "exchange")
    mean_field = hf.MeanField(problem)
    state = hf.solve_hartree_fock(mean_field, 1, "valley_polarised")
    with pytest.raises(mo.InputError, match=r"`bands` must be distinct numbers in 0\.\.1, but is \[0, 2\]"):
        hf.active_bands(state, [0], [0, 2], mean_field)
    with pytest.raises(mo.InputError, match=r"`flavours` must be distinct numbers in 0\.\.1"):
        hf.active_bands(state, [1, 1], [0], mean_field)
    mixed = hf.solve_hartree_fock(project_valleys(build_model, "exchange", "electron"), 2, "AFMxy")
    assert mixed.moments.coherence > 0.1
    with pytest.raises(mo.InputError, match="`result` must not mix the valleys"):
        hf.active_bands(mixed)


def test_a_metal_and_a_state_that_did_not_converge_are_no_background(build_model):
    problem = project_valleys(build_model, "exchange")
    metal = hf.solve_hartree_fock(problem, "-1/2", "valley_polarised", symmetry="valley_diagonal")
    with pytest.raises(mo.InputError, match="`result` must be an insulator, but (has a gap of -|fills some bands in part)"):
        hf.active_bands(dataclasses.replace(metal, converged=True))
    state = hf.solve_hartree_fock(problem, 1, "valley_polarised")
    with pytest.raises(mo.InputError, match="`result` must be converged, but stopped at a residual of "):
        hf.active_bands(dataclasses.replace(state, converged=False))
