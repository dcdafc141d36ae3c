"""Momenta of the degenerate ground states of a sqrt3 x sqrt3 charge-density wave at filling p/3."""

from __future__ import annotations

import numpy as np

from moire._arrays import IntArray
from moire.filling import FillingLike, one_band_filling
from moire.grids import Label, MomentumGrid


def zone_corners(grid: MomentumGrid) -> tuple[int, int] | None:
    """Indices of K and K' = -K in the momentum group; None on a cluster that does not hold them."""
    thirds = grid.fractional * 3
    exact = np.abs(thirds - np.round(thirds)).max(axis=1) < 1e-9
    rounded = np.round(thirds).astype(np.int64) % 3
    found = [np.nonzero(exact & (rounded == side).all(axis=1))[0] for side in (1, 2)]
    return (int(found[0][0]), int(found[1][0])) if all(map(len, found)) else None


def tower_momenta(grid: MomentumGrid, filling: FillingLike) -> tuple[Label, ...] | None:
    """Total momenta of the three states of a sqrt3 x sqrt3 charge-density wave at filling p/3.

    The order mixes k, k + K and k + K': a determinant fills p of the three folded bands. The total momentum of its
    parts is p times the sum of one momentum from each triple, up to 0, K or K'; every choice gives the same three.

    Parameters
    ----------
    grid
        The cluster.
    filling
        Carriers per cell; the sign does not matter.

    Returns
    -------
    tuple of labels, sorted; None at other fillings or on a cluster that does not hold K and K'.

    Raises
    ------
    InputError
        If the filling is not a number, or |filling| does not lie in (0, 1].
    """
    fraction = one_band_filling(filling)
    corners = zone_corners(grid)
    if fraction.denominator != 3 or corners is None:
        return None
    wave = grid.sum_index[:, [0, *corners]]
    representatives = np.unique(wave.min(axis=1))
    total = fraction.numerator * grid.labels[representatives].sum(axis=0) % np.array(grid.moduli)
    members: IntArray = grid.labels[wave[grid.index_of(total)]]
    return tuple(sorted((int(first), int(second)) for first, second in members))
