"""Momenta: regular grids and tilted clusters with boundary phases, and high-symmetry paths."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from moire._arrays import FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.errors import is_whole, require
from moire.lattice import TriangularLattice
from moire.resources import reserve

PATH_LABELS = ("gamma", "m", "kappa_+", "kappa_-", "gamma")

_LARGEST_ENTRY = 2**20  # products of two entries fit in 64 bits with room for sums
_BYTES_PER_MOMENTUM = 112  # labels, fractions and the tables from which they are made

Label = tuple[int, int]
"""Label (l1, l2) of a momentum of a grid, modulo its `moduli`."""


def integer_matrix(given: ArrayLike, name: str, kind: str = "an integer 2x2 matrix") -> IntArray:
    """Return a 2x2 matrix of integers, read-only; raises InputError, as that of the argument `name`, for others."""
    raw = np.asarray(given)
    entries = raw.ravel().tolist()
    numbers = raw.shape == (2, 2) and all(isinstance(entry, int | float) for entry in entries)
    require(numbers and all(map(is_whole, entries)), name, f"be {kind}", raw)
    small = all(abs(entry) <= _LARGEST_ENTRY for entry in entries)
    require(small, name, f"have entries of at most {_LARGEST_ENTRY} in size", raw)
    return read_only(raw, np.int64)


def smith_normal_form(matrix: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return integer (U, D, V) with U T V = D diagonal, D_1 dividing D_2, det U = +-1 = det V.

    Parameters
    ----------
    matrix
        Integer matrix T of shape (2, 2), not singular.

    Raises
    ------
    InputError
        If the determinant is zero.
    """
    d = np.array(matrix, dtype=np.int64)
    u, v = np.eye(2, dtype=np.int64), np.eye(2, dtype=np.int64)
    require(d[0, 0] * d[1, 1] != d[0, 1] * d[1, 0], "matrix", "have a nonzero determinant", d.tolist())
    while True:
        if d[0, 0] == 0 or (d[0, 1] == 0 and d[1, 0] == 0 and d[1, 1] % d[0, 0]):
            if d[0, 0] == 0:  # bring the smallest nonzero entry to the corner
                rows, columns = np.nonzero(d)
                best = np.argmin(np.abs(d[rows, columns]))
                if rows[best]:
                    d, u = d[::-1].copy(), u[::-1].copy()
                if columns[best]:
                    d, v = d[:, ::-1].copy(), v[:, ::-1].copy()
            else:  # d_1 does not divide d_2: mix the rows and reduce again
                d[0] += d[1]
                u[0] += u[1]
        if d[1, 0]:
            factor = d[1, 0] // d[0, 0]
            d[1] -= factor * d[0]
            u[1] -= factor * u[0]
            if d[1, 0]:
                d, u = d[::-1].copy(), u[::-1].copy()
            continue
        if d[0, 1]:
            factor = d[0, 1] // d[0, 0]
            d[:, 1] -= factor * d[:, 0]
            v[:, 1] -= factor * v[:, 0]
            if d[0, 1]:
                d, v = d[:, ::-1].copy(), v[:, ::-1].copy()
            continue
        if d[1, 1] % d[0, 0] == 0:
            break
    signs = np.sign(np.diag(d))
    return u * signs[:, None], d * signs[:, None], v


@checked
@dataclass(frozen=True, eq=False)
class MomentumGrid(Shown):
    """The momenta allowed on a cluster with superlattice vectors L_i = T_i1 a_1 + T_i2 a_2.

    They form a group Z_d1 x Z_d2 (shifted by the boundary phase). For a rectangle,
    T = diag(N1, N2), a momentum k = (n1 + phi_1) b_1/N1 + (n2 + phi_2) b_2/N2 has the label
    (n1, n2); for a tilted cluster the labels are those of the Smith normal form. Momenta are one flat
    axis, the second label fastest.

    Parameters
    ----------
    lattice
        The Bravais lattice.
    matrix
        Integer cluster matrix T, shape (2, 2).
    boundary_phase
        Boundary phase (phi_1, phi_2) along L_1 and L_2, in units of 2 pi.

    Raises
    ------
    InputError
        If the matrix is not an integer 2x2 matrix, has entries above 2^20 or is singular, or a phase is not finite.
    MemoryRefusedError
        If the momenta do not fit in memory, and from the tables over pairs of them.
    """

    lattice: TriangularLattice
    matrix: IntArray
    boundary_phase: tuple[float, float] = (0.0, 0.0)
    moduli: tuple[int, int] = field(init=False)
    fractional: FloatArray = field(init=False, repr=False)
    labels: IntArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        matrix = integer_matrix(self.matrix, "cluster")
        determinant = int(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0])
        require(determinant != 0, "cluster", "have a nonzero determinant", matrix)
        boundary_phase = (float(self.boundary_phase[0]), float(self.boundary_phase[1]))
        require(np.all(np.isfinite(boundary_phase)), "boundary_phase", "be finite (in units of 2 pi)", boundary_phase)
        rectangle = not (matrix[0, 1] or matrix[1, 0]) and matrix[0, 0] > 0 and matrix[1, 1] > 0
        if rectangle:
            d, v = matrix, np.eye(2, dtype=np.int64)
        else:
            _, d, v = smith_normal_form(matrix)
        moduli = (int(d[0, 0]), int(d[1, 1]))
        size = moduli[0] * moduli[1]
        reserve(f"A grid of {size} momenta", float(_BYTES_PER_MOMENTUM * size), "a smaller mesh would fit")
        labels = np.stack(np.meshgrid(np.arange(moduli[0]), np.arange(moduli[1]), indexing="ij"), axis=-1)
        labels = labels.reshape(-1, 2)
        numerators = (labels * np.array([moduli[1], moduli[0]])) @ v.T  # exact: kappa = V D^-1 l
        object.__setattr__(self, "matrix", matrix)
        object.__setattr__(self, "boundary_phase", boundary_phase)
        object.__setattr__(self, "moduli", moduli)
        object.__setattr__(self, "labels", read_only(labels, np.int64))
        object.__setattr__(self, "fractional", read_only((numerators % size) / size))

    @classmethod
    def regular(
        cls, lattice: TriangularLattice, n1: int, n2: int, boundary_phase: tuple[float, float] = (0.0, 0.0)
    ) -> MomentumGrid:
        """Return the grid k = (n1 + phi_1) b_1/N1 + (n2 + phi_2) b_2/N2 of N1 x N2 points."""
        positive = all(side >= 1 and is_whole(side) for side in (n1, n2))
        require(positive, "mesh", "have positive integer sides", f"{n1}x{n2}")
        return cls(lattice, np.diag([int(n1), int(n2)]), boundary_phase)

    @classmethod
    def cluster(
        cls, lattice: TriangularLattice, shape: ArrayLike, boundary_phase: tuple[float, float] = (0.0, 0.0)
    ) -> MomentumGrid:
        """Grid of a cluster given as ``[N1, N2]`` or as an integer matrix ``[[T11, T12], [T21, T22]]``."""
        array = np.asarray(shape)
        if array.shape == (2,):
            return cls.regular(lattice, array[0], array[1], boundary_phase)
        return cls(lattice, array, boundary_phase)

    @property
    def n_points(self) -> int:
        """Number of momenta, |det T|."""
        return self.moduli[0] * self.moduli[1]

    @property
    def is_regular(self) -> bool:
        """Whether the grid is an N1 x N2 rectangle in b_1, b_2."""
        return bool(np.array_equal(self.matrix, np.diag(self.moduli)))

    @property
    def name(self) -> str:
        """Short name, ``"4x6"`` or ``"27 [[6, 3], [-3, 3]]"``."""
        if self.is_regular:
            return f"{self.moduli[0]}x{self.moduli[1]}"
        return f"{self.n_points} {self.matrix.tolist()}"

    def same_cluster(self, other: MomentumGrid) -> bool:
        """Whether both grids hold the same momenta in the same order, up to the boundary phase."""
        return self.lattice == other.lattice and np.array_equal(self.matrix, other.matrix)

    @cached_property
    def points(self) -> FloatArray:
        """Momenta in 1/nm, shape (k, 2), the boundary phase included."""
        offset = np.linalg.solve(self.matrix.astype(float), np.array(self.boundary_phase))
        return read_only((self.fractional + offset) @ self.lattice.reciprocal)

    def index_of(self, label: Sequence[int]) -> int:
        """Index of the momentum labelled `label`.

        Raises
        ------
        InputError
            If the label is not in the momentum group.
        """
        parts = tuple(label)
        require(
            len(parts) == 2
            and all(is_whole(part) and 0 <= part < size for part, size in zip(parts, self.moduli, strict=True)),
            "momentum",
            f"be a label (l1, l2) of integers with 0 <= l1 < {self.moduli[0]} and 0 <= l2 < {self.moduli[1]}",
            parts,
        )
        return int(parts[0]) * self.moduli[1] + int(parts[1])

    @cached_property
    def turn_indices(self) -> tuple[int, int]:
        """Indices of s_1 and s_2, s_i . L_j = 2 pi delta_ij: shift of a momentum by one flux quantum along L_i."""
        steps = np.linalg.inv(self.matrix.astype(float)).T
        distance = self.fractional[None] - steps[:, None]
        first, second = np.abs(distance - np.round(distance)).sum(axis=2).argmin(axis=1)
        return int(first), int(second)

    @cached_property
    def _coset(self) -> tuple[IntArray, IntArray]:
        return self._combine(+1), self._combine(-1)

    def _reserve_table(self, bytes_per_pair: float) -> None:
        what = f"A table of the pairs of {self.n_points} momenta"
        reserve(what, bytes_per_pair * self.n_points**2, "a smaller mesh would fit")

    def _combine(self, sign: int) -> IntArray:
        self._reserve_table(56)  # the labels, their sum and its remainder, and the index
        labels = (self.labels[:, None] + sign * self.labels[None]) % np.array(self.moduli)
        return read_only(labels[..., 0] * self.moduli[1] + labels[..., 1])

    @property
    def sum_index(self) -> IntArray:
        """Index of k + q, shape (k, q); q runs over the momentum group."""
        return self._coset[0]

    @property
    def difference_index(self) -> IntArray:
        """Index of k - q in the momentum group, shape (k, q)."""
        return self._coset[1]

    @cached_property
    def umklapp(self) -> IntArray:
        """Integer G with k + q = (point at ``sum_index``) + G, in units of b_1, b_2; shape (k, q, 2)."""
        self._reserve_table(80)  # sums of fractions and integers, two components each
        kappa = self.fractional
        return read_only(np.round(kappa[:, None] + kappa[None] - kappa[self.sum_index]), np.int64)


@checked
@dataclass(frozen=True, eq=False)
class KPath(Shown):
    """Momenta along straight lines between corners of the zone.

    Parameters
    ----------
    lattice
        The Bravais lattice.
    points
        Momenta in 1/nm, shape (k, 2).
    distances
        Arc length in 1/nm, shape (k,).
    tick_indices, tick_labels
        Indices of the corners among the points, and their names.
    """

    lattice: TriangularLattice
    points: FloatArray = field(repr=False)
    distances: FloatArray = field(repr=False)
    tick_indices: tuple[int, ...]
    tick_labels: tuple[str, ...]

    @classmethod
    def through(
        cls, lattice: TriangularLattice, labels: Sequence[str] = PATH_LABELS, points_per_segment: int = 30
    ) -> KPath:
        """Path through the named corners (gamma, m, kappa_+, kappa_-).

        Raises
        ------
        InputError
            If a corner is unknown, fewer than two are given, or a segment has no points.
        """
        require(points_per_segment >= 1, "points_per_segment", "be at least 1", points_per_segment)
        require(len(labels) >= 2, "labels", "name at least two corners", list(labels))
        unknown = [label for label in labels if label not in lattice.corners]
        require(
            not unknown, "labels", f"be corners among {', '.join(sorted(lattice.corners))}", found=f"hold {unknown}"
        )
        corners = [lattice.corners[label] for label in labels]
        fractions = np.arange(points_per_segment)[:, None] / points_per_segment
        pieces = [start + fractions * (end - start) for start, end in itertools.pairwise(corners)]
        points = np.concatenate([*pieces, corners[-1][None]])
        steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        return cls(
            lattice,
            read_only(points),
            read_only(np.concatenate([[0.0], np.cumsum(steps)])),
            tuple(points_per_segment * i for i in range(len(labels))),
            tuple(labels),
        )

    @property
    def n_points(self) -> int:
        """Number of momenta."""
        return len(self.points)
