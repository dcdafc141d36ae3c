"""The pair correlation function over the cluster."""

from __future__ import annotations

from matplotlib.axes import Axes

from moire._types import checked
from moire.observables import PairCorrelation


@checked
def plot_pair_correlation(result: PairCorrelation, ax: Axes) -> Axes:
    """Draw g(r) over the cluster, the carrier of reference at the origin.

    Parameters
    ----------
    result
        Pair correlation.
    ax
        Where to draw; it gets a colour bar.
    """
    image = ax.pcolormesh(
        result.positions[..., 0], result.positions[..., 1], result.values, cmap="viridis", shading="nearest", vmin=0
    )
    ax.set_aspect("equal")
    ax.set_xlabel("x (nm)")
    ax.set_ylabel("y (nm)")
    ax.set_title(f"{result.grid.name}, {result.n_carriers} carriers", fontsize="medium")
    ax.figure.colorbar(image, ax=ax, label=r"$g(r)$", shrink=0.7)
    return ax
