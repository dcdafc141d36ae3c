"""Voltages of two gates, filling and displacement field."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import constants

import moire as mo
from moire.errors import InputError
from moire.gates import DualGate, displacement_mev, field_of

LATTICE = mo.MoireLattice.from_twist(3.7, 0.352)
VOLT = st.floats(-10, 10)
GATE = DualGate(top_nm=20, bottom_nm=35, top_epsilon=3.0, bottom_epsilon=3.4, density_offset=0.01, field_offset=-0.02)


@given(VOLT, VOLT)
def test_voltages_are_found_again(top, bottom):
    filling, field = GATE.filling(top, bottom, LATTICE), GATE.field(top, bottom)
    np.testing.assert_allclose(GATE.voltages(filling, field, LATTICE), (top, bottom), atol=1e-9)


def test_one_gate_in_si_units():
    """20 nm of boron nitride: 1 V induces epsilon epsilon_0 / d e carriers."""
    gate = DualGate(top_nm=20, bottom_nm=20)
    per_m2 = 3 * constants.epsilon_0 / 20e-9 / constants.e
    assert gate.filling(-1.0, 0.0, LATTICE) == pytest.approx(-per_m2 * LATTICE.cell_area_nm2 * 1e-18)
    assert gate.field(1.0, -1.0) == pytest.approx(3 / 20)  # no carriers: the field in the dielectric times epsilon


def test_the_sign_of_the_field_is_that_of_the_models():
    """A field that points down raises electrons in the lower layer b: D > 0, holes go to b."""
    gate = DualGate(top_nm=20, bottom_nm=20)
    down = displacement_mev(gate.field(2.0, -2.0), layer_distance_nm=0.7, layer_epsilon=8.0)
    assert down == pytest.approx(1000 * 0.3 * 0.7 / 8)
    wang = mo.parameters.WANG_2023
    model = mo.ContinuumModel(wang, mo.PlaneWaveBasis(LATTICE, 3), displacement_mev=float(down))
    states = mo.solve_bands(model, mo.MomentumGrid.regular(LATTICE, 3, 3), 1).states[0, :, 0]
    assert np.sum(np.abs(states[:, 0]) ** 2) > np.sum(np.abs(states[:, 1]) ** 2)
    back = field_of(down, layer_distance_nm=0.7, layer_epsilon=8.0)
    assert back == pytest.approx(0.3)


def test_maps_of_voltages_have_their_shape():
    top, bottom = np.meshgrid(np.linspace(-3, 3, 4), np.linspace(-2, 2, 5))
    assert GATE.filling(top, bottom, LATTICE).shape == GATE.field(top, bottom).shape == (5, 4)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [("top_nm", 0.0, "be positive"), ("bottom_epsilon", -3, "be positive"), ("field_offset", np.nan, "be finite")],
)
def test_wrong_devices(name, value, rule):
    with pytest.raises(InputError, match=f"`{name}` must {rule}.*, but is {value:g}"):
        DualGate(**{"top_nm": 20, "bottom_nm": 20} | {name: value})
    with pytest.raises(InputError, match="`layer_epsilon` must be positive"):
        displacement_mev(0.1, layer_distance_nm=0.7, layer_epsilon=0)
