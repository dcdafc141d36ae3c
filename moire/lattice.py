"""Triangular lattices: primitive and reciprocal vectors, zone corners; the moire lattice of a twist angle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from moire._arrays import FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.errors import require

_SHORTEST_NM, _LONGEST_NM = 1e-6, 1e9

C3_ROTATION: IntArray = read_only([[-1, 1], [-1, 0]], np.int64)
"""Rotation R by 120 degrees in units of b_1, b_2, G n -> G (n R): b_1 -> -b_1 + b_2, b_2 -> -b_1."""


@checked
@dataclass(frozen=True)
class TriangularLattice(Shown):
    """Triangular Bravais lattice with period `period_nm`.

    With G_i = 4 pi / (sqrt3 a) (cos((i-1) pi/3), sin((i-1) pi/3)) the reciprocal vectors are
    b_1 = G_1 and b_2 = G_2, 60 degrees apart, and a_i . b_j = 2 pi delta_ij.

    Parameters
    ----------
    period_nm
        Lattice period a in nm.

    Raises
    ------
    InputError
        If the period is not positive, or absurd.
    """

    period_nm: float

    def __post_init__(self) -> None:
        require(0 < self.period_nm < math.inf, "period_nm", "be positive and finite (in nm)", self.period_nm)
        sensible = _SHORTEST_NM <= self.period_nm <= _LONGEST_NM  # squares and products stay within all numbers
        require(sensible, "period_nm", f"lie in [{_SHORTEST_NM:g}, {_LONGEST_NM:g}] nm", self.period_nm)

    @cached_property
    def reciprocal(self) -> FloatArray:
        """Rows b_1, b_2 in 1/nm, shape (2, 2)."""
        length = 4 * np.pi / (np.sqrt(3) * self.period_nm)
        return read_only(length * np.array([[1.0, 0.0], [0.5, np.sqrt(3) / 2]]))

    @cached_property
    def primitive(self) -> FloatArray:
        """Rows a_1, a_2 in nm, shape (2, 2)."""
        return read_only(2 * np.pi * np.linalg.inv(self.reciprocal).T)

    @cached_property
    def reciprocal_length(self) -> float:
        """|G_1| in 1/nm."""
        return float(np.linalg.norm(self.reciprocal[0]))

    @cached_property
    def cell_area_nm2(self) -> float:
        """Area of the unit cell in nm^2."""
        return float(abs(np.linalg.det(self.primitive)))

    @cached_property
    def zone_area(self) -> float:
        """Area of the Brillouin zone in 1/nm^2."""
        return float(np.linalg.det(self.reciprocal))

    @cached_property
    def corners(self) -> dict[str, FloatArray]:
        """High-symmetry momenta gamma, m, kappa_+ and kappa_- in 1/nm, each of shape (2,)."""
        fractional = {
            "gamma": (0, 0),
            "m": (1 / 2, 0),
            "kappa_+": (2 / 3, -1 / 3),
            "kappa_-": (1 / 3, 1 / 3),
        }
        return {name: read_only(np.array(point) @ self.reciprocal) for name, point in fractional.items()}


@checked
@dataclass(frozen=True)
class MoireLattice(TriangularLattice):
    """Moire lattice of two triangular layers.

    Parameters
    ----------
    period_nm
        Moire period a_M in nm.
    twist_deg
        Twist angle in degrees that gives this period.
    """

    twist_deg: float

    @classmethod
    def from_twist(cls, twist_deg: float, lattice_constant_nm: float) -> MoireLattice:
        """Lattice of two layers of lattice constant a_0 twisted by theta: a_M = a_0 / (2 sin(theta/2)).

        Raises
        ------
        InputError
            If the angle is not in (0, 30] degrees or the lattice constant is not positive.
        """
        twist_deg, lattice_constant_nm = float(twist_deg), float(lattice_constant_nm)
        require(0 < twist_deg <= 30, "twist_deg", "lie in (0, 30] degrees", twist_deg)
        require(
            0 < lattice_constant_nm < math.inf,
            "lattice_constant_nm",
            "be positive and finite (in nm)",
            lattice_constant_nm,
        )
        return cls(lattice_constant_nm / (2 * math.sin(math.radians(twist_deg) / 2)), twist_deg)
