"""The orbitals of a cluster as the axes of a density matrix: their blocks and their order."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moire._arrays import ComplexArray, IntArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.errors import require
from moire.hartree_fock.folding import Folding
from moire.orbitals import Orbitals
from moire.projection import ProjectedHamiltonian


@checked
@dataclass(frozen=True, eq=False)
class FoldedOrbitals(Shown):
    """Positions of the orbitals (flavour, band, k) of a cluster in a density matrix (r, orbital, orbital).

    At the momentum r of the reduced zone an axis runs over (flavour, fold, band), flavour slow, and the fold a of a
    flavour is the momentum k = ``folding.index[flavour, r, a]``. Each of :class:`moire.orbitals.Orbitals` has one
    position. The bits of a Fock state are ordered (band, flavour, k) instead, where orbitals of one k are not adjacent:
    a mean field needs them adjacent, k first, and each flavour contiguous where the flavours stay unmixed.

    Parameters
    ----------
    orbitals
        The orbitals of the cluster.
    folding
        The momenta that share an index r.
    """

    orbitals: Orbitals
    folding: Folding = field(repr=False)

    @classmethod
    def of(cls, problem: ProjectedHamiltonian, folding: Folding | None = None) -> FoldedOrbitals:
        """Orbitals of a problem, in the moire cell by default."""
        return cls(problem.orbitals, folding or Folding(problem.grid, problem.bands.n_flavours))

    @property
    def blocks(self) -> tuple[int, int, int]:
        """Numbers (flavours, folds, bands) that an axis runs over."""
        return self.orbitals.n_flavours, self.folding.n_folds, self.orbitals.n_bands

    @property
    def dimension(self) -> int:
        """Orbitals at each momentum of the reduced zone."""
        n_flavours, n_folds, n_bands = self.blocks
        return n_flavours * n_folds * n_bands

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a density matrix, (r, orbital, orbital)."""
        return self.folding.reduced_grid.n_points, self.dimension, self.dimension

    @cached_property
    def number(self) -> IntArray:
        """Number of each orbital among :class:`moire.orbitals.Orbitals`, (r, orbital)."""
        n_flavours, _, n_bands = self.blocks
        momentum = self.folding.index.transpose(1, 0, 2)[..., None]
        flavour = np.arange(n_flavours)[:, None, None]
        number = self.orbitals.index(flavour, np.arange(n_bands), momentum)
        return read_only(np.reshape(number, self.shape[:2]), np.int64)

    @cached_property
    def flavour(self) -> IntArray:
        """Flavour of each orbital of an axis, (orbital,)."""
        n_flavours, n_folds, n_bands = self.blocks
        return read_only(np.repeat(np.arange(n_flavours), n_folds * n_bands), np.int64)

    def of_flavour(self, flavour: int) -> slice:
        """Part of an axis that belongs to one flavour.

        Raises
        ------
        InputError
            If there is no such flavour.
        """
        n_flavours = self.orbitals.n_flavours
        require(flavour in range(n_flavours), "flavour", f"lie in 0..{n_flavours - 1}", flavour)
        size = self.dimension // n_flavours
        return slice(flavour * size, (flavour + 1) * size)

    @property
    def mixed(self) -> NDArray[np.bool_]:
        """Elements of a matrix that lie between flavours, (orbital, orbital)."""
        return np.asarray(self.flavour[:, None] != self.flavour[None, :])

    def between_flavours(self, elements: NDArray[Any]) -> NDArray[Any]:
        """Matrix (orbital, orbital) from one number for each pair of flavours, (flavour, flavour)."""
        return np.asarray(elements[np.ix_(self.flavour, self.flavour)])

    def split(self, matrix: ComplexArray) -> ComplexArray:
        """Matrix (r, orbital, orbital) with its axes split, (r, flavour, fold, band, flavour, fold, band)."""
        return matrix.reshape(-1, *self.blocks, *self.blocks)

    def join(self, blocks: ComplexArray) -> ComplexArray:
        """Inverse of :meth:`split`."""
        return np.ascontiguousarray(blocks.reshape(self.shape))

    def diagonal(self, values: NDArray[Any]) -> ComplexArray:
        """Diagonal matrix (r, orbital, orbital) from one number for each orbital of the cluster, (number,).

        Occupations give the density matrix of the Fock state with these bits.
        """
        matrix = np.zeros(self.shape, dtype=np.complex128)
        np.einsum("kii->ki", matrix)[:] = values[self.number]
        return matrix

    def block_diagonal(self, matrices: ComplexArray) -> ComplexArray:
        """Matrix (r, orbital, orbital) from one of each flavour and momentum, (flavour, k, band, band)."""
        matrix = self.split(np.zeros(self.shape, dtype=np.complex128))
        n_flavours, n_folds, _ = self.blocks
        for f in range(n_flavours):
            for a in range(n_folds):
                matrix[:, f, a, :, f, a] = matrices[f, self.folding.index[f, :, a]]
        return self.join(matrix)
