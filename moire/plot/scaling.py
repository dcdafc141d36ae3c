"""Finite-size scaling against one over the number of cells."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from moire._types import checked
from moire.observables import FiniteSizeScaling


@checked
def plot_scaling(scaling: FiniteSizeScaling, ax: Axes, color: str = "C0") -> Axes:
    """Draw the values of the clusters, the line through them, and its limit with its error at 1/N_s = 0.

    Parameters
    ----------
    scaling
        Values and line.
    ax
        Where to draw.
    color
        Colour of everything drawn.
    """
    inverse = 1 / scaling.n_sites
    ends = np.array([0.0, inverse.max()])
    ax.plot(inverse, scaling.values, "o", color=color, label=scaling.quantity)
    ax.plot(ends, scaling.limit + scaling.slope * ends, "--", color=color, linewidth=1)
    ax.errorbar([0.0], [scaling.limit], yerr=[scaling.limit_error], fmt="s", color=color, markerfacecolor="none")
    for name, x, y in zip(scaling.clusters, inverse, scaling.values, strict=True):
        ax.annotate(name, (x, y), textcoords="offset points", xytext=(4, 4), fontsize="x-small")
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    ax.set_xlabel(r"$1/N_s$")
    ax.set_ylabel(f"{scaling.quantity} ({scaling.unit})")
    ax.legend(frameon=False, fontsize="small")
    return ax
