"""Maps over the zone: Berry flux, quantum metric, or any quantity on a regular grid of momenta."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from moire._arrays import FloatArray
from moire._text import Number
from moire._types import checked
from moire.lattice import TriangularLattice
from moire.topology import ChernResult


@checked
def plot_zone_map(
    values: FloatArray, lattice: TriangularLattice, ax: Axes, label: str, *, diverging: bool = False
) -> Axes:
    """Draw a quantity on a regular grid over the reciprocal cell, with the outline of the zones.

    Parameters
    ----------
    values
        (n1, n2) on the grid in b_1, b_2.
    lattice
        Lattice of the momenta.
    ax
        Where to draw; it gets a colour bar.
    label
        Name and unit of the quantity.
    diverging
        Whether its sign matters: a colour scale symmetric about zero.
    """
    n1, n2 = values.shape
    corners = np.stack(np.meshgrid(np.arange(n1 + 1) / n1, np.arange(n2 + 1) / n2, indexing="ij"), axis=-1)
    momenta = corners @ lattice.reciprocal
    limit = float(np.abs(values).max())
    scale = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit} if diverging else {"cmap": "viridis"}
    image = ax.pcolormesh(momenta[..., 0], momenta[..., 1], values, **scale)
    angles = np.radians(30 + 60 * np.arange(7))
    hexagon = lattice.reciprocal_length / np.sqrt(3) * np.stack([np.cos(angles), np.sin(angles)])
    for origin in np.array([[0, 0], [0, 1], [1, 0], [1, 1]]) @ lattice.reciprocal:
        ax.plot(*(origin[:, None] + hexagon), color="0.3", linewidth=0.8)
    ax.set_xlim(momenta[..., 0].min(), momenta[..., 0].max())
    ax.set_ylim(momenta[..., 1].min(), momenta[..., 1].max())
    ax.set_aspect("equal")
    ax.set_xlabel(r"$k_x$ (1/nm)")
    ax.set_ylabel(r"$k_y$ (1/nm)")
    ax.figure.colorbar(image, ax=ax, label=label, shrink=0.7)
    return ax


@checked
def plot_flux(result: ChernResult, lattice: TriangularLattice, ax: Axes) -> Axes:
    """Draw the Berry flux per plaquette in units of the mean that |C| = 1 would give.

    Parameters
    ----------
    result
        Chern number with its flux map.
    lattice
        Lattice of the momenta.
    ax
        Where to draw; it gets a colour bar.
    """
    relative = result.flux * result.flux.size / (2 * np.pi)
    plot_zone_map(relative, lattice, ax, r"$\Omega A_{BZ} / 2\pi$", diverging=True)
    bands = ",".join(map(str, result.band_indices))
    ax.set_title(f"band {bands}, C = {Number(result.value):+.3f}", fontsize="medium")
    return ax
