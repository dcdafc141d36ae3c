import dataclasses

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moire as mo
from moire.exact_diagonalization import MomentumSector, PairHamiltonian, PairTable, SectorHamiltonian
from moire.orbitals import Orbitals
from tests.reference import jordan_wigner, occupied_pairs
from tests.reference.elements import one_band

SHAPES = ([2, 3], [1, 7], [[2, 1], [-1, 3]], [2, 4])


def random_pairs(grid, seed):
    """Any Hermitian momentum-conserving pair Hamiltonian, nothing physical about it."""
    rng = np.random.default_rng(seed)
    pairs = PairTable(Orbitals(grid))
    blocks = np.zeros(pairs.block_start[-1], dtype=complex)
    for a in range(len(pairs.members)):
        for b in range(pairs.range[a, 0], pairs.range[a, 1]):
            value = complex(*rng.standard_normal(2)) if a != b else rng.standard_normal()
            if a <= b:
                blocks[pairs.block_start[a] + b - pairs.range[a, 0]] = value
                blocks[pairs.block_start[b] + a - pairs.range[b, 0]] = np.conj(value)
    return PairHamiltonian(pairs, pairs.orbitals.matrix(rng.standard_normal(grid.n_points)), blocks, constant=0.7)


def assert_sectors_equal(pair_hamiltonian, full, grid, words_of=lambda words: words):
    """Matrix-free = CSR = the block of the full Fock-space matrix, in every sector of every N."""
    elements = 0
    for n in range(grid.n_points + 1):
        for momentum in range(grid.n_points):
            sector = MomentumSector(Orbitals(grid), n, momentum)
            if sector.dimension == 0:
                continue
            words = words_of(sector.states.astype(np.int64))
            expected = full[words][:, words].toarray()
            free = SectorHamiltonian(pair_hamiltonian, sector, "matrix-free")
            stored = SectorHamiltonian(pair_hamiltonian, sector, "csr")
            constant = pair_hamiltonian.constant * np.eye(sector.dimension)
            assert not free.is_stored
            assert stored.is_stored
            columns = free @ np.eye(sector.dimension, dtype=complex)
            np.testing.assert_allclose(columns + constant, expected, atol=1e-10)
            np.testing.assert_allclose(stored @ np.eye(sector.dimension), columns, atol=1e-12)
            np.testing.assert_allclose(stored.to_csr().toarray(), columns, atol=1e-12)
            np.testing.assert_allclose(free.to_csr().toarray(), columns, atol=1e-12)
            elements += np.count_nonzero(np.abs(expected - np.diag(np.diag(expected))) > 1e-6)
    assert elements > 20


@pytest.mark.parametrize("shape", SHAPES)
def test_random_hamiltonian_in_every_sector(shape):
    grid = mo.MomentumGrid.cluster(mo.MoireLattice.from_twist(3.0, 0.352), shape)
    pair_hamiltonian = random_pairs(grid, 3)
    assert_sectors_equal(pair_hamiltonian, jordan_wigner.from_pairs(pair_hamiltonian), grid)


@pytest.mark.parametrize("carrier", ["hole", "electron"])
@pytest.mark.parametrize("shape", [[2, 3], [[2, 1], [-1, 3]]])
def test_projected_hamiltonian_in_every_sector(small_problem, shape, carrier):
    problem = small_problem(shape, carrier, boundary_phase=(0.3, 0.1))
    grid = problem.grid
    full = jordan_wigner.from_elements(
        problem.one_body[0, :, 0], one_band(problem), grid.difference_index, grid.sum_index
    )
    assert_sectors_equal(PairHamiltonian.from_problem(problem), full, grid)


@pytest.mark.parametrize("shape", [[2, 3], [[2, 1], [-1, 3]]])
def test_particle_hole_transformed_in_every_sector(shape):
    # d^+ = c maps the word w of carriers to its complement, with a sign; matrix elements compare up to those
    # signs, so compare the transformed Hamiltonian with its own Jordan-Wigner form and the spectra with the original.
    grid = mo.MomentumGrid.cluster(mo.MoireLattice.from_twist(3.0, 0.352), shape)
    original = random_pairs(grid, 5)
    transformed = original.particle_hole_transformed()
    assert transformed.transformed
    full = jordan_wigner.from_pairs(transformed)
    assert_sectors_equal(transformed, full, grid)

    n = grid.n_points
    c = jordan_wigner.annihilators(n)
    conversion = jordan_wigner.from_pairs(original)
    # Substitute c = d^+ operator by operator in the transformed form: the same matrix, exactly.
    dagger = [operator.conj().T.tocsr() for operator in c]
    pairs = transformed.pairs
    h = transformed.constant * np.eye(2**n, dtype=complex)
    for k in range(n):
        h = h + transformed.levels[k] * (c[k] @ dagger[k]).toarray()
    missing = [(dagger[p1] @ dagger[p2]).toarray() for p1, p2 in pairs.members]
    for a in range(len(missing)):
        for b in range(pairs.range[a, 0], pairs.range[a, 1]):
            value = transformed.blocks[pairs.block_start[a] + b - pairs.range[a, 0]]
            h = h + value * (missing[a].conj().T @ missing[b])
    np.testing.assert_allclose(h, conversion.toarray(), atol=1e-10)


def test_transforming_twice_is_the_identity():
    grid = mo.MomentumGrid.regular(mo.MoireLattice.from_twist(3.0, 0.352), 2, 4)
    original = random_pairs(grid, 9)
    twice = original.particle_hole_transformed().particle_hole_transformed()
    assert not twice.transformed
    np.testing.assert_allclose(twice.levels, original.levels, atol=1e-12)
    np.testing.assert_array_equal(twice.blocks, original.blocks)
    assert twice.constant == pytest.approx(original.constant, abs=1e-12)


@pytest.mark.parametrize(("shape", "n_particles"), [([4, 6], 5), ([[6, 3], [-3, 3]], 5), ([3, 6], 9), ([5, 7], 4)])
def test_larger_sectors_against_the_occupied_pairs(shape, n_particles):
    # Two halves, tiles of more than one class, odd numbers of free pairs, several vectors, both precisions.
    grid = mo.MomentumGrid.cluster(mo.MoireLattice.from_twist(3.0, 0.352), shape)
    pair_hamiltonian = random_pairs(grid, 11)
    for momentum in (0, 4):
        sector = MomentumSector(Orbitals(grid), n_particles, momentum)
        h = SectorHamiltonian(pair_hamiltonian, sector, "matrix-free")
        x = np.random.default_rng(momentum).standard_normal((sector.dimension, 10)).view(complex)
        expected = np.stack([occupied_pairs.product(h, np.ascontiguousarray(column)) for column in x.T], axis=1)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(h @ x, expected, atol=1e-13 * scale)
        np.testing.assert_allclose(h @ x[:, 1], expected[:, 1], atol=1e-13 * scale)
        stored = SectorHamiltonian(pair_hamiltonian, sector, "csr")
        np.testing.assert_allclose(stored @ x, expected, atol=1e-13 * scale)
        single = SectorHamiltonian(pair_hamiltonian, sector, "matrix-free", dtype=np.complex64)
        product = single @ x.astype(np.complex64)
        assert product.dtype == np.complex64
        np.testing.assert_allclose(product, expected, atol=1e-6 * scale)
        assert h.n_products == 6


@pytest.mark.parametrize("n_vectors", [1, 3])
def test_same_bits_on_any_number_of_threads(n_vectors):
    grid = mo.MomentumGrid.cluster(mo.MoireLattice.from_twist(3.0, 0.352), [4, 6])
    products = []
    for threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
        numba.set_num_threads(threads)
        h = SectorHamiltonian(random_pairs(grid, 2), MomentumSector(Orbitals(grid), 6, 7), "matrix-free")
        x = np.random.default_rng(0).standard_normal((h.shape[0], 2 * n_vectors)).view(complex)
        products.append(h @ x)
    assert np.abs(products[0]).max() > 1
    np.testing.assert_array_equal(products[0], products[1])


def test_auto_stores_small_sectors_only():
    grid = mo.MomentumGrid.cluster(mo.MoireLattice.from_twist(3.0, 0.352), [4, 6])
    pair_hamiltonian = random_pairs(grid, 2)
    assert SectorHamiltonian(pair_hamiltonian, MomentumSector(Orbitals(grid), 4, 0)).is_stored
    assert not SectorHamiltonian(pair_hamiltonian, MomentumSector(Orbitals(grid), 6, 0)).is_stored


@given(st.integers(0, 10**6))
@settings(max_examples=8)
def test_hermitian_by_random_vectors(seed):
    grid = mo.MomentumGrid.cluster(mo.MoireLattice.from_twist(3.0, 0.352), [[2, 2], [-2, 4]])
    rng = np.random.default_rng(seed)
    h = SectorHamiltonian(
        random_pairs(grid, seed), MomentumSector(Orbitals(grid), 5, int(rng.integers(12))), "matrix-free"
    )
    x, y = rng.standard_normal((2, h.shape[0])) + 1j * rng.standard_normal((2, h.shape[0]))
    assert np.vdot(x, h @ y) == pytest.approx(np.conj(np.vdot(y, h @ x)), rel=1e-11)
    assert h.H is h or np.allclose(h.H @ x, h @ x)
    assert abs(np.vdot(x, h @ y)) > 1e-3


def test_pair_tables():
    grid = mo.MomentumGrid.cluster(mo.MoireLattice.from_twist(3.0, 0.352), [3, 4])
    pairs = PairTable(Orbitals(grid))
    assert len(pairs.members) == 12 * 11 // 2
    for p, (p1, p2) in enumerate(pairs.members):
        assert p1 < p2
        assert pairs.momentum[p] == grid.sum_index[p1, p2]
        assert pairs.index[p1, p2] == pairs.index[p2, p1] == p
        assert pairs.mask[p] == (1 << p1) + (1 << p2)
        assert pairs.between[p] == sum(1 << k for k in range(p1 + 1, p2))
        same = np.nonzero(pairs.momentum == pairs.momentum[p])[0]
        assert (same[0], same[-1] + 1) == tuple(pairs.range[p])
    assert np.all(np.diag(pairs.index) == -1)


@given(st.integers(0, 10**6))
@settings(max_examples=5)
def test_gauge_invariance_of_the_spectrum(small_problem, seed):
    problem = small_problem([2, 3])
    phases = np.exp(2j * np.pi * np.random.default_rng(seed).random((1, 6, 1, 1, 1)))
    rotated = dataclasses.replace(problem.bands, states=problem.bands.states * phases)
    other = mo.project(rotated, problem.interaction, q_cutoff=2.0)
    assert np.abs(other.two_body_elements() - problem.two_body_elements()).max() > 1e-3
    one, two = (mo.solve_all_sectors(p, (2, 3), 2) for p in (problem, other))
    np.testing.assert_allclose(two.energies, one.energies, atol=1e-10)


def test_products_are_counted(small_problem):
    problem = small_problem([3, 4])
    h = SectorHamiltonian(PairHamiltonian.from_problem(problem), MomentumSector(problem.orbitals, 4, 0), "matrix-free")
    for _ in range(3):
        h @ np.ones(h.shape[0])
    assert h.n_products == 3
