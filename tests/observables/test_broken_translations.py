"""Self-consistent states of enlarged cells and boosted valleys, their order parameters, bands and names."""

import numpy as np
import pytest

import moire as mo
from moire import hartree_fock as hf
from moire.observables import identify_phase


@pytest.fixture(scope="module")
def build(build_model):
    """Return a function (D, eps) -> WANG_2023 at 3.89 degrees on 6x6, two bands per valley."""

    def build(displacement_mev=0.0, epsilon_r=20.0, n_bands=2, valleys=(1, -1)):
        models = [
            build_model("WANG_2023", 3.89, shells=3, valley=v, displacement_mev=displacement_mev) for v in valleys
        ]
        bands = mo.solve_bands(models, mo.MomentumGrid.regular(models[0].lattice, 6, 6), n_bands)
        coulomb = mo.ScreenedCoulomb(epsilon_r=epsilon_r, gate_distance_nm=30, layer_distance_nm=0.7)
        return mo.project(bands, coulomb, "hole", 2.0, "exchange")

    return build


@pytest.fixture(scope="module")
def in_field(build):
    return build(60.0)


@pytest.mark.parametrize("supercell", ["sqrt3", [[1, 0], [0, 2]]], ids=str)
def test_an_enlarged_cell_never_costs_energy(in_field, supercell):
    folded = hf.MeanField(in_field, supercell)
    for guess in ("valley_polarised", "AFMxy"):
        unit = hf.solve_hartree_fock(in_field, 1, guess)
        large = hf.solve_hartree_fock(folded, 1, folded.fold(unit.density_matrix))
        assert large.converged
        assert large.energy_per_cell <= unit.energy_per_cell + 1e-8
        # at one hole per cell these insulators do not break the translations: the same state in the larger cell
        assert large.energy_per_cell == pytest.approx(unit.energy_per_cell, abs=1e-7)
        assert large.gap == pytest.approx(unit.gap, abs=1e-4)
        assert large.moments.coherence == pytest.approx(unit.moments.coherence, abs=1e-5)
        assert large.moments.broken_translation == pytest.approx(0, abs=1e-8)
        assert large.moments.layer_polarisation == pytest.approx(unit.moments.layer_polarisation, abs=1e-6)
        np.testing.assert_allclose(np.abs(large.moments.in_plane), np.abs(unit.moments.in_plane), rtol=0.02, atol=1e-6)


def test_spirals_are_named_by_their_wave_vector(in_field):
    state = hf.solve_hartree_fock(hf.MeanField(in_field, boost="+Q"), 1, "120_degree")
    phase = identify_phase(state)
    assert phase.name == "120-degree AFM"
    assert "kappa_+ - kappa_-" in phase.rule
    assert state.moments.coherence > 0.9
    # the same state in the enlarged cell, where its order sits at one wave vector
    large = hf.solve_hartree_fock(hf.MeanField(in_field, "sqrt3"), 1, "120_degree")
    assert identify_phase(large).name == "120-degree AFM"
    assert identify_phase(large).chern.rounded == phase.chern.rounded
    assert (large.moments.coherences > 1e-6).sum() == 1
    assert large.energy_per_cell == pytest.approx(state.energy_per_cell, abs=1e-7)
    assert large.gap == pytest.approx(state.gap, abs=1e-4)
    np.testing.assert_allclose(np.abs(large.moments.in_plane), np.abs(state.moments.in_plane), rtol=0.02)
    # a spiral costs energy against the uniform order of equal labels
    uniform = hf.solve_hartree_fock(in_field, 1, "AFMxy")
    assert state.energy_per_cell > uniform.energy_per_cell + 0.01
    spiral = hf.solve_hartree_fock(hf.MeanField(in_field, boost=(3, 0)), 1, "spiral")
    assert identify_phase(spiral).name == "spiral IVC"


def test_without_intervalley_order_a_boost_changes_nothing(in_field):
    options = {"filling": 1, "guess": "AFMz", "symmetry": "valley_diagonal"}
    unit = hf.solve_hartree_fock(in_field, **options)
    for boost in ("+Q", "-Q", (1, 2)):
        state = hf.solve_hartree_fock(hf.MeanField(in_field, boost=boost), **options)
        assert state.energy_per_cell == pytest.approx(unit.energy_per_cell, abs=1e-8)
        assert state.gap == pytest.approx(unit.gap, abs=1e-5)
        np.testing.assert_allclose(state.moments.occupations, unit.moments.occupations, atol=1e-6)
        assert identify_phase(state).name == identify_phase(unit).name


def test_bands_of_an_enlarged_cell_have_the_chern_number_of_the_unit_cell(build):
    problem = build()
    unit = hf.solve_hartree_fock(problem, 1, "valley_polarised")
    expected = identify_phase(unit)
    assert abs(expected.chern.rounded) == 1
    for supercell in ("sqrt3", [[1, 0], [0, 2]], [[2, 0], [0, 1]]):
        folded = hf.MeanField(problem, supercell)
        state = hf.solve_hartree_fock(folded, 1, folded.fold(unit.density_matrix))
        phase = identify_phase(state)
        assert phase.name == expected.name == "QAH"
        assert phase.chern.rounded == expected.chern.rounded
        assert phase.chern.flux.sum() == pytest.approx(expected.chern.flux.sum(), abs=1e-9)
        bands = state.bands
        n = folded.orbitals.dimension
        assert bands.energies.shape == (1, bands.grid.n_points, n)
        overlaps = np.einsum("fknlg,fkmlg->knm", bands.states.conj(), bands.states)
        # states sewn to the true momenta lose the waves that leave the disk, 2e-3 in the second band with 3 shells
        np.testing.assert_allclose(overlaps, np.broadcast_to(np.eye(n), overlaps.shape), atol=5e-3)
        # sewing forth and back returns every coefficient that stays in the disk
        sewn = bands.models[0].sew(bands.models[0].sew(bands.states, np.array([1, -1])), np.array([-1, 1]))
        kept = sewn != 0
        np.testing.assert_array_equal(sewn[kept], bands.states[kept])
        assert kept.sum() > 0.5 * (bands.states != 0).sum()


def test_charge_order_at_a_third(build):
    # one flavour, one band in a field: a generalised Wigner crystal on one of three sites
    problem = build(60.0, epsilon_r=8.0, n_bands=1, valleys=(1,))
    state = hf.solve_hartree_fock(hf.MeanField(problem, "sqrt3"), "1/3", "charge_order")
    unit = hf.ground_state(problem, "1/3", ("non_magnetic", "random")).best
    assert state.converged
    assert state.energy_per_cell < unit.energy_per_cell - 1
    phase = identify_phase(state)
    assert phase.name == "CDW"
    assert state.gap > 5
    assert state.moments.broken_translation > 0.1
    assert state.moments.charge_modulation > 0.1
    real_space = hf.real_space_map(problem, state.density_matrix, 36, state.folding)
    lattice = state.folding.reduced_grid.lattice
    assert real_space.layers.sum(axis=0).mean() * lattice.cell_area_nm2 == pytest.approx(
        1, rel=1e-6
    )  # one hole per enlarged cell
    assert "broken translation" in str(state)
    assert "cell" in str(state)


@pytest.mark.parametrize(
    ("supercell", "filling", "name", "charge"),
    [([[1, 0], [0, 2]], "1/2", "stripe", 0.5), ([[2, 0], [0, 2]], "1/4", "CDW", 0.5), ("sqrt3", "2/3", "CDW", 0.4)],
)
def test_density_waves_are_named_by_their_wave_vectors(build, supercell, filling, name, charge):
    problem = build(60.0, epsilon_r=8.0, n_bands=1, valleys=(1,))
    state = hf.solve_hartree_fock(hf.MeanField(problem, supercell), filling, "charge_order")
    assert state.converged
    assert identify_phase(state).name == name
    assert state.moments.charge_modulation > charge
    assert state.gap > 10


def test_alternating_valleys_with_a_uniform_charge(in_field):
    state = hf.solve_hartree_fock(hf.MeanField(in_field, [[1, 0], [0, 2]]), 1, "stripe")
    assert identify_phase(state).name == "SDW"
    assert state.moments.broken_translation > 0.4
    assert state.moments.charge_modulation < 0.02
    assert state.moments.valley_polarisation == pytest.approx(0, abs=1e-6)
    real_space = hf.real_space_map(in_field, state.density_matrix, 24, state.folding)
    assert np.abs(real_space.out_of_plane).max() > 0.5 * real_space.layers.max()


def test_random_states_of_enlarged_cells_conserve_what_they_should(in_field):
    folded = hf.MeanField(in_field, "sqrt3")
    state = hf.solve_hartree_fock(folded, 1, "random")
    assert state.converged
    p = state.density_matrix
    np.testing.assert_allclose(p @ p, p, atol=1e-10)
    assert np.einsum("kii->", p).real == pytest.approx(36, abs=1e-9)
    diagonal = hf.solve_hartree_fock(folded, 1, "random", symmetry="valley_diagonal")
    assert diagonal.moments.coherence == 0
    assert diagonal.energy_per_cell >= state.energy_per_cell - 1e-6
    assert state.moments.modulations.sum() + state.moments.coherence / 2 == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    ("options", "guess", "match"),
    [
        ({}, "charge_order", "`guess` must be possible in the moire cell, but 'charge_order' needs an enlarged one"),
        ({}, "spiral", "`guess` must be possible .* but 'spiral' needs an enlarged one or a boost"),
        (
            {"supercell": [[1, 0], [0, 2]]},
            "120_degree",
            "`guess` must be possible in the cell and boost given, but '120_degree' needs Q",
        ),
        ({"boost": "+Q"}, "AFMxy", "`guess` must be 'spiral'"),
    ],
)
def test_impossible_guesses(in_field, options, guess, match):
    with pytest.raises(mo.InputError, match=match):
        hf.solve_hartree_fock(hf.MeanField(in_field, **options), 1, guess)
