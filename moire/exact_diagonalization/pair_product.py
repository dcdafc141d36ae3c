"""Matrix-free products of one sector in the memory of one process."""

from __future__ import annotations

from math import comb

import numba
import numpy as np

from moire._arrays import ComplexArray
from moire._shown import Shown
from moire._types import checked
from moire.exact_diagonalization.block_tables import BlockTables, equal_shares
from moire.exact_diagonalization.halves import HalfSizes
from moire.exact_diagonalization.pairs import PairHamiltonian
from moire.exact_diagonalization.sectors import MomentumSector
from moire.kernels import pair_product

MANY_STATES = 1 << 22  # from this dimension on two accumulators are used instead of eight
MAX_VECTORS = 4  # a row of four complex vectors is one cache line


def count_parts(dimension: int) -> int:
    """Parts of the work, each with its accumulator: fixed by the dimension, so that threads do not change the bits."""
    return max(8 if dimension < MANY_STATES else 2, int(numba.get_num_threads()))


@checked
class PairProduct(Shown):
    """Products H x of one sector without the matrix and without the constant.

    Parameters
    ----------
    pair_hamiltonian
        The Hamiltonian in pair form, with a diagonal one-body part.
    sector
        The basis.
    """

    def __init__(self, pair_hamiltonian: PairHamiltonian, sector: MomentumSector) -> None:
        self._tables = tables = BlockTables(pair_hamiltonian, sector.classes, sector.momentum, sector.truncation)
        self._labels, self._high_offset = sector.labels, sector.high_offset
        part_start = equal_shares(tables.work, count_parts(sector.dimension))
        first = np.append(tables.highs, sector.high_offset.size - 1)[part_start[:-1]]
        part_row = np.minimum(sector.high_offset[first], sector.dimension)
        part_end = np.concatenate([[0], np.cumsum(sector.dimension - part_row)])  # no high half falls
        self._parts = part_start, part_row, part_end
        self._accumulators = np.empty((0, 0))

    @staticmethod
    def estimated_bytes(dimension: int, n_vectors: int = 1) -> float:
        """Largest memory in bytes of the accumulators for products of `n_vectors` at once."""
        return 16.0 * count_parts(dimension) * dimension * min(n_vectors, MAX_VECTORS)

    @staticmethod
    def table_bytes(n_orbitals: int, n_particles: int, sizes: HalfSizes | None = None) -> float:
        """Bytes of the lists of low halves, and of the tables over low and high halves; an upper bound."""
        n_low, n_high = sizes or HalfSizes.whole(n_orbitals)
        n_listed = entries = 0  # every low half is listed for each of its free patterns: a pair, an orbital, or none
        for occupied in range(min(n_low, n_particles - 2) + 1):
            n_listed += comb(n_low, occupied)
            entries += comb(n_low, occupied) * (1 + (n_low - occupied) + comb(n_low - occupied, 2))
        n_patterns = 1 + n_low + comb(n_low, 2)
        tiles = n_listed / pair_product.TILE + n_orbitals * (n_particles / 2 + 1) ** 2  # a remainder for each class
        lists = 4.0 * entries + 16.0 * n_patterns * min(tiles, n_listed)
        return float(lists + 64.0 * 2.0**n_low + 44.0 * n_high)

    @property
    def n_bytes(self) -> int:
        """Present memory of the tables and the accumulators in bytes."""
        return self._tables.n_bytes + int(self._accumulators.nbytes)

    def __call__(self, x: ComplexArray) -> ComplexArray:
        """Return H x for x of shape (dim, vectors), complex128 or complex64; sums run in double precision."""
        pieces = [self._few(x[:, first : first + MAX_VECTORS]) for first in range(0, x.shape[1], MAX_VECTORS)]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=1)

    def _few(self, x: ComplexArray) -> ComplexArray:
        vectors = np.ascontiguousarray(x)
        reals = vectors.view(vectors.real.dtype)
        shape = (int(self._parts[-1][-1]), reals.shape[1])
        if self._accumulators.shape != shape:
            self._accumulators = np.empty(shape)
        product = np.empty_like(reals)
        self._tables.multiply(slice(None), self._high_offset, self._parts, reals, self._accumulators)
        self._tables.add_levels(self._labels, self._parts[1:], self._accumulators, reals, product)
        return product.view(vectors.dtype)
