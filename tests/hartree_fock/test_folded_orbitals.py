"""The orbitals of a cluster in a density matrix: each once, and the same states as in exact diagonalization."""

import numpy as np
import pytest

import moire as mo
from moire.exact_diagonalization import PairHamiltonian
from moire.hartree_fock import FoldedOrbitals, Folding, MeanField
from moire.hartree_fock.occupation import occupy
from moire.orbitals import Orbitals
from tests.reference import jordan_wigner

STRIPE = ((1, 0), (0, 2))


@pytest.mark.parametrize(
    ("shape", "options"),
    [((3, 3), {}), ((3, 3), {"supercell": "sqrt3"}), ((2, 4), {"supercell": STRIPE}), ((3, 3), {"boost": "+Q"})],
)
def test_every_orbital_stands_once_with_its_charges(shape, options):
    grid = mo.MomentumGrid.regular(mo.MoireLattice.from_twist(3.0, 0.352), *shape)
    folding = Folding(grid, 2, **options)
    folded = FoldedOrbitals(Orbitals(grid, 2, 3), folding)
    orbitals, number = folded.orbitals, folded.number
    np.testing.assert_array_equal(np.sort(number, axis=None), np.arange(orbitals.size))
    np.testing.assert_array_equal(orbitals.flavour[number], np.broadcast_to(folded.flavour, number.shape))
    places = number.reshape(-1, 2, folding.n_folds, 3)
    for (r, f, a, b), orbital in np.ndenumerate(places):
        assert orbitals.band[orbital] == b
        assert orbitals.momentum[orbital] == folding.index[f, r, a]
    np.testing.assert_array_equal(folded.flavour[folded.of_flavour(1)], 1)
    matrix = np.random.default_rng(1).standard_normal(folded.shape) + 0j
    blocks = folded.split(matrix)
    np.testing.assert_array_equal(folded.join(blocks), matrix)
    between = blocks[:, 0, :, :, 1], blocks[:, 1, :, :, 0]
    assert matrix[:, folded.mixed].sum() == pytest.approx(sum(block.sum() for block in between))


@pytest.mark.parametrize("carrier", ["hole", "electron"])
@pytest.mark.parametrize("options", [{}, {"supercell": STRIPE}, {"boost": (0, 1)}], ids=["cell", "stripe", "boost"])
def test_determinants_are_the_same_states_in_exact_diagonalization(build_model, options, carrier):
    # two bands of both valleys, any order between flavours, folds and bands; the whole Fock space of 8 orbitals
    models = tuple(build_model("WANG_2023", 3.5, 2, valley) for valley in (+1, -1))
    bands = mo.solve_bands(models, mo.MomentumGrid.regular(models[0].lattice, 1, 2), n_bands=2)
    coulomb = mo.ScreenedCoulomb(epsilon_r=10, layer_distance_nm=0.7)
    problem = mo.project(bands, coulomb, carrier, 1.5, "exchange")
    mean_field = MeanField(problem, **options)
    folded = mean_field.orbitals
    full = jordan_wigner.from_pairs(PairHamiltonian.from_problem(problem))
    create = [operator.conj().T.tocsr() for operator in jordan_wigner.annihilators(folded.orbitals.size)]
    for word in (0b00000001, 0b01100101, 0b11011010):
        bits = np.array([word >> orbital & 1 for orbital in range(8)])
        assert mean_field.energy(folded.diagonal(bits)) == pytest.approx(full[word, word].real, rel=1e-10)
    real, imag = np.random.default_rng(2).standard_normal((2, *mean_field.shape))
    filled = occupy(real + real.swapaxes(1, 2) + 1j * (imag - imag.swapaxes(1, 2)), 3)
    state = np.eye(1, 1 << 8)[0].astype(complex)
    for r, column in np.argwhere(filled.weights > 0.5):
        places = zip(folded.number[r], filled.orbitals[r, :, column], strict=True)
        state = sum(amplitude * (create[orbital] @ state) for orbital, amplitude in places)
    assert np.abs(filled.density_matrix[:, folded.mixed]).max() > 0.1
    energy = np.vdot(state, full @ state).real
    assert mean_field.energy(filled.density_matrix) == pytest.approx(energy, rel=1e-10)
