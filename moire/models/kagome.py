"""The breathing kagome lattice: trimers with an exactly flat band, as in monolayers like Nb3Cl8."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from moire._arrays import FloatArray, read_only
from moire._types import checked
from moire.lattice import TriangularLattice
from moire.models._checks import check_scalars
from moire.models.hopping import Hopping, HoppingModel, Termination

# Corners of the down triangle around the A site of the home cell: (A, 0), (B, -a_1), (C, -a_1 - a_2).
UP_CELLS = ((0, 0), (0, 0), (0, 0))
DOWN_CELLS = ((0, 0), (-1, 0), (-1, -1))


@checked
@dataclass(frozen=True)
class BreathingKagome(HoppingModel):
    """Hopping t e^{i phi} counter-clockwise around the up triangles and t' e^{i phi} around the down triangles.

    Sites A, B, C at 0, a_1/2, (a_1 + a_2)/2 form the up triangle, the trimer of one cell. Without the
    phase, H + t + t' has rank two at every k: one band is exactly flat at -(t + t'), and the
    others are E = (t + t')/2 +- sqrt(9 (t - t')^2/4 + t t' |g|^2) with g = 1 + e^{i k.a_1} + e^{i k.(a_1 + a_2)}.
    They touch the flat band at gamma for any t, t' of one sign, and each other at kappa_+- only for
    t = t', with the gap 3 |t - t'|. A phase opens both. For t, t' > 0 and 0 < phi < 60 degrees the lowest band
    has C = +1 while t'/t lies between r = sin(phi)/sin(60 + phi) and 1/r, the highest C = -1 while it lies
    between s = sin(60 - phi)/sin(60 + phi) and 1/s, and 0 beyond (levels cross at kappa_+-); the three
    sum to zero, and phi -> -phi reverses them.

    Parameters
    ----------
    lattice_constant_nm
        Lattice constant a in nm, twice the mean bond; 0.674 in Nb3Cl8.
    trimer_hopping_mev
        t inside the trimers, in meV.
    second_hopping_mev
        t' between the trimers, in meV.
    phase_deg
        phi per bond in degrees; a spin-orbit coupling acts as +phi and -phi on the two spins.

    Raises
    ------
    InputError
        If a number is not finite or the lattice constant not positive.

    References
    ----------
    Ezawa, Phys. Rev. Lett. 120, 026801 (2018), for the breathing lattice; Ohgushi, Murakami and Nagaosa,
    Phys. Rev. B 62, R6065 (2000), for the phase.
    """

    lattice_constant_nm: float
    trimer_hopping_mev: float
    second_hopping_mev: float
    phase_deg: float = 0.0

    def __post_init__(self) -> None:
        check_scalars(self, positive=("lattice_constant_nm",))

    @property
    def name(self) -> str:
        """Name of the model, in one line."""
        return (
            f"breathing kagome, t = {self.trimer_hopping_mev:g}, t' = {self.second_hopping_mev:g} meV, "
            f"phi = {self.phase_deg:g} deg"
        )

    @property
    def flat_energy_mev(self) -> float:
        """-(t + t'), the energy of the flat band at phi = 0, in meV."""
        return -(self.trimer_hopping_mev + self.second_hopping_mev)

    @property
    def state_shape(self) -> tuple[int, int]:
        """Shape (1, site) of one state."""
        return 1, 3

    @cached_property
    def lattice(self) -> TriangularLattice:
        """The triangular Bravais lattice."""
        return TriangularLattice(self.lattice_constant_nm)

    @cached_property
    def positions(self) -> FloatArray:
        """A, B and C in nm, shape (3, 2)."""
        a_1, a_2 = self.lattice.primitive
        return read_only(np.array([0 * a_1, a_1, a_1 + a_2]) / 2)

    @cached_property
    def onsite(self) -> FloatArray:
        """Zeros, shape (3,)."""
        return read_only(np.zeros(3))

    @cached_property
    def hoppings(self) -> tuple[Hopping, ...]:
        """Three bonds of each triangle, B from A, C from B, A from C."""
        bonds = []
        for cells, amplitude in ((UP_CELLS, self.trimer_hopping_mev), (DOWN_CELLS, self.second_hopping_mev)):
            for source, to in ((0, 1), (1, 2), (2, 0)):
                cell = (cells[source][0] - cells[to][0], cells[source][1] - cells[to][1])
                bonds.append(Hopping(to, source, cell, amplitude * np.exp(1j * np.radians(self.phase_deg))))
        return tuple(bonds)

    @property
    def terminations(self) -> Mapping[str, Termination]:
        """Whole trimers, along a_2."""
        return {"trimer": Termination((0, 1), ((0, 0), (0, 0), (0, 0)))}
