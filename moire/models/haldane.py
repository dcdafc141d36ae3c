"""Haldane's model of a Chern insulator on the honeycomb lattice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from moire._arrays import FloatArray, read_only
from moire._types import checked
from moire.lattice import TriangularLattice
from moire.models._checks import check_scalars
from moire.models.hopping import (
    LEFT_TURN_CELLS,
    NEAREST_CELLS,
    Hopping,
    HoppingModel,
    Termination,
    honeycomb_positions,
    honeycomb_terminations,
)


@checked
@dataclass(frozen=True)
class HaldaneModel(HoppingModel):
    """H = M xi_i + t_1 sum_<ij> + t_2 sum_<<ij>> e^{i nu_ij phi} c_i^+ c_j with nu_ij = +1 for a left turn.

    A left turn is nu_ij = (2/sqrt3) (d_1 x d_2)_z = +1 for the two bonds d_1, d_2 that lead from j to i
    (the sign of Kane and Mele); xi = +1 on A, -1 on B; B lies at (a/sqrt3, 0) from A. The Dirac masses are
    m_+- = M +- 3 sqrt3 t_2 sin(phi) at kappa_+-, of opposite orientation, so that the lower band has
    C = [sgn(m_-) - sgn(m_+)]/2: for |M| < 3 sqrt3 |t_2 sin(phi)| it is -sgn(t_2 sin phi), else 0.

    Parameters
    ----------
    lattice_constant_nm
        Lattice constant a in nm.
    hopping_mev
        t_1 in meV.
    second_hopping_mev
        t_2 in meV; the bands do not overlap for |t_2| < |t_1|/3.
    phase_deg
        phi in degrees.
    staggered_mev
        M in meV: A at +M, B at -M.

    Raises
    ------
    InputError
        If a number is not finite or the lattice constant not positive.

    References
    ----------
    Haldane, Phys. Rev. Lett. 61, 2015 (1988).
    """

    lattice_constant_nm: float
    hopping_mev: float
    second_hopping_mev: float
    phase_deg: float = 90.0
    staggered_mev: float = 0.0

    def __post_init__(self) -> None:
        check_scalars(self, positive=("lattice_constant_nm",))

    @property
    def name(self) -> str:
        """Name of the model, in one line."""
        return (
            f"Haldane, t1 = {self.hopping_mev:g}, t2 = {self.second_hopping_mev:g}, M = {self.staggered_mev:g} meV, "
            f"phi = {self.phase_deg:g} deg"
        )

    @property
    def state_shape(self) -> tuple[int, int]:
        """Shape (1, sublattice) of one state."""
        return 1, 2

    @cached_property
    def lattice(self) -> TriangularLattice:
        """The triangular Bravais lattice."""
        return TriangularLattice(self.lattice_constant_nm)

    @cached_property
    def positions(self) -> FloatArray:
        """A and B in nm, shape (2, 2)."""
        return honeycomb_positions(self.lattice)

    @cached_property
    def onsite(self) -> FloatArray:
        """(M, -M) in meV."""
        return read_only(self.staggered_mev * np.array([1.0, -1.0]))

    @cached_property
    def hoppings(self) -> tuple[Hopping, ...]:
        """Three bonds A-B and three of each sublattice."""
        turn = self.second_hopping_mev * np.exp(1j * np.radians(self.phase_deg))
        return (
            *(Hopping(0, 1, cell, self.hopping_mev) for cell in NEAREST_CELLS),
            *(Hopping(0, 0, cell, turn) for cell in LEFT_TURN_CELLS),
            *(Hopping(1, 1, cell, turn.conjugate()) for cell in LEFT_TURN_CELLS),
        )

    @property
    def terminations(self) -> Mapping[str, Termination]:
        """Zigzag and armchair."""
        return honeycomb_terminations(1)
