"""Matrix-free products of one sector: the tables that the kernels of :mod:`moire.kernels.pair_product` read."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations
from math import comb
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.exact_diagonalization.halves import HalfSizes, halves_of
from moire.exact_diagonalization.pairs import PairHamiltonian, PairTable
from moire.exact_diagonalization.sectors import MomentumSector
from moire.exact_diagonalization.truncation import Truncation
from moire.kernels import pair_product
from moire.kernels.tile_product import LANES
from moire.orbitals import ChargeClasses
from moire.resources import reserve

MANY_STATES = 1 << 22  # from this dimension on two accumulators are used instead of eight
_ALL_WORDS = np.zeros(0, dtype=np.uint64)  # all words occur, and the index of a word is the word
MAX_VECTORS = 4  # a row of four complex vectors is one cache line


def count_parts(dimension: int) -> int:
    """Parts of the work, each with its accumulator: fixed by the dimension, so that threads do not change the bits."""
    return max(8 if dimension < MANY_STATES else 2, int(numba.get_num_threads()))


@dataclass(frozen=True, eq=False)
class LowLists:
    """Tables of the low halves in which each pair is free, shared by all sectors of a cluster.

    Parameters
    ----------
    n_low
        Orbitals of the low half.
    pair_pattern
        (pair,), pattern of each pair.
    class_tile, tile_start, free_columns, list_start, entries
        The tiles of each class and the lists of each tile, see :mod:`moire.kernels.pair_product`.
    """

    n_low: int
    pair_pattern: IntArray = field(repr=False)
    class_tile: IntArray = field(repr=False)
    tile_start: IntArray = field(repr=False)
    free_columns: NDArray[np.uint64] = field(repr=False)
    list_start: IntArray = field(repr=False)
    entries: NDArray[np.uint32] = field(repr=False)


@lru_cache(maxsize=2)
def low_lists(classes: ChargeClasses, truncation: Truncation | None = None) -> LowLists:
    """Lists for some orbitals and numbers of particles; the last two results are cached, as all sectors share them."""
    halves, n_classes = halves_of(classes, truncation), classes.size
    n_low, low_class = halves.n_low, halves.low_class
    # a pair is added to at most N-2 particles; words with more, or with too many of a flavour, come last
    completed = (low_class >= 0) & (classes.counts.sum(axis=1) <= sum(classes.numbers) - 2)[low_class]
    by_class = np.where(completed, low_class, n_classes)
    order = np.argsort(by_class, kind="stable")
    by_class = by_class[order]
    rank = _ranks(low_class)

    class_start = np.searchsorted(by_class, np.arange(n_classes + 1))
    sizes = np.diff(class_start)
    n_tiles = -(-sizes // pair_product.TILE)
    # tiles of about equal size, in whole registers except the last
    widths = [-(-size // (n * LANES)) * LANES if n else 0 for size, n in zip(sizes, n_tiles, strict=True)]
    cuts = [class_start[c] + widths[c] * np.arange(n) for c, n in enumerate(n_tiles) if n]
    tile_start = np.concatenate([*cuts, class_start[-1:]])

    patterns: list[tuple[int, ...]] = [(), *((i,) for i in range(n_low)), *combinations(range(n_low), 2)]
    number = {pattern: index for index, pattern in enumerate(patterns)}
    mask = np.array([sum(1 << i for i in pattern) for pattern in patterns], dtype=np.uint64)
    between = np.array(
        [(1 << [0, n_low, pattern[-1]][len(pattern)]) - (2 << pattern[0]) if pattern else 0 for pattern in patterns],
        dtype=np.uint64,
    )  # the orbitals above the first one, up to the second or to the end of the half

    free_columns = np.empty((len(tile_start) - 1, len(patterns)), dtype=np.uint64)
    words = order.astype(np.uint64)
    counts = np.empty(free_columns.shape, dtype=np.int64)
    pair_product.find_free_columns(words, tile_start, mask, free_columns, counts)
    ends = np.cumsum(counts).reshape(counts.shape)
    list_start = np.concatenate([ends[:, :1] - counts[:, :1], ends], axis=1)
    reserve(f"Lists of {counts.sum()} low halves", 4.0 * counts.sum(), "fewer orbitals or minority carriers would fit")
    entries = np.empty(counts.sum(), dtype=np.uint32)
    pair_product.fill_lists(words, tile_start, mask, between, rank, free_columns, list_start, entries)
    members = PairTable(classes.orbitals).members.tolist()
    pair_pattern = np.array([number[tuple(i for i in pair if i < n_low)] for pair in members], dtype=np.int64)
    class_tile = np.concatenate([[0], np.cumsum(n_tiles)])
    tables = (pair_pattern, class_tile, tile_start, free_columns, list_start, entries)
    return LowLists(n_low, *(read_only(a) for a in tables))


def _ranks(low_class: NDArray[np.int32]) -> IntArray:
    """Rank of every low half among those of its class, (2**n_low,)."""
    order = np.argsort(low_class, kind="stable")
    by_class = low_class[order]
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size) - np.searchsorted(by_class, by_class)
    return rank


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


def _high_halves(
    high_class: NDArray[np.int32], words: NDArray[np.uint64], place: tuple[IntArray, ...], *pairs: NDArray[Any]
) -> tuple[NDArray[np.uint32], NDArray[np.int32], FloatArray]:
    """Indices of the high words that a low half and a pair can complete, ascending, their classes, and their work."""
    highs = np.nonzero(high_class >= 0)[0].astype(np.uint32)
    classes = high_class[highs]
    work = np.empty(highs.size)
    pair_product.estimate_work(*place, highs, classes, words, *pairs, work)
    kept = work > 0
    return highs[kept], classes[kept], work[kept]


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
        pairs, n_low = pair_hamiltonian.pairs, sector.n_low
        lists = low_lists(sector.classes, sector.truncation)
        high_words = sector.halves.high_words
        words = _ALL_WORDS if high_words is None else high_words
        pair_start = pairs.group_start
        high_mask, high_between = high_parts(pairs, n_low)
        place = (*splits(sector.classes, pairs, sector.momentum), lists.class_tile, lists.tile_start)
        highs, classes, work = _high_halves(sector.halves.high_class, words, place, pair_start, high_mask)

        n_parts = count_parts(sector.dimension)
        done = np.concatenate([[0.0], np.cumsum(work)])
        part_start = np.searchsorted(done[1:], done[-1] * np.arange(n_parts + 1) / n_parts)
        part_start[-1] = highs.size
        first = np.append(highs, sector.high_offset.size - 1)[part_start[:-1]]
        part_row = np.minimum(sector.high_offset[first], sector.dimension)
        self._part_end = np.concatenate([[0], np.cumsum(sector.dimension - part_row)])  # no high half falls
        self._kernel_arguments: tuple[Any, ...] = (
            *(*place, lists.free_columns, lists.list_start, lists.entries),
            *(highs, classes, words, sector.high_offset.view(np.uint64)),
            *(pair_start, lists.pair_pattern, high_mask, high_between),
            *padded_blocks(pair_hamiltonian),
            *(part_start, part_row, self._part_end),
        )
        levels = pair_hamiltonian.levels
        self._one_body = (
            sector.labels,
            n_low,
            half_energies(levels[:n_low]),
            half_energies(levels[n_low:], high_words),
        )
        self._part_row = part_row
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
        tables = (*self._kernel_arguments, *self._one_body[2:], self._accumulators)
        return sum(a.nbytes for a in tables if isinstance(a, np.ndarray))

    def __call__(self, x: ComplexArray) -> ComplexArray:
        """Return H x for x of shape (dim, vectors), complex128 or complex64; sums run in double precision."""
        pieces = [self._few(x[:, first : first + MAX_VECTORS]) for first in range(0, x.shape[1], MAX_VECTORS)]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=1)

    def _few(self, x: ComplexArray) -> ComplexArray:
        vectors = np.ascontiguousarray(x)
        reals = vectors.view(vectors.real.dtype)
        shape = (int(self._part_end[-1]), reals.shape[1])
        if self._accumulators.shape != shape:
            self._accumulators = np.empty(shape)
        product = np.empty_like(reals)
        pair_product.pair_product(*self._kernel_arguments, reals, self._accumulators)
        pair_product.add_parts(*self._one_body, self._part_row, self._part_end, self._accumulators, reals, product)
        return product.view(vectors.dtype)
