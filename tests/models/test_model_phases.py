"""Small models: phase diagrams with the sign of the Chern number."""

import numpy as np
import pytest
from scipy.integrate import quad

import moire as mo
from moire.models import (
    BreathingKagome,
    ChiralMultilayer,
    HaldaneModel,
    KaneMeleModel,
    MassiveDirac,
    RhombohedralMultilayer,
)

A = 0.25  # nm


def chern_numbers(model, n=24):
    bands = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, n, n), model.state_shape[1])
    return [mo.topology.chern_number(bands, [band]) for band in range(bands.n_bands)]


@pytest.mark.parametrize("t2", [100.0, -200.0])
def test_haldane_phase_diagram(t2):
    for phase in (-135.0, 30.0, 90.0):
        border = 3 * np.sqrt(3) * t2 * np.sin(np.radians(phase))
        for ratio in (-1.15, -0.85, 0.0, 0.5, 1.15):
            model = HaldaneModel(A, 1000.0, t2, phase, ratio * abs(border))
            lower, upper = chern_numbers(model)
            expected = -np.sign(border) if abs(ratio) < 1 else 0
            assert lower.value == pytest.approx(expected, abs=1e-9)
            assert upper.value == pytest.approx(-expected, abs=1e-9)


@pytest.mark.parametrize("ratio", [0.0, 0.9, 1.1])
def test_kane_mele_transition(ratio):
    spin_orbit = 60.0
    model = KaneMeleModel(A, 1000.0, spin_orbit, ratio * 3 * np.sqrt(3) * spin_orbit)
    up, down = (chern_numbers(model.spin_sector(spin))[0].value for spin in (+1, -1))
    expected = -1 if ratio < 1 else 0
    assert up == pytest.approx(expected, abs=1e-9)
    assert down == pytest.approx(-expected, abs=1e-9)
    bands = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 12, 12), 4)  # holds kappa_+-
    assert bands.direct_gap(1) == pytest.approx(2 * 3 * np.sqrt(3) * spin_orbit * abs(1 - ratio), rel=1e-9)
    assert mo.topology.chern_number(bands, [0, 1]).value == pytest.approx(0, abs=1e-9)


def test_kane_mele_gap_closes_on_the_border_and_rashba_moves_it():
    border = 3 * np.sqrt(3) * 60.0
    corner = KaneMeleModel(A, 1000.0, 60.0).lattice.corners["kappa_-"]
    gaps = {}
    for rashba in (0.0, 80.0):
        levels = np.linalg.eigvalsh(KaneMeleModel(A, 1000.0, 60.0, border, rashba).hamiltonian(corner))
        gaps[rashba] = levels[2] - levels[1]
    assert gaps[0.0] == pytest.approx(0, abs=1e-9)
    assert gaps[80.0] > 10


def test_kagome_flat_band_touching_and_breathing_gap():
    for t, second in ((100.0, 100.0), (100.0, 40.0), (30.0, 110.0)):
        model = BreathingKagome(0.67, t, second)
        bands = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 12, 12), 3)  # holds gamma and kappa_+-
        a_1, a_2 = model.lattice.primitive
        g = np.abs(1 + np.exp(1j * bands.grid.points @ a_1) + np.exp(1j * bands.grid.points @ (a_1 + a_2)))
        root = np.sqrt(9 * (t - second) ** 2 / 4 + t * second * g**2)
        np.testing.assert_allclose(bands.energies[0, :, 0], model.flat_energy_mev, atol=1e-9)
        np.testing.assert_allclose(bands.energies[0, :, 1], (t + second) / 2 - root, atol=1e-9)
        np.testing.assert_allclose(bands.energies[0, :, 2], (t + second) / 2 + root, atol=1e-9)
        assert bands.direct_gap(0) == pytest.approx(0, abs=1e-9)
        assert bands.direct_gap(1) == pytest.approx(3 * abs(t - second), abs=1e-9)


@pytest.mark.parametrize("phase", [15.0, -15.0, 50.0])
def test_kagome_phase_diagram(phase):
    low, third = np.sin(np.radians(abs(phase))), np.radians(60)
    first = low / np.sin(third + np.radians(abs(phase)))
    last = np.sin(third - np.radians(abs(phase))) / np.sin(third + np.radians(abs(phase)))
    for ratio in (0.1, 0.22, 0.32, 0.6, 0.85, 1.6, 5.0):
        cherns = [result.value for result in chern_numbers(BreathingKagome(0.67, 100.0, 100.0 * ratio, phase), 30)]
        lowest = np.sign(phase) * (first < ratio < 1 / first)
        highest = -np.sign(phase) * (last < ratio < 1 / last)
        np.testing.assert_allclose(cherns, [lowest, -lowest - highest, highest], atol=1e-9)


@pytest.mark.parametrize(
    "model",
    [
        HaldaneModel(A, 1000.0, 130.0, 70.0, 210.0),
        KaneMeleModel(A, 1000.0, 60.0, 100.0, 80.0),
        BreathingKagome(0.67, 120.0, 80.0, 20.0),
    ],
    ids=lambda model: model.name,
)
def test_links_and_kubo_give_the_same_chern_number(model):
    filled = list(range(model.state_shape[0]))
    bands = mo.solve_bands(model, mo.MomentumGrid.regular(model.lattice, 60, 60), model.state_shape[0] + 1)
    links = mo.topology.chern_number(bands, filled)
    kubo = mo.topology.berry_curvature(bands, filled)
    assert kubo.chern == pytest.approx(links.value, abs=2e-3)  # exponential in the mesh times the gap
    assert np.abs(links.flux).max() > 1e-3


def valley_chern(model, n_filled):
    """(1/2 pi) int Omega over the plane: the curvature of an isotropic model depends on |k| only."""

    def density(t):
        radius = 0.3 * t / (1 - t)
        k = np.array([radius, 0.0])
        energies, u = np.linalg.eigh(model.hamiltonian(k))
        vx, vy = u.conj().T @ model.velocity(k) @ u
        filled, empty = slice(None, n_filled), slice(n_filled, None)
        gaps = energies[empty][None] - energies[filled][:, None]
        omega = -2 * np.sum(vx[filled, empty] * vy[empty, filled].T / gaps**2).imag
        return omega * radius * 0.3 / (1 - t) ** 2

    return quad(density, 0, 1, epsabs=1e-9, limit=200)[0]


@pytest.mark.parametrize("valley", [+1, -1])
@pytest.mark.parametrize("mass", [20.0, -35.0])
def test_valley_chern_numbers(valley, mass):
    sign = valley * np.sign(mass)
    assert valley_chern(MassiveDirac(500.0, mass, valley), 1) == pytest.approx(sign / 2, abs=1e-6)
    for n in (1, 2, 3, 4):
        assert valley_chern(ChiralMultilayer(n, 600.0, 380.0, mass, valley), 1) == pytest.approx(sign * n / 2, abs=1e-6)
    for n in (2, 3, 4):
        model = RhombohedralMultilayer(n, 600.0, 380.0, mass, valley)
        assert valley_chern(model, n) == pytest.approx(sign * n / 2, abs=1e-6)
