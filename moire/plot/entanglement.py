"""Particle entanglement spectra against the momentum of the particles kept."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from moire._types import checked
from moire.observables import EntanglementSpectrum


@checked
def plot_entanglement(result: EntanglementSpectrum, ax: Axes) -> Axes:
    """Draw xi against the linear momentum index l1 d2 + l2 of the particles kept, the predicted levels in colour.

    Parameters
    ----------
    result
        Entanglement spectrum; levels of vanishing weight are not drawn.
    ax
        Where to draw.
    """
    second = result.grid.moduli[1]
    labels = result.grid.labels[result.momenta]
    linear = labels[:, 0] * second + labels[:, 1]
    momenta = np.repeat(linear[:, None], result.levels.shape[1], axis=1)
    finite = np.isfinite(result.levels)
    inside = result.is_inside
    below = np.zeros_like(finite) if inside is None else inside
    ax.plot(momenta[finite & ~below], result.levels[finite & ~below], "_", color="0.35", markersize=5)
    ax.plot(momenta[finite & below], result.levels[finite & below], "_", color="C3", markersize=5)
    if np.isfinite(result.gap) and result.gap > 0:
        bottom = float(result.levels[finite & below].max())
        ax.axhspan(bottom, bottom + result.gap, color="C0", alpha=0.12, linewidth=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(rf"$K_{{A,1}} \cdot {second} + K_{{A,2}}$")
    ax.set_ylabel(r"$\xi = -\ln \lambda$")
    counted = f"{result.counted} below the widest gap"
    predicted = "" if result.predicted is None else f", {int(result.predicted.sum())} predicted"
    ax.set_title(f"$N_A$ = {result.n_kept}: {counted}{predicted}", fontsize="medium")
    return ax
