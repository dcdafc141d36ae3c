"""Berry curvature from perturbation theory, the route to Chern numbers without links and without a gauge."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from moire._arrays import ComplexArray, FloatArray, read_only
from moire._shown import Shown
from moire._types import checked
from moire.bands import BandStructure
from moire.bloch import check_velocity
from moire.errors import InputError
from moire.resources import threads
from moire.topology.isolation import TOUCHING_MEV, check_isolated


@checked
@dataclass(frozen=True, eq=False)
class CurvatureMap(Shown):
    """Berry curvature of a group of bands at the momenta of a band structure.

    Parameters
    ----------
    curvature
        Omega in nm^2, (k,), summed over the bands of the group.
    cell_area
        Area of momentum space per point in 1/nm^2; zero on a path.
    band_indices, flavour
        Group of bands and flavour index.
    """

    curvature: FloatArray = field(repr=False)
    cell_area: float
    band_indices: tuple[int, ...]
    flavour: int

    @property
    def flux(self) -> FloatArray:
        """Omega times the area per point, in radians, (k,)."""
        return self.curvature * self.cell_area

    @property
    def chern(self) -> float:
        """(1/2 pi) sum of the flux; tends to the integer exponentially with the mesh."""
        return float(self.flux.sum() / (2 * np.pi))


@checked
def covariant_derivatives(bands: BandStructure, band_indices: Sequence[int], flavour: int = 0) -> ComplexArray:
    """Q |d_a u_n> of a group of bands, with Q the projector out of the group; (k, 2, n, layer G), nm.

    Each solves (H - E_n) Q|d_a u_n> = -Q (d_a H) |u_n>, one linear system per momentum and band, so
    that no other band is needed.

    Parameters
    ----------
    bands
        Band structure on a grid or path.
    band_indices
        The group; its bands may touch each other, not the others.
    flavour
        Flavour index.

    Raises
    ------
    InputError
        If a band was not kept, the group touches another band, or `velocity` of the model is not dH/dk.
    """
    indices = check_isolated(bands, band_indices, flavour)
    model = bands.models[flavour]
    check_velocity(model, float(np.linalg.norm(model.lattice.reciprocal[0])))
    dimension = model.state_shape[0] * model.state_shape[1]
    out = np.empty((bands.momenta.n_points, 2, len(indices), dimension), dtype=np.complex128)
    gap_bounds = np.empty(bands.momenta.n_points)

    def at(i: int) -> None:
        k = bands.momenta.points[i]
        group = bands.states[flavour, i, list(indices)].reshape(len(indices), dimension)
        hamiltonian = model.hamiltonian(k)
        projector = group.T @ group.conj()
        scale = np.abs(np.diag(hamiltonian)).max() + 1.0
        source = np.einsum("aij,nj->ani", model.velocity(k), group)
        source -= (source @ group.conj().T) @ group
        for position, index in enumerate(indices):
            shifted = hamiltonian - bands.energies[flavour, i, index] * np.eye(dimension) + scale * projector
            try:
                out[i, :, position] = -np.linalg.solve(shifted, source[:, position].T).T
            except np.linalg.LinAlgError:
                out[i, :, position] = np.inf
        # |x| <= |b| / gap for every solution of the system: a bound on the gap to bands not kept, too.
        size = np.linalg.norm(out[i])
        gap_bounds[i] = np.linalg.norm(source) / size if size > 0 else np.inf

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads()) as pool:
        list(pool.map(at, range(bands.momenta.n_points)))
    worst = int(np.argmin(gap_bounds))
    if gap_bounds[worst] < TOUCHING_MEV:
        x, y = bands.momenta.points[worst] @ np.linalg.inv(model.lattice.reciprocal)
        raise InputError(
            f"`band_indices` must be a group that no other band touches, but {list(indices)} has a gap below "
            f"{gap_bounds[worst]:.3g} meV to a band that was not kept at k = {x:+.4f} b_1 {y:+.4f} b_2."
        )
    return out


@checked
def berry_curvature(bands: BandStructure, band_indices: Sequence[int], flavour: int = 0) -> CurvatureMap:
    """Berry curvature of a group of bands, Omega = -2 Im sum_n <d_x u_n| Q |d_y u_n>.

    Equal to the Kubo formula -2 Im sum_{n in group, m outside} <n|d_x H|m><m|d_y H|n> / (E_n - E_m)^2.

    Parameters
    ----------
    bands
        Band structure on a grid or path.
    band_indices
        The group of bands.
    flavour
        Flavour index.

    Returns
    -------
    CurvatureMap
        Omega in nm^2 at every momentum.

    References
    ----------
    Xiao, Chang and Niu, Rev. Mod. Phys. 82, 1959 (2010), Eq. (1.13).
    """
    indices = bands.check_bands(band_indices)
    derivative = covariant_derivatives(bands, indices, flavour)
    curvature = -2 * np.einsum("kni,kni->k", derivative[:, 0].conj(), derivative[:, 1]).imag
    n_points = bands.momenta.n_points
    on_grid = not hasattr(bands.momenta, "distances")
    cell_area = bands.models[flavour].lattice.zone_area / n_points if on_grid else 0.0
    return CurvatureMap(read_only(curvature), cell_area, indices, flavour)
