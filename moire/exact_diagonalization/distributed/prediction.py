"""Memory, messages and time of a rank before anything is enumerated, to any number of ranks.

Rows, blocks and the rows that they reach are counted from the tables over high words, for a few of the ranks. Only the
seconds rest on measured constants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moire._arrays import FloatArray
from moire.exact_diagonalization.block_tables import equal_shares
from moire.exact_diagonalization.distributed.product import FEW_ROWS, REACH
from moire.exact_diagonalization.distributed.rounds import MOST_ROUNDS, NO_LESS, reached_words
from moire.exact_diagonalization.distributed.rows import SectorRows
from moire.exact_diagonalization.eigensolvers import BLOCK_SIZE, MIN_KRYLOV, WORKING_VECTORS
from moire.exact_diagonalization.halves import HalfSizes
from moire.exact_diagonalization.pair_product import PairProduct
from moire.exact_diagonalization.sectors import Sector
from moire.exact_diagonalization.truncation import Truncation
from moire.orbitals import Orbitals
from moire.resources import human_bytes

SECONDS_PER_AMPLITUDE = 9e-9
"""Processor time of one amplitude <I|P_b|x> of one vector, gathered, multiplied and scattered; one thread."""
BYTES_PER_SECOND = 1e9
"""Of one rank, in and out together, where many ranks of a node send at once."""
_SAMPLED_RANKS, _SAMPLED_ROUNDS = 5, 16


@dataclass(frozen=True)
class RankPrediction:
    """What the largest of some ranks needs for one sector.

    Parameters
    ----------
    dimension, n_ranks, n_rounds
        States, ranks, and rounds of a product.
    tables, states, vectors, buffers
        Bytes of the tables over half words, of the states held, of all vectors of Lanczos, and of rows on their way.
    sent
        Bytes that a rank sends to others for a product of one vector, rows and sums, in the mean.
    work_s, sending_s
        Seconds of such a product: processor time of one thread, and time of the messages, which overlap.
    """

    dimension: int
    n_ranks: int
    n_rounds: int
    tables: float
    states: float
    vectors: float
    buffers: float
    sent: float
    work_s: float
    sending_s: float

    @property
    def total(self) -> float:
        """Memory of a rank in bytes."""
        return self.tables + self.states + self.vectors + self.buffers

    def __str__(self) -> str:
        return (
            f"{self.dimension:,} states on {self.n_ranks} ranks: {human_bytes(self.total)} on each "
            f"({human_bytes(self.tables)} of tables, {human_bytes(self.states + self.vectors)} of states and vectors, "
            f"{human_bytes(self.buffers)} of buffers), {human_bytes(self.sent)} sent for each product in "
            f"{self.n_rounds} rounds, {self.work_s:.2g} s of work and {self.sending_s:.2g} s of messages"
        )


class _Reach(NamedTuple):
    """Rows: the most in one round of a rank, and those of all its rounds that other ranks hold."""

    widest: float
    elsewhere: float


def predict(
    orbitals: Orbitals,
    sector: Sector,
    n_ranks: int,
    n_eigenstates: int = 4,
    *,
    truncation: Truncation | None = None,
    reach: float = REACH,
) -> RankPrediction:
    """Predict memory, messages and time of :func:`solve_distributed` with its default settings and one thread a rank.

    Parameters
    ----------
    orbitals, sector, truncation
        The sector.
    n_ranks
        Number of ranks.
    n_eigenstates
        Levels wanted.
    reach
        Rows that a round may reach, in units of those that a rank holds: more take more memory and send less.
    """
    numbers, _ = sector
    rows = SectorRows(orbitals, *sector, n_ranks, 0, truncation)
    amplitudes = _amplitudes(rows)
    highs = np.flatnonzero(amplitudes).astype(np.uint32)
    work = amplitudes[highs]
    cuts = equal_shares(work, n_ranks)
    sampled = np.unique(np.linspace(0, n_ranks - 1, _SAMPLED_RANKS).astype(int))
    most = max(reach * rows.dimension / n_ranks, FEW_ROWS)

    def reached(n_rounds: int) -> _Reach:
        each = [_reached(highs, work, slice(*cuts[rank : rank + 2]), rows.of_rank(rank), n_rounds) for rank in sampled]
        return _Reach(max(found.widest for found in each), float(np.mean([found.elsewhere for found in each])))

    n_rounds, found = 1, reached(1)
    while found.widest > most and n_rounds < MOST_ROUNDS:
        halved = reached(2 * n_rounds)
        if halved.widest > NO_LESS * found.widest:
            break
        n_rounds, found = 2 * n_rounds, halved
    held = int(np.diff(rows.first_row).max())
    wanted, block = min(n_eigenstates, rows.dimension), min(n_eigenstates, BLOCK_SIZE)
    sizes = None if truncation is None else HalfSizes.of(orbitals, truncation)
    tables = PairProduct.table_bytes(orbitals.size, sum(numbers), sizes) + 20.0 * len(rows.high_offset)
    sent = 2 * 16.0 * found.elsewhere
    return RankPrediction(
        dimension=rows.dimension,
        n_ranks=n_ranks,
        n_rounds=n_rounds,
        tables=tables,
        states=8.0 * held,
        vectors=16.0 * held * (max(MIN_KRYLOV, 2 * wanted + 20) + WORKING_VECTORS * block + wanted),
        buffers=16.0 * block * 6 * found.widest,
        sent=sent,
        work_s=SECONDS_PER_AMPLITUDE * float(work.sum()) / n_ranks,
        sending_s=sent / BYTES_PER_SECOND,
    )


def _amplitudes(rows: SectorRows) -> FloatArray:
    """Amplitudes <I|P_b|x> of the blocks of each high word, (high word,), with the mean number of free pairs."""
    classes, halves, orbitals = rows.classes, rows.halves, rows.orbitals
    counts = classes.counts
    low = np.bincount(halves.low_class[halves.low_class >= 0], minlength=classes.size)
    rest = np.array(classes.numbers) - counts[:, None] - counts[None]  # particles of the pair, by high and low class
    fits = (rest >= 0).all(axis=2) & (rest.sum(axis=2) == 2)
    free = np.array([orbitals.per_flavour - n for n in classes.numbers]) + rest  # orbitals free in the state I
    same = (rest == 2) * free * (free - 1) / 2
    other = (rest == 1).all(axis=2) * free.prod(axis=2) if len(classes.numbers) > 1 else 0.0
    pairs = (same.sum(axis=2) + other) / orbitals.grid.n_points
    by_class = (fits * pairs * low[None]).sum(axis=1)
    found: FloatArray = np.where(halves.high_class >= 0, by_class[halves.high_class], 0.0)
    return found


def _reached(highs: NDArray[np.uint32], work: FloatArray, mine: slice, rows: SectorRows, n_rounds: int) -> _Reach:
    """Rows that one rank reaches in some of its rounds, and an estimate of those in all."""
    cuts = mine.start + equal_shares(work[mine], n_rounds)
    chosen = np.unique(np.linspace(0, n_rounds - 1, min(_SAMPLED_ROUNDS, n_rounds)).astype(int))
    found = []
    for number in chosen:
        high = reached_words(highs[cuts[number] : cuts[number + 1]], rows)
        first = rows.high_offset[high]
        lengths = rows.high_offset[high + 1] - first
        held = (first >= rows.held.start) & (first < rows.held.stop)
        found.append((float(lengths.sum()), float(lengths[~held].sum())))
    return _Reach(max(rows for rows, _ in found), n_rounds * float(np.mean([rows for _, rows in found])))
