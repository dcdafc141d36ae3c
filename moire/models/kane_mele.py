"""The Kane-Mele model of a quantum spin Hall insulator, with staggered potential and Rashba coupling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from moire._arrays import FloatArray, read_only
from moire._types import checked
from moire.errors import require
from moire.lattice import TriangularLattice
from moire.models._checks import check_scalars
from moire.models.dirac import SIGMA_X, SIGMA_Y
from moire.models.haldane import HaldaneModel
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
class KaneMeleModel(HoppingModel):
    """H = t sum c^+c + i l_SO sum nu_ij c^+ s_z c + i l_R sum c^+ (s x d_ij)_z c + l_v sum xi_i c^+c.

    nu_ij = +1 for a left turn from j to i, d_ij is the unit vector from j to i, xi = +1 on A and -1 on B;
    the state layout is (spin, sublattice), spin up first. Without l_R the spin s = +-1 is a Haldane model with
    t_2 = s l_SO and phi = 90 degrees: at |l_v| < 3 sqrt3 |l_SO| the two filled bands have C_up = -sgn(l_SO)
    and C_down = +sgn(l_SO), the Z2-odd phase; beyond, both vanish.

    Parameters
    ----------
    lattice_constant_nm
        Lattice constant a in nm.
    hopping_mev
        t in meV.
    spin_orbit_mev
        Intrinsic coupling l_SO in meV.
    staggered_mev
        l_v in meV: A at +l_v, B at -l_v.
    rashba_mev
        l_R in meV.

    Raises
    ------
    InputError
        If a number is not finite or the lattice constant not positive.

    References
    ----------
    Kane and Mele, Phys. Rev. Lett. 95, 146802 (2005), Eq. (1).
    """

    lattice_constant_nm: float
    hopping_mev: float
    spin_orbit_mev: float
    staggered_mev: float = 0.0
    rashba_mev: float = 0.0

    def __post_init__(self) -> None:
        check_scalars(self, positive=("lattice_constant_nm",))

    @property
    def name(self) -> str:
        """Name of the model, in one line."""
        return (
            f"Kane-Mele, t = {self.hopping_mev:g}, l_SO = {self.spin_orbit_mev:g}, l_v = {self.staggered_mev:g}, "
            f"l_R = {self.rashba_mev:g} meV"
        )

    @property
    def state_shape(self) -> tuple[int, int]:
        """Shape (spin, sublattice) of one state."""
        return 2, 2

    @cached_property
    def lattice(self) -> TriangularLattice:
        """The triangular Bravais lattice."""
        return TriangularLattice(self.lattice_constant_nm)

    @cached_property
    def positions(self) -> FloatArray:
        """A and B in nm, for spin up and spin down, shape (4, 2)."""
        return read_only(np.tile(honeycomb_positions(self.lattice), (2, 1)))

    @cached_property
    def onsite(self) -> FloatArray:
        """Staggered potential in meV, shape (4,)."""
        return read_only(self.staggered_mev * np.array([1.0, -1.0, 1.0, -1.0]))

    def spin_sector(self, spin: int) -> HaldaneModel:
        """Haldane model of one spin, +1 (up) or -1 (down).

        Raises
        ------
        InputError
            If the Rashba coupling mixes the spins, or `spin` is not +-1.
        """
        require(spin in (+1, -1), "spin", "be +1 (up) or -1 (down)", spin)
        require(self.rashba_mev == 0, "rashba_mev", "be zero for s_z to be conserved", self.rashba_mev)
        return HaldaneModel(
            self.lattice_constant_nm,
            self.hopping_mev,
            spin * self.spin_orbit_mev,
            phase_deg=90.0,
            staggered_mev=self.staggered_mev,
        )

    @cached_property
    def hoppings(self) -> tuple[Hopping, ...]:
        """Bonds of both spins; the Rashba bonds connect them."""
        bonds = []
        for block, sign in ((0, +1), (2, -1)):
            turn = 1j * sign * self.spin_orbit_mev
            bonds += [Hopping(block, block + 1, cell, self.hopping_mev) for cell in NEAREST_CELLS]
            bonds += [Hopping(block, block, cell, turn) for cell in LEFT_TURN_CELLS]
            bonds += [Hopping(block + 1, block + 1, cell, -turn) for cell in LEFT_TURN_CELLS]
        a, b = honeycomb_positions(self.lattice)
        for cell in NEAREST_CELLS if self.rashba_mev else ():
            bond = a - (b + np.array(cell) @ self.lattice.primitive)  # from j on B to i on A
            x, y = bond / np.linalg.norm(bond)
            matrix = 1j * self.rashba_mev * (SIGMA_X * y - SIGMA_Y * x)
            bonds += [Hopping(0, 3, cell, matrix[0, 1]), Hopping(2, 1, cell, matrix[1, 0])]
        return tuple(bonds)

    @property
    def terminations(self) -> Mapping[str, Termination]:
        """Zigzag and armchair."""
        return honeycomb_terminations(2)
