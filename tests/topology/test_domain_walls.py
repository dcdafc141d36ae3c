"""Domain walls: kink modes per valley, N for N layers, against the change of the valley Chern number."""

import numpy as np
import pytest
from scipy.linalg import eigh

import moire as mo
from moire.models import ChiralMultilayer, MassiveDirac, RhombohedralMultilayer
from moire.topology.strips.domain_walls import DomainWalls
from moire.topology.strips.edges import in_gap_modes, strip_spectrum

DIRAC = DomainWalls(MassiveDirac(600.0, 30.0), 20.0, 1000.0, 81)


def kinks(model, energy=0.0):
    return in_gap_modes(DomainWalls(model, 10.0, 400.0, 41), energy)


@pytest.mark.parametrize("valley", [+1, -1])
@pytest.mark.parametrize("mass", [30.0, -30.0])
@pytest.mark.parametrize("energy", [0.0, pytest.param(6.0, marks=pytest.mark.slow)])
def test_number_of_kink_modes_is_the_change_of_the_valley_chern_number(valley, mass, energy):
    """C(mass) - C(-mass) = tau N sgn(mass) = -Theta_01 of the two-band models."""
    models = [ChiralMultilayer(n, 600.0, 380.0, mass, valley) for n in (1, 2, 3)]
    models.append(RhombohedralMultilayer(2, 600.0, 380.0, mass, valley))
    for model, n in zip(models, (1, 2, 3, 2), strict=True):
        modes = kinks(model, energy)
        change = n * valley * int(np.sign(mass))
        assert (modes.chirality(0), modes.chirality(1)) == (change, -change)
        assert modes.count(0) == modes.count(1) == n
        assert np.all(modes.localisation > 0.98)


def test_kink_modes_of_four_chiral_and_three_full_layers():
    assert kinks(ChiralMultilayer(4, 600.0, 380.0, 30.0)).chirality(0) == 4
    assert kinks(RhombohedralMultilayer(3, 600.0, 380.0, 30.0, -1)).chirality(0) == -3


def test_dirac_mode_is_the_exact_one():
    """E = tau hbar v q and density ~ cosh(x/w)^(-2 Delta w/hbar v): Jackiw and Rebbi, Phys. Rev. D 13, 3398 (1976)."""
    for energy in (-12.0, 5.0):
        modes = in_gap_modes(DIRAC, energy)
        rising = modes.sides == 0
        np.testing.assert_allclose(modes.velocities[rising], 600.0, rtol=1e-6)
        np.testing.assert_allclose(modes.momenta[rising], energy / 600.0, rtol=1e-6)
    energies, states = eigh(DIRAC.hamiltonian(5.0 / 600.0))
    density = DIRAC.density(states[:, [np.argmin(np.abs(energies - 5.0))]])[:, 0]
    # cosh^-2 of the periodic wall integrates f exactly; near x = 0 it is the tanh wall up to (x/L)^2
    near = np.abs(DIRAC.positions) < 40.0
    exact = np.cosh(DIRAC.positions[near] / 20.0) ** -2.0
    np.testing.assert_allclose(density[near] / density.max(), exact, atol=5e-3)
    assert density.sum() * np.diff(DIRAC.positions)[0] == pytest.approx(1, abs=1e-9)


def test_bilayer_kinks_tend_to_the_chiral_ones():
    """At the same wall the four-band momenta approach the two-band ones as U/gamma_1 falls."""
    errors = []
    for coupling in (400.0, 1600.0):
        velocity = 600.0 * np.sqrt(coupling / 400.0)  # the same c = v^2/gamma_1
        full = kinks(RhombohedralMultilayer(2, velocity, coupling, 30.0)).momenta
        chiral = kinks(ChiralMultilayer(2, velocity, coupling, 30.0)).momenta
        errors.append(np.abs(full.max() / chiral.max() - 1))
    assert 0 < errors[1] < 0.5 * errors[0] < 0.05


def test_modes_are_converged_in_the_plane_waves():
    model = ChiralMultilayer(2, 600.0, 380.0, 30.0)
    coarse, fine = (in_gap_modes(DomainWalls(model, 10.0, 400.0, n), 4.0) for n in (81, 101))
    # tanh(x/w) has its poles at i pi w/2: the error falls as exp(-pi w k_max), about 1e-8 here
    np.testing.assert_allclose(coarse.momenta, fine.momenta, atol=1e-7)
    np.testing.assert_allclose(coarse.velocities, fine.velocities, rtol=1e-5)


def test_spectrum_has_one_exact_line_per_wall_inside_the_gap():
    momenta = np.linspace(-0.03, 0.03, 12)  # without q = 0, where the two lines cross
    spectrum = strip_spectrum(DIRAC, momenta, 20)
    for side, slope in ((0, 600.0), (1, -600.0)):
        for energies, weights, q in zip(spectrum.energies, spectrum.weights[side], momenta, strict=True):
            on_side = energies[(weights > 0.9) & (np.abs(energies) < 24.0)]
            np.testing.assert_allclose(on_side, [slope * q], rtol=1e-5)


def test_velocity_is_the_derivative_and_the_hamiltonian_hermitian():
    walls = DomainWalls(ChiralMultilayer(3, 600.0, 380.0, 30.0, -1), 10.0, 200.0, 21)
    q, step = 0.13, 1e-5
    h = walls.hamiltonian(q)
    np.testing.assert_allclose(h, h.conj().T, atol=1e-10)
    slope = (walls.hamiltonian(q + step) - walls.hamiltonian(q - step)) / (2 * step)
    velocity = walls.velocity(q)
    np.testing.assert_allclose(velocity, slope, atol=1e-7 * np.abs(velocity).max())


def test_profile_is_a_pair_of_walls():
    order = np.argsort(np.abs(DIRAC.positions))
    assert DIRAC.profile.min() == pytest.approx(-1, abs=1e-6)
    assert DIRAC.profile.max() == pytest.approx(1, abs=1e-6)
    assert np.diff(DIRAC.profile)[order[0]] > 0
    near = np.abs(DIRAC.positions) < 30.0
    np.testing.assert_allclose(DIRAC.profile[near], np.tanh(DIRAC.positions[near] / 20.0), atol=5e-3)


@pytest.mark.parametrize(
    ("build", "word"),
    [
        (lambda: DomainWalls(MassiveDirac(600.0, 0.0), 10.0, 400.0, 41), "mass_mev"),
        (lambda: DomainWalls(DIRAC.model, 0.0, 400.0, 41), "width_nm"),
        (lambda: DomainWalls(DIRAC.model, 10.0, 100.0, 41), "box_nm"),
        (lambda: DomainWalls(DIRAC.model, 10.0, 400.0, 40), "n_plane_waves"),
        (lambda: DomainWalls(DIRAC.model, 10.0, 400.0, 11), "n_plane_waves"),
        (lambda: in_gap_modes(DIRAC, 80.0), "energy_mev"),
    ],
)
def test_bad_walls_are_refused_by_name(build, word):
    with pytest.raises(mo.InputError, match=f"`{word}` must"):
        build()
