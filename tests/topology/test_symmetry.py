"""C3 and inversion of the continuum model: commutation, eigenvalues, and the Chern numbers they imply."""

import numpy as np
import pytest

import moire as mo
from moire.topology import c3_eigenvalues, c3_operator, inversion_operator, parities, twist_family

WANG, XU = mo.parameters.WANG_2023, mo.parameters.XU_2024
INNER = 3.0


def model_of(parameters=WANG, twist_deg=3.89, displacement_mev=0.0, shells=4, valley=+1):
    lattice = mo.MoireLattice.from_twist(twist_deg, parameters.lattice_constant_nm)
    return mo.ContinuumModel(parameters, mo.PlaneWaveBasis(lattice, shells), valley, displacement_mev)


def commutator_inside(operator, hamiltonian, model):
    """Largest |[S, H]| between waves whose images and neighbours lie inside the cutoff, against |H|."""
    s = operator.matrix
    commutator = s @ hamiltonian - hamiltonian @ s
    inner = np.tile(np.linalg.norm(model.basis.cartesian, axis=1) < INNER * model.lattice.reciprocal_length, 2)
    off_diagonal = hamiltonian - np.diag(np.diag(hamiltonian))
    assert np.abs(s @ off_diagonal)[:, inner].max() > 1  # the operator and the moire potential both act there
    return np.abs(commutator[:, inner]).max()


@pytest.mark.parametrize("parameters", [WANG, XU], ids=lambda p: p.name)
@pytest.mark.parametrize("valley", [+1, -1])
@pytest.mark.parametrize("point", ["gamma", "kappa_+", "kappa_-"])
def test_c3_commutes_with_h_exactly_away_from_the_cutoff(parameters, valley, point):
    model = model_of(parameters, displacement_mev=13.0, shells=7, valley=valley)
    operator = c3_operator(model, point)
    assert commutator_inside(operator, model.hamiltonian(operator.momentum), model) < 1e-9


@pytest.mark.parametrize("parameters", [WANG, XU], ids=lambda p: p.name)
@pytest.mark.parametrize("valley", [+1, -1])
@pytest.mark.parametrize("point", ["gamma", "m", "m'", "m''"])
def test_inversion_commutes_with_h_exactly_away_from_the_cutoff(parameters, valley, point):
    model = model_of(parameters, shells=7, valley=valley)
    operator = inversion_operator(model, point)
    assert commutator_inside(operator, model.hamiltonian(operator.momentum), model) < 1e-9


def test_the_operators_are_of_order_three_and_two_and_inversion_turns_c3_around():
    model = model_of(shells=7)
    c3, p = c3_operator(model, "gamma").matrix, inversion_operator(model, "gamma").matrix
    inner = np.tile(np.linalg.norm(model.basis.cartesian, axis=1) < INNER * model.lattice.reciprocal_length, 2)
    identity = np.eye(len(inner))[:, inner]
    np.testing.assert_array_equal((c3 @ c3 @ c3)[:, inner], identity)
    np.testing.assert_array_equal((p @ p)[:, inner], identity)
    assert np.abs((c3 - np.eye(len(inner)))[:, inner]).max() == 1


def test_a_wrong_operator_does_not_commute():
    # The C3 of one valley is none of the other: the test above can fail.
    model, other = model_of(shells=7), model_of(shells=7, valley=-1)
    operator = c3_operator(other, "gamma")
    assert commutator_inside(operator, model.hamiltonian(operator.momentum), model) > 10


def test_errors_fall_with_the_cutoff():
    tables = [[c3_eigenvalues(model_of(displacement_mev=10, shells=n)) for n in (3, 4, 5, 6)]]
    tables.append([parities(model_of(shells=n)) for n in (3, 4, 5, 6)])
    for family in tables:
        residuals = np.array([table.residuals.max() for table in family])
        commutators = np.array([table.commutators.max() for table in family])
        assert np.all(residuals[1:] < 0.1 * residuals[:-1])
        assert np.all(commutators[1:] < 0.1 * commutators[:-1])
        assert residuals[-1] < 1e-7
        np.testing.assert_allclose(np.abs(family[-1].eigenvalues), 1, atol=1e-7)


def test_eigenvalues_of_the_wang_bands():
    # Top band of the K valley, C = -1: w^2, w^0, w^0, so that w^C = w^2. Inverted at gamma above 4.95 degrees.
    table = c3_eigenvalues(model_of())
    assert table.labels.tolist() == [[2, 2, 0], [0, 1, 0], [0, 1, 0]]
    assert [table.chern_modulo([band]) for band in range(3)] == [-1 % 3, 1, 0]
    assert table.chern_modulo([0, 1, 2]) == 0
    assert table.is_reliable
    assert "w^2 (28.044 meV)" in str(table)
    assert c3_eigenvalues(twist_family(WANG)(5.1)).labels[0].tolist() == [2, 0, 2]


def test_the_other_valley_has_conjugate_eigenvalues_at_inverted_momenta():
    here, there = (
        model_of(displacement_mev=12, shells=6),
        model_of(displacement_mev=12, shells=6, valley=-1),
    )
    k, k_prime = c3_eigenvalues(here), c3_eigenvalues(there)
    swapped = [0, 2, 1]  # -kappa_+ = kappa_- up to a reciprocal vector
    np.testing.assert_allclose(k_prime.energies[swapped], k.energies, atol=1e-5)
    product = k.labels.sum(axis=0) + k_prime.labels.sum(axis=0)
    assert np.all(product % 3 == 0)
    assert np.any(k.labels.sum(axis=0) % 3)


def test_parities_of_the_wang_bands_and_the_chern_parity():
    table = parities(model_of())
    assert table.labels.tolist() == [[0, 1, 1], [1, 0, 1], [1, 0, 1], [1, 0, 1]]
    assert [table.chern_modulo([band]) for band in range(3)] == [1, 1, 0]  # C = -1, 1, 0
    assert "m''" in str(table)


def test_a_degenerate_level_is_resolved_into_eigenstates():
    # Without tunnelling and at D = 0 the layers repeat each other: every level at gamma is twofold.
    free = mo.ContinuumParameters(
        name="decoupled",
        potential_mev=20.8,
        potential_phase_deg=-107.7,
        tunnelling_mev=0.0,
        effective_mass=0.6,
        lattice_constant_nm=0.352,
    )
    table = parities(model_of(free, shells=6), n_bands=2)
    assert np.ptp(table.energies[0]) < 1e-6
    assert sorted(table.labels[0].tolist()) == [0, 1]
    assert table.residuals[0].max() < 1e-3


def test_too_small_a_cutoff_is_refused_and_not_rounded():
    table = parities(model_of(shells=1))
    assert not table.is_reliable
    with pytest.raises(mo.InputError, match=r"residual < 0\.05"):
        table.chern_modulo([0, 1, 2])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: c3_operator(model_of(), "m"), "`point` must be one of"),
        (lambda: inversion_operator(model_of(), "kappa_+"), "`point` must be one of"),
        (lambda: parities(model_of(displacement_mev=1.0)), "`displacement_mev` must be 0"),
        (lambda: c3_eigenvalues(model_of(), n_bands=0), "`n_bands` must lie in"),
        (lambda: c3_eigenvalues(model_of()).chern_modulo([3]), "`band_indices` must be distinct"),
        (lambda: c3_eigenvalues(model_of()).chern_modulo([]), "`band_indices` must be distinct"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(mo.InputError, match=words):
        call()
