"""Chern numbers and quantum geometry on meshes refined to convergence, with the convergence record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from moire._arrays import FloatArray, read_only
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.bands import solve_bands
from moire.bloch import BlochModel
from moire.errors import ConvergenceWarning, require, warn
from moire.grids import MomentumGrid
from moire.topology.adaptive_mesh import MAX_SPLITS, AdaptiveMesh
from moire.topology.geometry import QuantumGeometry, quantum_geometry
from moire.topology.isolation import TOUCHING_MEV, DirectGap, bands_needed, touching_error


@checked
@dataclass(frozen=True)
class MeshLevel(Shown):
    """Result of one round of refinement.

    Parameters
    ----------
    n_points
        Diagonalizations so far.
    n_plaquettes, n_flagged
        Plaquettes, and how many of them had a small link or a large flux.
    value
        Chern number before rounding.
    min_link, max_flux
        Smallest ``|det|`` of a link, and largest flux of a plaquette in radians.
    """

    n_points: int
    n_plaquettes: int
    n_flagged: int
    value: float
    min_link: float
    max_flux: float


@checked
@dataclass(frozen=True, eq=False)
class ConvergedChern(Shown):
    """Chern number of a group of bands on an adaptive mesh, with the record of the refinement.

    Parameters
    ----------
    value
        (1/2 pi) times the total flux, before rounding.
    converged, stop_reason
        Whether every link and flux is within the requested bounds; if not, position and size of the smallest gap.
    history
        One entry per round.
    smallest_gap
        Smallest direct gap around the group, minimised over k from the mesh; None if the model has no other band.
    plaquettes
        Lower corner and side of each plaquette in units of b_1 and b_2, (plaquette, 3).
    flux
        Flux of each plaquette in radians, (plaquette,).
    band_indices, name
        Group of bands and name of the model.
    """

    value: float
    converged: bool
    stop_reason: str
    history: tuple[MeshLevel, ...] = field(repr=False)
    smallest_gap: DirectGap | None
    plaquettes: FloatArray = field(repr=False)
    flux: FloatArray = field(repr=False)
    band_indices: tuple[int, ...]
    name: str

    @property
    def rounded(self) -> int:
        """Nearest integer."""
        return round(self.value)

    @property
    def n_diagonalizations(self) -> int:
        """Momenta diagonalized for the mesh."""
        return self.history[-1].n_points

    @property
    def min_link(self) -> float:
        """Smallest link of the last mesh."""
        return self.history[-1].min_link

    @property
    def max_flux(self) -> float:
        """Largest flux of the last mesh in radians."""
        return self.history[-1].max_flux

    def __str__(self) -> str:
        bands = ",".join(map(str, self.band_indices))
        gap = "" if self.smallest_gap is None else f", smallest direct gap {self.smallest_gap}"
        state = "converged" if self.converged else "NOT converged"
        return (
            f"C[{bands}] = {Number(self.value):+.6f} ({state}: {self.stop_reason}) "
            f"with {self.n_diagonalizations} momenta in {len(self.history)} rounds: smallest link "
            f"{Number(self.min_link):.3f}, "
            f"largest flux {Number(self.max_flux):.3f} rad{gap}"
        )


@checked
def converged_chern(
    model: BlochModel,
    band_indices: Sequence[int],
    *,
    start: int = 12,
    max_points: int = 5000,
    min_link: float = 0.8,
    max_flux: float = 1.0,
    touching_mev: float = TOUCHING_MEV,
) -> ConvergedChern:
    """Chern number of a group of bands on a mesh refined until links are large and fluxes small.

    Parameters
    ----------
    model
        Any Bloch model.
    band_indices
        The group; one band more is solved, to see the gap on both sides.
    start
        Side of the first, uniform mesh.
    max_points
        Most diagonalizations.
    min_link, max_flux
        A plaquette is split while one of its links is below `min_link` or its flux above `max_flux` radians, or
        the direct gap inside is below half of that at its corners; all are split while together they could not show
        |C| = 1. The links of a mesh point at a Dirac point are 0.707, which `min_link` must exceed to detect it.
    touching_mev
        Direct gap below which bands count as touching.

    Returns
    -------
    ConvergedChern
        The number, its record, and the smallest direct gap.

    Raises
    ------
    InputError
        If an argument is out of range, or the group touches another band: says where.

    Warns
    -----
    ConvergenceWarning
        If `max_points` or the finest split does not suffice; says where the mesh is still too coarse.

    References
    ----------
    Fukui, Hatsugai and Suzuki, J. Phys. Soc. Jpn. 74, 1674 (2005), on plaquettes of several sizes.
    """
    indices = tuple(int(index) for index in band_indices)
    dimension = model.state_shape[0] * model.state_shape[1]
    distinct = len(set(indices)) == len(indices) and all(0 <= index < dimension for index in indices)
    require(
        indices and distinct, "band_indices", f"be distinct bands in 0..{dimension - 1}, at least one", list(indices)
    )
    require(start >= 2, "start", "be at least 2", start)
    require(0 < min_link < 1, "min_link", "lie in (0, 1)", min_link)
    require(0 < max_flux < np.pi, "max_flux", "lie in (0, pi) radians", max_flux)

    mesh = AdaptiveMesh(model, indices, start)
    history: list[MeshLevel] = []
    gap: DirectGap | None = None
    while True:
        flux, links = np.array([mesh.measure(corner, side) for corner, side in mesh.plaquettes]).T
        flagged = [int(i) for i in np.nonzero((links < min_link) | (np.abs(flux) > max_flux))[0]]
        value = float(flux.sum() / (2 * np.pi))
        if not flagged:
            gap = mesh.smallest_gap(gap)
            _refuse_touching(indices, gap, touching_mev)
            flagged = mesh.hiding(gap) or mesh.unable_to_show(max_flux)
        reliability = float(links.min()), float(np.abs(flux).max())
        history.append(MeshLevel(len(mesh.states), len(mesh.plaquettes), len(flagged), value, *reliability))
        exhausted = len(mesh.states) + 5 * len(flagged) > max_points
        if not flagged or exhausted or min(mesh.plaquettes[i][1] for i in flagged) == 1:
            break
        mesh.split(flagged)

    reason = f"every link above {min_link:g}, every flux below {max_flux:g} rad, no smaller gap inside a plaquette"
    if flagged:
        worst = min(flagged, key=lambda i: float(links[i] - abs(flux[i]) / np.pi))
        gap = mesh.smallest_gap(gap, worst)
        _refuse_touching(indices, gap, touching_mev)
        x, y = mesh.centre(worst)
        limit = f"more than {max_points} points" if exhausted else f"a mesh finer than {start} x 2^{MAX_SPLITS}"
        reason = (
            f"{len(flagged)} plaquettes need {limit}; the worst, at k = {x:+.5f} b_1 {y:+.5f} b_2, has a link "
            f"{links[worst]:.3g} and a flux {flux[worst]:+.3g} rad"
        )
    plaquettes = np.array([(*corner, side) for corner, side in mesh.plaquettes]) / mesh.period
    result = ConvergedChern(
        *(value, not flagged, reason, tuple(history), gap),
        *(read_only(plaquettes), read_only(flux), indices, model.name),
    )
    if flagged:
        warn(str(result), ConvergenceWarning)
    return result


def _refuse_touching(band_indices: tuple[int, ...], gap: DirectGap | None, touching_mev: float) -> None:
    if gap is not None and gap.gap_mev < touching_mev:
        raise touching_error(band_indices, gap)


@checked
@dataclass(frozen=True, eq=False)
class ConvergedGeometry(Shown):
    """Quantum geometry on the last of a series of finer meshes, with the convergence record.

    Parameters
    ----------
    geometry
        Geometry on the finest mesh.
    converged, stop_reason
        Whether the values on the last two meshes agree.
    change
        Largest change of C, K and sigma_F between the last two meshes, in units of the larger of K and 1.
    history
        (side of the mesh, Chern number, quantum weight K, sigma_F) of each mesh.
    """

    geometry: QuantumGeometry
    converged: bool
    stop_reason: str
    change: float
    history: tuple[tuple[int, float, float, float], ...]

    def __str__(self) -> str:
        state = "converged" if self.converged else "NOT converged"
        return f"{self.geometry} ({state}: {self.stop_reason})"


@checked
def converged_geometry(
    model: BlochModel, band_indices: Sequence[int], *, start: int = 12, max_side: int = 60, tolerance: float = 1e-4
) -> ConvergedGeometry:
    """Quantum geometry of a group of bands on meshes, each finer by half, until C, K and sigma_F converge.

    Sums over a regular mesh converge exponentially for bands with a gap, so a change is a bound on the error.

    Parameters
    ----------
    model
        Any Bloch model.
    band_indices
        The group; one band more is solved, to see the gap on both sides.
    start, max_side
        Side of the first mesh, and of the largest allowed.
    tolerance
        Largest change from one mesh to the next, in units of the larger of K and 1.

    Raises
    ------
    InputError
        If an argument is out of range, or the group touches another band on a mesh.

    Warns
    -----
    ConvergenceWarning
        If the values still change at `max_side`.
    """
    require(2 <= start < max_side, "start", f"lie in 2..{max_side - 1}, below max_side", start)
    require(tolerance > 0, "tolerance", "be positive", tolerance)
    side, change = start, np.inf
    history: list[tuple[int, float, float, float]] = []
    while True:
        bands = solve_bands(model, MomentumGrid.regular(model.lattice, side, side), bands_needed(model, band_indices))
        geometry = quantum_geometry(bands, band_indices)
        history.append((side, geometry.chern, geometry.quantum_weight, geometry.curvature_fluctuation))
        if len(history) > 1:
            moved = np.abs(np.subtract(history[-1][1:], history[-2][1:]))
            change = float(moved.max()) / max(geometry.quantum_weight, 1.0)
        if change < tolerance or side * 3 // 2 > max_side:
            break
        side = side * 3 // 2
    converged = change < tolerance
    steps = f"changed by {change:.1e} up to side {side}, {'below' if converged else 'not below'} {tolerance:.1e}"
    reason = steps if np.isfinite(change) else f"one mesh of side {side} shows no change"
    result = ConvergedGeometry(geometry, converged, reason, change, tuple(history))
    if not converged:
        warn(str(result), ConvergenceWarning)
    return result
