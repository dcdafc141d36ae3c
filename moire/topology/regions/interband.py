"""The quantized interband index Theta_nm of two bands on a region of momentum space."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import numpy as np
from threadpoolctl import threadpool_limits

from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.bloch import BlochModel, MomentumModel, check_hermitian, check_sewing, check_velocity
from moire.errors import MeshWarning, is_whole, require, warn
from moire.topology.regions.shapes import Region, Zone
from moire.topology.regions.states import (
    Extremum,
    RegionStates,
    boundary_couplings,
    closest_approach,
    overlap,
    solve_region,
    weakest_coupling,
)

COARSE_LINK = 0.5
"""A mesh is fine when every link exceeds this ..."""
COARSE_PHASE = np.pi / 2
"""... every plaquette flux and every step of the boundary phase stays below this ..."""
INTEGER = 1e-3
"""... and the value is this near to an integer. On planar regions it is exact to rounding; on a zone
the plane waves that sewing drops at the cutoff show here (5e-6 at three shells)."""


@checked
@dataclass(frozen=True)
class MeshRecord(Shown):
    """The index on one mesh, with the measures of its reliability.

    Parameters
    ----------
    n_points
        Momenta solved.
    contour, area
        The two parts in units of 2 pi: of d arg<m|d_l n> + A_n - A_m along the boundary, by overlaps,
        and of -(Omega_n - Omega_m) over the region.
    velocity_contour
        The first part from <m|d_l H|n>/(E_n - E_m) instead of overlaps, an independent route.
    min_overlap
        Smallest |z_j| = |<m_j|n_j+1>| on the boundary, proportional to the mesh; infinite without one.
    min_link, max_flux, max_turn
        Smallest |<u|u'>| of a link, largest plaquette flux and largest boundary step in radians.
    """

    n_points: int
    contour: float
    area: float
    velocity_contour: float
    min_overlap: float
    min_link: float
    max_flux: float
    max_turn: float

    @property
    def value(self) -> float:
        """Contour plus area, before rounding."""
        return self.contour + self.area

    @property
    def is_fine(self) -> bool:
        """Whether links are large, phases small and both routes give one integer."""
        return (
            self.min_link > COARSE_LINK
            and max(self.max_flux, self.max_turn) < COARSE_PHASE
            and abs(self.value - round(self.value)) < INTEGER
            and abs(self.contour - self.velocity_contour) < INTEGER
        )

    def __str__(self) -> str:
        return (
            f"{Number(self.value):+.6f} on {self.n_points} points (boundary by velocities: "
            f"{Number(self.velocity_contour + self.area):+.6f}), smallest link {Number(self.min_link):.3f} (above "
            f"{COARSE_LINK}?), "
            f"largest flux {Number(self.max_flux):.3f} and boundary step {Number(self.max_turn):.3f} rad (below "
            f"{Number(COARSE_PHASE):.3f}?)"
        )


@checked
@dataclass(frozen=True, eq=False)
class InterbandIndex(Shown):
    """Theta_nm on a region, with the measures of its reliability.

    Parameters
    ----------
    n, m, region, model
        The two bands, the region and the model.
    weakest_coupling
        Smallest |<m|d_l n>| on the boundary in nm and its momentum; infinite without a boundary.
    closest_approach
        Smallest gap in meV of band n or m to a neighbouring band found in the region, and its momentum.
    history
        One record per mesh, coarse to fine.
    converged, stop_reason
        Whether two successive fine meshes gave the same integer, and the reason for stopping.
    """

    n: int
    m: int
    region: str
    model: str
    weakest_coupling: Extremum
    closest_approach: Extremum
    history: tuple[MeshRecord, ...] = field(repr=False)
    converged: bool
    stop_reason: str

    @property
    def value(self) -> float:
        """Contour plus area on the finest mesh, before rounding."""
        return self.history[-1].value

    @property
    def contour(self) -> float:
        """Boundary part in units of 2 pi."""
        return self.history[-1].contour

    @property
    def area(self) -> float:
        """Curvature part in units of 2 pi."""
        return self.history[-1].area

    @property
    def rounded(self) -> int:
        """Nearest integer."""
        return round(self.value)

    def __str__(self) -> str:
        weakest = self.weakest_coupling.value
        coupling = f"smallest |<{self.m}|d {self.n}>| {weakest:.3g} nm" if np.isfinite(weakest) else "no boundary"
        return (
            f"Theta[{self.n},{self.m}] = {Number(self.value):+.6f} (contour {Number(self.contour):+.4f}, area "
            f"{Number(self.area):+.4f}) on the {self.region}: {coupling}, smallest "
            f"link {Number(self.history[-1].min_link):.3f}, smallest gap {self.closest_approach.value:.4g} meV; "
            f"{self.stop_reason}"
        )


@checked
def interband_index(
    model: MomentumModel,
    region: Region,
    n: int,
    m: int,
    *,
    max_doublings: int = 4,
    coupling_floor: float = 1e-3,
    n_threads: int | None = None,
) -> InterbandIndex:
    """Interband index Theta_nm on a disk, a polygon or the whole zone.

    Theta_nm = (1/2 pi) [ oint (d arg<m|d_l n> + A_n - A_m) dl - int (Omega_n - Omega_m) d^2k ], an integer
    wherever <m|d_l n> does not vanish on the boundary; on a whole zone C_m - C_n. The mesh is doubled
    until two successive meshes give one integer with large links and small phases.

    The tangent turns once around the boundary, so that a small disk at a general momentum already has
    index +-1, and the index may jump with the radius wherever <m|d_l n> passes through zero. On a disk at a point
    with threefold symmetry it is l_m - l_n modulo 3, with the C3 labels of :mod:`moire.topology.symmetry`. Where
    bands n and m invert inside, it changes by the change of C_m - C_n.

    Parameters
    ----------
    model
        Any model with H(k) and dH/dk; on a :class:`Zone` it must also sew its states.
    region
        :class:`Disk`, :class:`Polygon` or :class:`Zone`.
    n, m
        Two different bands, counted as the model counts them.
    max_doublings
        Largest number of doublings of the mesh.
    coupling_floor
        Smallest |<m|d_l H|n>| allowed on the boundary, as a fraction of its largest value.
    n_threads
        Threads over momenta; all cores by default.

    Returns
    -------
    InterbandIndex
        Value before rounding with its parts and mesh history.

    Raises
    ------
    InputError
        If the pair is out of range, band n or m touches another band in the region, <m|d_l n> vanishes
        or is too small on the boundary (the message says where), or a method of the model is wrong.

    Warns
    -----
    MeshWarning
        If the finest mesh allowed was still too coarse; the result has ``converged = False``.

    References
    ----------
    arXiv:2307.16893; the gauge-invariant inter-level character of Xu, Wu and Wu, Phys. Rev. A
    (2018), on a region of momentum space.
    """
    dimension = model.state_shape[0] * model.state_shape[1]
    for name, band in (("n", n), ("m", m)):
        require(is_whole(band) and 0 <= band < dimension, name, f"be a band, an integer in 0..{dimension - 1}", band)
    require(n != m, "m", "differ from n", m)
    require(max_doublings >= 1, "max_doublings", "be at least 1", max_doublings)
    require(0 < coupling_floor < 1, "coupling_floor", "lie in (0, 1)", coupling_floor)
    if isinstance(region, Zone):
        require(hasattr(model, "sew"), "region", "be a disk or a polygon for a model without a lattice", region)
    check_hermitian(model)
    if isinstance(region, Zone):
        check_sewing(cast(BlochModel, model))
    else:
        check_velocity(model, float(np.ptp(region.mesh(0).points, axis=0).max()))

    with threadpool_limits(1, user_api="blas"):  # many small products: BLAS threads only slow each other down
        return _converge(model, region, n, m, max_doublings, coupling_floor, n_threads)


def _converge(
    model: MomentumModel,
    region: Region,
    n: int,
    m: int,
    max_doublings: int,
    coupling_floor: float,
    n_threads: int | None,
) -> InterbandIndex:
    history: list[MeshRecord] = []
    converged = False
    for level in range(max_doublings + 1):
        solved = solve_region(model, region.mesh(level), n, m, n_threads, check_cutoff=level == 0)
        if level == 0:
            gap = closest_approach(model, region, solved, n, m)
            coupling = weakest_coupling(model, region, solved, n, m, coupling_floor)
        history.append(_index_on(model, solved))
        converged = (
            len(history) > 1
            and all(record.is_fine for record in history[-2:])
            and round(history[-1].value) == round(history[-2].value)
        )
        if converged:
            break
    reason = f"converged on {history[-1].n_points} points" if converged else f"not converged: {history[-1]}"
    result = InterbandIndex(n, m, str(region), model.name, coupling, gap, tuple(history), converged, reason)
    if not converged:
        warn(f"The mesh is too coarse: {result}.", MeshWarning)
    return result


def _index_on(model: MomentumModel, solved: RegionStates) -> MeshRecord:
    """Contour and area of one mesh, with the measures of their reliability."""
    corner = solved.mesh.faces
    ahead = np.roll(corner, -1, axis=1)
    area, min_link, max_flux = 0.0, 1.0, 0.0
    for states, sign in ((solved.n, -1), (solved.m, +1)):
        links = np.einsum("fcx,fcx->fc", states[corner].conj(), states[ahead])
        flux = -np.angle(links.prod(axis=1))
        area += sign * float(flux.sum()) / (2 * np.pi)
        min_link = min(min_link, float(np.abs(links).min()))
        max_flux = max(max_flux, float(np.abs(flux).max()))
    contour, by_velocity, max_turn, min_overlap = 0.0, 0.0, 0.0, np.inf
    if len(solved.mesh.boundary):
        contour, min_overlap = _contour_by_overlaps(solved)
        by_velocity, max_turn = _contour_by_velocity(model, solved)
    return MeshRecord(len(solved.mesh.points), contour, area, by_velocity, min_overlap, min_link, max_flux, max_turn)


def _contour_by_overlaps(solved: RegionStates) -> tuple[float, float]:
    """Sum of arg(z_j+1 conj(z_j) <n_j+2|n_j+1><m_j|m_j+1>) over 2 pi, and min |z|, z_j = <m_j|n_j+1>.

    At a corner of exterior angle alpha, |alpha| < pi, the phase of cos(t) a + sin(t) b moves by less than
    pi, so that the principal branch is the right one.
    """
    boundary = solved.mesh.boundary
    loop = boundary[boundary != np.roll(boundary, 1)]
    n, m = solved.n[loop], solved.m[loop]
    n1, n2, m1 = np.roll(n, -1, axis=0), np.roll(n, -2, axis=0), np.roll(m, -1, axis=0)
    z = overlap(m, n1)
    steps = np.angle(np.roll(z, -1) * z.conj() * overlap(n2, n1) * overlap(m, m1))
    return float(steps.sum() / (2 * np.pi)), float(np.abs(z).min())


def _contour_by_velocity(model: MomentumModel, solved: RegionStates) -> tuple[float, float]:
    """Sum of arg(w_j+1 conj(w_j) <n_j+1|n_j><m_j|m_j+1>) over 2 pi, w = <m|d_l n>; and the largest step."""
    boundary = solved.mesh.boundary
    n, m = solved.n[boundary], solved.m[boundary]
    w = np.einsum("ja,aj->j", solved.mesh.tangents, boundary_couplings(model, solved))
    n1, m1 = np.roll(n, -1, axis=0), np.roll(m, -1, axis=0)
    steps = np.angle(np.roll(w, -1) * w.conj() * overlap(n1, n) * overlap(m, m1))
    return float(steps.sum() / (2 * np.pi)), float(np.abs(steps).max())
