"""The space of the vectors of a Krylov method: the one place where components are added up.

A vector may be a part of a longer one, the rest of which other ranks hold: then `add_up` sums over the ranks, and
`on_leader` takes the decisions that all of them must share; nothing else of the method changes.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from moire._arrays import ComplexArray, FloatArray
from moire.resources import threads

CHUNK = 1 << 13  # components handled at once, so that temporary arrays stay small and in cache
_FEW = 1 << 20  # components read, below which starting a thread takes longer than it saves
_SHORT = 1 << 10  # real numbers of a vector in one of the products of an overlap
_DRAWN = 1 << 20  # components of a random vector that are drawn from one stream
_Found = TypeVar("_Found")


def _alone(sums: Any) -> Any:
    return sums


def _here(action: Callable[[], Any]) -> Any:
    return action()


def in_pieces(work: Callable[[slice], _Found], n_components: int, n_vectors: int) -> list[_Found]:
    """What `work` returns for all pieces of the components, in their order, on all threads if there is enough to do.

    The pieces do not depend on the number of threads, so that sums over them have the same bits on any number. The
    threads live for one call: those of a longer life would not survive a fork.
    """
    pieces = [slice(start, min(start + CHUNK, n_components)) for start in range(0, n_components, CHUNK)]
    n_threads = min(threads(), len(pieces)) if n_components * n_vectors >= _FEW else 1
    if n_threads <= 1:
        return [work(piece) for piece in pieces]
    runs = [pieces[len(pieces) * i // n_threads : len(pieces) * (i + 1) // n_threads] for i in range(n_threads)]
    with ThreadPoolExecutor(n_threads) as pool:
        return [found for run in pool.map(lambda run: [work(piece) for piece in run], runs) for found in run]


def _products(left: ComplexArray, right: ComplexArray) -> FloatArray:
    """Real parts, then imaginary parts, of <left_i | right_j>, (2 j, i): real products are faster than complex ones.

    A stack of short products, because numpy keeps the interpreter lock while it calculates fewer than 500 elements.
    """
    real = left.real.dtype
    lefts, rights = left.view(real), np.concatenate([right, -1j * right]).view(real)
    n_short, end = divmod(lefts.shape[1], _SHORT)
    whole = lefts.shape[1] - end
    stacks = rights[:, :whole].reshape(len(rights), n_short, _SHORT).swapaxes(0, 1) @ (
        lefts[:, :whole].reshape(len(lefts), n_short, _SHORT).transpose(1, 2, 0)
    )
    total: FloatArray = np.add.reduce(stacks, axis=0, dtype=float) + rights[:, whole:] @ lefts[:, whole:].T
    return total


@dataclass(frozen=True, eq=False)
class VectorSpace:
    """Complex vectors of one length.

    Parameters
    ----------
    dimension
        Length of the whole vectors.
    dtype
        ``complex128`` or ``complex64``.
    part
        The components held here; all by default.
    add_up
        Adds an array of sums over the components held here to those of all other ranks; by default there are none.
        All ranks must get the same bits.
    on_leader
        Calls a function on one of the ranks and returns its result on all of them.
    """

    dimension: int
    dtype: DTypeLike = np.complex128
    part: slice = field(default_factory=lambda: slice(None))
    add_up: Callable[[Any], Any] = _alone
    on_leader: Callable[[Callable[[], Any]], Any] = _here

    @property
    def rows(self) -> range:
        """The components held here."""
        return range(self.dimension)[self.part]

    @property
    def is_whole(self) -> bool:
        """Whether all components are held here."""
        return self.held == self.dimension

    @property
    def held(self) -> int:
        """Number of components held here."""
        return len(self.rows)

    def empty(self, n_vectors: int) -> ComplexArray:
        """Uninitialised vectors, (vector, held)."""
        return np.empty((n_vectors, self.held), dtype=self.dtype)

    def random(self, words: tuple[int, ...]) -> ComplexArray:
        """A normal random vector, (held,), the same whatever the parts: each 2^20 components have their own stream."""
        vector: ComplexArray = self.empty(1)[0]
        rows = self.rows
        for number, first in enumerate(range(0, self.dimension, _DRAWN)):
            held = slice(max(first, rows.start), min(first + _DRAWN, rows.stop))
            if held.start < held.stop:
                rng = np.random.default_rng([*words, number] if number else list(words))
                length = min(_DRAWN, self.dimension - first)
                drawn = rng.standard_normal(length) + 1j * rng.standard_normal(length)
                here = slice(held.start - rows.start, held.stop - rows.start)
                vector[here] = drawn[held.start - first : held.stop - first]
        return vector

    def norm(self, vector: ComplexArray) -> float:
        """Euclidean norm of one vector, of any shape."""
        flat = vector.ravel()
        return float(np.sqrt(self.add_up(flat.real.dot(flat.real) + flat.imag.dot(flat.imag))))

    def norms(self, block: ComplexArray) -> FloatArray:
        """Euclidean norms of vectors (vector, held)."""
        squares = (block.conj() * block).real
        norms: FloatArray = np.sqrt(self.add_up(np.add.reduce(squares, axis=1)))
        return norms

    def overlaps(self, left: ComplexArray, right: ComplexArray) -> ComplexArray:
        """<left_i | right_j> of vectors (i, held) and (j, held), (i, j)."""
        n_left, n_right = len(left), len(right)
        total = np.zeros((2 * n_right, n_left))
        for found in in_pieces(lambda piece: _products(left[:, piece], right[:, piece]), self.held, n_left + n_right):
            total += found
        overlaps: ComplexArray = np.asarray(self.add_up(total[:n_right] - 1j * total[n_right:])).conj().T
        return overlaps

    def subtract(self, block: ComplexArray, vectors: ComplexArray, coefficients: ComplexArray) -> None:
        """Subtract sum_i vectors_i coefficients_ij from every vector j of `block`, in place."""
        rows = np.ascontiguousarray(coefficients.T, dtype=block.dtype)

        def work(piece: slice) -> None:
            block[:, piece] -= rows @ vectors[:, piece]

        in_pieces(work, self.held, len(vectors) + len(block))

    def rotate(self, vectors: ComplexArray, columns: ComplexArray) -> None:
        """Replace the first vectors by sum_i vectors_i columns_ij, in place; columns (i, j) with j <= i."""
        held, kept = columns.shape
        rotation = np.ascontiguousarray(columns.T).astype(vectors.dtype)

        def work(piece: slice) -> None:
            vectors[:kept, piece] = rotation @ vectors[:held, piece]

        in_pieces(work, self.held, held)


ALONE = VectorSpace(0)
"""The space of a run that no other rank shares."""
