"""Rounds of a product over ranks: blocks that one rank multiplies at once, and the rows that they reach.

Every block of intermediate states belongs to one rank, which needs all rows that its pairs complete. Ranges of high
words that share their first bits t reach the rows whose first bits are t with at most two particles more: of 2^b
ranges with f free bits each reaches 1 + f + f (f - 1) / 2, in place of all. If rows were owned instead, a rank
would need all rows within two steps of its own, and would repeat the work on blocks that several ranks reach.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from moire._arrays import IntArray
from moire.exact_diagonalization.block_tables import BlockTables, equal_shares
from moire.exact_diagonalization.distributed.rows import SectorRows
from moire.kernels import row_runs
from moire.resources import threads

_ALL_WORDS = np.zeros(0, dtype=np.uint64)
MOST_ROUNDS = 256
NO_LESS = 0.95  # of the rows that half as many rounds reach


@dataclass(frozen=True, eq=False)
class Round:
    """Blocks that a rank multiplies at once, and the rows that they reach, one after the other in a buffer.

    Parameters
    ----------
    blocks
        Range of the blocks in the tables.
    high, offset
        (reached word,), high words with rows, ascending, and the row of the buffer at which each begins.
    n_rows
        Rows of the buffer.
    parts
        Parts of the blocks, one for each thread, see :meth:`BlockTables.multiply`.
    """

    blocks: slice
    high: IntArray = field(repr=False)
    offset: IntArray = field(repr=False)
    n_rows: int
    parts: tuple[IntArray, IntArray, IntArray] = field(repr=False)

    @classmethod
    def of(cls, blocks: slice, tables: BlockTables, rows: SectorRows) -> Round:
        """Find the rows that some blocks reach."""
        highs = tables.highs[blocks]
        high = reached_words(highs, rows)
        lengths = rows.high_offset[high + 1] - rows.high_offset[high]
        ends = np.cumsum(lengths)
        n_rows = int(ends[-1]) if len(ends) else 0
        offset = ends - lengths
        part_start = equal_shares(tables.work[blocks], max(1, threads()))
        first = np.searchsorted(high, np.append(highs, len(rows.high_offset))[part_start[:-1]])
        part_row = np.append(offset, n_rows)[first]
        part_end = np.concatenate([[0], np.cumsum(n_rows - part_row)])
        return cls(blocks, high, offset, n_rows, (part_start, part_row, part_end))


def reached_words(highs: NDArray[np.uint32], rows: SectorRows) -> IntArray:
    """Indices of the high words with rows that the blocks of some high words reach, ascending."""
    words = rows.halves.high_words
    reached = np.zeros(len(rows.high_offset) - 1, np.uint8)
    row_runs.mark_reached(highs, _ALL_WORDS if words is None else words, rows.n_high_bits, reached)
    high = np.flatnonzero(reached)
    return high[rows.high_offset[high + 1] > rows.high_offset[high]]


def my_blocks(tables: BlockTables, rows: SectorRows) -> slice:
    """The blocks of a rank: equal shares of the work."""
    cuts = equal_shares(tables.work, rows.n_ranks)
    return slice(int(cuts[rows.rank]), int(cuts[rows.rank + 1]))


def rounds_of(tables: BlockTables, rows: SectorRows, n_rounds: int) -> list[Round]:
    """The blocks of a rank in `n_rounds` rounds of about equal work."""
    mine = my_blocks(tables, rows)
    cuts = mine.start + equal_shares(tables.work[mine], n_rounds)
    return [Round.of(slice(int(a), int(b)), tables, rows) for a, b in pairwise(cuts)]


def fewest_rounds(tables: BlockTables, rows: SectorRows, most_rows: float) -> int:
    """The fewest rounds, a power of two, of which each reaches at most `most_rows` rows.

    Fewer where more of them no longer help: a single block may reach more rows than that.
    """
    n_rounds, found = 1, _widest(tables, rows, 1)
    while found > most_rows and n_rounds < MOST_ROUNDS:
        halved = _widest(tables, rows, 2 * n_rounds)
        if halved > NO_LESS * found:
            break
        n_rounds, found = 2 * n_rounds, halved
    return n_rounds


def _widest(tables: BlockTables, rows: SectorRows, n_rounds: int) -> int:
    return max(found.n_rows for found in rounds_of(tables, rows, n_rounds))
