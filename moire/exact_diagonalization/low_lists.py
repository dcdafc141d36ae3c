"""Lists of the low halves in which each pair is free, shared by all sectors of a cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from moire._arrays import IntArray, read_only
from moire.exact_diagonalization.halves import halves_of
from moire.exact_diagonalization.pairs import PairTable
from moire.exact_diagonalization.truncation import Truncation
from moire.kernels import pair_product
from moire.kernels.tile_product import LANES
from moire.orbitals import ChargeClasses
from moire.resources import reserve


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
