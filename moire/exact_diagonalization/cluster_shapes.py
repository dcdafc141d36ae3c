"""Shapes of clusters on the triangular lattice: all sublattices of an index, up to rotations."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache

import numpy as np

from moire._arrays import IntArray
from moire._shown import Shown
from moire._types import checked

Matrix = tuple[tuple[int, int], tuple[int, int]]

# a_1 and a_2 enclose 120 degrees: a rotation by 60 degrees takes a_1 to a_1 + a_2 and a_2 to -a_1.
SIXTH_TURN = np.array([[1, 1], [-1, 0]])
POINTS = {"gamma": ((0, 0),), "m": ((3, 0), (0, 3), (3, 3)), "kappa": ((4, -2), (2, 2))}
"""High-symmetry momenta in units of b_1/6, b_2/6: gamma, the three m, kappa_+ and kappa_-."""


@checked
@dataclass(frozen=True)
class ClusterShape(Shown):
    """The torus spanned by L_i = T_i1 a_1 + T_i2 a_2.

    Parameters
    ----------
    matrix
        T: diagonal if a rotation of the cluster makes it so, otherwise the shortest superlattice vectors.
    """

    matrix: Matrix

    @property
    def n_sites(self) -> int:
        """Number of cells, |det T|."""
        (t11, t12), (t21, t22) = self.matrix
        return abs(t11 * t22 - t12 * t21)

    @property
    def name(self) -> str:
        """Short name as that of a grid, ``"4x6"`` or ``"12 [[2, -2], [2, 4]]"``."""
        (t11, t12), (t21, t22) = self.matrix
        if not (t12 or t21) and t11 > 0 and t22 > 0:
            return f"{t11}x{t22}"
        return f"{self.n_sites} {[list(row) for row in self.matrix]}"

    @property
    def aspect(self) -> float:
        """Length of the second shortest over that of the shortest independent superlattice vector; 1 is round."""
        short, long = (_square(row) for row in _reduced(self.matrix))
        return float(np.sqrt(long / short))

    @property
    def has_sixfold_axis(self) -> bool:
        """Whether a rotation by 60 degrees maps the cluster onto itself; equivalent to one by 120 degrees.

        A torus always has the twofold axis, so that C3 alone does not occur.
        """
        return _normal_form(np.array(self.matrix) @ SIXTH_TURN) == _normal_form(np.array(self.matrix))

    @property
    def symmetry(self) -> str:
        """``"C6"`` or ``"C2"``."""
        return "C6" if self.has_sixfold_axis else "C2"

    def holds(self, point: str) -> int:
        """Number of momenta ``"gamma"``, ``"m"`` (three in all) or ``"kappa"`` (two) that the cluster holds."""
        products = np.array(POINTS[point]) @ np.array(self.matrix).T
        return int(np.all(products % 6 == 0, axis=1).sum())


def _square(row: IntArray) -> int:
    """|x_1 a_1 + x_2 a_2|^2 / a^2."""
    return int(row[0] * row[0] + row[1] * row[1] - row[0] * row[1])


def _normal_form(matrix: IntArray) -> Matrix:
    """Hermite normal form ((a, b), (0, d)), 0 <= b < d, of the lattice of the rows."""
    first, second = (row.copy() for row in np.asarray(matrix))
    while second[0]:
        first, second = second, first - first[0] // second[0] * second
    first, second = first * np.sign(first[0]), second * np.sign(second[1])
    first = first - first[1] // second[1] * second
    return (int(first[0]), int(first[1])), (0, int(second[1]))


def _product(first: IntArray, second: IntArray) -> int:
    """Twice the scalar product in units of a^2."""
    return int(2 * first @ second - first[0] * second[1] - first[1] * second[0])


def _reduced(matrix: Matrix) -> tuple[IntArray, IntArray]:
    """Shortest and second shortest independent superlattice vector (Lagrange's algorithm)."""
    short, long = sorted((row.copy() for row in np.array(matrix)), key=_square)
    while True:
        norm = 2 * _square(short)
        long = long - (2 * _product(short, long) + norm) // (2 * norm) * short
        if _square(long) >= _square(short):
            return short, long
        short, long = long, short


def _shown(matrix: Matrix) -> Matrix:
    """Shortest vectors, at 90 to 120 degrees if possible, with the fewest minus signs that rotations allow."""
    short, long = _reduced(matrix)
    near = [sign * vector for vector in (short, long, long - short, long + short) for sign in (1, -1)]
    options = []
    for first, second in itertools.product(near, repeat=2):
        lengths = _square(first), _square(second)
        if lengths == (_square(short), _square(long)) and first[0] * second[1] > first[1] * second[0]:
            acute = _product(first, second) > 0
            pair = np.stack([first, second])
            for _ in range(6):
                pair = pair @ SIXTH_TURN
                options.append((acute, int((pair < 0).sum()), (-pair).ravel().tolist()))
    a, b, c, d = (-entry for entry in min(options)[2])
    return (a, b), (c, d)


def _rotations(form: Matrix) -> list[Matrix]:
    forms, matrix = [form], np.array(form)
    for _ in range(2):  # a rotation by 180 degrees maps every lattice onto itself
        matrix = matrix @ SIXTH_TURN
        forms.append(_normal_form(matrix))
    return forms


@cache
def cluster_shapes(n_sites: int) -> tuple[ClusterShape, ...]:
    """All clusters of `n_sites` cells up to rotations, the roundest first.

    Mirror images count as two: a band without that mirror distinguishes them.
    """
    found: dict[Matrix, Matrix] = {}
    for a in range(1, n_sites + 1):
        if n_sites % a:
            continue
        d = n_sites // a
        for b in range(d):
            forms = _rotations(((a, b), (0, d)))
            key = min(forms)
            if key not in found:
                rectangles = [form for form in forms if form[0][1] == 0]
                found[key] = min(rectangles) if rectangles else _shown(key)
    shapes = [ClusterShape(matrix) for matrix in found.values()]
    return tuple(sorted(shapes, key=lambda shape: (round(shape.aspect, 9), not shape.has_sixfold_axis, shape.matrix)))
