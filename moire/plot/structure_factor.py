"""The full structure factor over momentum transfers."""

from __future__ import annotations

from matplotlib.axes import Axes

from moire.observables import StructureFactor


def plot_structure_factor(result: StructureFactor, ax: Axes) -> Axes:
    """Draw the full S(q) at every transfer, umklapp included, as coloured points, with the corners of the zone.

    Parameters
    ----------
    result
        Structure factor.
    ax
        Where to draw; it gets a colour bar.
    """
    vectors, lattice = result.transfers.vectors, result.grid.lattice
    points = ax.scatter(vectors[:, 0], vectors[:, 1], c=result.full, s=22, cmap="viridis", vmin=0)
    for name in ("kappa_+", "kappa_-"):
        for sign in (1, -1):
            ax.plot(*(sign * lattice.corners[name]), "x", color="C3", markersize=6)
    ax.set_aspect("equal")
    ax.set_xlabel(r"$q_x$ (1/nm)")
    ax.set_ylabel(r"$q_y$ (1/nm)")
    ax.set_title(f"{result.grid.name}, {result.n_carriers} carriers", fontsize="medium")
    ax.figure.colorbar(points, ax=ax, label=r"$S(q)$", shrink=0.7)
    return ax
