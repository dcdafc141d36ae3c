"""Streda lines: exact fractions, the experiment, and the fit against what it was fed."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moire as mo
from moire.models import HaldaneModel
from moire.topology import StredaLine, chern_number, fit_streda, hall_resistance, hall_resistance_ohm, streda_fan
from moire.units import FLUX_QUANTUM

AREA = mo.MoireLattice.from_twist(3.7, 0.352).cell_area_nm2

# arXiv:2308.02657: filling -> (|R_xy| in h/e^2, Streda slope). The state at -1/2 is compressible: no slope.
EXPERIMENT = {"-1": (Fraction(1), -1), "-2/3": (Fraction(3, 2), "-2/3"), "-3/5": (Fraction(5, 3), "-3/5")}


@pytest.mark.parametrize("filling", EXPERIMENT)
def test_the_plateaus_and_slopes_of_the_experiment(filling):
    resistance, slope = EXPERIMENT[filling]
    line = StredaLine.of(filling, slope)
    assert abs(line.hall_resistance) == resistance
    change = line.density([2.0], AREA) - line.density([0.0], AREA)
    assert change * FLUX_QUANTUM / 2.0 == pytest.approx(float(Fraction(slope)))


def test_resistance_of_the_half_filled_state_and_of_one_channel():
    assert hall_resistance("-1/2") == -2
    assert hall_resistance_ohm(1) == pytest.approx(25812.80745, abs=1e-4)  # von Klitzing, SI
    assert hall_resistance_ohm("2/3") == pytest.approx(1.5 * 25812.80745)


def test_one_flux_quantum_per_cell_moves_the_filling_by_the_chern_number():
    line = StredaLine.of("-2/3", "-2/3")
    one_quantum = FLUX_QUANTUM / AREA
    fan = streda_fan([line, StredaLine.of(-1, -1)], [0.0, one_quantum], AREA)
    np.testing.assert_allclose(fan.fillings, [[-2 / 3, -4 / 3], [-1, -2]], rtol=1e-12)
    assert "-3/2" in str(fan)
    assert not fan.densities.flags.writeable


@settings(deadline=None, max_examples=30)
@given(
    numerator=st.integers(-6, 6),
    denominator=st.integers(1, 7),
    filling=st.floats(-2, 2),
    offset=st.floats(-3, 3),
)
def test_the_fit_returns_the_line_it_was_fed(numerator, denominator, filling, offset):
    chern = Fraction(numerator, denominator)
    fields = offset + np.linspace(0, 9, 12)
    densities = filling / AREA + float(chern) * fields / FLUX_QUANTUM
    fit = fit_streda(fields, densities, AREA)
    assert fit.chern == pytest.approx(float(chern), abs=1e-9)
    assert fit.filling == pytest.approx(filling, abs=1e-9)
    assert fit.nearest_fraction() == chern


def test_standard_errors_cover_the_truth_as_often_as_they_should():
    line, fields = StredaLine.of("-2/3", "-2/3"), np.linspace(0, 8, 25)
    rng = np.random.default_rng(7)
    sigma = 2e-4 / AREA
    pulls, known = [], []
    for _ in range(400):
        densities = line.density(fields, AREA) + rng.normal(scale=sigma, size=25)
        fit = fit_streda(fields, densities, AREA)
        pulls.append((fit.chern - float(line.chern)) / fit.chern_error)
        known.append(fit_streda(fields, densities, AREA, sigma).chi2_per_degree)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.15)  # 400 draws: 1 +- 0.035, Student's t with 23 adds 0.045
    assert np.mean(known) == pytest.approx(1.0, abs=0.06)  # sqrt(2/23/400) = 0.015


def test_the_fit_tells_neighbouring_fractions_apart():
    fields, rng = np.linspace(0, 8, 40), np.random.default_rng(3)
    two_thirds, three_fifths = StredaLine.of("-2/3", "-2/3"), StredaLine.of("-3/5", "-3/5")
    data = two_thirds.density(fields, AREA) + rng.normal(scale=1e-4 / AREA, size=40)
    fit = fit_streda(fields, data, AREA)
    assert fit.agrees_with(two_thirds, 3)
    assert not fit.agrees_with(three_fifths, 3)
    assert fit.nearest_fraction() == Fraction(-2, 3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: hall_resistance(0), "chern"),
        (lambda: streda_fan([], [0.0], AREA), "lines"),
        (lambda: StredaLine.of(1, 1).density([1.0], -2.0), "cell_area_nm2"),
        (lambda: fit_streda([1, 2], [1, 2], AREA), "three points"),
        (lambda: fit_streda([1, 2, 3], [1, 2], AREA), "one value per field"),
        (lambda: fit_streda([1, 1, 1], [1, 2, 3], AREA), "different fields"),
        (lambda: fit_streda([1, 2, np.nan], [1, 2, 3], AREA), "finite"),
        (lambda: fit_streda([1, 2, 3], [1, 2, 3], AREA, 0.0), "density_error_per_nm2"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(call, words):
    with pytest.raises(mo.InputError, match=words):
        call()


def levels_in_a_field(model, side):
    """Levels of side x side cells with 1/side flux quanta of B along +z in each, for electrons of charge -e.

    <r|H|r'> takes the phase of (-e/hbar) int_r'^r A dl with A = -B x_2 along a_1: B points up where a_2 lies to the
    left of a_1. All orbitals of a cell stand at its corner here, which moves the field inside the cells alone.
    """
    n_orbitals = len(model.positions)
    hamiltonian = np.zeros((side, side, n_orbitals) * 2, dtype=complex)
    for x1 in range(side):
        for x2 in range(side):
            for orbital in range(n_orbitals):
                hamiltonian[x1, x2, orbital, x1, x2, orbital] += model.onsite[orbital]
            for hop in model.hoppings:
                s1, s2 = (x1 + hop.cell[0]) % side, (x2 + hop.cell[1]) % side
                integral = hop.cell[0] * (x2 + hop.cell[1] / 2) / side  # int A dl in flux quanta, from source to end
                amplitude = hop.amplitude_mev * np.exp(-2j * np.pi * integral)
                hamiltonian[x1, x2, hop.to, s1, s2, hop.source] += amplitude
                hamiltonian[s1, s2, hop.source, x1, x2, hop.to] += np.conj(amplitude)
    return np.linalg.eigvalsh(hamiltonian.reshape((side * side * n_orbitals,) * 2))


def hall_conductivity(model, grid):
    """J_x / E_y of the lower band in e^2/h from the Schroedinger equation to first order in E_y.

    hbar dk_y/dt = -e E_y admixes a = i hbar <m|d_t n>/(E_m - E_n), <m|d_t n> = <m|d_y H|n>/(E_n - E_m) dk_y/dt, and
    J_x = -e int d^2k/(2 pi)^2 2 Re <n|d_x H|m> a / hbar.
    """
    total = 0.0
    for k in grid.points:
        energies, states = np.linalg.eigh(model.hamiltonian(k))
        v_x, v_y = states.conj().T @ model.velocity(k) @ states
        rate = -1.0  # dk_y/dt for e = hbar = E_y = 1
        admixed = 1j * v_y[1, 0] / (energies[0] - energies[1]) * rate / (energies[1] - energies[0])
        total += -2 * (v_x[0, 1] * admixed).real
    return total / grid.n_points * grid.lattice.zone_area / (2 * np.pi)


@pytest.mark.parametrize("phase_deg", [90.0, -90.0])
def test_slope_chern_number_and_resistance_have_one_sign_and_the_conductivity_the_other(phase_deg):
    model = HaldaneModel(0.35, 1000.0, 200.0, phase_deg)
    grid, side = mo.MomentumGrid.regular(model.lattice, 18, 18), 10
    chern = round(chern_number(mo.solve_bands(model, grid, n_bands=1), [0]).value)
    assert chern == -np.sign(phase_deg)
    line = StredaLine.of(1, chern)
    levels = levels_in_a_field(model, side)
    below = int((levels < 0).sum())
    assert np.abs(levels).min() > 300  # both counts lie in one gap
    one_quantum = FLUX_QUANTUM / (model.lattice.cell_area_nm2 * side)  # T, one flux quantum in `side` cells
    added = line.density([one_quantum], model.lattice.cell_area_nm2) * model.lattice.cell_area_nm2 * side**2
    assert below == pytest.approx(float(added[0]))
    assert below - side**2 == chern * side
    sigma_xy = hall_conductivity(model, grid)
    assert sigma_xy == pytest.approx(float(line.hall_conductivity), abs=1e-3)
    resistivity = np.linalg.inv([[0.0, sigma_xy], [-sigma_xy, 0.0]])
    assert resistivity[0, 1] == pytest.approx(float(line.hall_resistance), abs=1e-3)
    assert line.hall_conductivity == -chern
    text = str(streda_fan([line], [0.0, 1.0], AREA))
    assert text.splitlines()[1].split()[:4] == ["1", str(chern), str(-chern), str(chern)]
    assert "sigma_xy = J_x/E_y = -C e^2/h, R_xy = E_x/J_y = h/(C e^2)" in text
