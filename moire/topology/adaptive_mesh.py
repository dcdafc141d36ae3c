"""A mesh of the zone made of plaquettes of several sizes, whose fluxes sum to 2 pi times an integer.

Only plaquettes that need it are split, into four each: a band crossing of gap D and velocity v needs a mesh spacing
of D/v, which a uniform mesh cannot afford near a topological transition. An edge between a split plaquette and an
unsplit one is followed through all its points from both sides, so every link enters twice with opposite signs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from moire._arrays import ComplexArray
from moire.bloch import BlochModel, check_hermitian, check_sewing
from moire.cutoff import warn_of_cutoff
from moire.linalg.hermitian import solve_many
from moire.topology.berry import FEWEST_POINTS, largest_chern
from moire.topology.isolation import DirectGap, bands_needed, bordering_bands, minimise_direct_gap

MAX_SPLITS = 20
Point = tuple[int, int]  # a momentum in units of b_a / (N 2^MAX_SPLITS): exact, also beyond the zone


class AdaptiveMesh:
    """States on a growing set of momenta of the zone, and the plaquettes between them.

    Parameters
    ----------
    model
        Any Bloch model.
    band_indices
        The group; the neighbouring bands are solved too, for the direct gap.
    n
        Side of the first, uniform mesh.
    """

    def __init__(self, model: BlochModel, band_indices: tuple[int, ...], n: int) -> None:
        check_hermitian(model)
        check_sewing(model)
        self.model, self.band_indices, self.n = model, band_indices, n
        self.unit = 2**MAX_SPLITS
        self.period = n * self.unit
        self.states: dict[Point, ComplexArray] = {}
        self.gaps: dict[Point, float] = {}
        self.links: dict[tuple[Point, Point], complex] = {}
        corners = [(i * self.unit, j * self.unit) for i in range(n) for j in range(n)]
        self.add(corners)
        self.plaquettes = [(corner, self.unit) for corner in corners]

    def fold(self, point: Point) -> tuple[Point, Point]:
        """The point in the zone, and the reciprocal vector beyond it."""
        (a, i), (b, j) = divmod(point[0], self.period), divmod(point[1], self.period)
        return (i, j), (a, b)

    def add(self, points: Iterable[Point]) -> None:
        """Diagonalize the points that are new."""
        new = sorted({self.fold(point)[0] for point in points} - self.states.keys())
        n_bands = bands_needed(self.model, self.band_indices)
        momenta = np.array(new, dtype=float) / self.period @ self.model.lattice.reciprocal
        energies, vectors = solve_many(
            lambda i: self.model.hamiltonian(momenta[i]), len(new), n_bands, largest=self.model.top_band_first
        )
        pairs = bordering_bands(self.band_indices, n_bands)
        if not self.states:  # the first mesh: those within have momenta as large
            states = vectors.reshape(1, *energies.shape, *self.model.state_shape)
            warn_of_cutoff([self.model], momenta, energies[None], states)
        for point, values, rows in zip(new, energies, vectors, strict=True):
            self.states[point] = rows[list(self.band_indices)].reshape(-1, *self.model.state_shape)
            self.gaps[point] = min((abs(values[band] - values[other]) for band, other in pairs), default=np.inf)

    def link(self, start: Point, end: Point) -> complex:
        """Determinant of <u(start)|u(end)>, the same for a link and its translate by a reciprocal vector."""
        here, zone = self.fold(start)
        moved = (end[0] - zone[0] * self.period, end[1] - zone[1] * self.period)
        key = (here, moved)
        if key not in self.links:
            there, reciprocal = self.fold(moved)
            ahead = self.states[there]
            if any(reciprocal):
                ahead = self.model.sew(ahead, np.array(reciprocal, dtype=np.int64))
            self.links[key] = complex(np.linalg.det(np.einsum("mlg,nlg->mn", self.states[here].conj(), ahead)))
        return self.links[key]

    def edge(self, start: Point, end: Point) -> list[complex]:
        """Links from start to end, in ascending direction, over every point known between them."""
        middle = ((start[0] + end[0]) // 2, (start[1] + end[1]) // 2)
        if self.fold(middle)[0] in self.states and max(end[0] - start[0], end[1] - start[1]) > 1:
            return self.edge(start, middle) + self.edge(middle, end)
        return [self.link(start, end)]

    def measure(self, corner: Point, side: int) -> tuple[float, float]:
        """Flux of a plaquette in radians, and its smallest link."""
        (x, y), far = corner, (corner[0] + side, corner[1] + side)
        forward = self.edge(corner, (far[0], y)) + self.edge((far[0], y), far)
        back = self.edge((x, far[1]), far) + self.edge(corner, (x, far[1]))
        phase = sum(map(np.angle, forward)) - sum(map(np.angle, back))
        return -float(np.angle(np.exp(1j * phase))), float(np.abs(forward + back).min())

    def split(self, flagged: Sequence[int]) -> None:
        """Split plaquettes in four."""
        chosen = set(flagged)
        kept = [plaquette for i, plaquette in enumerate(self.plaquettes) if i not in chosen]
        for i in flagged:
            (x, y), side = self.plaquettes[i]
            half = side // 2
            kept += [((x + a, y + b), half) for a in (0, half) for b in (0, half)]
        self.plaquettes = kept
        self.add((x + a, y + b) for (x, y), side in kept for a in (0, side) for b in (0, side))

    def centre(self, plaquette: int) -> tuple[float, float]:
        """Centre of a plaquette in units of b_1 and b_2."""
        (x, y), side = self.plaquettes[plaquette]
        return (x + side / 2) / self.period, (y + side / 2) / self.period

    def smallest_gap(self, known: DirectGap | None, worst: int | None = None) -> DirectGap | None:
        """Smallest direct gap around the group, minimised from the mesh; None if the model has no other band.

        The search starts where the mesh has its smallest gap, unless `known` is smaller, and from `worst`.
        """
        lowest = min(self.gaps, key=lambda point: self.gaps[point])
        found = [known]
        if known is None or self.gaps[lowest] < known.gap_mev:
            start = lowest[0] / self.period, lowest[1] / self.period
            found.append(minimise_direct_gap(self.model, self.band_indices, start, 1 / (3 * self.n)))
        if worst is not None:
            step = self.plaquettes[worst][1] / (3 * self.period)
            found.append(minimise_direct_gap(self.model, self.band_indices, self.centre(worst), step))
        return min((gap for gap in found if gap is not None), key=lambda gap: gap.gap_mev, default=None)

    def hiding(self, gap: DirectGap | None) -> list[int]:
        """Plaquettes with a direct gap inside below half of that at their corners: not resolved yet."""
        if gap is None:
            return []
        x, y = (component % 1 * self.period for component in gap.fractional)
        hidden = []
        for i, ((left, low), side) in enumerate(self.plaquettes):
            if left <= x <= left + side and low <= y <= low + side:
                corners = [(left + a, low + b) for a in (0, side) for b in (0, side)]
                if gap.gap_mev < 0.5 * min(self.gaps[self.fold(corner)[0]] for corner in corners):
                    hidden.append(i)
        return hidden

    def unable_to_show(self, max_flux: float) -> list[int]:
        """All plaquettes where fluxes below `max_flux` cannot sum to 2 pi; those wider than a third of the zone."""
        if not largest_chern(len(self.plaquettes), max_flux):
            return list(range(len(self.plaquettes)))
        return [i for i, (_, side) in enumerate(self.plaquettes) if side * FEWEST_POINTS > self.period]
