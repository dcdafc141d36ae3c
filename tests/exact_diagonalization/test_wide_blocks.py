"""Products of sectors with many orbitals: several bands, both flavours, dense blocks of odd widths up to a hundred."""

import numba
import numpy as np
import pytest

import moire as mo
from moire.exact_diagonalization import MomentumSector, PairHamiltonian, PairProduct, PairTable, SectorHamiltonian
from moire.exact_diagonalization.hamiltonian import elements_per_row
from moire.orbitals import Orbitals
from tests.reference import jordan_wigner, occupied_pairs

LATTICE = mo.MoireLattice.from_twist(3.0, 0.352)

# shape, flavours, bands, particles: blocks 39, 110 and 25 wide; both flavours, and so full that few pairs are free
SECTORS = {
    "3 bands": ([3, 3], 1, 3, (4,)),
    "5 bands": ([3, 3], 1, 5, (3,)),
    "25 orbitals": ([1, 5], 1, 5, (5,)),
    "2 bands of both flavours": ([2, 3], 2, 2, (3, 2)),
    "unequal flavours": ([3, 4], 2, 1, (5, 2)),
    "nearly full": ([2, 4], 1, 2, (12,)),
    "an empty flavour": ([2, 3], 2, 2, (4, 0)),
}


def orbitals_of(name):
    shape, n_flavours, n_bands, numbers = SECTORS[name]
    return Orbitals(mo.MomentumGrid.cluster(LATTICE, shape), n_flavours, n_bands), numbers


def random_hamiltonian(orbitals, seed):
    """Any Hermitian Hamiltonian that conserves the charges, its one-body part diagonal."""
    rng = np.random.default_rng(seed)
    pairs = PairTable(orbitals)
    row, column = pairs.elements()
    blocks = rng.standard_normal((row.size, 2)) @ np.array([1, 1j])
    transposed = blocks[pairs.block_start[column] + row - pairs.range[column, 0]]
    return PairHamiltonian(pairs, orbitals.matrix(rng.standard_normal(orbitals.size)), blocks + transposed.conj())


def random_vectors(dimension, n_vectors):
    return np.random.default_rng(n_vectors).standard_normal((dimension, 2 * n_vectors)).view(complex)


@pytest.mark.parametrize("name", SECTORS)
def test_products_of_one_to_five_vectors(name):
    orbitals, numbers = orbitals_of(name)
    sector = MomentumSector(orbitals, numbers, 1)
    h = SectorHamiltonian(random_hamiltonian(orbitals, 1), sector, "matrix-free")
    x = random_vectors(sector.dimension, 5)
    expected = h.to_csr() @ x
    scale = np.abs(expected).max()
    assert scale > 1
    np.testing.assert_allclose(occupied_pairs.product(h, x[:, 2].copy()), expected[:, 2], atol=1e-13 * scale)
    single = SectorHamiltonian(h.pair_hamiltonian, sector, "matrix-free", dtype=np.complex64)
    for n_vectors in (1, 2, 3, 5):
        vectors = x[:, :n_vectors]
        found = h @ vectors
        np.testing.assert_allclose(found, expected[:, :n_vectors], atol=1e-13 * scale)
        np.testing.assert_array_equal(found[:, -1], h @ vectors[:, -1])  # no bit depends on the other vectors
        rounded = vectors.astype(np.complex64)  # sums in double precision: rounded once, at the end
        np.testing.assert_array_equal(single @ rounded, (h @ rounded.astype(complex)).astype(np.complex64))


def test_four_bands_against_the_whole_fock_space():
    orbitals = Orbitals(mo.MomentumGrid.regular(LATTICE, 1, 3), 1, 4)
    hamiltonian = random_hamiltonian(orbitals, 2)
    assert max(np.diff(hamiltonian.pairs.group_start)) == 22
    full = jordan_wigner.from_pairs(hamiltonian)
    for n_particles in (2, 4, 7, 11):
        for momentum in range(3):
            sector = MomentumSector(orbitals, n_particles, momentum)
            words = sector.states.astype(np.int64)
            expected = full[words][:, words].toarray()
            found = SectorHamiltonian(hamiltonian, sector, "matrix-free") @ np.eye(sector.dimension, dtype=complex)
            np.testing.assert_allclose(found, expected, atol=1e-11)
            assert np.abs(expected).max() > 1


@pytest.mark.parametrize("n_vectors", [1, 3])
def test_same_bits_on_any_number_of_threads(n_vectors):
    orbitals, numbers = orbitals_of("3 bands")
    products = []
    for threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
        numba.set_num_threads(threads)
        h = SectorHamiltonian(random_hamiltonian(orbitals, 2), MomentumSector(orbitals, numbers, 4), "matrix-free")
        products.append(h @ random_vectors(h.shape[0], n_vectors))
    assert np.abs(products[0]).max() > 1
    np.testing.assert_array_equal(products[0], products[1])


@pytest.mark.parametrize("name", SECTORS)
def test_estimated_elements_and_tables(name):
    orbitals, numbers = orbitals_of(name)
    sector = MomentumSector(orbitals, numbers, 1)
    h = SectorHamiltonian(random_hamiltonian(orbitals, 1), sector, "matrix-free")
    elements = h.to_csr().nnz / sector.dimension
    assert elements_per_row(orbitals.size, numbers, orbitals.grid.n_points) == pytest.approx(elements, rel=0.1)
    assert h.n_bytes < PairProduct.table_bytes(orbitals.size, sum(numbers))  # no accumulators before a product


def test_auto_stores_short_rows_only():
    # 77 and 195 elements in a row, dimensions 1932 and 1950
    for shape, n_bands, n_particles, stored in (([4, 5], 1, 6, True), ([3, 3], 3, 4, False)):
        orbitals = Orbitals(mo.MomentumGrid.cluster(LATTICE, shape), 1, n_bands)
        sector = MomentumSector(orbitals, n_particles, 0)
        assert sector.dimension < 2000
        assert SectorHamiltonian(random_hamiltonian(orbitals, 1), sector).is_stored == stored
