"""The massive Dirac fermion of one valley."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from moire._arrays import ComplexArray, read_only
from moire._types import checked
from moire.models._checks import check_scalars, check_valley
from moire.models.polynomial import PolynomialModel

SIGMA_X = read_only(np.array([[0, 1], [1, 0]], dtype=complex))
SIGMA_Y = read_only(np.array([[0, -1j], [1j, 0]], dtype=complex))
SIGMA_Z = read_only(np.array([[1, 0], [0, -1]], dtype=complex))


@checked
@dataclass(frozen=True)
class MassiveDirac(PolynomialModel):
    """H(k) = hbar v (tau k_x s_x + k_y s_y) + Delta s_z of the valley tau.

    The energies are +-sqrt((hbar v k)^2 + Delta^2). The lower band has the curvature
    tau Delta (hbar v)^2 / (2 E^3) and the valley Chern number +tau sgn(Delta)/2, the upper band the
    opposite, so that Theta_01 = C_1 - C_0 = -tau sgn(Delta).

    Parameters
    ----------
    velocity_mev_nm
        hbar v in meV nm; 658 for v = 10^6 m/s.
    mass_mev
        Delta in meV: half the gap, with sign.
    valley
        tau = +1 or -1.

    Raises
    ------
    InputError
        If the velocity is not positive, the mass not finite or the valley not +-1.

    References
    ----------
    Xiao, Chang and Niu, Rev. Mod. Phys. 82, 1959 (2010), Sec. V.A.
    """

    velocity_mev_nm: float
    mass_mev: float
    valley: int = +1

    def __post_init__(self) -> None:
        check_scalars(self, positive=("velocity_mev_nm",))
        check_valley(self.valley)

    @property
    def name(self) -> str:
        """Name of the model, in one line."""
        scales = f"hbar v = {self.velocity_mev_nm:g} meV nm, mass {self.mass_mev:g} meV"
        return f"massive Dirac, {scales}, tau = {self.valley:+d}"

    @property
    def state_shape(self) -> tuple[int, int]:
        """Shape (1, sublattice) of one state."""
        return 1, 2

    @cached_property
    def terms(self) -> Mapping[tuple[int, int], ComplexArray]:
        """Matrices of k_x, k_y and 1."""
        return {
            (0, 0): self.mass_term,
            (1, 0): read_only(self.valley * self.velocity_mev_nm * SIGMA_X),
            (0, 1): read_only(self.velocity_mev_nm * SIGMA_Y),
        }

    @cached_property
    def mass_term(self) -> ComplexArray:
        """Delta s_z in meV."""
        return read_only(self.mass_mev * SIGMA_Z)
