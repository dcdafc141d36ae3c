"""Small models: symmetries, derivatives, sewing and limits."""

import numpy as np
import pytest

import moire as mo
from moire.models import (
    BreathingKagome,
    ChiralMultilayer,
    HaldaneModel,
    KaneMeleModel,
    MassiveDirac,
    RhombohedralMultilayer,
)

A = 0.25
HALDANE = HaldaneModel(A, 1000.0, 130.0, 70.0, 210.0)
KANE_MELE = KaneMeleModel(A, 1000.0, 60.0, 100.0, 80.0)
KAGOME = BreathingKagome(0.67, 120.0, 80.0, 20.0)
LATTICE_MODELS = [HALDANE, KANE_MELE, KAGOME]
PLANE_MODELS = [
    MassiveDirac(500.0, -30.0, -1),
    ChiralMultilayer(3, 600.0, 380.0, 25.0, -1),
    ChiralMultilayer(4, 600.0, 380.0, -25.0),
    RhombohedralMultilayer(2, 600.0, 380.0, 40.0),
    RhombohedralMultilayer(4, 600.0, 380.0, -40.0, -1),
]
ALL = LATTICE_MODELS + PLANE_MODELS
MOMENTA = np.random.default_rng(7).normal(size=(4, 2))  # of the order of gamma_1 / hbar v
ZONE_MOMENTA = 15 * MOMENTA  # of the order of 1/a
TURN = np.array([[-0.5, -np.sqrt(3) / 2], [np.sqrt(3) / 2, -0.5]])


def ids(model):
    return model.name


@pytest.mark.parametrize("model", ALL, ids=ids)
@pytest.mark.parametrize("k", MOMENTA)
def test_hamiltonian_is_hermitian_and_the_velocity_its_derivative(model, k):
    k = 15 * k if model in LATTICE_MODELS else k
    h, step = model.hamiltonian(k), 1e-4
    assert h.shape == (np.prod(model.state_shape),) * 2
    np.testing.assert_allclose(h, h.conj().T, atol=1e-12)
    velocity = model.velocity(k)
    scale = np.abs(velocity).max()
    assert scale > 1
    for axis in (0, 1):
        shift = step * np.eye(2)[axis]
        # fourth-order difference: the error is of order step^4 times the fifth derivative
        slope = 8 * (model.hamiltonian(k + shift) - model.hamiltonian(k - shift))
        slope -= model.hamiltonian(k + 2 * shift) - model.hamiltonian(k - 2 * shift)
        np.testing.assert_allclose(velocity[axis], slope / (12 * step), atol=1e-7 * scale)


@pytest.mark.parametrize("model", LATTICE_MODELS, ids=ids)
@pytest.mark.parametrize("reciprocal", [(1, 0), (0, 1), (2, -3)])
def test_hamiltonian_at_k_plus_g_is_the_sewn_one(model, reciprocal):
    k, shift = ZONE_MOMENTA[0], np.array(reciprocal) @ model.lattice.reciprocal
    dimension = int(np.prod(model.state_shape))
    basis = np.eye(dimension).reshape(dimension, *model.state_shape)
    sewing = model.sew(basis, np.array(reciprocal)).reshape(dimension, dimension).T
    assert np.abs(sewing - np.eye(dimension)).max() > 0.1  # the orbitals do not all sit at the origin
    sewn = sewing @ model.hamiltonian(k) @ sewing.conj().T
    np.testing.assert_allclose(model.hamiltonian(k + shift), sewn, atol=1e-9)


@pytest.mark.parametrize("k", ZONE_MOMENTA)
def test_lattice_models_have_threefold_rotation(k):
    spin = np.kron(np.diag(np.exp(-1j * np.pi / 3 * np.array([1, -1]))), np.eye(2))
    permutation = np.roll(np.eye(3), 1, axis=0)  # A -> B -> C
    for model, rotation in ((HALDANE, np.eye(2)), (KANE_MELE, spin), (KAGOME, permutation)):
        rotated = rotation @ model.hamiltonian(k) @ rotation.conj().T
        np.testing.assert_allclose(model.hamiltonian(TURN @ k), rotated, atol=1e-9)
    assert np.abs(KAGOME.hamiltonian(TURN @ k) - KAGOME.hamiltonian(k)).max() > 1


@pytest.mark.parametrize("model", PLANE_MODELS, ids=ids)
def test_plane_models_are_isotropic(model):
    radius = 0.4
    angles = np.linspace(0, 2 * np.pi, 7)
    rings = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    levels = [np.linalg.eigvalsh(model.hamiltonian(k)) for k in rings]
    np.testing.assert_allclose(levels, np.broadcast_to(levels[0], (7, len(levels[0]))), atol=1e-9)


@pytest.mark.parametrize("k", ZONE_MOMENTA)
def test_kane_mele_has_time_reversal_and_haldane_blocks(k):
    reversal = np.kron([[0, 1], [-1, 0]], np.eye(2))  # i s_y
    reversed_ = reversal @ KANE_MELE.hamiltonian(k).conj() @ reversal.T
    np.testing.assert_allclose(KANE_MELE.hamiltonian(-k), reversed_, atol=1e-9)
    plain = KaneMeleModel(A, 1000.0, 60.0, 100.0)
    h = plain.hamiltonian(k)
    np.testing.assert_allclose(h[:2, :2], plain.spin_sector(+1).hamiltonian(k), atol=1e-12)
    np.testing.assert_allclose(h[2:, 2:], plain.spin_sector(-1).hamiltonian(k), atol=1e-12)
    np.testing.assert_array_equal(h[:2, 2:], 0)
    assert np.abs(KANE_MELE.hamiltonian(k)[:2, 2:]).max() > 10


def test_haldane_masses_at_the_corners():
    t2, phase, staggered = 130.0, 70.0, 210.0
    for corner, sign in (("kappa_+", +1), ("kappa_-", -1)):
        h = HALDANE.hamiltonian(HALDANE.lattice.corners[corner])
        mass = staggered + sign * 3 * np.sqrt(3) * t2 * np.sin(np.radians(phase))
        offset = -3 * t2 * np.cos(np.radians(phase))
        np.testing.assert_allclose(h, np.diag([offset + mass, offset - mass]), atol=1e-9)


def test_one_layer_is_the_dirac_model():
    for k in MOMENTA:
        dirac, chiral = MassiveDirac(600.0, 30.0, -1), ChiralMultilayer(1, 600.0, 380.0, 30.0, -1)
        np.testing.assert_allclose(chiral.hamiltonian(k), dirac.hamiltonian(k), atol=1e-12)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_multilayer_tends_to_the_chiral_model(n):
    """Energies at U = 0, and the eigenvectors' projection: the error falls with (hbar v k / gamma_1)^2."""
    errors = []
    for x in (0.1, 0.05):
        full = RhombohedralMultilayer(n, 600.0, 380.0, 0.0)
        chiral = ChiralMultilayer(n, 600.0, 380.0, 0.0)
        k = x * 380.0 / 600.0 * np.array([np.cos(0.4), np.sin(0.4)])
        h = full.hamiltonian(k)
        outer, inner = [0, 2 * n - 1], list(range(1, 2 * n - 1))
        # integrate the dimers out at zero energy: fixes the sign of c and the phase, not only the energy
        folded = h[np.ix_(outer, outer)] - h[np.ix_(outer, inner)] @ np.linalg.solve(
            h[np.ix_(inner, inner)], h[np.ix_(inner, outer)]
        )
        np.testing.assert_allclose(folded, chiral.hamiltonian(k), atol=1e-10)
        exact = np.linalg.eigvalsh(h)[n] / np.linalg.eigvalsh(chiral.hamiltonian(k))[1]
        errors.append(abs(exact - 1))
    assert 0 < errors[0] < 0.05
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize(
    ("build", "word"),
    [
        (lambda: MassiveDirac(0.0, 1.0), "velocity_mev_nm"),
        (lambda: MassiveDirac(1.0, np.nan), "mass_mev"),
        (lambda: MassiveDirac(1.0, 1.0, 0), "valley"),
        (lambda: ChiralMultilayer(0, 1.0, 1.0, 1.0), "n_layers"),
        (lambda: RhombohedralMultilayer(1, 1.0, 1.0, 1.0), "n_layers"),
        (lambda: RhombohedralMultilayer(2.5, 1.0, 1.0, 1.0), "n_layers"),
        (lambda: HaldaneModel(-1.0, 1.0, 1.0), "lattice_constant_nm"),
        (lambda: HaldaneModel(1.0, "1", 1.0), "hopping_mev"),
        (lambda: BreathingKagome(1.0, 1.0, np.inf), "second_hopping_mev"),
        (lambda: KANE_MELE.spin_sector(+1), "rashba_mev"),
        (lambda: KaneMeleModel(1.0, 1.0, 1.0).spin_sector(0), "spin"),
    ],
)
def test_bad_parameters_are_refused_by_name(build, word):
    with pytest.raises(mo.InputError, match=f"`{word}` must"):
        build()
