"""Direct gap around a group of bands, and the check that the group is isolated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from moire._arrays import FloatArray
from moire._shown import Shown
from moire._types import checked
from moire.bands import BandStructure
from moire.bloch import BlochModel
from moire.errors import InputError, require
from moire.linalg.hermitian import extremal_eigenpairs

TOUCHING_MEV = 1e-6


@checked
@dataclass(frozen=True)
class DirectGap(Shown):
    """Smallest direct gap between a band of a group and one outside it.

    Parameters
    ----------
    gap_mev
        The gap in meV (in the unit of the model).
    fractional
        Momentum of the smallest gap, in units of b_1 and b_2.
    band, neighbour
        The band of the group and the one outside.
    """

    gap_mev: float
    fractional: tuple[float, float]
    band: int
    neighbour: int

    def __str__(self) -> str:
        x, y = self.fractional
        return f"{self.gap_mev:.3g} meV between bands {self.band} and {self.neighbour} at k = {x:+.4f} b_1 {y:+.4f} b_2"


def bordering_bands(band_indices: Sequence[int], n_bands: int) -> list[tuple[int, int]]:
    """Pairs (band of the group, band next to it outside the group) among bands 0..n_bands - 1."""
    group = set(band_indices)
    pairs = [(band, band + step) for band in sorted(group) for step in (-1, +1)]
    return [(band, other) for band, other in pairs if other not in group and 0 <= other < n_bands]


@checked
def smallest_direct_gap(bands: BandStructure, band_indices: Sequence[int], flavour: int = 0) -> DirectGap | None:
    """Smallest direct gap around a group of bands on the momenta solved; None if no other band is kept.

    Only the bands kept are compared: keep one more than the group to include both of its sides.

    Raises
    ------
    InputError
        If a band was not kept or the flavour does not exist.
    """
    indices = _check_group(bands, band_indices, flavour)
    pairs = bordering_bands(indices, bands.n_bands)
    if not pairs:
        return None
    energies = bands.energies[flavour]
    gaps = np.stack([np.abs(energies[:, band] - energies[:, other]) for band, other in pairs])
    which, where = np.unravel_index(int(np.argmin(gaps)), gaps.shape)
    fractional = bands.momenta.points[where] @ np.linalg.inv(bands.models[flavour].lattice.reciprocal)
    return DirectGap(float(gaps[which, where]), (float(fractional[0]), float(fractional[1])), *pairs[which])


@checked
def check_isolated(
    bands: BandStructure, band_indices: Sequence[int], flavour: int = 0, touching_mev: float = TOUCHING_MEV
) -> tuple[int, ...]:
    """Return the indices of a group of bands of one flavour that no other band kept touches.

    Every topology function calls this first. Bands inside the group may touch each other.

    Parameters
    ----------
    bands
        Band structure on a grid or path.
    band_indices
        The group; band 0 is nearest the gap.
    flavour
        Flavour index.
    touching_mev
        Bands closer than this touch: far above the rounding of the eigensolver (1e-11 meV), below which the
        states of the group are arbitrary, and far below any gap that a mesh resolves.

    Raises
    ------
    InputError
        If a band was not kept, the flavour does not exist, or the group touches another band; the message says
        where and how small the gap is.
    """
    indices = _check_group(bands, band_indices, flavour)
    gap = smallest_direct_gap(bands, indices, flavour)
    if gap is not None and gap.gap_mev < touching_mev:
        raise touching_error(indices, gap)
    return indices


def touching_error(band_indices: Sequence[int], gap: DirectGap) -> InputError:
    """Error for a group of bands that touches another band."""
    group = list(band_indices)
    return InputError(f"`band_indices` must be a group that no other band touches, but {group} has a gap of {gap}.")


def _check_group(bands: BandStructure, band_indices: Sequence[int], flavour: int) -> tuple[int, ...]:
    indices = bands.check_bands(band_indices)
    require(0 <= flavour < bands.n_flavours, "flavour", f"lie in 0..{bands.n_flavours - 1}", flavour)
    return indices


@checked
def minimise_direct_gap(
    model: BlochModel, band_indices: Sequence[int], start: tuple[float, float], step: float = 0.02
) -> DirectGap | None:
    """Local minimum of the direct gap around a group of bands, by the simplex method (the gap has cusps).

    Parameters
    ----------
    model
        Any Bloch model.
    band_indices
        The group.
    start, step
        Where the search starts and its first step, in units of b_1 and b_2.

    Returns
    -------
    DirectGap or None
        None if the model has no other band.
    """
    n_bands = bands_needed(model, band_indices)
    pairs = bordering_bands(band_indices, n_bands)
    if not pairs:
        return None

    def gaps(fractional: FloatArray) -> FloatArray:
        matrix = model.hamiltonian(fractional @ model.lattice.reciprocal)
        energies, _ = extremal_eigenpairs(matrix, n_bands, model.top_band_first)
        return np.array([abs(energies[band] - energies[other]) for band, other in pairs])

    simplex = np.array(start) + step * np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    options = {"initial_simplex": simplex, "xatol": 1e-9, "fatol": 1e-9, "maxfev": 400}
    with threadpool_limits(1, user_api="blas"):
        best = minimize(lambda k: float(gaps(k).min()), simplex[0], method="Nelder-Mead", options=options).x
    found = gaps(best)
    which = int(np.argmin(found))
    return DirectGap(float(found[which]), (float(best[0]), float(best[1])), *pairs[which])


def bands_needed(model: BlochModel, band_indices: Sequence[int]) -> int:
    """Number of bands to solve for a group and its neighbours on both sides."""
    return min(max(band_indices) + 2, model.state_shape[0] * model.state_shape[1])
