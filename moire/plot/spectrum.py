"""Many-body spectra against total momentum, with the predicted ground-state manifold marked."""

from __future__ import annotations

from collections import Counter

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from moire.exact_diagonalization import Spectrum


def plot_spectrum(spectrum: Spectrum, ax: Axes) -> Axes:
    """Draw all levels above the ground state against the linear momentum index l1 d2 + l2.

    Predicted states of the manifold are filled circles, the others dashes.

    Parameters
    ----------
    spectrum
        Spectrum of the sectors.
    ax
        Where to draw.
    """
    energies = spectrum.energies - spectrum.ground_energy
    first, second = spectrum.grid.moduli
    linear = spectrum.momenta[:, 0] * second + spectrum.momenta[:, 1]
    manifold = spectrum.manifold
    predicted = Counter(manifold.momenta) if manifold else Counter()
    marked_x, marked_y = [], []
    for row, label in enumerate(spectrum.labels):
        count = predicted.get(label, 0)
        marked_x += [linear[row]] * count
        marked_y += energies[row, :count].tolist()
    ax.plot(np.repeat(linear, energies.shape[1]), energies.ravel(), "_", color="0.35", markersize=6)
    if marked_x:
        ax.plot(marked_x, marked_y, "o", color="C3", markersize=4.5, label="predicted manifold")
    if manifold and manifold.gap > 0:
        ax.axhspan(manifold.splitting, manifold.splitting + manifold.gap, color="C0", alpha=0.12, linewidth=0)
    ax.set_xlim(-0.7, first * second - 0.3)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(rf"$k_1 \cdot {second} + k_2$")
    ax.set_ylabel(r"$E - E_0$ (meV)")
    ax.set_title(f"{spectrum.grid.name}, filling {spectrum.filling}", fontsize="medium")
    return ax
