"""The Berry flux map of a Chern number in the zone."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from moire.lattice import TriangularLattice
from moire.topology import ChernResult


def plot_flux(result: ChernResult, lattice: TriangularLattice, ax: Axes) -> Axes:
    """Draw the Berry flux per plaquette over the reciprocal cell, in units of the mean |C| = 1 would give.

    Parameters
    ----------
    result
        Chern number with its flux map.
    lattice
        Lattice of the momenta.
    ax
        Where to draw; it gets a colour bar.
    """
    n1, n2 = result.flux.shape
    corners = np.stack(np.meshgrid(np.arange(n1 + 1) / n1, np.arange(n2 + 1) / n2, indexing="ij"), axis=-1)
    momenta = corners @ lattice.reciprocal
    relative = result.flux * n1 * n2 / (2 * np.pi)
    limit = float(np.abs(relative).max())
    image = ax.pcolormesh(momenta[..., 0], momenta[..., 1], relative, cmap="RdBu_r", vmin=-limit, vmax=limit)
    angles = np.radians(30 + 60 * np.arange(7))
    for origin in corners[[0, 0, -1, -1], [0, -1, 0, -1]] @ lattice.reciprocal:
        outline = origin[:, None] + lattice.reciprocal_length / np.sqrt(3) * np.stack([np.cos(angles), np.sin(angles)])
        ax.plot(*outline, color="0.3", linewidth=0.8)
    ax.set_xlim(momenta[..., 0].min(), momenta[..., 0].max())
    ax.set_ylim(momenta[..., 1].min(), momenta[..., 1].max())
    ax.set_aspect("equal")
    ax.set_xlabel(r"$k_x$ (1/nm)")
    ax.set_ylabel(r"$k_y$ (1/nm)")
    bands = ",".join(map(str, result.band_indices))
    ax.set_title(f"band {bands}, C = {result.value:+.3f}", fontsize="medium")
    ax.figure.colorbar(image, ax=ax, label=r"$\Omega A_{BZ} / 2\pi$")
    return ax
