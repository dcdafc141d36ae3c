import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moire import MoireLattice
from moire.lattice import TriangularLattice

angles = st.floats(0.5, 30)


@given(angles)
def test_identities_of_a_twisted_lattice(theta):
    lattice = MoireLattice.from_twist(theta, 0.352)
    a, b = lattice.primitive, lattice.reciprocal
    np.testing.assert_allclose(a @ b.T, 2 * np.pi * np.eye(2), atol=1e-12)
    assert lattice.period_nm * 2 * np.sin(np.radians(theta) / 2) == pytest.approx(0.352, rel=1e-14)
    np.testing.assert_allclose(np.linalg.norm(a, axis=1), lattice.period_nm, rtol=1e-13)
    np.testing.assert_allclose(np.linalg.norm(b, axis=1), lattice.reciprocal_length, rtol=1e-13)
    assert b[0] @ b[1] == pytest.approx(lattice.reciprocal_length**2 / 2)  # 60 degrees apart
    assert lattice.zone_area > 0  # counter-clockwise: fixes the sign of every Chern number
    assert lattice.zone_area * lattice.cell_area_nm2 == pytest.approx(4 * np.pi**2)
    assert lattice.cell_area_nm2 == pytest.approx(np.sqrt(3) / 2 * lattice.period_nm**2)


def test_corners():
    lattice = TriangularLattice(5.0)
    corners, g = lattice.corners, lattice.reciprocal
    np.testing.assert_allclose(corners["kappa_+"], (2 * g[0] - g[1]) / 3, atol=1e-14)
    np.testing.assert_allclose(corners["kappa_-"], (g[0] + g[1]) / 3, atol=1e-14)
    np.testing.assert_allclose(corners["m"], g[0] / 2, atol=1e-14)
    np.testing.assert_allclose(corners["gamma"], 0, atol=0)
    # Both corners are at |G|/sqrt3, and a rotation by 120 degrees returns each up to a reciprocal vector.
    c3 = np.array([[-0.5, -np.sqrt(3) / 2], [np.sqrt(3) / 2, -0.5]])
    for name in ("kappa_+", "kappa_-"):
        assert np.linalg.norm(corners[name]) == pytest.approx(lattice.reciprocal_length / np.sqrt(3))
        moved = (c3 @ corners[name] - corners[name]) @ np.linalg.inv(g)
        np.testing.assert_allclose(moved, np.round(moved), atol=1e-12)
        assert np.abs(moved).max() > 0.5


def test_arrays_are_read_only():
    lattice = TriangularLattice(5.0)
    for array in (lattice.primitive, lattice.reciprocal, lattice.corners["m"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
