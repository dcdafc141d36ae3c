"""The plane waves of the moire model: a disk of reciprocal vectors."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.errors import require
from moire.lattice import MoireLattice
from moire.resources import reserve

_CANDIDATE_BYTES = 80  # per point of the parallelogram around the disk: its coordinates, copies, and |G|^2


@checked
@dataclass(frozen=True, eq=False)
class PlaneWaveBasis(Shown):
    """Plane waves k + G with |G| <= plane_wave_shells |G_1|: a disk, closed under C3 and inversion.

    Parameters
    ----------
    lattice
        The moire lattice.
    plane_wave_shells
        Radius of the disk in units of |G_1|; :func:`moire.cutoff.default_plane_wave_shells` suggests one.

    Raises
    ------
    InputError
        If the radius is below 1 or not finite.
    MemoryRefusedError
        If the list of plane waves does not fit in memory.
    """

    lattice: MoireLattice
    plane_wave_shells: float
    vectors: IntArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        require(
            1 <= self.plane_wave_shells < np.inf,
            "plane_wave_shells",
            "be finite and at least 1, the first shell of the potential",
            self.plane_wave_shells,
        )
        reach = int(np.ceil(2 * self.plane_wave_shells / np.sqrt(3)))
        reserve(
            f"The search for plane waves within {self.plane_wave_shells:g} shells",
            _CANDIDATE_BYTES * (2.0 * reach + 1) * (2.0 * reach + 1),  # infinite, not an error, beyond all numbers
            "fewer plane_wave_shells would fit",
        )
        side = np.arange(-reach, reach + 1)
        vectors = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
        squares = vectors[:, 0] ** 2 + vectors[:, 1] ** 2 + vectors[:, 0] * vectors[:, 1]  # |G|^2/|G_1|^2
        inside = squares <= self.plane_wave_shells**2 * (1 + 1e-12)
        vectors, squares = vectors[inside], squares[inside]
        order = np.lexsort((vectors[:, 1], vectors[:, 0], squares))
        object.__setattr__(self, "vectors", read_only(vectors[order], np.int64))

    @property
    def size(self) -> int:
        """Number of plane waves per layer."""
        return len(self.vectors)

    @cached_property
    def cartesian(self) -> FloatArray:
        """G in 1/nm, shape (G, 2)."""
        return read_only(self.vectors @ self.lattice.reciprocal)

    @cached_property
    def _position(self) -> tuple[int, IntArray]:
        reach = int(np.abs(self.vectors).max())
        table = np.full((2 * reach + 1, 2 * reach + 1), -1, dtype=np.int64)
        table[self.vectors[:, 0] + reach, self.vectors[:, 1] + reach] = np.arange(self.size)
        return reach, table

    def positions(self, vectors: IntArray) -> IntArray:
        """Index of integer G, -1 where it lies outside the disk; (...) for vectors of shape (..., 2)."""
        reach, table = self._position
        vectors = np.asarray(vectors)
        inside = np.all(np.abs(vectors) <= reach, axis=-1)
        clipped = np.where(inside[..., None], vectors, 0) + reach
        return np.where(inside, table[clipped[..., 0], clipped[..., 1]], -1)

    def shift(self, reciprocal: IntArray) -> IntArray:
        """Index of G + G' for every G of the basis, -1 where it lies outside; shape (..., G).

        Parameters
        ----------
        reciprocal
            Integer G' in units of b_1, b_2, shape (..., 2).
        """
        return self.positions(self.vectors + np.asarray(reciprocal)[..., None, :])

    def shifted(self, states: ComplexArray, reciprocal: IntArray) -> ComplexArray:
        """Coefficients c_G(k+G') = c_{G+G'}(k) of states at k + G'; zero outside the disk."""
        index = self.shift(np.asarray(reciprocal))
        return np.where(index >= 0, states[..., np.maximum(index, 0)], 0)
