"""Regions of momentum space: disks, simple polygons and the whole zone, with meshes that double."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from moire._arrays import FloatArray, IntArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.errors import InputError, require
from moire.lattice import TriangularLattice

_CORNER_STEP = np.pi / 8


@dataclass(frozen=True, eq=False)
class RegionMesh:
    """A conforming mesh of a region: vertices, faces, and the boundary with its tangents.

    Parameters
    ----------
    points
        Momenta to solve in 1/nm, (k, 2).
    source, shift
        Vertex v is point ``source[v]`` moved by the reciprocal vector ``shift[v]`` (integers): (v,) and
        (v, 2). Only a whole zone has shifts.
    faces
        Vertices of each face counter-clockwise, (f, 4); a triangle repeats its last vertex.
    boundary, tangents, parameters
        The boundary counter-clockwise: vertex, unit tangent, and parameter t in [0, 1), (s,), (s, 2), (s,).
        At a corner one vertex is repeated while the tangent turns. Empty on a whole zone.
    """

    points: FloatArray
    source: IntArray
    shift: IntArray
    faces: IntArray
    boundary: IntArray
    tangents: FloatArray
    parameters: FloatArray


class Region(Protocol):
    """Protocol of a region of momentum space, as the interband index needs it."""

    def mesh(self, level: int) -> RegionMesh:
        """Mesh number `level`; each level halves every edge of the one before."""
        ...

    def boundary_at(self, t: float) -> tuple[FloatArray, FloatArray]:
        """Momentum and unit tangent at the boundary parameter t."""
        ...

    def contains(self, k: FloatArray) -> bool:
        """Whether the momentum lies in the region."""
        ...

    def inverted(self) -> Region:
        """The region of all -k, the image under time reversal."""
        ...


@checked
@dataclass(frozen=True)
class Disk(Shown):
    """All k with |k - centre| <= radius, in 1/nm.

    Raises
    ------
    InputError
        If the radius is not positive or the centre is not two finite numbers.
    """

    centre: tuple[float, float]
    radius: float

    def __post_init__(self) -> None:
        centre = np.asarray(self.centre, dtype=float)
        require(
            centre.shape == (2,) and np.all(np.isfinite(centre)), "centre", "be a finite momentum (kx, ky)", self.centre
        )
        require(self.radius > 0 and np.isfinite(self.radius), "radius", "be positive and finite (in 1/nm)", self.radius)
        object.__setattr__(self, "centre", (float(centre[0]), float(centre[1])))

    def mesh(self, level: int) -> RegionMesh:
        """Polar mesh: 6 x 2^level rings of 36 x 2^level vertices around the centre."""
        n_rings, n_angles = 6 * 2**level, 36 * 2**level
        t = np.arange(n_angles) / n_angles
        directions = np.stack([np.cos(2 * np.pi * t), np.sin(2 * np.pi * t)], axis=-1)
        radii = self.radius * np.arange(1, n_rings + 1) / n_rings
        rings = np.array(self.centre) + radii[:, None, None] * directions
        points = np.concatenate([[self.centre], rings.reshape(-1, 2)])
        index = 1 + np.arange(n_rings * n_angles).reshape(n_rings, n_angles)
        ahead = np.roll(index, -1, axis=1)
        core = np.stack([np.zeros(n_angles, dtype=int), index[0], ahead[0], ahead[0]], axis=-1)
        cells = np.stack([index[:-1], index[1:], ahead[1:], ahead[:-1]], axis=-1)
        tangents = np.stack([-directions[:, 1], directions[:, 0]], axis=-1)
        return _planar(points, np.concatenate([core, cells.reshape(-1, 4)]), index[-1], tangents, t)

    def boundary_at(self, t: float) -> tuple[FloatArray, FloatArray]:
        """Momentum and unit tangent at the angle 2 pi t."""
        c, s = np.cos(2 * np.pi * t), np.sin(2 * np.pi * t)
        return np.array(self.centre) + self.radius * np.array([c, s]), np.array([-s, c])

    def contains(self, k: FloatArray) -> bool:
        """Whether |k - centre| <= radius."""
        return bool(np.linalg.norm(np.asarray(k) - self.centre) <= self.radius)

    def inverted(self) -> Disk:
        """The disk around -centre."""
        return Disk((-self.centre[0], -self.centre[1]), self.radius)

    def __str__(self) -> str:
        return f"disk of radius {self.radius:g} /nm around ({self.centre[0]:.4g}, {self.centre[1]:.4g}) /nm"


@checked
@dataclass(frozen=True, eq=False)
class Polygon(Shown):
    """A simple polygon in momentum space, convex or not.

    Parameters
    ----------
    vertices
        Corners in 1/nm, (corner, 2), in either orientation; kept counter-clockwise.

    Raises
    ------
    InputError
        If there are fewer than three corners, an edge has no length, or edges cross or touch.
    """

    vertices: ArrayLike
    corners: FloatArray = field(init=False, repr=False)
    triangles: IntArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        corners = np.array(self.vertices, dtype=float)
        require(
            corners.ndim == 2 and corners.shape[1:] == (2,) and len(corners) >= 3,
            "vertices",
            "be at least three momenta (kx, ky)",
            found=f"have shape {corners.shape}",
        )
        require(np.all(np.isfinite(corners)), "vertices", "be finite", found=f"are {corners.tolist()}")
        _require_simple(corners)
        ahead = np.roll(corners, -1, axis=0)
        if np.sum(corners[:, 0] * ahead[:, 1] - corners[:, 1] * ahead[:, 0]) < 0:
            corners = corners[::-1]
        object.__setattr__(self, "corners", read_only(corners.copy()))
        object.__setattr__(self, "triangles", read_only(_ear_clipping(corners), np.int64))

    def mesh(self, level: int) -> RegionMesh:
        """Triangulation by ear clipping, every edge of it cut into 8 x 2^level pieces."""
        n = 8 * 2**level
        i, j = (part.ravel() for part in np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij"))
        inside = i + j <= n
        i, j = i[inside], j[inside]
        local = np.full((n + 2, n + 2), -1)
        local[i, j] = np.arange(len(i))
        up = np.stack([local[i, j], local[i + 1, j], local[i, j + 1]], axis=-1)[i + j < n]
        down = np.stack([local[i + 1, j], local[i + 1, j + 1], local[i, j + 1]], axis=-1)[i + j < n - 1]
        small = np.concatenate([up, down])
        # A vertex is known by its integer barycentric coordinates: shared edges match exactly.
        keys: dict[tuple[tuple[int, int], ...], int] = {}
        points: list[FloatArray] = []
        faces = []
        for triangle in self.triangles:
            weights = np.stack([n - i - j, i, j], axis=-1)
            index = np.empty(len(i), dtype=int)
            for row, weight in enumerate(weights):
                key = tuple(sorted((int(c), int(w)) for c, w in zip(triangle, weight, strict=True) if w))
                if key not in keys:
                    keys[key] = len(points)
                    points.append(weight @ self.corners[triangle] / n)
                index[row] = keys[key]
            faces.append(index[small])
        triangles = np.concatenate(faces)
        return _planar(np.array(points), np.c_[triangles, triangles[:, 2]], *self._boundary(n, keys))

    def _boundary(
        self, n: int, keys: dict[tuple[tuple[int, int], ...], int]
    ) -> tuple[IntArray, FloatArray, FloatArray]:
        count = len(self.corners)
        edges = np.roll(self.corners, -1, axis=0) - self.corners
        angles = np.arctan2(edges[:, 1], edges[:, 0])
        index, directions, parameters = [], [], []
        for c in range(count):
            ahead = (c + 1) % count
            turn = (angles[c] - angles[c - 1] + np.pi) % (2 * np.pi) - np.pi
            for part in np.linspace(0, 1, int(np.ceil(abs(turn) / _CORNER_STEP)) + 1):
                index.append(keys[((c, n),)])
                directions.append(angles[c] - turn * (1 - part))
                parameters.append(c / count)
            for step in range(1, n):
                index.append(keys[tuple(sorted(((c, n - step), (ahead, step))))])
                directions.append(angles[c])
                parameters.append((c + step / n) / count)
        return (
            np.array(index),
            np.stack([np.cos(directions), np.sin(directions)], axis=-1),
            np.array(parameters),
        )

    def boundary_at(self, t: float) -> tuple[FloatArray, FloatArray]:
        """Momentum and unit tangent; t runs over each edge in 1/(number of edges)."""
        scaled = (t % 1.0) * len(self.corners)
        edge = min(int(scaled), len(self.corners) - 1)
        start, end = self.corners[edge], self.corners[(edge + 1) % len(self.corners)]
        return start + (scaled - edge) * (end - start), (end - start) / np.linalg.norm(end - start)

    def contains(self, k: FloatArray) -> bool:
        """Whether k lies inside, by the parity of the edges to its right."""
        ahead = np.roll(self.corners, -1, axis=0)
        across = (self.corners[:, 1] > k[1]) != (ahead[:, 1] > k[1])
        start, end = self.corners[across], ahead[across]
        crossing = start[:, 0] + (k[1] - start[:, 1]) * (end[:, 0] - start[:, 0]) / (end[:, 1] - start[:, 1])
        return bool(np.count_nonzero(crossing > k[0]) % 2)

    def inverted(self) -> Polygon:
        """The polygon of all -k."""
        return Polygon(-self.corners)

    def __str__(self) -> str:
        return (
            f"polygon of {len(self.corners)} corners around ({', '.join(f'{x:.4g}' for x in self.corners.mean(0))}) /nm"
        )


@checked
@dataclass(frozen=True)
class Zone(Shown):
    """The whole Brillouin zone: a torus, without boundary."""

    lattice: TriangularLattice

    def mesh(self, level: int) -> RegionMesh:
        """Regular grid of 12 x 2^level points a side, sewn across the zone boundary."""
        n = 12 * 2**level
        i, j = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
        solved = (np.stack([i, j], axis=-1)[:-1, :-1].reshape(-1, 2) / n) @ self.lattice.reciprocal
        index = i * (n + 1) + j
        faces = np.stack([index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]], axis=-1).reshape(-1, 4)
        shift = np.stack([i // n, j // n], axis=-1).reshape(-1, 2)
        empty = np.zeros(0, dtype=np.int64)
        return RegionMesh(solved, ((i % n) * n + j % n).ravel(), shift, faces, empty, np.zeros((0, 2)), np.zeros(0))

    def boundary_at(self, t: float) -> tuple[FloatArray, FloatArray]:
        """Raise InputError: a zone has no boundary."""
        raise InputError(f"`region` must have a boundary, but the {self} has none.")

    def contains(self, k: FloatArray) -> bool:
        """Return True: every momentum is in the zone up to a reciprocal vector."""
        return bool(np.all(np.isfinite(k)))

    def inverted(self) -> Zone:
        """The zone itself."""
        return self

    def __str__(self) -> str:
        return "whole zone"


def _planar(
    points: FloatArray, faces: IntArray, boundary: IntArray, tangents: FloatArray, parameters: FloatArray
) -> RegionMesh:
    count = len(points)
    return RegionMesh(
        points, np.arange(count), np.zeros((count, 2), dtype=np.int64), faces, boundary, tangents, parameters
    )


def _cross(a: FloatArray, b: FloatArray) -> float:
    return float(a[0] * b[1] - a[1] * b[0])


def _require_simple(corners: FloatArray) -> None:
    count = len(corners)
    edges = [(corners[i], corners[(i + 1) % count]) for i in range(count)]
    size = np.ptp(corners, axis=0).max()
    shortest = min(np.linalg.norm(end - start) for start, end in edges)
    require(
        shortest > 1e-12 * size, "vertices", "be distinct along the boundary", found=f"repeat in {corners.tolist()}"
    )
    for i, (p, q) in enumerate(edges):
        turn = np.array(edges[(i + 1) % count][1]) - q
        folds_back = abs(_cross(q - p, turn)) <= 1e-12 * size**2 and float((q - p) @ turn) < 0
        require(not folds_back, "vertices", "bound a simple polygon", found=f"fold back at corner {(i + 1) % count}")
        for j in range(i + 2, count - (i == 0)):
            r, s = edges[j]
            sides = _cross(q - p, r - p) * _cross(q - p, s - p), _cross(s - r, p - r) * _cross(s - r, q - r)
            boxes = np.all(np.minimum(p, q) <= np.maximum(r, s)) and np.all(np.minimum(r, s) <= np.maximum(p, q))
            crossing = boxes and sides[0] <= 0 and sides[1] <= 0
            require(not crossing, "vertices", "bound a simple polygon", found=f"edges {i} and {j} meet")


def _ear_clipping(corners: FloatArray) -> Sequence[Sequence[int]]:
    left = list(range(len(corners)))
    triangles = []
    while len(left) > 3:
        for position in range(len(left)):
            a, b, c = left[position - 1], left[position], left[(position + 1) % len(left)]
            others = [corners[i] for i in left if i not in (a, b, c)]
            if _is_ear(corners[a], corners[b], corners[c], others):
                triangles.append((a, b, c))
                del left[position]
                break
        else:
            require(False, "vertices", "bound a polygon that can be triangulated", found=f"are {corners.tolist()}")
    return [*triangles, tuple(left)]


def _is_ear(a: FloatArray, b: FloatArray, c: FloatArray, others: Sequence[FloatArray]) -> bool:
    if _cross(b - a, c - b) <= 0:
        return False
    return not any(
        _cross(b - a, p - a) >= 0 and _cross(c - b, p - b) >= 0 and _cross(a - c, p - c) >= 0 for p in others
    )
