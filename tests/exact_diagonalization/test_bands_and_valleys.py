"""Spectra of several bands and of both valleys: limits that are known, orders that must hold, published energies."""

from math import comb

import numpy as np
import pytest

import moire as mo
from moire.exact_diagonalization import PairHamiltonian, SectorHamiltonian
from moire.exact_diagonalization.sectors import MomentumSector
from moire.parameters import REDDY_2023, WANG_2023

LATTICE = mo.MoireLattice.from_twist(3.7, WANG_2023.lattice_constant_nm)


def problem(shape=(2, 3), n_bands=1, valleys=(+1, -1), displacement=0.0, boundary_phase=(0.0, 0.0), shells=6):
    basis = mo.PlaneWaveBasis(LATTICE, shells)
    models = [mo.ContinuumModel(WANG_2023, basis, valley, displacement) for valley in valleys]
    bands = mo.solve_bands(models, mo.MomentumGrid.cluster(LATTICE, shape, boundary_phase), n_bands)
    return mo.project(bands, mo.ScreenedCoulomb(epsilon_r=10), q_cutoff=2)


def levels(spectrum, polarisation):
    """All levels of one polarisation, ascending."""
    rows = np.asarray(spectrum.polarisation) == polarisation
    found = spectrum.energies[rows]
    return np.sort(found[np.isfinite(found)])


@pytest.fixture(scope="module")
def reddy():
    """Spectrum at 3.0 degrees on 3x3, eps = 5, no gates, q = 0 dropped, 6 shells, |q| <= 8 |G_1|."""
    lattice = mo.MoireLattice.from_twist(3.0, REDDY_2023.lattice_constant_nm)
    model = mo.ContinuumModel(REDDY_2023, mo.PlaneWaveBasis(lattice, 6))
    coulomb = mo.ScreenedCoulomb(epsilon_r=5, gates="none")

    def solve(n_bands, filling, n_eigenstates=2):
        bands = mo.solve_bands(model, mo.MomentumGrid.regular(lattice, 3, 3), n_bands)
        return mo.solve_all_sectors(mo.project(bands, coulomb, "hole", 8.0, "drop"), filling, n_eigenstates)

    return solve


@pytest.mark.parametrize(
    ("n_bands", "filling", "per_hole"),
    [
        (1, "-2/3", -47.1561),  # arXiv:2503.13585: -47.15
        pytest.param(2, "-2/3", -50.0774, marks=pytest.mark.slow),  # -50.06
        (1, "-1/3", -36.32959),
        (2, "-1/3", -37.11580),
        pytest.param(3, "-1/3", -37.35179, marks=pytest.mark.slow),
    ],
)
def test_published_energies_of_several_bands(reddy, n_bands, filling, per_hole):
    spectrum = reddy(n_bands, filling)
    assert all(spectrum.converged)
    assert spectrum.energy_per_carrier == pytest.approx(per_hole, abs=6e-5 if filling == "-2/3" else 6e-6)
    assert spectrum.dimensions.sum() == comb(9 * n_bands, spectrum.n_particles)


def test_there_is_no_manifold_where_other_states_are_lower(reddy):
    spectrum = reddy(1, "-2/3", 3)
    assert spectrum.manifold.decision.answer is False
    assert "a state outside the 3 predicted at (0, 0) x3 lies lower" in spectrum.manifold.verdict
    above = {label: spectrum.energies[row] - spectrum.ground_energy for row, label in enumerate(spectrum.labels)}
    assert above[0, 0][2] == pytest.approx(9.99, abs=0.005)  # the third state at Gamma
    assert above[1, 1][0] == above[2, 2][0] == pytest.approx(4.24, abs=0.005)  # K and K'


def test_more_bands_never_raise_the_energy(reddy):
    energies = [reddy(n_bands, "-1/3").ground_energy for n_bands in (1, 2)]
    assert energies[1] < energies[0]


def test_all_carriers_in_one_valley_are_the_problem_of_that_valley():
    both = mo.solve_all_sectors(problem(), "-2/3", 2, polarisation="all")
    for valley, polarisation in ((+1, 4), (-1, -4)):
        alone = mo.solve_all_sectors(problem(valleys=(valley,)), "-2/3", 2)
        rows = np.asarray(both.polarisation) == polarisation
        np.testing.assert_allclose(both.energies[rows], alone.energies, atol=1e-10)


def test_every_state_of_the_cluster_is_in_one_sector():
    spectrum = mo.solve_all_sectors(problem(), "-2/3", 1, polarisation="all")
    assert spectrum.dimensions.sum() == comb(12, 4)
    assert spectrum.sum_rule == "S_z = 2: 15, S_z = 1: 120, S_z = 0: 225, S_z = -1: 120, S_z = -2: 15"


@pytest.mark.parametrize("displacement", [0.0, 6.0])
def test_time_reversal_relates_opposite_polarisations(displacement):
    given = problem(displacement=displacement)
    related = mo.solve_all_sectors(given, "-2/3", 3, polarisation="all", keep_vectors=True)
    solved = mo.solve_all_sectors(
        given, "-2/3", 3, polarisation="all", settings=mo.SpectrumSettings(use_symmetry=False)
    )
    assert related.reverses_time
    assert not solved.reverses_time
    np.testing.assert_allclose(related.energies, solved.energies, atol=1e-8)
    np.testing.assert_allclose(levels(solved, 2), levels(solved, -2), atol=1e-8)
    pairs = PairHamiltonian.from_problem(given)
    n_mapped = 0
    for row, vectors in enumerate(related.vectors):  # mapped vectors are eigenvectors
        sector = MomentumSector(given.orbitals, related.numbers(row), given.grid.index_of(related.labels[row]))
        matrix = SectorHamiltonian(pairs, sector).to_csr()
        for energy, vector in zip(related.energies[row], vectors, strict=False):
            assert np.linalg.norm(matrix @ vector - (energy - pairs.constant) * vector) < 1e-6
            n_mapped += "time-reversed" in related.stop_reason[row]
    assert n_mapped > 20


def test_only_polarisations_that_time_reversal_does_not_relate_are_solved_by_default():
    spectrum = mo.solve_all_sectors(problem(), "-1/2", 1)
    assert sorted(set(spectrum.polarisation.tolist())) == [1, 3]
    assert "S_z < 0  left out: time reversal gives their energies, to" in str(spectrum)
    coarse = mo.solve_all_sectors(problem(shells=4), "-1/2", 1)  # time reversal holds to 7e-3 meV, not to 1e-6
    assert not coarse.reverses_time
    assert coarse.reversal_mev < 0.01
    assert sorted(set(coarse.polarisation.tolist())) == [1, 3]
    twisted = mo.solve_all_sectors(problem(boundary_phase=(0.2, 0.1)), "-1/2", 1)  # a flux breaks time reversal
    assert sorted(set(twisted.polarisation.tolist())) == [-3, -1, 1, 3]


def test_valleys_with_the_same_form_factors_form_multiplets():
    spectrum = mo.solve_all_sectors(problem(valleys=(+1, +1)), "-1/2", 20, polarisation="all")
    polarised, other = levels(spectrum, 3), levels(spectrum, 1)
    np.testing.assert_allclose(levels(spectrum, -1), other, atol=1e-8)
    distance = np.abs(polarised[:, None] - other[None]).min(axis=1)
    np.testing.assert_allclose(distance, 0, atol=1e-8)  # S = 3/2 has a copy at S_z = 1/2
    assert len(other) == 90 > len(polarised) == 20


def test_missing_carriers_of_both_valleys_give_the_same_levels():
    given = problem()
    few, many = (
        mo.solve_all_sectors(given, "-4/3", 2, settings=mo.SpectrumSettings(particle_hole=choice))
        for choice in (True, False)
    )
    assert few.n_particles == 4
    assert many.n_particles == 8
    np.testing.assert_allclose(few.energies, many.energies, atol=1e-8)


def test_bands_of_both_valleys_mix():
    one, two = (
        mo.solve_all_sectors(problem((2, 2), n_bands), "-1/2", 1, polarisation=0).ground_energy for n_bands in (1, 2)
    )
    assert two < one


def test_the_polarisation_is_printed():
    text = str(mo.solve_all_sectors(problem(), "-1/2", 1))
    assert " S_z " in text
    assert " 3/2 " in text
    assert "and time reversal (H invariant to" in text


@pytest.mark.parametrize(
    ("polarisation", "sentence"),
    [
        (1, "`polarisation` must be an even number in -4..4 for 4 carriers, but is 1."),
        ([0, 6], "`polarisation` must be an even number in -4..4 for 4 carriers, but is 6."),
        ("up", "`polarisation` must be numbers N_K - N_K' or 'all', but is 'up'."),
        ([], "`polarisation` must name at least one value, but is empty."),
    ],
)
def test_a_polarisation_that_cannot_be(polarisation, sentence):
    with pytest.raises(mo.InputError) as caught:
        mo.solve_all_sectors(problem(), "-2/3", 1, polarisation=polarisation)
    assert str(caught.value) == sentence
