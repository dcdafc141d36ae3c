"""The full structure factor over momentum transfers."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from moire._types import checked
from moire.observables import StructureFactor


@checked
def plot_structure_factor(result: StructureFactor, ax: Axes, reach: float = 1.6) -> Axes:
    """Draw the full S(q) at every transfer, umklapp included, as coloured points, with the outline of the zone.

    Parameters
    ----------
    result
        Structure factor.
    ax
        Where to draw; it gets a colour bar.
    reach
        Half of the width shown, in units of |G_1|.
    """
    vectors, length = result.transfers.vectors, result.grid.lattice.reciprocal_length
    points = ax.scatter(vectors[:, 0], vectors[:, 1], c=result.full, s=26, cmap="viridis", vmin=0)
    angles = np.radians(30 + 60 * np.arange(7))
    ax.plot(*(length / np.sqrt(3) * np.stack([np.cos(angles), np.sin(angles)])), color="0.3", linewidth=0.8)
    ax.set_xlim(-reach * length, reach * length)
    ax.set_ylim(-reach * length, reach * length)
    ax.set_aspect("equal")
    ax.set_xlabel(r"$q_x$ (1/nm)")
    ax.set_ylabel(r"$q_y$ (1/nm)")
    ax.set_title(f"{result.grid.name}, {result.n_carriers} carriers", fontsize="medium")
    ax.figure.colorbar(points, ax=ax, label=r"full $S(q)$", shrink=0.7)
    return ax
