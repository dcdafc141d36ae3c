"""Tables of the blocks of intermediate states of one sector, whoever holds its rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moire._arrays import FloatArray, IntArray
from moire.exact_diagonalization.halves import halves_of
from moire.exact_diagonalization.low_lists import low_lists
from moire.exact_diagonalization.pairs import PairHamiltonian, PairTable
from moire.exact_diagonalization.truncation import Truncation
from moire.kernels import pair_product
from moire.kernels.tile_product import LANES
from moire.orbitals import ChargeClasses

_ALL_WORDS = np.zeros(0, dtype=np.uint64)  # all words occur, and the index of a word is the word


def splits(classes: ChargeClasses, pairs: PairTable, momentum: int) -> tuple[IntArray, IntArray, IntArray]:
    """Classes of low halves and pairs that complete the charges of a sector, for every class of the high half.

    Returns
    -------
    start : (class + 1,)
        Range of each class in the two lists.
    low, group : (split,)
        Class of the low half, ascending, and class of the pair in ``pairs.classes``.
    """
    rest = np.array(classes.numbers) - classes.counts[:, None] - classes.counts[None]
    grid = classes.orbitals.grid
    left = grid.difference_index[momentum, classes.momentum]
    group = pairs.classes.index(rest, grid.difference_index[left[:, None], classes.momentum[None]])
    fits = (rest.sum(axis=2) == 2) & (group >= 0)
    high, low = np.nonzero(fits)
    start = np.searchsorted(high, np.arange(classes.size + 1))
    return start, low, group[high, low]


def high_parts(pairs: PairTable, n_low: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Words of the orbitals of each pair in the high half, and of the orbitals counted in its sign, (pair,) each."""
    one = np.uint64(1)
    first, second = (np.maximum(pairs.members - n_low, -1)).T
    below = [(one << np.maximum(end, 0).astype(np.uint64)) - one for end in (first + 1, second)]
    bits = [np.where(end >= 0, one << np.maximum(end, 0).astype(np.uint64), np.uint64(0)) for end in (first, second)]
    return (bits[0] | bits[1]).astype(np.uint64), (below[1] & ~below[0]).astype(np.uint64)


def half_energies(one_body: FloatArray, words: NDArray[np.uint64] | None = None) -> FloatArray:
    """Sum of the energies of the occupied orbitals for every word of a half, (word,)."""
    if words is not None:
        bits = np.arange(len(one_body), dtype=np.uint64)
        chunks = np.array_split(words, max(1, len(words) >> 16))
        return np.concatenate([((chunk[:, None] >> bits) & np.uint64(1)).astype(float) @ one_body for chunk in chunks])
    energies = np.zeros(1)
    for energy in one_body:
        energies = np.concatenate([energies, energies + energy])
    return energies


def padded_blocks(pair_hamiltonian: PairHamiltonian) -> tuple[IntArray, FloatArray]:
    """Start of each A^Q, and its rows as :func:`moire.kernels.pair_product.pair_product` reads them."""
    pairs = pair_hamiltonian.pairs
    pair_start = pairs.group_start
    widths = -(-np.diff(pair_start) // LANES) * LANES
    sizes = 2 * widths * np.diff(pair_start)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    blocks = np.zeros(starts[-1])
    row, column = pairs.elements()
    group = pairs.group[row]
    place = starts[group] + 2 * widths[group] * (row - pair_start[group]) + column - pair_start[group]
    blocks[place], blocks[place + widths[group]] = pair_hamiltonian.blocks.real, pair_hamiltonian.blocks.imag
    return starts[:-1], blocks


def equal_shares(work: FloatArray, n_shares: int) -> IntArray:
    """Where to cut a row of blocks so that all shares take about the same work, (share + 1,)."""
    done = np.concatenate([[0.0], np.cumsum(work)])
    cuts: IntArray = np.searchsorted(done[1:], done[-1] * np.arange(n_shares + 1) / n_shares)
    cuts[-1] = len(work)
    return cuts


class BlockTables:
    """Tables of the blocks of intermediate states: those that share their high half, ascending.

    Parameters
    ----------
    pair_hamiltonian
        The Hamiltonian in pair form, with a diagonal one-body part.
    classes, momentum, truncation
        Of the sector.

    Attributes
    ----------
    highs
        (block,), index of the high word of each block, of those that a low half and a pair complete.
    work
        (block,), its cost, roughly in cycles.
    """

    def __init__(
        self, pair_hamiltonian: PairHamiltonian, classes: ChargeClasses, momentum: int, truncation: Truncation | None
    ) -> None:
        pairs, halves, lists = pair_hamiltonian.pairs, halves_of(classes, truncation), low_lists(classes, truncation)
        words = _ALL_WORDS if halves.high_words is None else halves.high_words
        pair_start = pairs.group_start
        high_mask, high_between = high_parts(pairs, halves.n_low)
        place = (*splits(classes, pairs, momentum), lists.class_tile, lists.tile_start)
        highs = np.nonzero(halves.high_class >= 0)[0].astype(np.uint32)
        of_class, work = halves.high_class[highs], np.empty(highs.size)
        pair_product.estimate_work(*place, highs, of_class, words, pair_start, high_mask, work)
        kept = work > 0
        self.highs, self.work, self._classes = highs[kept], work[kept], of_class[kept]
        self._words = words
        self._lists = (*place, lists.free_columns, lists.list_start, lists.entries)
        self._pairs = (pair_start, lists.pair_pattern, high_mask, high_between, *padded_blocks(pair_hamiltonian))
        levels, n_low = pair_hamiltonian.levels, halves.n_low
        self._energies = n_low, half_energies(levels[:n_low]), half_energies(levels[n_low:], halves.high_words)

    @property
    def n_bytes(self) -> int:
        """Memory in bytes."""
        held = (self.highs, self._classes, self._words, *self._lists, *self._pairs, *self._energies[1:])
        return sum(array.nbytes for array in held)

    def multiply(
        self,
        blocks: slice,
        high_offset: IntArray,
        parts: tuple[IntArray, IntArray, IntArray],
        x: FloatArray,
        out: FloatArray,
    ) -> None:
        """Add up the products of some blocks in the accumulators `out` of their parts.

        Parameters
        ----------
        blocks
            Range of the blocks.
        high_offset
            (high word,), row of `x` at which the states of a high word begin.
        parts
            ``part_start`` (from the first block), ``part_row`` and ``part_end`` of
            :func:`moire.kernels.pair_product.pair_product`.
        x, out
            (row, 2 vectors), real and imaginary parts.
        """
        pair_product.pair_product(
            *(*self._lists, self.highs[blocks], self._classes[blocks], self._words),
            *(high_offset.view(np.uint64), *self._pairs, *parts, x, out),
        )

    def add_levels(
        self,
        labels: NDArray[np.uint64],
        parts: tuple[IntArray, IntArray],
        out: FloatArray,
        x: FloatArray,
        y: FloatArray,
    ) -> None:
        """Set y to the one-body part plus the accumulators; `parts` are ``part_row`` and ``part_end``."""
        pair_product.add_parts(labels, *self._energies, *parts, out, x, y)
