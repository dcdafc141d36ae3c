"""Exact diagonalization in a Hartree-Fock band: determinants cost the same on both sides."""

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
    active = hf.active_band(state, 1, 0, mean_field)
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
    active = hf.active_band(state, 0, 0)
    assert active.n_frozen == 0
    assert active.frozen_energy_per_cell == pytest.approx(0, abs=1e-12)
    own = state.problem.on_bands(active.bands, reference="vacuum")
    full = mo.solve_all_sectors(own, (6, 6), 1).ground_energy
    assert full / 6 == pytest.approx(state.energy_per_cell, rel=1e-9)
    # more freedom than the bare band gives a lower energy of the full band
    bare = mo.solve_bands(state.problem.bands.models[0], state.problem.grid, 1)
    plain = state.problem.on_bands(bare)
    assert full < mo.solve_all_sectors(plain, (6, 6), 1).ground_energy - 0.01


def test_bad_input(build_model):
    problem = project_valleys(build_model, "exchange")
    mean_field = hf.MeanField(problem)
    state = hf.solve_hartree_fock(mean_field, 1, "valley_polarised")
    with pytest.raises(mo.InputError, match=r"`band` must lie in 0\.\.1"):
        hf.active_band(state, 0, 2, mean_field)
    with pytest.raises(mo.InputError, match=r"`flavour` must lie in 0\.\.1"):
        hf.active_band(state, 2, 0, mean_field)
    mixed = hf.solve_hartree_fock(project_valleys(build_model, "exchange", "electron"), 2, "AFMxy")
    assert mixed.moments.coherence > 0.1
    with pytest.raises(mo.InputError, match="`result` must not mix the valleys"):
        hf.active_band(mixed, 0, 0)
