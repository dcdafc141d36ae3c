"""Exchange of rows in rounds: from the ranks that hold them to those that multiply, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moire._arrays import FloatArray, IntArray
from moire.exact_diagonalization.distributed.rounds import Round
from moire.exact_diagonalization.distributed.rows import SectorRows
from moire.kernels import row_runs


@dataclass(frozen=True, eq=False)
class _Plan:
    """What one rank exchanges in one round.

    Parameters
    ----------
    wanted
        (rank,), rows that this rank receives from each one; they fill its buffer in order.
    given
        (rank,), rows held here that each rank receives.
    first, length, place
        (run,), runs of the rows given: first row of those held here, number, and row of the buffer that is sent.
    peer_runs
        (rank + 1,), runs of each rank.
    """

    wanted: IntArray
    given: IntArray
    first: IntArray = field(repr=False)
    length: IntArray = field(repr=False)
    place: IntArray = field(repr=False)
    peer_runs: IntArray = field(repr=False)


class Exchange:
    """Rows of all rounds; every rank has the same number of rounds.

    Parameters
    ----------
    communicator
        MPI communicator.
    rows
        The rows held here.
    rounds
        The rounds of this rank.
    """

    def __init__(self, communicator: Any, rows: SectorRows, rounds: Sequence[Round]) -> None:
        self._communicator, self._n_held = communicator, rows.held.stop - rows.held.start
        self._plans = [_plan(communicator, rows, found) for found in rounds]
        self.bytes_sent = 0

    @property
    def most_given(self) -> int:
        """Most rows held here that other ranks receive in one round."""
        return max(int(plan.given.sum()) for plan in self._plans)

    @property
    def n_bytes(self) -> int:
        """Memory of the lists of runs in bytes."""
        return sum(plan.first.nbytes + plan.length.nbytes + plan.place.nbytes for plan in self._plans)

    def fetch(self, number: int, x: NDArray[Any], packed: NDArray[Any], received: NDArray[Any]) -> Any:
        """Begin to bring the rows of round `number` to this rank; arrays (row, real number), x those held here."""
        plan = self._plans[number]
        row_runs.copy_runs(plan.first, plan.length, plan.place, x, packed)
        return self._begin(packed, plan.given, received, plan.wanted)

    def give_back(self, number: int, sums: FloatArray, received: FloatArray) -> Any:
        """Begin to send what was added up for the rows of round `number` to the ranks that hold them."""
        plan = self._plans[number]
        return self._begin(sums, plan.wanted, received, plan.given)

    def add(self, number: int, received: FloatArray, y: FloatArray) -> None:
        """Add what all ranks sent in round `number` to the rows held here, in the order of the ranks."""
        plan = self._plans[number]
        for first, last in pairwise(plan.peer_runs):
            runs = slice(first, last)
            row_runs.add_runs(plan.first[runs], plan.length[runs], plan.place[runs], received, y)

    def _begin(self, sent: NDArray[Any], to_each: IntArray, received: NDArray[Any], from_each: IntArray) -> Any:
        each = sent.shape[1]
        elsewhere = int(to_each.sum() - to_each[self._communicator.rank])
        self.bytes_sent += elsewhere * each * sent.itemsize
        out, back = (
            [array.reshape(-1), (counts * each, (np.cumsum(counts) - counts) * each)]
            for array, counts in ((sent, to_each), (received, from_each))
        )
        return self._communicator.Ialltoallv(out, back)


def _plan(communicator: Any, rows: SectorRows, found: Round) -> _Plan:
    first = rows.high_offset[found.high]
    last = rows.high_offset[found.high + 1]
    owner = np.searchsorted(rows.first_row, first, side="right") - 1
    begins = np.ones(len(first), dtype=bool)
    begins[1:] = (first[1:] != last[:-1]) | (owner[1:] != owner[:-1])
    ends = np.append(begins[1:], True)[: len(first)]
    runs = np.stack([first[begins], last[ends] - first[begins]], axis=1)
    cuts = np.searchsorted(owner[begins], np.arange(rows.n_ranks + 1))
    asked = [runs[a:b] for a, b in pairwise(cuts)]
    given = communicator.alltoall(asked)
    every = np.concatenate(given)
    length = np.ascontiguousarray(every[:, 1])
    return _Plan(
        np.array([piece[:, 1].sum() for piece in asked]),
        np.array([piece[:, 1].sum() for piece in given]),
        every[:, 0] - rows.held.start,
        length,
        np.cumsum(length) - length,
        np.concatenate([[0], np.cumsum([len(piece) for piece in given])]),
    )
