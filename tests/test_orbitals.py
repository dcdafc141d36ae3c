import itertools
from math import comb

import numpy as np
import pytest

import moire as mo
from moire.exact_diagonalization import MomentumSector, PairHamiltonian, PairTable, SectorHamiltonian, sector_dimensions
from moire.orbitals import ChargeClasses, Orbitals, Species
from tests.reference import jordan_wigner

LATTICE = mo.MoireLattice.from_twist(3.0, 0.352)


@pytest.fixture(scope="module", params=[(1, 1), (2, 1), (1, 3), (2, 2)], ids=lambda p: f"{p[0]}x{p[1]}")
def orbitals(request):
    flavours, bands = request.param
    return Orbitals(mo.MomentumGrid.regular(LATTICE, 1, 3), flavours, bands)


def charges(orbitals, word):
    occupied = [i for i in range(orbitals.size) if word >> i & 1]
    counts = tuple(int((orbitals.flavour[occupied] == f).sum()) for f in range(orbitals.n_flavours))
    label = orbitals.grid.labels[orbitals.momentum[occupied]].sum(axis=0) % np.array(orbitals.grid.moduli)
    return counts, orbitals.grid.index_of(label.tolist())


def every_number(orbitals):
    return itertools.product(range(orbitals.per_flavour + 1), repeat=orbitals.n_flavours)


def test_sectors_hold_every_state_of_their_charges_once(orbitals):
    expected = {}
    for word in range(1 << orbitals.size):
        expected.setdefault(charges(orbitals, word), []).append(word)
    found = 0
    for numbers in every_number(orbitals):
        dimensions = sector_dimensions(orbitals, numbers)
        assert dimensions.sum() == np.prod([comb(orbitals.per_flavour, n) for n in numbers])
        for momentum in range(3):
            sector = MomentumSector(orbitals, numbers, momentum)
            assert sector.states.tolist() == expected.get((numbers, momentum), [])
            assert sector.dimension == dimensions[momentum]
            np.testing.assert_array_equal(sector.rank(sector.states), np.arange(sector.dimension))
            found += sector.dimension
    assert found == 1 << orbitals.size


def test_classes_number_the_charges_and_add_up(orbitals):
    numbers = (2,) * orbitals.n_flavours
    classes = ChargeClasses(orbitals, numbers)
    assert (
        len({(*counts, k) for counts, k in zip(classes.counts.tolist(), classes.momentum, strict=True)}) == classes.size
    )
    np.testing.assert_array_equal(classes.index(classes.counts, classes.momentum), np.arange(classes.size))
    for orbital in range(orbitals.size):
        grown = classes.counts.copy()
        grown[:, orbitals.flavour[orbital]] += 1
        kept = classes.step[:, orbital] >= 0
        np.testing.assert_array_equal(kept, (grown <= 2).all(axis=1))
        np.testing.assert_array_equal(classes.counts[classes.step[kept, orbital]], grown[kept])
    rest = classes.complement(1)
    np.testing.assert_array_equal(classes.counts + classes.counts[rest], np.broadcast_to(numbers, classes.counts.shape))
    assert set(orbitals.grid.sum_index[classes.momentum, classes.momentum[rest]]) == {1}


def random_hamiltonian(orbitals, seed):
    """Any Hermitian Hamiltonian that conserves the charges, its one-body part a matrix in band."""
    rng = np.random.default_rng(seed)
    pairs = PairTable(orbitals)
    row, column = pairs.elements()
    blocks = rng.standard_normal((row.size, 2)) @ np.array([1, 1j])
    transposed = blocks[pairs.block_start[column] + row - pairs.range[column, 0]]
    shape = (orbitals.n_flavours, orbitals.grid.n_points, orbitals.n_bands, orbitals.n_bands)
    one_body = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    one_body = one_body + one_body.conj().swapaxes(2, 3)
    return PairHamiltonian(pairs, one_body, blocks + transposed.conj(), constant=0.3)


def test_products_equal_the_whole_fock_space_in_every_sector(orbitals):
    hamiltonian = random_hamiltonian(orbitals, 4)
    assert hamiltonian.mixes_bands == (orbitals.n_bands > 1)
    full = jordan_wigner.from_pairs(hamiltonian)
    elements = 0
    for numbers in every_number(orbitals):
        for momentum in range(3):
            sector = MomentumSector(orbitals, numbers, momentum)
            if sector.dimension:
                words = sector.states.astype(np.int64)
                expected = full[words][:, words].toarray() - hamiltonian.constant * np.eye(sector.dimension)
                for storage in ("matrix-free", "csr"):
                    h = SectorHamiltonian(hamiltonian, sector, storage)
                    np.testing.assert_allclose(h @ np.eye(sector.dimension, dtype=complex), expected, atol=1e-11)
                elements += np.count_nonzero(np.abs(expected - np.diag(np.diag(expected))) > 1e-6)
    assert elements > 4 or orbitals.size == 3  # three momenta of one band leave nothing to mix


@pytest.mark.parametrize("numbers", [(5,), (2, 3)])
def test_wide_sectors_against_the_stored_matrix(numbers):
    # Two halves, tiles of several classes, groups of more pairs than momenta.
    orbitals = Orbitals(mo.MomentumGrid.regular(LATTICE, 2, 3), len(numbers), 4 // len(numbers))
    hamiltonian = random_hamiltonian(orbitals, 5)
    sector = MomentumSector(orbitals, numbers, 2)
    x = np.random.default_rng(0).standard_normal((sector.dimension, 6)).view(complex)
    expected = SectorHamiltonian(hamiltonian, sector, "csr") @ x
    np.testing.assert_allclose(SectorHamiltonian(hamiltonian, sector, "matrix-free") @ x, expected, atol=1e-10)
    assert np.abs(expected).max() > 10


def test_missing_carriers_of_two_flavours():
    orbitals = Orbitals(mo.MomentumGrid.regular(LATTICE, 1, 3), 2, 1)
    hamiltonian, species = (
        random_hamiltonian(orbitals, 6),
        Species(Orbitals(mo.MomentumGrid.regular(LATTICE, 1, 3), 2), True),
    )
    transformed = hamiltonian.particle_hole_transformed()
    compared = 0
    for numbers in every_number(orbitals):
        for momentum in range(3):
            sectors = (
                MomentumSector(orbitals, numbers, momentum),
                MomentumSector(orbitals, species.numbers(numbers), species.momentum(momentum)),
            )
            assert sectors[0].dimension == sectors[1].dimension
            if sectors[0].dimension:
                one, two = (
                    np.linalg.eigvalsh(SectorHamiltonian(h, sector, "csr").to_csr().toarray()) + h.constant
                    for h, sector in zip((hamiltonian, transformed), sectors, strict=True)
                )
                np.testing.assert_allclose(one, two, atol=1e-11)
                compared += len(one)
    assert compared == 64


def test_several_bands_have_no_missing_carriers():
    orbitals = Orbitals(mo.MomentumGrid.regular(LATTICE, 1, 3), 1, 2)
    with pytest.raises(mo.InputError, match="`particle_hole` must be False for several bands"):
        random_hamiltonian(orbitals, 1).particle_hole_transformed()


def test_projected_problem_of_two_bands_and_both_valleys_density_by_density(build_model):
    models = tuple(build_model("WANG_2023", 3.5, 2, valley) for valley in (+1, -1))
    for chosen, n_bands, n_k in ((models[:1], 2, 3), (models, 1, 3), (models, 2, 2)):
        bands = mo.solve_bands(chosen, mo.MomentumGrid.regular(models[0].lattice, 1, n_k), n_bands)
        problem = mo.project(bands, mo.ScreenedCoulomb(epsilon_r=10, layer_distance_nm=0.7), q_cutoff=1.5)
        full = jordan_wigner.from_form_factors(problem)
        hamiltonian = PairHamiltonian.from_problem(problem)
        difference = jordan_wigner.from_pairs(hamiltonian) - full
        assert abs(difference).max() < 1e-10
        assert abs(full).max() > 10


@pytest.mark.parametrize("reference", ["vacuum", "average", "electron_vacuum", "given"])
@pytest.mark.parametrize("rule", ["drop", "keep", "exchange"])
def test_a_determinant_has_its_hartree_fock_energy(build_model, reference, rule):
    # Two bands of both valleys, carriers in random mixtures of the bands: every part of the one-body matrix enters.
    models = tuple(build_model("WANG_2023", 3.5, 2, valley) for valley in (+1, -1))
    bands = mo.solve_bands(models, mo.MomentumGrid.regular(models[0].lattice, 1, 2), n_bands=2)
    rng = np.random.default_rng(5)

    def random_density():
        """P(k) of one carrier in a mixture of bands at some (flavour, k), and these mixtures."""
        density, filled = np.zeros((2, 4, 4), dtype=complex), []
        for k, flavour in ((0, 0), (0, 1), (1, 1)):
            mixture = rng.standard_normal(2) + 1j * rng.standard_normal(2)
            mixture /= np.linalg.norm(mixture)
            block = slice(2 * flavour, 2 * flavour + 2)
            density[k, block, block] += np.outer(mixture, mixture.conj())
            filled.append((k, flavour, mixture))
        return density, filled

    chosen = 0.5 * random_density()[0] if reference == "given" else reference
    coulomb = mo.ScreenedCoulomb(epsilon_r=10, layer_distance_nm=0.7)
    problem = mo.project(bands, coulomb, q_cutoff=1.5, zero_momentum=rule, reference=chosen)
    hamiltonian = PairHamiltonian.from_problem(problem)
    assert hamiltonian.mixes_bands == (reference != "vacuum")
    orbitals, mean_field = problem.orbitals, mo.hartree_fock.MeanField(problem)
    create = [operator.conj().T.tocsr() for operator in jordan_wigner.annihilators(orbitals.size)]
    full = jordan_wigner.from_pairs(hamiltonian)
    for _ in range(3):
        density, filled = random_density()
        state = np.eye(1, 1 << orbitals.size)[0].astype(complex)
        for k, flavour, mixture in filled:
            state = sum(c * (create[orbitals.index(flavour, band, k)] @ state) for band, c in enumerate(mixture))
        assert np.linalg.norm(state) == pytest.approx(1)
        expected = mean_field.energy_parts(density).total * mean_field.n_cells
        assert np.vdot(state, full @ state).real == pytest.approx(expected, abs=1e-9)


def test_a_reference_that_mixes_valleys_is_refused(build_model):
    models = tuple(build_model("WANG_2023", 3.5, 2, valley) for valley in (+1, -1))
    bands = mo.solve_bands(models, mo.MomentumGrid.regular(models[0].lattice, 1, 2), n_bands=1)
    coherent = np.broadcast_to(np.full((2, 2), 0.5), (2, 2, 2))
    problem = mo.project(bands, mo.ScreenedCoulomb(epsilon_r=10), q_cutoff=1.5, reference=coherent)
    with pytest.raises(mo.InputError, match="`reference` must not mix flavours, but is a density matrix that does"):
        PairHamiltonian.from_problem(problem)
