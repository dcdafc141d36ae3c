"""Orthonormal Krylov basis: expansion by products with H, projection of H, and compression."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.linalg import eigh

from moire._arrays import ComplexArray, FloatArray
from moire.linalg.vectors import VectorSpace

DEFICIENT = 1e-10  # a new vector shorter than this, relative to H, lies in the span of the basis
Multiply = Callable[[ComplexArray], ComplexArray]


class KrylovBasis:
    """Vectors V with H V = V T + F B: T is the projection, F the pending block, B its coupling.

    Parameters
    ----------
    space
        The space of the vectors.
    n_krylov
        Largest number of vectors, the pending block included.
    block_size
        Vectors of a block.
    seed
        Words that seed the random vectors, together with their running number.
    """

    def __init__(self, space: VectorSpace, n_krylov: int, block_size: int, seed: tuple[int, ...]) -> None:
        self.space = space
        self.vectors = space.empty(n_krylov)
        self.projected = np.zeros((n_krylov, n_krylov), dtype=np.complex128)
        self.coupling = np.zeros((0, 0), dtype=np.complex128)
        self.n_held = self.n_pending = self.n_drawn = 0
        self._block_size, self._seed = block_size, seed
        self.draw_pending()

    @property
    def is_full(self) -> bool:
        """Whether another block does not fit."""
        taken = self.n_held + self.n_pending
        return taken + min(self._block_size, self.space.dimension - taken) > len(self.vectors)

    @property
    def is_complete(self) -> bool:
        """Whether the span is closed under H because it is the whole space."""
        return self.n_pending == 0

    def draw_pending(self) -> None:
        """Make the pending block random, orthogonal to the basis and not coupled to it."""
        block = self.space.empty(0)
        self._set_pending(block, np.zeros((0, self.n_held), dtype=np.complex128))

    def start_from(self, vectors: ComplexArray) -> None:
        """Make `vectors` (vector, dim) the pending block of an empty basis, random ones in place of dependent ones."""
        self.n_held = 0
        block = vectors.astype(self.vectors.dtype)
        self._set_pending(block, np.zeros((len(block), 0), dtype=np.complex128), size=len(block))

    def project(self, multiply: Multiply, vectors: ComplexArray, n_wanted: int) -> None:
        """Make the lowest Ritz vectors in the span of `vectors` (vector, dim) the basis, and their residuals pending.

        There are `n_wanted` of them, at most a block.
        """
        self.start_from(vectors)
        self.n_held, block = self.n_pending, np.ascontiguousarray(multiply(self.vectors[: self.n_pending].T).T)
        held = self.n_held
        projected = self.space.overlaps(self.vectors[:held], block)
        self.space.subtract(block, self.vectors[:held], projected)
        values, columns = eigh((projected + projected.conj().T) / 2)
        held = min(n_wanted, held)
        self.space.rotate(self.vectors, columns[:, :held])
        self.projected[:held, :held], self.n_held = np.diag(values[:held]), held
        residuals = np.ascontiguousarray(columns[:, :held].T.astype(block.dtype) @ block)
        self._project_out(residuals, held)
        scale = float(self.space.norms(block).max()) + np.finfo(float).tiny
        self._set_pending(residuals, np.eye(len(residuals), held, dtype=np.complex128), scale)

    def _random(self) -> ComplexArray:
        self.n_drawn += 1
        return self.space.random((*self._seed, self.n_drawn - 1))

    def _project_out(self, block: ComplexArray, n_vectors: int) -> None:
        known = self.vectors[:n_vectors]
        self.space.subtract(block, known, self.space.overlaps(known, block))

    def _set_pending(
        self, block: ComplexArray, coupling: ComplexArray, scale: float = 1.0, size: int | None = None
    ) -> None:
        """Orthonormalize `block`, orthogonal to the basis, as pending block; random vectors replace vanishing ones.

        ``coupling`` (block, held) is rewritten in terms of the orthonormal vectors. There are `size` of them, by
        default a block.
        """
        n_held, norm_of = self.n_held, self.space.norm
        size = min(size or self._block_size, len(self.vectors) - n_held, self.space.dimension - n_held)
        triangle = np.zeros((size, len(block)), dtype=np.complex128)
        count = 0
        for index, vector in enumerate(block):
            before = norm_of(vector)
            row, found = vector[None], self.vectors[n_held : n_held + count]
            for _ in range(2 if count else 0):
                overlaps = self.space.overlaps(found, row)
                self.space.subtract(row, found, overlaps)
                triangle[:count, index] += overlaps[:, 0]
            norm = norm_of(row)
            if norm > DEFICIENT * scale and count < size:
                length = norm
                if norm < 1e-3 * before or norm < 1e-3 * scale:  # rounding errors have grown: orthogonalize once more
                    row /= norm
                    self._project_out(row, n_held + count)
                    length = norm_of(row)
                np.divide(row[0], length, out=self.vectors[n_held + count])
                triangle[count, index] = norm
                count += 1
        self.coupling = triangle @ coupling if len(block) else np.zeros((size, n_held), dtype=np.complex128)
        while count < size:
            row = self._random()[None]
            for _ in range(3):
                row /= norm_of(row)
                self._project_out(row, n_held + count)
            self.vectors[n_held + count] = row[0] / norm_of(row)
            count += 1
        self.n_pending = size

    def expand(self, multiply: Multiply) -> None:
        """Move the pending block into the basis; its product with H gives the next pending block."""
        first, last = self.n_held, self.n_held + self.n_pending
        block = np.ascontiguousarray(multiply(self.vectors[first:last].T).T)
        space, vectors = self.space, self.vectors
        scale = float(space.norms(block).max()) + np.finfo(float).tiny
        known = self.coupling.conj().T  # H F = V B^+ + ..., so that one sweep over the basis is enough
        start = int(np.flatnonzero(np.any(known != 0, axis=1))[0]) if np.any(known) else first
        space.subtract(block, vectors[start:first], known[start:])
        own = space.overlaps(vectors[first:last], block)
        space.subtract(block, vectors[first:last], own)
        column = space.overlaps(vectors[:last], block)
        space.subtract(block, vectors[:last], column)
        column[:first] += known
        column[first:] += own
        self.projected[:last, first:last] = column
        self.projected[first:last, :last] = column.conj().T
        self.projected[first:last, first:last] = (column[first:] + column[first:].conj().T) / 2
        coupling = np.zeros((last - first, last), dtype=np.complex128)
        coupling[:, first:] = np.eye(last - first)
        self.n_held = last
        self._set_pending(block, coupling, scale)

    def ritz(self) -> tuple[FloatArray, ComplexArray, FloatArray]:
        """Ritz values (n,), coefficients (held, n) and estimated residuals (n,), ascending.

        The estimate assumes H V = V T + F B, which is inexact after rounding or a random pending block.
        """
        held = self.projected[: self.n_held, : self.n_held]
        values, columns = self.space.on_leader(lambda: eigh(held))  # two machines may give vectors of other phases
        return values, columns, np.linalg.norm(self.coupling @ columns, axis=0)

    def compress(self, values: FloatArray, columns: ComplexArray) -> None:
        """Replace the basis by the Ritz vectors of the given coefficients (held, kept)."""
        held, kept = columns.shape
        self.space.rotate(self.vectors, columns)
        self.vectors[kept : kept + self.n_pending] = self.vectors[held : held + self.n_pending].copy()
        self.coupling = self.coupling @ columns
        self.projected[:kept, :kept] = np.diag(values[:kept])
        self.n_held = kept

    def measured_residuals(self, multiply: Multiply, values: FloatArray) -> FloatArray:
        """|H v - E v| of the first vectors held, one for each of `values` (n,), from one product of each."""
        residuals = np.empty(len(values))
        for start in range(0, len(values), self._block_size):
            piece = slice(start, min(start + self._block_size, len(values)))
            block = self.vectors[piece]
            misses = np.asarray(multiply(block.T)).T - values[piece, None] * block
            residuals[piece] = self.space.norms(misses)
        return residuals

    def pend_residuals(self, multiply: Multiply, residuals: FloatArray) -> None:
        """Replace the pending block by the residual vectors of the Ritz pairs with the largest `residuals` (held,)."""
        worst = np.argsort(-residuals, kind="stable")[: self._block_size]
        block = np.ascontiguousarray(np.asarray(multiply(self.vectors[worst].T)).T)
        for _ in range(2):
            self._project_out(block, self.n_held)
        coupling = np.zeros((len(worst), self.n_held), dtype=np.complex128)
        coupling[np.arange(len(worst)), worst] = 1.0
        self._set_pending(block, coupling, float(self.space.norms(block).max()) + np.finfo(float).tiny)

    def state(self) -> dict[str, np.ndarray]:
        """State from which a run continues."""
        return {
            "vectors": self.vectors[: self.n_held + self.n_pending],
            "projected": self.projected[: self.n_held, : self.n_held],
            "coupling": self.coupling,
            "counts": np.array([self.n_held, self.n_pending, self.n_drawn, len(self.vectors)]),
        }

    def load(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from a saved state."""
        self.n_held, self.n_pending, self.n_drawn, n_krylov = (int(count) for count in state["counts"])
        if n_krylov != len(self.vectors):
            self.vectors = self.space.empty(n_krylov)
            self.projected = np.zeros((n_krylov, n_krylov), dtype=np.complex128)
        self.vectors[: self.n_held + self.n_pending] = state["vectors"]
        self.projected[: self.n_held, : self.n_held] = state["projected"]
        self.coupling = np.asarray(state["coupling"])
