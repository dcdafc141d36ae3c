"""Lattice models: hoppings between orbitals, in the gauge that carries the orbital positions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.lattice import TriangularLattice


@checked
@dataclass(frozen=True)
class Hopping(Shown):
    """One term t |i, R=0><j, R| + h.c. of a lattice Hamiltonian.

    Parameters
    ----------
    to, source
        Orbitals i and j.
    cell
        Integer R in units of a_1, a_2.
    amplitude_mev
        t = <i, 0|H|j, R> in meV.
    """

    to: int
    source: int
    cell: tuple[int, int]
    amplitude_mev: complex


@checked
@dataclass(frozen=True)
class Termination(Shown):
    """Edge of a ribbon cut out of the lattice.

    Parameters
    ----------
    period
        Primitive vector p along the ribbon, in units of a_1, a_2.
    home_cells
        The cell of each orbital that counts as its home when whole cells are stacked: it decides
        which bonds the edge cuts.
    """

    period: tuple[int, int]
    home_cells: tuple[tuple[int, int], ...]


@checked
class HoppingModel(Shown, ABC):
    """A model with H_ij(k) = sum_R <i, 0|H|j, R> e^{i k.(R + r_j - r_i)}.

    The phases include the orbital positions r, so that dH/dk is the physical velocity and
    u(k + G) = diag(e^{-i G.r}) u(k). A subclass states its lattice, positions and hoppings.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the model, in one line."""

    @property
    @abstractmethod
    def state_shape(self) -> tuple[int, int]:
        """Shape (layer, orbital) of one state."""

    @cached_property
    @abstractmethod
    def lattice(self) -> TriangularLattice:
        """The Bravais lattice."""

    @cached_property
    @abstractmethod
    def positions(self) -> FloatArray:
        """Orbital positions in nm, shape (dim, 2)."""

    @cached_property
    @abstractmethod
    def onsite(self) -> FloatArray:
        """On-site energies in meV, shape (dim,)."""

    @cached_property
    @abstractmethod
    def hoppings(self) -> tuple[Hopping, ...]:
        """Every bond once; its Hermitian conjugate is understood."""

    @property
    @abstractmethod
    def terminations(self) -> Mapping[str, Termination]:
        """Ways to cut a ribbon, by name."""

    @property
    def top_band_first(self) -> bool:
        """False: band 0 is the lowest band."""
        return False

    @cached_property
    def _bonds(self) -> tuple[IntArray, IntArray, ComplexArray, FloatArray]:
        """Orbitals i and j, amplitudes and displacements R + r_j - r_i of all bonds."""
        to = np.array([hopping.to for hopping in self.hoppings])
        source = np.array([hopping.source for hopping in self.hoppings])
        cells = np.array([hopping.cell for hopping in self.hoppings]) @ self.lattice.primitive
        amplitudes = np.array([hopping.amplitude_mev for hopping in self.hoppings], dtype=complex)
        return to, source, amplitudes, cells + self.positions[source] - self.positions[to]

    def hamiltonian(self, k: FloatArray) -> ComplexArray:
        """H(k) in meV at one momentum in 1/nm, shape (dim, dim)."""
        to, source, amplitudes, displacements = self._bonds
        half = np.zeros((len(self.positions),) * 2, dtype=complex)
        np.add.at(half, (to, source), amplitudes * np.exp(1j * displacements @ k))
        return half + half.conj().T + np.diag(self.onsite)

    def velocity(self, k: FloatArray) -> ComplexArray:
        """dH/dk in meV nm, shape (2, dim, dim)."""
        to, source, amplitudes, displacements = self._bonds
        half = np.zeros((2, *(len(self.positions),) * 2), dtype=complex)
        slopes = 1j * displacements.T * amplitudes * np.exp(1j * displacements @ k)
        for component, slope in zip(half, slopes, strict=True):
            np.add.at(component, (to, source), slope)
        return half + half.conj().swapaxes(1, 2)

    def sew(self, states: ComplexArray, reciprocal: IntArray) -> ComplexArray:
        """States (..., layer, orbital) at k + G from those at k: u(k+G) = diag(e^{-i G.r}) u(k)."""
        angles = np.asarray(reciprocal) @ self.lattice.reciprocal @ self.positions.T
        phases: ComplexArray = np.exp(-1j * angles).reshape(*angles.shape[:-1], *self.state_shape)
        return phases * states


def honeycomb_positions(lattice: TriangularLattice) -> FloatArray:
    """Sublattices A at the origin and B at delta_1 = (a/sqrt3, 0) in nm, shape (2, 2)."""
    return read_only(np.array([[0.0, 0.0], [lattice.period_nm / np.sqrt(3), 0.0]]))


# Cell of the B neighbour of A along delta_1, delta_2, delta_3, which are 120 degrees apart counter-clockwise.
NEAREST_CELLS = ((0, 0), (-1, 0), (-1, -1))
# R of the three hops <0|H|R> that turn left, nu = (d_1 x d_2)_z > 0, on sublattice A; on B they turn right.
LEFT_TURN_CELLS = ((1, 0), (0, 1), (-1, -1))


def honeycomb_terminations(n_spins: int) -> dict[str, Termination]:
    """Zigzag edge along a_2 (every edge site has lost one bond) and armchair edge along 2 a_1 + a_2."""
    return {
        "zigzag": Termination((0, 1), ((0, 0), (-1, 0)) * n_spins),
        "armchair": Termination((2, 1), ((0, 0), (0, 0)) * n_spins),
    }
