"""Momenta of the degenerate ground states of charge-density waves: sqrt3 x sqrt3 at p/3, stripes at 1/2."""

from __future__ import annotations

import numpy as np

from moire._arrays import IntArray
from moire._types import checked
from moire.errors import require
from moire.filling import FillingLike, one_band_filling
from moire.grids import Label, MomentumGrid


@checked
def zone_corners(grid: MomentumGrid) -> tuple[int, int] | None:
    """Indices of K and K' = -K in the momentum group; None on a cluster that does not hold them."""
    thirds = grid.fractional * 3
    exact = np.abs(thirds - np.round(thirds)).max(axis=1) < 1e-9
    rounded = np.round(thirds).astype(np.int64) % 3
    found = [np.nonzero(exact & (rounded == side).all(axis=1))[0] for side in (1, 2)]
    return (int(found[0][0]), int(found[1][0])) if all(map(len, found)) else None


@checked
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


@checked
def stripe_momenta(grid: MomentumGrid) -> tuple[Label, ...]:
    """Total momenta of stripes of period two at half filling, for every direction that the cluster holds.

    The order of wave vector M mixes k and k + M, and a determinant fills one state of each pair: its parts have the
    sum of one momentum of each pair, up to M, so that each M = -M of the cluster gives two states.

    Parameters
    ----------
    grid
        The cluster, with an even number of cells.

    Returns
    -------
    tuple of labels, with multiplicity, sorted; two for each of the one or three M of the cluster.

    Raises
    ------
    InputError
        If the number of cells is odd.
    """
    found = f"has {grid.n_points} ({grid.name})"
    require(grid.n_points % 2 == 0, "cluster", "have an even number of cells at half filling", found=found)
    every = np.arange(grid.n_points)
    momenta = []
    for wave in np.flatnonzero(grid.sum_index[every, every] == 0)[1:]:
        representatives = np.unique(np.minimum(every, grid.sum_index[:, wave]))
        total = grid.labels[representatives].sum(axis=0)
        for first, second in (total, total + grid.labels[wave]) % np.array(grid.moduli):
            momenta.append((int(first), int(second)))
    return tuple(sorted(momenta))
