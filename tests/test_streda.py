"""Streda lines: exact fractions, the experiment, and the fit against what it was fed."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moire as mo
from moire.topology import StredaLine, fit_streda, hall_resistance, hall_resistance_ohm, streda_fan
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
