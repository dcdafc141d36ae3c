"""The Landau fan as experiments draw it: gaps in the plane of filling and field."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from moire._types import checked
from moire.magnetic import LandauFan


@checked
def plot_fan(fan: LandauFan, ax: Axes, n_lines: int = 6) -> Axes:
    """Draw every gap at its filling nu and field B, its area proportional to its size, and the strongest lines.

    Lines are nu = -(s + t phi), named by (s, t).

    Parameters
    ----------
    fan
        Gaps over flux.
    ax
        Where to draw.
    n_lines
        Lines (s, t) drawn and named, those with the largest gaps first.
    """
    strongest = list(fan.lines[:n_lines])
    largest = max((gap.gap_mev for gap in fan.gaps), default=1.0)
    fluxes = np.array([float(flux) for flux in fan.fluxes])
    per_flux = fan.tesla[-1] / fluxes[-1]
    span = np.array([min(0.0, fluxes[0]), max(0.0, fluxes[-1])])
    for i, (start, chern) in enumerate(strongest):
        ax.plot(-(start + chern * span), span * per_flux, "-", color=f"C{i % 8}", linewidth=0.6, alpha=0.6, zorder=1)
    for gap in fan.gaps:
        key = gap.start, gap.chern
        color = f"C{strongest.index(key) % 8}" if key in strongest else "0.7"
        ax.plot(-float(gap.holes), gap.tesla, "o", color=color, markersize=1.5 + 9 * np.sqrt(gap.gap_mev / largest))
    for i, (start, chern) in enumerate(strongest):
        ax.plot([], [], "o-", color=f"C{i % 8}", label=f"({start}, {chern:+d})")
    holes = [float(gap.holes) for gap in fan.gaps] or [1.0]
    ax.set_xlim(-1.08 * max(holes), 0.05)
    ax.set_xlabel(r"filling $\nu$")
    ax.set_ylabel("magnetic field (T)")
    ax.legend(title="(s, t)", frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return ax
