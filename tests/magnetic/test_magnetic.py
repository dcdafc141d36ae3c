"""The model at rational flux: free particles, limits, symmetries, and Chern numbers by two routes."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.linalg import expm

import moire as mo
from moire.errors import CutoffWarning, InputError, MemoryRefusedError
from moire.magnetic import MagneticModel, MagneticSubbands, landau_fan, solve_magnetic
from moire.magnetic.landau_levels import clock_and_shift, displaced_oscillator, guiding_centre_wave
from moire.plot import plot_fan
from moire.units import HBAR2_OVER_2ME

WANG = mo.parameters.WANG_2023
LATTICE = mo.MoireLattice.from_twist(3.7, WANG.lattice_constant_nm)
THIRD, SIXTH = Fraction(1, 3), Fraction(1, 6)


def zero_field(valley=1, displacement_mev=0.0, **changes):
    return mo.ContinuumModel(replace(WANG, **changes), mo.PlaneWaveBasis(LATTICE, 3), valley, displacement_mev)


def spectrum(model, angles=(0.3, 0.2), n=12):
    return np.linalg.eigvalsh(model.hamiltonian(np.asarray(angles)))[::-1][:n]


def test_displaced_oscillators_are_exponentials_of_ladder_operators():
    lowering = np.diag(np.sqrt(np.arange(1, 90)), 1)
    for beta in (0.7 + 0.3j, -2.1j):
        exact = expm(beta * lowering.T - np.conj(beta) * lowering)
        np.testing.assert_allclose(displaced_oscillator(beta, 40), exact[:40, :40], atol=1e-12)
    large = displaced_oscillator(4.0, 400)
    np.testing.assert_allclose((large @ large.conj().T)[:200, :200], np.eye(200), atol=1e-10)
    np.testing.assert_array_equal(displaced_oscillator(0.0, 3), np.eye(3))


@pytest.mark.parametrize("sign", [1, -1])
def test_guiding_centres_commute_up_to_the_flux(sign):
    p, q = 3, 5
    clock, shift = clock_and_shift(p, q, sign)
    np.testing.assert_allclose(clock @ shift, np.exp(-2j * np.pi * sign * q / p) * shift @ clock, atol=1e-12)
    first, second, both, back = (
        guiding_centre_wave(n, p, q, sign, (0.2, 0.7)) for n in ((1, 0), (0, 1), (1, 1), (-1, -1))
    )
    np.testing.assert_allclose(both, np.exp(1j * np.pi * sign * q / p) * first @ second, atol=1e-12)
    np.testing.assert_allclose(both @ back, np.eye(p), atol=1e-12)


@pytest.mark.parametrize("flux", [THIRD, Fraction(-2, 5)])
def test_free_particles_have_landau_levels(flux):
    displacement = 7.0
    model = MagneticModel(zero_field(1, displacement, potential_mev=0.0, tunnelling_mev=0.0), flux, 8)
    levels = -(2 * np.arange(8) + 1) * HBAR2_OVER_2ME / WANG.effective_mass / model.magnetic_length**2
    expected = np.sort(np.repeat([levels + displacement / 2, levels - displacement / 2], model.numerator))[::-1]
    np.testing.assert_allclose(spectrum(model, n=expected.size), expected, atol=1e-10)
    assert model.tesla == pytest.approx(float(flux) * 4.135667696e3 / LATTICE.cell_area_nm2)


@pytest.mark.parametrize("flux", [SIXTH, Fraction(2, 3)])
def test_h_is_hermitian_and_periodic_in_the_magnetic_momentum(flux):
    model = MagneticModel.at_flux(zero_field(displacement_mev=4.0), flux, 2.0)
    matrix = model.hamiltonian(np.array([0.3, 0.2]))
    np.testing.assert_allclose(matrix, matrix.conj().T, atol=1e-10)
    step = 2 * np.pi / model.numerator
    for moved in ((0.3 + step, 0.2), (0.3, 0.2 - step)):
        np.testing.assert_allclose(spectrum(model, moved), spectrum(model), atol=1e-9)


def test_without_tunnelling_the_layers_have_equal_levels():
    """Their potentials are mirror images, and a real potential does not know the sign of the field."""

    def means(displacement_mev, flux):
        model = MagneticModel.at_flux(zero_field(1, displacement_mev, tunnelling_mev=0.0), flux, 2.5)
        return solve_magnetic(model, 1.0, 6).energies.mean(axis=(0, 1)) - 150

    in_b = means(300.0, THIRD)
    np.testing.assert_allclose(means(-300.0, THIRD), in_b, atol=1e-6)
    np.testing.assert_allclose(means(300.0, -THIRD), in_b, atol=1e-6)


def test_the_other_valley_sees_the_opposite_field():
    for flux in (THIRD, Fraction(-2, 5)):
        one = solve_magnetic(MagneticModel.at_flux(zero_field(1, 5.0), flux, 2.5), 1.0, 4)
        other = solve_magnetic(MagneticModel.at_flux(zero_field(-1, 5.0), -flux, 2.5), 1.0, 4)
        np.testing.assert_allclose(one.energies.max(axis=(0, 1)), other.energies.max(axis=(0, 1)), atol=1e-9)
        count = int(np.argmax(one.gaps)) + 1
        assert one.chern(count) == pytest.approx(-other.chern(count))


def test_weak_fields_lead_to_the_bands_and_their_magnetisation():
    """Energy of the empty top band: its mean at zero field, with the slope of the modern theory of magnetisation."""
    model, mu = zero_field(displacement_mev=6.0), 28.0
    mean = magnetic = 0.0
    grid = mo.MomentumGrid.regular(LATTICE, 15, 15)
    for k in grid.points:
        energies, states = (part[..., ::-1] for part in np.linalg.eigh(model.hamiltonian(k)))
        v_x, v_y = (states.conj().T @ v @ states for v in model.velocity(k))
        weight = (energies[1:] + energies[0] - 2 * mu) / (energies[0] - energies[1:]) ** 2
        magnetic += np.sum((v_x[0, 1:] * v_y[1:, 0]).imag * weight) / grid.n_points
        mean += (energies[0] - mu) / grid.n_points
    slope = -2 * np.pi / LATTICE.cell_area_nm2 * magnetic

    def energy(sign, q):
        bands = solve_magnetic(MagneticModel.at_flux(model, Fraction(sign, q), 2.5), 1.2, 3)
        count = q - sign  # n = 1 - phi: the line of the top band, C = -1
        return (bands.energies[:, :, :count].mean(axis=(0, 1)) - mu).sum() / q

    errors = []
    for q in (4, 8):
        up, down = energy(1, q), energy(-1, q)
        errors.append((abs((up - down) * q / 2 - slope), abs((up + down) / 2 - mean)))
    assert slope == pytest.approx(-0.525, abs=0.01)
    assert errors[1][0] < 0.02 < 0.02 + errors[0][0]
    assert errors[1][1] < 0.3 * errors[0][1]  # quadratic in the field


@pytest.fixture(scope="module")
def fan():
    fluxes = ["1/4", "3/11", "2/7", "3/10", "1/3", "3/8", "2/5"]
    return landau_fan(zero_field(), fluxes, level_shells=2.5, mesh=4)


def test_links_and_the_count_of_states_agree_at_every_gap(fan):
    """t of the links is the slope of the states above an energy in the gap; s is an integer for any t modulo q."""
    slopes = [(gap.chern, slope) for gap in fan.gaps if gap.gap_mev > 1 and (slope := fan.slope(gap)) is not None]
    assert len(slopes) > 20
    assert {chern for chern, _ in slopes} == {0, -1, -2}
    assert all(slope == chern for chern, slope in slopes)
    for gap in fan.gaps:
        assert gap.holes == gap.start + gap.chern * gap.flux


def test_the_gap_below_the_top_band_moves_with_its_chern_number(fan):
    bands = mo.solve_bands(zero_field(), mo.MomentumGrid.regular(LATTICE, 9, 9), 2)
    top = round(mo.topology.chern_number(bands, [0]).value)
    line = fan.line(1, top)
    assert top == -1
    assert [gap.flux for gap in line] == list(fan.fluxes)
    assert min(gap.gap_mev for gap in line) > 4
    assert str(fan).splitlines()[0].endswith("gaps above 0.5 meV at 7 fluxes")


def test_both_valleys_and_their_zeeman_energy():
    models = [zero_field(1), zero_field(-1)]
    plain, split = (landau_fan(models, [THIRD], valley_g_factor=g, level_shells=2.5, mesh=4) for g in (0.0, 40.0))
    shift = 40 * 0.05788 * plain.tesla[0] / 2
    assert split.energies[0].max() != pytest.approx(plain.energies[0].max())
    assert abs(split.energies[0].max() - plain.energies[0].max()) < shift + 1e-6
    assert any(gap.start == 2 and gap.chern == 0 for gap in plain.gaps)  # -1 and +1 of the two valleys
    for gap in (*plain.gaps, *split.gaps):
        assert gap.holes == gap.start + gap.chern * gap.flux


def test_the_fan_is_drawn_where_its_gaps_are(fan):
    ax = plot_fan(fan, Figure().subplots())
    drawn = {(float(x), float(y)) for line in ax.lines for x, y in line.get_xydata()}
    for gap in fan.gaps:
        assert (-float(gap.holes), gap.tesla) in drawn
    assert "(1, -1)" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_too_few_levels_are_told():
    with pytest.warns(CutoffWarning, match="The 4 Landau levels at flux 1/3 are too few for 1 holes per cell"):
        solve_magnetic(MagneticModel(zero_field(), THIRD, 4), 1.0, 2)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: MagneticModel(zero_field(), 0, 4), "`flux` must be other than zero, but is 0"),
        (lambda: MagneticModel(zero_field(), THIRD, 0), "`n_levels` must be at least 1, but is 0"),
        (lambda: MagneticModel.at_flux(zero_field(), THIRD, -1), "`level_shells` must be positive"),
        (lambda: solve_magnetic(MagneticModel(zero_field(), THIRD, 2), 4.0), "`holes_per_cell` must be at most 1,"),
        (lambda: landau_fan([zero_field(), zero_field()], [THIRD]), "`models` must be of different valleys"),
        (lambda: landau_fan([zero_field(1), zero_field(-1, 5.0)], [THIRD]), "`models` must be of one lattice and"),
        (lambda: landau_fan(zero_field(), []), "`fluxes` must hold at least one flux"),
    ],
)
def test_wrong_input_is_one_sentence(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call()


def test_a_flux_beyond_memory_says_what_fits():
    with pytest.raises(MemoryRefusedError, match="levels would fit"):
        MagneticModel.at_flux(zero_field(), Fraction(997, 1000), 60.0)


def test_no_chern_number_without_a_gap():
    model = MagneticModel(zero_field(), THIRD, 2)
    touching = MagneticSubbands(model, np.zeros((2, 2, 3)), np.zeros((2, 2, 3, 4), complex))
    with pytest.raises(InputError, match="`n_highest` must leave a gap below, but leaves 0 meV below 1"):
        touching.chern(1)
