"""Wilson loops of a group of bands and the flow of its hybrid Wannier centres across the closed zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import ComplexArray, FloatArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.bands import BandStructure
from moire.errors import InputError, MeshWarning, require, warn
from moire.topology.berry import (
    LARGE_FLUX,
    VANISHING_LINK,
    coarse_link,
    group_states,
    largest_chern,
    overlap_matrices,
)
from moire.topology.isolation import check_isolated


@checked
@dataclass(frozen=True, eq=False)
class WilsonLoops(Shown):
    """Phases of the Wilson loops of a group of bands along one direction of the zone.

    Parameters
    ----------
    phases
        Eigenphases of the loop integral of A in radians, ascending in [0, 2 pi), (loop, band). A phase / 2 pi is
        a hybrid Wannier centre in units of the primitive vector a_1 (`axis` 0) or a_2 (`axis` 1).
    transverse
        Momentum of each loop along the other direction, in units of its reciprocal vector, (loop,).
    axis
        Direction of the loops, 0 for b_1 and 1 for b_2.
    min_singular_value
        Smallest singular value of a link; below 0.5 the grid is too coarse along the loops.
    band_indices, flavour, mesh
        Group of bands, flavour index, and sides (N1, N2) of the grid.
    """

    phases: FloatArray = field(repr=False)
    transverse: FloatArray = field(repr=False)
    axis: int
    min_singular_value: float
    band_indices: tuple[int, ...]
    flavour: int
    mesh: tuple[int, int]

    @property
    def centres(self) -> FloatArray:
        """Hybrid Wannier centres in units of the primitive vector, in [0, 1), (loop, band)."""
        return self.phases / (2 * np.pi)

    @property
    def flow(self) -> FloatArray:
        """Phases followed continuously over the closed zone, radians, (loop + 1, band).

        The last row is the first loop again, one reciprocal vector further; each branch may have wound. Branches
        keep their cyclic order: where two cross they exchange their names.
        """
        rows = [self.phases[0]]
        for phases in np.roll(self.phases, -1, axis=0):
            rows.append(continue_phases(rows[-1], phases))
        return np.stack(rows)

    @property
    def steps(self) -> FloatArray:
        """Change of the summed phase from each loop to the next, radians in (-pi, pi], (loop,)."""
        total = self.phases.sum(axis=1)
        return np.asarray(np.angle(np.exp(1j * (np.roll(total, -1) - total))))

    @property
    def max_step(self) -> float:
        """Largest of :attr:`steps` in radians; near pi the winding is uncertain."""
        return float(np.abs(self.steps).max())

    @property
    def chern(self) -> float:
        """Chern number: the winding of the summed phase, whose slope in k_1 is int Omega dk_2."""
        winding = float(self.steps.sum() / (2 * np.pi))
        return winding if self.axis == 1 else -winding

    @property
    def largest_shown(self) -> int:
        """Largest |C| that the loops can show with steps below pi/2: less than a quarter of their number."""
        return largest_chern(len(self.transverse))

    @property
    def is_reliable(self) -> bool:
        """Whether singular values exceed 0.5, steps of the summed phase stay below pi/2, and |C| = 1 could show.

        Where a loop has fewer than three points, singular values must exceed 0.75.
        """
        fine = self.min_singular_value > coarse_link(self.mesh[self.axis]) and self.max_step < LARGE_FLUX
        return fine and self.largest_shown >= max(1, abs(round(self.chern)))

    def __str__(self) -> str:
        trust = "" if self.is_reliable else "  (mesh too coarse)"
        if not self.largest_shown:
            trust = "  (mesh too coarse for any Chern number except 0)"
        bands = ",".join(map(str, self.band_indices))
        return (
            f"Wilson loops of bands [{bands}] along b_{self.axis + 1} on {self.mesh[0]}x{self.mesh[1]}: "
            f"C = {Number(self.chern):+.6f}, smallest singular value {Number(self.min_singular_value):.3f}, "
            f"largest step {Number(self.max_step):.3f} rad{trust}"
        )


def continue_phases(previous: FloatArray, phases: FloatArray) -> FloatArray:
    """Lift `phases` to the branches of `previous` that move least, both (band,) in radians.

    Points on a circle that move little keep their cyclic order, so the candidates are the cyclic shifts of the
    sorted phases; the one with the smallest squared motion is taken.
    """
    n_bands = len(phases)
    rank = np.argsort(previous, kind="stable")
    ordered = np.sort(phases)
    nearest = round(float(np.mean(previous) - np.mean(ordered)) / (2 * np.pi) * n_bands)
    shifts = np.arange(nearest - n_bands, nearest + n_bands + 1)[:, None] + np.arange(n_bands)
    candidates = ordered[shifts % n_bands] + 2 * np.pi * (shifts // n_bands)
    best = np.argmin(np.sum((candidates - previous[rank]) ** 2, axis=1))
    lifted = np.empty(n_bands)
    lifted[rank] = candidates[best]
    return lifted


@checked
def wilson_loops(bands: BandStructure, band_indices: Sequence[int], flavour: int = 0, axis: int = 1) -> WilsonLoops:
    """Wilson loops of a group of bands along b_1 or b_2, one per momentum of the other direction.

    Each link is replaced by its unitary factor; with A = i <u|d u> the ordered product of the links is
    the path-ordered exp(-i int A), and minus its eigenphases are the hybrid Wannier centres times 2 pi. They do
    not depend on the gauge of the states nor on where the loop starts.

    Parameters
    ----------
    bands
        Band structure on a regular :class:`MomentumGrid`.
    band_indices
        Bands treated as one non-Abelian group.
    flavour
        Flavour index.
    axis
        Direction of the loops, 0 for b_1 and 1 for b_2.

    Returns
    -------
    WilsonLoops
        Phases (loop, band), the Chern number by their winding, and the smallest singular value.

    Raises
    ------
    InputError
        If the grid is not regular, a band was not kept, the group touches another band, or a link is singular.

    References
    ----------
    Yu, Qi, Bernevig, Fang and Dai, Phys. Rev. B 84, 075119 (2011);
    Soluyanov and Vanderbilt, Phys. Rev. B 83, 035108 (2011).
    """
    require(axis in (0, 1), "axis", "be 0 (loops along b_1) or 1 (along b_2)", axis)
    indices = check_isolated(bands, band_indices, flavour)
    states = group_states(bands, indices, flavour)
    links = overlap_matrices(states, bands.models[flavour], (1, 0) if axis == 0 else (0, 1))
    if axis == 0:
        links = links.swapaxes(0, 1)  # (loop, position along the loop, m, n)
    left, singular, right = np.linalg.svd(links)
    smallest = float(singular.min())
    if smallest < VANISHING_LINK:
        raise InputError(f"`grid` must be fine enough for nonzero links, but a link of bands {indices} is singular.")
    product = _ordered_product(left @ right)
    phases = np.sort(np.mod(-np.angle(np.linalg.eigvals(product)), 2 * np.pi), axis=1)
    shape = states.shape[:2]
    phase = bands.grid.boundary_phase[1 - axis]
    transverse = (np.arange(shape[1 - axis]) + phase) / shape[1 - axis]
    return WilsonLoops(read_only(phases), read_only(transverse), axis, smallest, indices, flavour, (shape[0], shape[1]))


def _ordered_product(links: ComplexArray) -> ComplexArray:
    """Product over the second axis, in order; (loop, position, m, n) to (loop, m, n)."""
    product = links[:, 0]
    for position in range(1, links.shape[1]):
        product = product @ links[:, position]
    return product


@checked
def chern_from_wilson(bands: BandStructure, band_indices: Sequence[int], flavour: int = 0, axis: int = 1) -> float:
    """Chern number by the winding of the Wannier centres; see :func:`wilson_loops` for the arguments and errors.

    Warns
    -----
    MeshWarning
        If a singular value of a link is below 0.5, the summed phase jumps by more than pi/2, or there are too few
        loops to show |C| = 1.
    """
    loops = wilson_loops(bands, band_indices, flavour, axis)
    if not loops.is_reliable:
        warn(f"The mesh is too coarse: {loops}.", MeshWarning)
    return loops.chern
