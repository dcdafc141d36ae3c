"""The momentum distribution of a many-body manifold."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from moire.observables import MomentumOccupation


def plot_occupation(result: MomentumOccupation, ax: Axes) -> Axes:
    """Draw n(k) against the linear momentum index l1 d2 + l2: each state in grey, the mean in colour, nu as a line.

    Parameters
    ----------
    result
        Momentum distribution.
    ax
        Where to draw.
    """
    second = result.grid.moduli[1]
    linear = result.grid.labels[:, 0] * second + result.grid.labels[:, 1]
    ax.axhline(result.filling, color="0.7", linewidth=0.8)
    ax.plot(linear, result.per_state.T, ".", color="0.55", markersize=3)
    ax.plot(linear, result.mean, "o", color="C0", markersize=4.5)
    ax.set_ylim(0, 1)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(rf"$k_1 \cdot {second} + k_2$")
    ax.set_ylabel(r"$n(k)$")
    ax.set_title(f"{result.grid.name}, {result.n_carriers} carriers", fontsize="medium")
    return ax
