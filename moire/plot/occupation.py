"""The momentum distribution of a many-body manifold."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from moire._types import checked
from moire.observables import MomentumOccupation


@checked
def plot_occupation(result: MomentumOccupation, ax: Axes) -> Axes:
    """Draw n(k) against the linear momentum index l1 d2 + l2: each state in grey, the mean in colour, nu as a line.

    Several bands or valleys are drawn apart, a colour for each band and a marker for each valley.

    Parameters
    ----------
    result
        Momentum distribution.
    ax
        Where to draw.
    """
    second = result.grid.moduli[1]
    linear = result.grid.labels[:, 0] * second + result.grid.labels[:, 1]
    by_band = result.by_band
    if by_band.size == by_band.shape[1]:
        ax.axhline(result.filling, color="0.7", linewidth=0.8)
        ax.plot(linear, result.per_state.T, ".", color="0.55", markersize=3)
        ax.plot(linear, result.mean, "o", color="C0", markersize=4.5)
    else:
        for flavour, band in np.ndindex(by_band.shape[0], by_band.shape[2]):
            name = f"band {band}" + (f", valley {('K', 'K′')[flavour]}" if len(by_band) == 2 else "")
            marker = ("o", "s")[flavour % 2]
            ax.plot(linear, by_band[flavour, :, band], marker, color=f"C{band}", markersize=4.5, label=name)
        ax.legend(frameon=False, fontsize="small")
    ax.set_ylim(0, 1)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(rf"$k_1 \cdot {second} + k_2$")
    ax.set_ylabel(r"$n(k)$")
    ax.set_title(f"{result.grid.name}, {result.n_carriers} carriers", fontsize="medium")
    return ax
