import dataclasses
import itertools

import numpy as np
import pytest

import moire as mo
from moire.continuum import SECOND_SHELL, SECOND_TUNNELLING_TRANSFERS, TUNNELLING_TRANSFERS

C3 = np.array([[-0.5, -np.sqrt(3) / 2], [np.sqrt(3) / 2, -0.5]])
SETS = ("WU_2019", "WANG_2023", "REDDY_2023", "JIA_2023_FIRST_HARMONIC", "XU_2024", "DEVAKUL_2021")
K = np.array([0.21, 0.13])  # a momentum of no symmetry, 1/nm


def top(model, k, n=4):
    return np.linalg.eigvalsh(model.hamiltonian(np.asarray(k)))[::-1][:n]


def with_parameters(model, **changes):
    return dataclasses.replace(model, parameters=dataclasses.replace(model.parameters, **changes))


def c3_image(transfer):
    """Integer image of a transfer d under C3 about the layer momenta: d + kappa_- - kappa_+ is rotated."""
    lattice = mo.MoireLattice.from_twist(3.0, 0.352)
    offset = lattice.corners["kappa_-"] - lattice.corners["kappa_+"]
    moved = (C3 @ (transfer @ lattice.reciprocal + offset) - offset) @ np.linalg.inv(lattice.reciprocal)
    np.testing.assert_allclose(moved, np.round(moved), atol=1e-12)
    return tuple(np.round(moved).astype(int))


@pytest.mark.parametrize("transfers", [TUNNELLING_TRANSFERS, SECOND_TUNNELLING_TRANSFERS])
def test_tunnelling_transfers_are_one_orbit_of_c3(transfers):
    assert {c3_image(d) for d in transfers} == {tuple(d) for d in transfers}
    assert len({tuple(d) for d in transfers}) == 3


def test_second_harmonics_lie_where_the_paper_puts_them():
    lattice = mo.MoireLattice.from_twist(3.0, 0.352)
    offset = lattice.corners["kappa_-"] - lattice.corners["kappa_+"]
    first = TUNNELLING_TRANSFERS @ lattice.reciprocal + offset
    second = SECOND_TUNNELLING_TRANSFERS @ lattice.reciprocal + offset
    np.testing.assert_allclose(second, -2 * first, atol=1e-12)
    lengths = np.linalg.norm(SECOND_SHELL @ lattice.reciprocal, axis=1) / lattice.reciprocal_length
    np.testing.assert_allclose(lengths, np.sqrt(3), rtol=1e-12)
    assert len({tuple(g) for g in SECOND_SHELL}) == 6


@pytest.mark.parametrize("shells", [1, 2, 3.5, 5])
def test_basis_is_a_disk_closed_under_rotation_and_inversion(shells):
    lattice = mo.MoireLattice.from_twist(3.0, 0.352)
    basis = mo.PlaneWaveBasis(lattice, shells)
    vectors = {tuple(g) for g in basis.vectors}
    assert {(-g1, -g2) for g1, g2 in vectors} == vectors
    assert {(-g1 - g2, g1) for g1, g2 in vectors} == vectors  # C3 in b_1, b_2 (60 degrees apart)
    brute = sum(
        np.linalg.norm(np.array([i, j]) @ lattice.reciprocal) <= shells * lattice.reciprocal_length + 1e-9
        for i in range(-9, 10)
        for j in range(-9, 10)
    )
    assert basis.size == brute
    assert tuple(basis.vectors[0]) == (0, 0)


def test_shift_moves_plane_waves():
    basis = mo.PlaneWaveBasis(mo.MoireLattice.from_twist(3.0, 0.352), 3)
    position = {tuple(g): i for i, g in enumerate(basis.vectors)}
    for move in ([1, 0], [-2, 3], [40, 0]):
        expected = [position.get(tuple(g + np.array(move)), -1) for g in basis.vectors]
        np.testing.assert_array_equal(basis.shift(np.array(move)), expected)
    states = np.random.default_rng(0).standard_normal((2, basis.size)) + 0j
    there_and_back = basis.shifted(basis.shifted(states, np.array([1, 0])), np.array([-1, 0]))
    kept = basis.shift(np.array([-1, 0])) >= 0
    np.testing.assert_array_equal(there_and_back[:, kept], states[:, kept])
    assert np.all(there_and_back[:, ~kept] == 0)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("valley", [+1, -1])
def test_hamiltonian_is_hermitian_and_c3_symmetric(build_model, name, valley):
    model = build_model(name, 3.0, shells=5, valley=valley, displacement_mev=7.0)
    matrix = model.hamiltonian(K)
    np.testing.assert_allclose(matrix, matrix.conj().T, atol=1e-12)
    # kappa_+ and kappa_- go to other corners under C3: exact up to the disk, which moves with them.
    np.testing.assert_allclose(top(model, C3 @ K, 3), top(model, K, 3), atol=1e-3)
    assert np.abs(top(model, 1.3 * K, 3) - top(model, K, 3)).max() > 0.05  # the bands are not flat


@pytest.mark.parametrize("name", ["WANG_2023", "XU_2024"])
def test_exchanging_the_corners_alone_breaks_c3(build_model, name):
    model = build_model(name, 3.0, shells=5)
    corners = dict(model.lattice.corners)
    corners["kappa_+"], corners["kappa_-"] = corners["kappa_-"], corners["kappa_+"]
    model.lattice.__dict__["corners"] = corners  # the cached property of this lattice only
    error = np.abs(top(model, C3 @ K, 3) - top(model, K, 3)).max()
    assert error > 0.3  # 1e-3 at this cutoff with the right corners, see above


@pytest.mark.parametrize("name", ["WANG_2023", "XU_2024"])
def test_c3_and_periodicity_errors_fall_with_the_cutoff(build_model, name):
    c3_errors, period_errors = [], []
    for shells in (2, 3, 4, 5, 6):
        model = build_model(name, 3.0, shells=shells)
        c3_errors.append(np.abs(top(model, C3 @ K, 3) - top(model, K, 3)).max())
        period_errors.append(np.abs(top(model, K + model.lattice.reciprocal[0], 3) - top(model, K, 3)).max())
    for errors in (c3_errors, period_errors):
        assert all(later < 0.5 * earlier for earlier, later in itertools.pairwise(errors)), errors
    assert c3_errors[-1] < 1e-4
    assert period_errors[-1] < 1e-3


@pytest.mark.parametrize("name", ["WANG_2023", "XU_2024"])
def test_states_at_the_next_zone_are_the_shifted_ones(build_model, name):
    errors = []
    for shells in (3, 5, 7):
        model = build_model(name, 3.0, shells=shells)
        shape = model.state_shape
        here, there = (np.linalg.eigh(model.hamiltonian(k))[1][:, -1] for k in (K, K + model.lattice.reciprocal[1]))
        sewn = model.sew(here.reshape(shape), np.array([0, 1])).ravel()
        errors.append(1 - abs(np.vdot(sewn, there)))
    assert errors[0] > 10 * errors[1] > 10 * errors[2]
    assert errors[2] < 1e-6


@pytest.mark.parametrize("name", SETS)
def test_valleys_are_time_reversed(build_model, name):
    one, other = (build_model(name, 3.0, shells=3, valley=v, displacement_mev=7.0) for v in (+1, -1))
    np.testing.assert_allclose(top(one, K), top(other, -K), atol=1e-10)
    assert np.abs(top(one, K) - top(other, K)).max() > 1e-2  # at D != 0 one valley is not even in k
    # H_K'(k) = H_K(-k)^* with G -> -G.
    index = one.basis.shift(np.zeros(2, dtype=int))
    opposite = np.array([{tuple(g): i for i, g in enumerate(one.basis.vectors)}[tuple(-g)] for g in one.basis.vectors])
    order = np.concatenate([opposite, len(index) + opposite])
    np.testing.assert_allclose(other.hamiltonian(K), one.hamiltonian(-K).conj()[np.ix_(order, order)], atol=1e-12)


@pytest.mark.parametrize("name", ["WU_2019", "WANG_2023", "REDDY_2023", "DEVAKUL_2021"])
def test_inversion_within_a_valley_without_field(build_model, name):
    # Layers and corners are exchanged: exact up to the disk of plane waves, which is not centred on the corners.
    errors = []
    for shells in (4, 6):
        model = build_model(name, 3.0, shells=shells)
        errors.append(np.abs(top(model, K, 3) - top(model, -K, 3)).max())
    assert errors[0] < 1e-3
    assert errors[1] < 0.1 * errors[0] + 1e-10


def test_signs_that_change_no_energy(build_model):
    for name in ("WANG_2023", "XU_2024"):
        model = build_model(name, 3.0, shells=3)
        p = model.parameters
        energies = top(model, K)
        flipped_phase = with_parameters(model, potential_phase_deg=-p.potential_phase_deg)
        np.testing.assert_allclose(top(flipped_phase, K), energies, atol=1e-9)
        flipped_tunnelling = with_parameters(
            model, tunnelling_mev=-p.tunnelling_mev, second_tunnelling_mev=-p.second_tunnelling_mev
        )
        np.testing.assert_allclose(top(flipped_tunnelling, K), energies, atol=1e-9)
        assert np.abs(top(with_parameters(model, tunnelling_mev=2 * p.tunnelling_mev), K) - energies).max() > 0.1


def test_displacement_field_moves_holes_to_the_bottom_layer(build_model):
    weights = {}
    for field in (-30.0, 0.0, 30.0):
        model = build_model("WANG_2023", 3.89, shells=4, displacement_mev=field)
        bands = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 6, 6), n_bands=1)
        weights[field] = np.sum(np.abs(bands.states[0, :, 0]) ** 2, axis=(0, 2)) / 36
    # Holes are missing electrons of the top band; layer 0 is b.
    assert weights[30.0][0] > 0.7
    np.testing.assert_allclose(weights[0.0], 0.5, atol=0.01)
    np.testing.assert_allclose(weights[-30.0], weights[30.0][::-1], atol=0.01)


@pytest.mark.parametrize("valley", [+1, -1])
def test_velocity_is_the_derivative_of_the_hamiltonian(build_model, valley):
    model, step = build_model("XU_2024", 3.0, shells=2, valley=valley), 1e-5
    for axis, direction in enumerate(np.eye(2)):
        difference = model.hamiltonian(K + step * direction) - model.hamiltonian(K - step * direction)
        np.testing.assert_allclose(model.velocity(K)[axis], difference / (2 * step), atol=1e-5)
    assert np.abs(model.velocity(K)).max() > 10


def test_free_particles(build_model):
    # Without potential and tunnelling the bands are parabolas about kappa_+ and kappa_-, with layer offsets +-D/2.
    model = with_parameters(
        build_model("WANG_2023", 3.89, shells=2, displacement_mev=4.0), potential_mev=0.0, tunnelling_mev=0.0
    )
    corners = model.lattice.corners
    mass = mo.parameters.WANG_2023.effective_mass
    expected = [
        sign * 2.0 - 38.0998212 / mass * np.sum((K + g - corners[name]) ** 2)
        for sign, name in ((+1, "kappa_+"), (-1, "kappa_-"))
        for g in model.basis.cartesian
    ]
    np.testing.assert_allclose(top(model, K, 6), np.sort(expected)[::-1][:6], atol=1e-5)


def test_potential_is_the_fourier_transform_of_the_paper(build_model):
    # Delta_b(r) = 2 V sum_{1,3,5} cos(G_i r + phi), Delta_T(r) = w (1 + e^{-i G_2 r} + e^{-i G_3 r}) at one point.
    model = build_model("WANG_2023", 3.89, shells=3, displacement_mev=0.0)
    p, size = model.parameters, model.basis.size
    r = np.array([1.3, -0.4])
    angles = np.arange(6) * np.pi / 3
    g = model.lattice.reciprocal_length * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    wave = np.exp(1j * model.basis.cartesian @ r)
    column = model.potential.reshape(2, size, 2, size)[:, :, :, 0]  # transfers from G = 0
    phi = np.radians(p.potential_phase_deg)
    for layer, sign in ((0, +1), (1, -1)):
        expected = 2 * p.potential_mev * np.cos(g[::2] @ r + sign * phi).sum()
        assert wave @ column[layer, :, layer] == pytest.approx(expected, abs=1e-10)
    expected = p.tunnelling_mev * (1 + np.exp(-1j * g[1] @ r) + np.exp(-1j * g[2] @ r))
    assert wave @ column[0, :, 1] == pytest.approx(expected, abs=1e-10)
