"""Products of a sector that is spread over ranks, the exchange of rows overlapped with the work on blocks."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from moire._arrays import ComplexArray, FloatArray, IntArray
from moire.exact_diagonalization.block_tables import BlockTables
from moire.exact_diagonalization.distributed.exchange import Exchange
from moire.exact_diagonalization.distributed.rounds import fewest_rounds, rounds_of
from moire.exact_diagonalization.distributed.rows import SectorRows
from moire.exact_diagonalization.pair_product import MAX_VECTORS
from moire.exact_diagonalization.pairs import PairHamiltonian
from moire.ranks import finish
from moire.resources import human_bytes, threads

_POLL_SECONDS = 0.001
_NO_PART = np.zeros(0, np.int64), np.zeros(1, np.int64)
REACH = 1.0
"""Rows that a round may reach, in units of those that a rank holds."""
FEW_ROWS = 1 << 14
"""Rows that a round may reach in any case: with fewer, messages cost more than memory."""


@dataclass
class ProductCost:
    """What the products of one rank took so far.

    Parameters
    ----------
    n_vectors
        Vectors multiplied.
    bytes_sent
        Bytes to other ranks.
    working_s, moving_s
        Processor time of blocks, of one thread, and of the copies and sums of rows.
    waiting_s
        Wall time without work.
    """

    n_vectors: int = 0
    bytes_sent: int = 0
    working_s: float = 0.0
    moving_s: float = 0.0
    waiting_s: float = 0.0

    def __str__(self) -> str:
        each = human_bytes(self.bytes_sent / max(1, self.n_vectors))
        return (
            f"{self.n_vectors} products, each sending {each} from a rank; {self.working_s:.3g} s of work, "
            f"{self.moving_s:.3g} s of copies, {self.waiting_s:.3g} s of waiting"
        )


class DistributedProduct:
    """Products H x of one sector without the constant, x and H x spread over ranks.

    A rank multiplies its blocks of intermediate states in rounds. While it works on one, the rows of the next are on
    their way to it, and the sums of the last on their way to the ranks that hold them.

    Parameters
    ----------
    pair_hamiltonian
        The Hamiltonian in pair form, with a diagonal one-body part.
    rows
        The rows held here.
    communicator
        MPI communicator; all its ranks build and call the product together.
    n_rounds
        Rounds of a product; by default the fewest that reach no more rows than a rank holds.
    """

    def __init__(
        self, pair_hamiltonian: PairHamiltonian, rows: SectorRows, communicator: Any, n_rounds: int | None = None
    ) -> None:
        self.rows, self.cost = rows, ProductCost()
        self._tables = tables = BlockTables(pair_hamiltonian, rows.classes, rows.momentum, rows.truncation)
        if n_rounds is None:
            most = max(REACH * rows.dimension / rows.n_ranks, FEW_ROWS)
            n_rounds = max(communicator.allgather(fewest_rounds(tables, rows, most)))
        self._rounds = rounds_of(tables, rows, n_rounds)
        self._exchange = Exchange(communicator, rows, self._rounds)
        self._labels = rows.labels()
        self._offset = np.zeros(len(rows.high_offset) - 1, np.int64)  # of the high words of the present round
        self._buffers: dict[tuple[int, str], _Buffers] = {}
        self._worker = ThreadPoolExecutor(1, initializer=numba.set_num_threads, initargs=(threads(),))

    @property
    def n_rounds(self) -> int:
        """Rounds of a product."""
        return len(self._rounds)

    @property
    def n_bytes(self) -> int:
        """Present memory in bytes, without vectors."""
        held = (self._labels, self._offset, self.rows.high_offset)
        reached = sum(found.high.nbytes + found.offset.nbytes for found in self._rounds)
        buffers = sum(found.n_bytes for found in self._buffers.values())
        return self._tables.n_bytes + self._exchange.n_bytes + reached + buffers + sum(a.nbytes for a in held)

    def __call__(self, x: ComplexArray) -> ComplexArray:
        """Return the rows of H x held here, for those of x, (row, vectors), complex128 or complex64."""
        pieces = [self._few(x[:, first : first + MAX_VECTORS]) for first in range(0, x.shape[1], MAX_VECTORS)]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=1)

    def _few(self, x: ComplexArray) -> ComplexArray:
        begun = time.thread_time()
        vectors = np.ascontiguousarray(x)
        reals = vectors.view(vectors.real.dtype)
        y = np.empty(reals.shape)
        self._tables.add_levels(self._labels, _NO_PART, np.empty((0, reals.shape[1])), reals, y)
        buffers = self._buffers_for(reals)
        exchange, sent = self._exchange, self._exchange.bytes_sent
        coming = exchange.fetch(0, reals, buffers.packed, buffers.fetched[0])
        going = None
        for number in range(self.n_rounds):
            self._wait(coming)
            here = buffers.fetched[number % 2]
            if number + 1 < self.n_rounds:
                coming = exchange.fetch(number + 1, reals, buffers.packed, buffers.fetched[(number + 1) % 2])
            self._work(number, here, buffers.parts, [request for request in (coming, going) if request])
            if going is not None:
                self._wait(going)
                exchange.add(number - 1, buffers.given, y)
            self._add_parts(number, buffers.parts, buffers.sums)
            going = exchange.give_back(number, buffers.sums, buffers.given)
        self._wait(going)
        exchange.add(self.n_rounds - 1, buffers.given, y)
        self.cost.moving_s += time.thread_time() - begun
        self.cost.n_vectors += x.shape[1]
        self.cost.bytes_sent += exchange.bytes_sent - sent
        return y.astype(reals.dtype, copy=False).view(vectors.dtype)

    def _work(self, number: int, x: NDArray[Any], out: FloatArray, requests: list[Any]) -> None:
        """Multiply the blocks of a round in the worker, while this thread lets MPI move what is on its way."""
        found = self._rounds[number]
        self._offset[found.high] = found.offset
        task = self._worker.submit(self._multiply, found.blocks, found.parts, x, out)
        begun = time.thread_time()
        while not wait([task], timeout=_POLL_SECONDS).done:
            for request in requests:
                request.Test()
        self.cost.moving_s -= time.thread_time() - begun
        task.result()

    def _multiply(
        self, blocks: slice, parts: tuple[IntArray, IntArray, IntArray], x: NDArray[Any], out: FloatArray
    ) -> None:
        begun = time.thread_time()
        self._tables.multiply(blocks, self._offset, parts, x, out)
        self.cost.working_s += time.thread_time() - begun

    def _add_parts(self, number: int, out: FloatArray, sums: FloatArray) -> None:
        found = self._rounds[number]
        _, part_row, part_end = found.parts
        sums[: found.n_rows] = 0.0
        for row, first, last in zip(part_row, part_end[:-1], part_end[1:], strict=True):
            sums[row : found.n_rows] += out[first:last]

    def _wait(self, request: Any) -> None:
        start, begun = time.perf_counter(), time.thread_time()
        finish(request)
        self.cost.waiting_s += time.perf_counter() - start
        self.cost.moving_s -= time.thread_time() - begun

    def _buffers_for(self, reals: NDArray[Any]) -> _Buffers:
        key = (reals.shape[1], reals.dtype.name)
        if key not in self._buffers:
            self._buffers = {key: _Buffers.of(self, reals)}
        return self._buffers[key]

    def buffer_rows(self) -> tuple[int, int, int]:
        """Most rows of a round that this rank receives, gives, and holds in accumulators."""
        parts: IntArray = np.array([found.parts[-1][-1] for found in self._rounds])
        return max(found.n_rows for found in self._rounds), self._exchange.most_given, int(parts.max())


@dataclass(eq=False)
class _Buffers:
    """Rows on their way: received (two rounds), packed to be sent; accumulators, their sums, and sums received."""

    fetched: tuple[NDArray[Any], NDArray[Any]]
    packed: NDArray[Any]
    parts: FloatArray
    sums: FloatArray
    given: FloatArray

    @classmethod
    def of(cls, product: DistributedProduct, reals: NDArray[Any]) -> _Buffers:
        """Allocate them for as many real numbers in a row."""
        wanted, given, parts = product.buffer_rows()
        width, kind = reals.shape[1], reals.dtype
        return cls(
            (np.empty((wanted, width), kind), np.empty((wanted, width), kind)),
            np.empty((given, width), kind),
            np.empty((parts, width)),
            np.empty((wanted, width)),
            np.empty((given, width)),
        )

    @property
    def n_bytes(self) -> int:
        """Memory in bytes."""
        return sum(array.nbytes for array in (*self.fetched, self.packed, self.parts, self.sums, self.given))
