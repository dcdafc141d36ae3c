"""Enlarged cells and boosts: the folded problem against the one of the unit cell, and against exact diagonalization."""

import numpy as np
import pytest

import moire as mo
from moire import exact_diagonalization as ed
from moire.hartree_fock import MeanField, occupy
from moire.hartree_fock.mean_field import overlap
from moire.orbitals import Orbitals

STRIPE = [[1, 0], [0, 2]]


@pytest.fixture(scope="module")
def problem(build_model, layered_coulomb):
    """Two valleys, two bands, 3x6 with a boundary phase, layers and D."""
    models = [build_model("WANG_2023", 3.89, shells=2, valley=valley, displacement_mev=5.0) for valley in (1, -1)]
    grid = mo.MomentumGrid.regular(models[0].lattice, 3, 6, boundary_phase=(0.1, 0.3))
    return mo.project(mo.solve_bands(models, grid, 2), layered_coulomb, "hole", 1.6, "exchange")


@pytest.fixture(scope="module")
def unit_cell(problem):
    return MeanField(problem)


@pytest.fixture(scope="module", params=["sqrt3", STRIPE, [[1, 1], [0, 3]], [[3, 0], [0, 1]]], ids=str)
def folded(problem, request):
    return MeanField(problem, request.param)


def random_density(mean_field, seed, n_particles):
    generator = np.random.default_rng(seed)
    real, imag = generator.standard_normal((2, *mean_field.shape))
    matrix = real + 1j * imag
    return occupy(matrix + matrix.conj().swapaxes(1, 2), n_particles).density_matrix


def test_momenta_of_the_folds(folded):
    folding, grid = folded.folding, folded.problem.grid
    assert sorted(folding.index[0].ravel()) == list(range(18))
    assert folding.n_folds * folding.reduced_grid.n_points == 18
    assert folding.reduced_grid.lattice.cell_area_nm2 == pytest.approx(folding.n_folds * grid.lattice.cell_area_nm2)
    assert folding.reduced_grid.lattice.zone_area > 0
    # k_r + R_a by its Cartesian momentum, boundary phase included
    true = folding.reduced_grid.points[:, None] + folding.vectors @ grid.lattice.reciprocal
    found = grid.points[folding.index[0]] + folding.umklapps[0] @ grid.lattice.reciprocal
    np.testing.assert_allclose(found, true, atol=1e-12)


def test_a_translation_invariant_state_keeps_its_energy_fock_matrix_and_spectrum(unit_cell, folded):
    density_matrix = random_density(unit_cell, 1, 36)
    fock, large = unit_cell(density_matrix), folded(folded.fold(density_matrix))
    np.testing.assert_allclose(large, folded.fold(fock), atol=1e-10)
    assert folded.energy(folded.fold(density_matrix)) == pytest.approx(unit_cell.energy(density_matrix), rel=1e-12)
    np.testing.assert_allclose(
        np.sort(np.linalg.eigvalsh(large), axis=None), np.sort(np.linalg.eigvalsh(fock), axis=None), atol=1e-9
    )
    parts, expected = folded.energy_parts(folded.fold(density_matrix)), unit_cell.energy_parts(density_matrix)
    assert (parts.hartree, parts.fock) == pytest.approx((expected.hartree, expected.fock), rel=1e-11)


def test_fock_is_the_derivative_of_the_energy(folded):
    density_matrix, direction = (random_density(folded, seed, 36) for seed in (2, 3))
    step = 0.1  # the energy is quadratic in P
    slope = folded.energy(density_matrix + step * direction) - folded.energy(density_matrix - step * direction)
    fock = folded(density_matrix)
    np.testing.assert_allclose(fock, fock.conj().swapaxes(1, 2), atol=1e-12)
    assert slope / (2 * step) == pytest.approx(overlap(fock, direction), rel=1e-11)
    assert folded.energy_parts(density_matrix).total * 18 == pytest.approx(folded.energy(density_matrix), rel=1e-12)
    # folds do mix: the part between them is not small
    n_b, n_a = 2, folded.folding.n_folds
    assert np.abs(folded.hartree(density_matrix)[:, :n_b, n_b : n_a * n_b]).max() > 0.1
    assert np.abs(folded.fock(density_matrix)[:, :n_b, n_b : n_a * n_b]).max() > 0.1


def test_without_memory_a_folded_exchange_is_the_same(folded, monkeypatch):
    monkeypatch.setattr("moire.hartree_fock.exchange.fits_in_memory", lambda n_bytes: False)
    streamed = MeanField(folded.problem, folded.supercell)
    density_matrix = random_density(folded, 4, 36)
    np.testing.assert_allclose(streamed(density_matrix), folded(density_matrix), atol=1e-10)


@pytest.mark.parametrize(("boost", "sign"), [("+Q", 1), ("-Q", -1)])
def test_a_boost_is_a_block_of_the_folded_problem(problem, boost, sign):
    boosted, folded = MeanField(problem, boost=boost), MeanField(problem, "sqrt3")
    density_matrix = random_density(boosted, 5, 36)
    fock = boosted(density_matrix)
    shift = boosted.folding.shifts[1]
    difference = (problem.grid.fractional[shift] - sign * np.array([1, -2]) / 3) % 1
    assert np.abs(difference - np.round(difference)).max() < 1e-12

    def embed(matrix):
        """Orbitals K at k and K' at k + Q of the folded problem."""
        large = np.zeros(folded.shape, dtype=complex)
        small, index = matrix.reshape(18, 2, 2, 2, 2), folded.folding.index[0]
        view = large.reshape(6, 2, 3, 2, 2, 3, 2)
        for r in range(6):
            for a in range(3):
                for b in range(3):
                    if index[r, b] == index[r, a]:
                        view[r, 0, a, :, 0, b] = small[index[r, a], 0, :, 0]
                    if index[r, b] == problem.grid.sum_index[index[r, a], shift]:
                        view[r, 0, a, :, 1, b] = small[index[r, a], 0, :, 1]
                        view[r, 1, b, :, 0, a] = small[index[r, a], 1, :, 0]
                        view[r, 1, b, :, 1, b] = small[index[r, a], 1, :, 1]
        return large

    np.testing.assert_allclose(folded(embed(density_matrix)), embed(fock), atol=1e-10)
    assert folded.energy(embed(density_matrix)) == pytest.approx(boosted.energy(density_matrix), rel=1e-12)
    assert np.abs(fock[:, :2, 2:]).max() > 0.5


@pytest.mark.parametrize("carrier", ["hole", "electron"])
@pytest.mark.parametrize("rule", ["drop", "exchange"])
@pytest.mark.parametrize(("shape", "supercell"), [([3, 3], "sqrt3"), ([2, 4], STRIPE)])
def test_a_broken_translation_in_exact_diagonalization(small_problem, shape, supercell, carrier, rule):
    # c^+_i = sum_j U_ji c^+_j mixes momenta k and k + R; <Slater|H|Slater> is expanded over occupation words
    problem = small_problem(shape, carrier, rule, boundary_phase=(0.2, 0.6), reference="average")
    mean_field = MeanField(problem, supercell)
    n_k = problem.grid.n_points
    for seed, n_particles in ((1, 3), (2, 4)):
        generator = np.random.default_rng(seed)
        real, imag = generator.standard_normal((2, *mean_field.shape))
        matrix = real + real.swapaxes(1, 2) + 1j * (imag - imag.swapaxes(1, 2))
        filled = occupy(matrix, n_particles)
        columns = np.zeros((n_k, n_particles), dtype=complex)
        for i, (r, state) in enumerate(zip(*np.nonzero(filled.weights), strict=True)):
            columns[mean_field.folding.index[0, r], i] = filled.orbitals[r, :, state]
        exact = expectation(ed.PairHamiltonian.from_problem(problem), problem.grid, columns)
        assert mean_field.energy(filled.density_matrix) == pytest.approx(exact, rel=1e-10)
        assert np.abs(filled.density_matrix[:, 0, 1]).max() > 0.1


def expectation(hamiltonian, grid, columns):
    """<Slater|H|Slater> sector by sector; amplitudes are minors of the orbital matrix."""
    total, norm = hamiltonian.constant, 0.0
    for momentum in range(grid.n_points):
        sector = ed.MomentumSector(Orbitals(grid), columns.shape[1], momentum)
        words = sector.states
        occupied = np.array([[i for i in range(grid.n_points) if int(word) >> i & 1] for word in words])
        amplitudes = np.linalg.det(columns[occupied])
        matrix = ed.SectorHamiltonian(hamiltonian, sector).to_csr().toarray()
        total += (amplitudes.conj() @ matrix @ amplitudes).real
        norm += np.vdot(amplitudes, amplitudes).real
    assert norm == pytest.approx(1, rel=1e-10)
    return total


def test_reference_densities_and_rescaling_fold_too(problem):
    average = mo.project(problem.bands, problem.interaction, "hole", 1.6, "exchange", "average")
    folded, unit_cell = MeanField(average, "sqrt3"), MeanField(average)
    density_matrix = random_density(unit_cell, 6, 36)
    for large, small in ((folded, unit_cell), (folded.rescaled(30.0), unit_cell.rescaled(30.0))):
        np.testing.assert_allclose(large(large.fold(density_matrix)), large.fold(small(density_matrix)), atol=1e-10)
        assert large.energy(large.fold(density_matrix)) == pytest.approx(small.energy(density_matrix), rel=1e-11)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"supercell": "sqrt7"}, "`supercell` must be 'sqrt3'"),
        ({"supercell": [[2, 0], [0, 1]]}, "`supercell` must divide the cluster 3x6"),
        ({"supercell": [[1, 0], [0, -2]]}, "`supercell` must have a positive determinant"),
        ({"supercell": [[1, 0.5], [0, 2]]}, "`supercell` must be 'sqrt3' or an integer"),
        ({"boost": "Q"}, "`boost` must be '\\+Q', '-Q' or a momentum label"),
        ({"boost": (7, 0)}, "`momentum` must be a label"),
    ],
)
def test_impossible_folds(problem, options, match):
    with pytest.raises(mo.InputError, match=match):
        MeanField(problem, **options)


def test_a_boost_by_q_needs_multiples_of_three(small_problem, problem):
    bands = problem.bands
    grid = mo.MomentumGrid.regular(bands.grid.lattice, 2, 2)
    two = mo.project(mo.solve_bands(bands.models, grid, 1), problem.interaction, q_cutoff=1.0)
    with pytest.raises(mo.InputError, match=r"`boost` must be a momentum of the cluster, but \+Q"):
        MeanField(two, boost="+Q")
    with pytest.raises(mo.InputError, match="`boost` must belong to two flavours, but there is 1"):
        MeanField(small_problem([3, 3]), boost="+Q")
    coherent = random_density(MeanField(problem), 7, 36)
    with pytest.raises(mo.InputError, match="no intervalley order at equal k"):
        MeanField(problem, boost="+Q").fold(coherent)
