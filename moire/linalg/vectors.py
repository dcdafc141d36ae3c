"""The space of the vectors of a Krylov method: the one place where components are added up.

A vector may be a part of a longer one, the rest of which other ranks hold: then `add_up` sums over the ranks, and
nothing else of the method changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from moire._arrays import ComplexArray, FloatArray

CHUNK = 1 << 13  # components handled at once, so that temporary arrays stay small and in cache


def _alone(sums: Any) -> Any:
    return sums


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
    """

    dimension: int
    dtype: DTypeLike = np.complex128
    part: slice = field(default_factory=lambda: slice(None))
    add_up: Callable[[Any], Any] = _alone

    @property
    def held(self) -> int:
        """Number of components held here."""
        return len(range(self.dimension)[self.part])

    def empty(self, n_vectors: int) -> ComplexArray:
        """Uninitialised vectors, (vector, held)."""
        return np.empty((n_vectors, self.held), dtype=self.dtype)

    def random(self, words: tuple[int, ...]) -> ComplexArray:
        """A normal random vector, (held,), the same whatever the parts."""
        rng = np.random.default_rng(list(words))
        whole = rng.standard_normal(self.dimension) + 1j * rng.standard_normal(self.dimension)
        return whole[self.part].astype(self.dtype)

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
        total = np.zeros((len(right), len(left)), dtype=np.complex128)
        for start in range(0, self.held, CHUNK):
            piece = slice(start, start + CHUNK)
            total += right[:, piece].conj() @ left[:, piece].T
        overlaps: ComplexArray = np.asarray(self.add_up(total)).conj().T
        return overlaps

    def subtract(self, block: ComplexArray, vectors: ComplexArray, coefficients: ComplexArray) -> None:
        """Subtract sum_i vectors_i coefficients_ij from every vector j of `block`, in place."""
        rows = np.ascontiguousarray(coefficients.T, dtype=block.dtype)
        for start in range(0, self.held, CHUNK):
            piece = slice(start, start + CHUNK)
            block[:, piece] -= rows @ vectors[:, piece]

    def rotate(self, vectors: ComplexArray, columns: ComplexArray) -> None:
        """Replace the first vectors by sum_i vectors_i columns_ij, in place; columns (i, j) with j <= i."""
        held, kept = columns.shape
        rotation = np.ascontiguousarray(columns.T).astype(vectors.dtype)
        for start in range(0, self.held, CHUNK):
            piece = slice(start, start + CHUNK)
            vectors[:kept, piece] = rotation @ vectors[:held, piece]
