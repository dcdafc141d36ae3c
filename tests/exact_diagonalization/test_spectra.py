"""Exact diagonalization against published and independently computed numbers."""

import numba
import numpy as np
import pytest

import moire as mo
from moire.exact_diagonalization import MomentumSector, PairHamiltonian, SectorHamiltonian, solve_sector
from tests.reference import jordan_wigner


@pytest.fixture(scope="module")
def wang_problem(wang_3p7, coulomb):
    """Return a function shape -> problem at the cutoffs of the targets: 5 shells, |q| <= 4 |G_1|."""

    def build(shape, model=wang_3p7, boundary_phase=(0.0, 0.0)):
        grid = mo.MomentumGrid.cluster(model.lattice, shape, boundary_phase)
        return mo.project(mo.solve_bands(model, grid, n_bands=1), coulomb, "hole", q_cutoff=4.0)

    return build


@pytest.mark.parametrize("row", ["3x4 8 holes", "3x5 10 holes", "3x5 9 holes"])
def test_fractional_chern_insulators_at_3p7(targets, wang_problem, row):
    target = targets["ed"]["wang_3p7"][row]
    spectrum = mo.solve_all_sectors(wang_problem(target["shape"]), tuple(target["filling"]), n_eigenstates=4)
    assert all(spectrum.converged)
    assert spectrum.energy_per_carrier == pytest.approx(target["energy_per_hole"], abs=1e-5)
    manifold = spectrum.manifold
    assert [list(label) for label in manifold.momenta] == target["momenta"]
    assert manifold.splitting == pytest.approx(target["splitting"], abs=1e-4)  # digits printed
    assert manifold.gap == pytest.approx(target["gap"], abs=1e-3)
    assert manifold.is_signature
    assert manifold.verdict.startswith("FCI signature")
    assert np.nanmax(spectrum.residuals) < 1e-6


def test_luo_2025(targets, build_model):
    # 5 shells; |q| <= 2, 3, 4 |G_1| are 1e-2, 5e-6 and 3e-7 meV per hole off, 4 and 6 shells the same to 1e-7.
    model = build_model("REDDY_2023", 3.0)
    bands = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 3, 3), n_bands=1)
    energies = []
    for cutoff in (2.0, 3.0, 4.0):
        problem = mo.project(bands, mo.ScreenedCoulomb(epsilon_r=5, gates="none"), q_cutoff=cutoff)
        spectrum = mo.solve_all_sectors(problem, "-2/3")
        energies.append(spectrum.energy_per_carrier)
    target = targets["ed"]["luo_2025"]["energy_per_hole"]
    errors = np.abs(np.array(energies) - target)
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-6
    assert spectrum.energy_per_carrier == pytest.approx(-47.15, abs=0.01)  # as printed in the paper


def test_spectrum_against_the_full_fock_space(small_problem):
    problem = small_problem([2, 3])
    full = jordan_wigner.from_form_factors(problem)
    for filling, n in (((1, 3), 2), ((1, 2), 3), ((2, 3), 4)):
        lists = jordan_wigner.sector_states(problem.grid, n)
        spectra = [
            mo.solve_all_sectors(problem, filling, 3, settings=mo.SpectrumSettings(particle_hole=choice))
            for choice in (None, False, True)
        ]
        for row, label in enumerate(spectra[0].labels):
            words = lists[problem.grid.index_of(label)]
            expected = np.linalg.eigvalsh(full[words][:, words].toarray())[:3]
            for spectrum in spectra:
                np.testing.assert_allclose(spectrum.energies[row, : len(expected)], expected, atol=1e-9)
                assert np.isnan(spectrum.energies[row, len(expected) :]).all()
        assert spectra[0].transformed == (n > 3)


@pytest.mark.parametrize("storage", ["csr", "matrix-free"])
def test_iterative_solver_finds_what_the_dense_one_does(small_problem, storage):
    problem = small_problem([3, 5])
    pairs = PairHamiltonian.from_problem(problem)
    hamiltonian = SectorHamiltonian(pairs, MomentumSector(problem.orbitals, 6, 3), storage)
    assert hamiltonian.shape[0] > 300  # ARPACK, not the dense solver
    solution = solve_sector(hamiltonian, 4, settings=mo.EigensolverSettings(seed=5))
    exact = np.linalg.eigvalsh(hamiltonian.to_csr().toarray())[:4]
    np.testing.assert_allclose(solution.energies, exact, atol=1e-9)
    np.testing.assert_allclose(solution.vectors.conj() @ solution.vectors.T, np.eye(4), atol=1e-9)
    assert solution.converged
    assert solution.residuals.max() < 1e-6
    assert 32 <= solution.n_products < 250
    assert solution.stop_reason == "residual below tolerance"


def test_same_seed_same_bits_on_any_number_of_threads(small_problem):
    problem = small_problem([3, 5])
    label = [(0, 1)]
    runs = []
    for threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
        numba.set_num_threads(threads)
        runs.append(
            mo.solve_all_sectors(
                problem, (2, 5), 3, momenta=label, settings=mo.SpectrumSettings(seed=7), keep_vectors=True
            )
        )
    assert runs[0].dimensions[0] > 300
    np.testing.assert_array_equal(runs[0].energies, runs[1].energies)
    np.testing.assert_array_equal(runs[0].vectors[0], runs[1].vectors[0])
    other = mo.solve_all_sectors(
        problem, (2, 5), 3, momenta=label, settings=mo.SpectrumSettings(seed=8), keep_vectors=True
    )
    np.testing.assert_allclose(other.energies, runs[0].energies, atol=1e-9)
    assert not np.array_equal(other.vectors[0], runs[0].vectors[0])
    assert other.seed == 8


def test_order_of_the_sectors_does_not_matter(small_problem):
    problem, labels = small_problem([3, 5]), [(2, 1), (0, 0), (1, 3)]
    forward = mo.solve_all_sectors(problem, (2, 5), 2, momenta=labels)
    backward = mo.solve_all_sectors(problem, (2, 5), 2, momenta=labels[::-1])
    alone = mo.solve_all_sectors(problem, (2, 5), 2, momenta=[(0, 0)])
    np.testing.assert_array_equal(forward.energies, backward.energies[::-1])
    np.testing.assert_array_equal(forward.energies[1], alone.energies[0])
    assert forward.labels == tuple(labels)


def test_interaction_off_gives_filled_levels(small_problem):
    problem = small_problem([2, 3], interaction=mo.ScreenedCoulomb(epsilon_r=1e14))
    spectrum = mo.solve_all_sectors(problem, (1, 2), 20)
    levels = problem.one_body[0, :, 0]
    words = [w for w in range(64) if w.bit_count() == 3]
    expected = sorted(sum(levels[k] for k in range(6) if w >> k & 1) for w in words)
    found = np.sort(spectrum.energies[np.isfinite(spectrum.energies)])
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_valleys_at_opposite_boundary_twists(build_model, layered_coulomb):
    # H_K'(k) = H_K(-k)^*: the many-body spectra of K at phi and of K' at -phi are the same, sector K_tot and -K_tot.
    # The two grids fold into the zone differently, so that it is exact up to the disk of plane waves.
    errors = []
    for shells in (3, 5):
        spectra = []
        for valley in (+1, -1):
            model = build_model("WANG_2023", 3.7, shells=shells, valley=valley, displacement_mev=5.0)
            grid = mo.MomentumGrid.regular(model.lattice, 2, 3, boundary_phase=(0.3 * valley, 0.1 * valley))
            problem = mo.project(mo.solve_bands(model, grid, n_bands=1), layered_coulomb, q_cutoff=2.0)
            spectra.append(mo.solve_all_sectors(problem, (2, 3), 2).energies)
        errors.append(np.abs(spectra[1][grid.difference_index[0]] - spectra[0]).max())
    assert errors[1] < 0.1 * errors[0]
    assert errors[1] < 1e-3
    assert np.abs(spectra[1] - spectra[0]).max() > 0.05  # the sectors do change place


def test_one_carrier_has_no_interaction(small_problem):
    problem = small_problem([1, 5])
    spectrum = mo.solve_all_sectors(problem, (1, 5), 1)
    np.testing.assert_allclose(spectrum.energies[:, 0], problem.one_body[0, :, 0], atol=1e-10)


def test_report_and_arrays(small_problem):
    spectrum = mo.solve_all_sectors(small_problem([3, 4]), (2, 3), 2)
    text = str(spectrum)
    for word in ("missing carriers", "8 holes on 12 cells", "12 of 12", "E0 per carrier", "splitting", "degeneracy"):
        assert word in text
    assert spectrum.ground_energy == np.nanmin(spectrum.energies)
    assert spectrum.energy_per_carrier == spectrum.ground_energy / 8
    assert len(spectrum.table().splitlines()) == 1 + 24
    for array in (spectrum.energies, spectrum.residuals, spectrum.momenta, spectrum.dimensions, spectrum.n_products):
        assert not array.flags.writeable
