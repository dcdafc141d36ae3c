import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import constants, integrate, special

from moire import ScreenedCoulomb

moduli = st.floats(1e-3, 20)


@pytest.mark.parametrize("gates", ["dual", "single", "none"])
@pytest.mark.parametrize("distance", [0.0, 0.7])
def test_small_q_limit_is_a_limit(gates, distance):
    v = ScreenedCoulomb(epsilon_r=10, gate_distance_nm=30, layer_distance_nm=distance, gates=gates)
    if gates == "none":
        assert v.diverges_at_zero
        assert np.all(np.isinf(v(0.0)))
        return
    assert not v.diverges_at_zero
    at_zero = v(0.0)
    errors = [np.abs(v(q) - at_zero).max() for q in (1e-4, 1e-5, 1e-6)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-4 * at_zero[0, 0]
    # The layers differ at q = 0 by the parallel-plate term -e^2 d / (2 eps_0 eps).
    e2 = constants.e**2 / (2 * constants.epsilon_0 * 10) / (1e-3 * constants.e) * 1e9
    assert at_zero[0, 1] - at_zero[0, 0] == pytest.approx(-e2 * distance, rel=1e-12)
    assert at_zero[0, 0] == pytest.approx(e2 * 30 * (1 if gates == "dual" else 2), rel=1e-12)


@given(moduli, st.just(0.0) | st.floats(1e-3, 3.0))
def test_symmetric_positive_and_layer_blind_without_distance(q, distance):
    v = ScreenedCoulomb(epsilon_r=7, gate_distance_nm=20, layer_distance_nm=distance)(q)
    assert v[0, 0] == v[1, 1] > 0
    assert v[0, 1] == v[1, 0] <= v[0, 0]
    assert (v[0, 1] == v[0, 0]) == (distance == 0)
    blind = ScreenedCoulomb(epsilon_r=7, gate_distance_nm=20)(q)
    assert np.ptp(blind) == 0


@given(moduli)
def test_far_gates_are_no_gates(q):
    bare = ScreenedCoulomb(epsilon_r=5, layer_distance_nm=0.5, gates="none")(q)
    for gates in ("dual", "single"):
        far = ScreenedCoulomb(epsilon_r=5, layer_distance_nm=0.5, gates=gates, gate_distance_nm=1e6)(q)
        np.testing.assert_allclose(far, bare, rtol=1e-12)
        near = ScreenedCoulomb(epsilon_r=5, layer_distance_nm=0.5, gates=gates, gate_distance_nm=0.1)(q)
        assert near[0, 0] < bare[0, 0]


def test_bare_interaction_is_the_transform_of_one_over_r():
    # int d^2r e^2/(4 pi eps0 eps r) exp(-r/L) e^{-iqr} = 2 pi e^2/(4 pi eps0 eps) / sqrt(q^2 + 1/L^2); L -> infinity.
    v, q, screening = ScreenedCoulomb(epsilon_r=3, gates="none"), 0.8, 200.0
    radial, _ = integrate.quad(lambda r: special.j0(q * r) * np.exp(-r / screening), 0, 4000, limit=5000)
    strength = constants.e / (4 * np.pi * constants.epsilon_0 * 3) * 1e3 * 1e9
    assert v(q)[0, 0] == pytest.approx(2 * np.pi * strength * radial, rel=1e-4)


def test_image_charges():
    # One gate: the charge and its image at 2 d. Two gates: the series of images, sum (-1)^n exp(-2 n d q) sums to tanh.
    q, d = 0.3, 4.0
    bare = ScreenedCoulomb(epsilon_r=1, gates="none")(q)[0, 0]
    single = ScreenedCoulomb(epsilon_r=1, gates="single", gate_distance_nm=d)(q)[0, 0]
    assert single == pytest.approx(bare * (1 - np.exp(-2 * d * q)), rel=1e-13)
    images = 1 + 2 * sum((-1) ** n * np.exp(-2 * n * d * q) for n in range(1, 60))
    dual = ScreenedCoulomb(epsilon_r=1, gate_distance_nm=d)(q)[0, 0]
    assert dual == pytest.approx(bare * images, rel=1e-12)


def test_inverse_epsilon_and_shape():
    one, ten = (ScreenedCoulomb(epsilon_r=e, layer_distance_nm=0.7) for e in (1, 10))
    q = np.linspace(0, 3, 6).reshape(2, 3)
    np.testing.assert_allclose(one(q), 10 * ten(q), rtol=1e-13)
    assert one(q).shape == (2, 3, 2, 2)
    assert "eps = 10" in str(ten)
    assert "no gates" in str(ScreenedCoulomb(epsilon_r=1, gates="none"))
