"""Two bands solved on a region of momentum space, and the checks that their index is defined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from moire._arrays import ComplexArray, FloatArray
from moire.bloch import MomentumModel
from moire.cutoff import warn_of_cutoff
from moire.errors import InputError
from moire.linalg.hermitian import extremal_eigenpairs, solve_many
from moire.topology.regions.shapes import Region, RegionMesh

_TOUCHING = 1e-6  # gap over the median gap below which two bands are said to touch
_N_MINIMA = 4
_EDGE = 1e-6  # of the region's size: closer than this to the boundary is on it


@dataclass(frozen=True, eq=False)
class RegionStates:
    """Bands n and m on the vertices of a mesh, sewn across the zone boundary where needed.

    Parameters
    ----------
    mesh
        The mesh, v vertices.
    points
        Vertices solved, in 1/nm, (v, 2).
    n, m
        States, (v, dim).
    split
        E_n - E_m in meV, (v,).
    gaps
        Smallest gap of n or m to a neighbouring band in meV, (v,).
    bandwidth
        Spread of all energies solved in meV, the scale of rounding errors.
    """

    mesh: RegionMesh
    points: FloatArray
    n: ComplexArray
    m: ComplexArray
    split: FloatArray
    gaps: FloatArray
    bandwidth: float


@dataclass(frozen=True)
class Extremum:
    """Smallest value of a quantity, and its momentum in 1/nm."""

    value: float
    momentum: tuple[float, float]

    @property
    def place(self) -> str:
        """The momentum as text."""
        return f"k = ({self.momentum[0]:.5g}, {self.momentum[1]:.5g}) /nm"


def _bands_needed(model: MomentumModel, n: int, m: int) -> int:
    return min(max(n, m) + 2, model.state_shape[0] * model.state_shape[1])


def _neighbour_gaps(energies: FloatArray, n: int, m: int) -> FloatArray:
    steps = np.abs(np.diff(energies, axis=-1))
    wanted = sorted({i for band in (n, m) for i in (band - 1, band) if 0 <= i < steps.shape[-1]})
    return np.asarray(steps[..., wanted].min(axis=-1))


def solve_region(
    model: MomentumModel, mesh: RegionMesh, n: int, m: int, n_threads: int | None, check_cutoff: bool = False
) -> RegionStates:
    """Solve bands n and m on a mesh; vertices beyond the zone boundary are the sewn states."""
    energies, states = solve_many(
        lambda i: model.hamiltonian(mesh.points[i]),
        len(mesh.points),
        _bands_needed(model, n, m),
        largest=model.top_band_first,
        n_threads=n_threads,
    )
    if check_cutoff:
        shaped = states.reshape(1, *energies.shape, *model.state_shape)
        warn_of_cutoff([model], mesh.points, energies[None], shaped)
    pair = states[:, [n, m]].reshape(-1, 2, *model.state_shape)[mesh.source]
    for shift in np.unique(mesh.shift[np.any(mesh.shift != 0, axis=1)], axis=0):
        moved = np.all(mesh.shift == shift, axis=1)
        pair[moved] = model.sew(pair[moved], shift)  # type: ignore[attr-defined]
    flat = pair.reshape(len(pair), 2, -1)
    return RegionStates(
        mesh,
        mesh.points[mesh.source],
        flat[:, 0],
        flat[:, 1],
        (energies[:, n] - energies[:, m])[mesh.source],
        _neighbour_gaps(energies, n, m)[mesh.source],
        float(np.ptp(energies)),
    )


def overlap(bra: ComplexArray, ket: ComplexArray) -> ComplexArray:
    """Row-wise <bra|ket>."""
    return np.asarray(np.einsum("jx,jx->j", bra.conj(), ket))


def boundary_couplings(model: MomentumModel, solved: RegionStates) -> ComplexArray:
    """<m|d_a n> = <m|d_a H|n>/(E_n - E_m) for a = x, y on the boundary, in nm, (2, s)."""
    boundary = solved.mesh.boundary
    out = np.empty((2, len(boundary)), dtype=np.complex128)
    for j, vertex in enumerate(boundary):
        out[:, j] = solved.m[vertex].conj() @ model.velocity(solved.points[vertex]) @ solved.n[vertex]
    return np.asarray(out / solved.split[boundary])


def closest_approach(model: MomentumModel, region: Region, solved: RegionStates, n: int, m: int) -> Extremum:
    """Smallest gap of n or m to a neighbour in the region, from the lowest local minima of the mesh.

    Raises
    ------
    InputError
        If a gap closes in the region or on its boundary.
    """
    faces, median = solved.mesh.faces, float(np.median(solved.gaps))
    lowest = np.full(len(solved.points), np.inf)
    for column in faces.T:
        np.minimum.at(lowest, column, solved.gaps[faces].min(axis=1))
    minima = np.nonzero(solved.gaps <= lowest)[0]
    minima = minima[np.argsort(solved.gaps[minima])][:_N_MINIMA]
    step = float(np.linalg.norm(np.diff(solved.points[faces[0]], axis=0), axis=1).max())
    edge = _EDGE * float(np.ptp(solved.points, axis=0).max())
    n_bands = _bands_needed(model, n, m)

    def gap(k: FloatArray) -> float:
        energies, _ = extremal_eigenpairs(model.hamiltonian(k), n_bands, model.top_band_first)
        return float(_neighbour_gaps(energies, n, m))

    best, best_k = float(solved.gaps[minima[0]]), solved.points[minima[0]]
    threshold = max(_TOUCHING * median, 1e-3 * _TOUCHING * solved.bandwidth)
    for start in solved.points[minima]:
        if best < threshold:
            break
        found = minimize(
            gap,
            start,
            method="Nelder-Mead",
            options={
                "initial_simplex": start + step * np.array([[0.0, 0.0], [0.5, 0.1], [-0.1, 0.5]]),
                "xatol": 1e-9 * step,
                "fatol": 1e-3 * threshold,
                "maxfev": 200,
            },
        )
        if found.fun < best and _near(region, found.x, edge) is not None:
            best, best_k = float(found.fun), found.x
    closest = Extremum(best, (float(best_k[0]), float(best_k[1])))
    if best < threshold:
        where = "on the boundary of" if _near(region, best_k, edge) else "in"
        raise InputError(
            f"`region` must keep bands {n} and {m} apart from their neighbours, but {where} the {region} a gap "
            f"closes at {closest.place} (gap {best:.2g} meV)."
        )
    return closest


def _near(region: Region, k: FloatArray, edge: float) -> bool | None:
    """True on the boundary, False well inside, None outside."""
    around = [region.contains(k + edge * np.array(step)) for step in ((1, 0), (0, 1), (-1, 0), (0, -1))]
    if not (any(around) or region.contains(k)):
        return None
    return not all(around)


def weakest_coupling(
    model: MomentumModel, region: Region, solved: RegionStates, n: int, m: int, floor: float
) -> Extremum:
    """Smallest |<m|d_l n>| on the boundary in nm, refined between the vertices.

    Raises
    ------
    InputError
        If it is below `floor` times its largest value on the boundary, or vanishes all along.
    """
    mesh = solved.mesh
    if not len(mesh.boundary):
        return Extremum(np.inf, (np.nan, np.nan))
    x, y = boundary_couplings(model, solved)
    largest = float(np.sqrt(np.abs(x) ** 2 + np.abs(y) ** 2).max())
    if largest * float(np.ptp(solved.points, axis=0).max()) < 1e-10:
        raise InputError(
            f"`region` must have a boundary on which <{m}|d {n}> does not vanish, but on the {region} it vanishes "
            f"everywhere: bands {n} and {m} do not couple."
        )
    along = np.abs(mesh.tangents[:, 0] * x + mesh.tangents[:, 1] * y)
    first = int(np.argmin(along))
    smallest, at = float(along[first]), solved.points[mesh.boundary[first]]
    n_bands = max(n, m) + 1

    def coupling(t: float) -> float:
        k, tangent = region.boundary_at(t)
        energies, states = extremal_eigenpairs(model.hamiltonian(k), n_bands, model.top_band_first)
        velocity = np.einsum("a,aij->ij", tangent, model.velocity(k))
        return float(abs(states[m].conj() @ velocity @ states[n] / (energies[n] - energies[m])))

    step = float(np.diff(mesh.parameters).max())
    candidates = np.nonzero((along <= np.roll(along, 1)) & (along <= np.roll(along, -1)) & (along < largest / 2))[0]
    for j in candidates[np.argsort(along[candidates])][:_N_MINIMA]:
        found = minimize_scalar(
            coupling,
            bounds=(mesh.parameters[j] - step, mesh.parameters[j] + step),
            method="bounded",
            options={"xatol": 1e-7 * step},
        )
        if found.fun < smallest:
            smallest, at = float(found.fun), region.boundary_at(float(found.x))[0]
    weakest = Extremum(smallest, (float(at[0]), float(at[1])))
    if smallest < floor * largest:
        raise InputError(
            f"`region` must have a boundary on which <{m}|d {n}> does not vanish, but on the {region} "
            f"|<{m}|d {n}>| is {smallest:.2g} nm at {weakest.place}, {smallest / largest:.2g} of its largest value."
        )
    return weakest
