"""Many-body spectra against total momentum, with the predicted ground-state manifold marked."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from moire._types import checked
from moire.exact_diagonalization import Spectrum
from moire.observables.manifold_states import manifold_rows

WIDTH = 0.6  # of the momentum that polarisations share


@checked
def plot_spectrum(spectrum: Spectrum, ax: Axes) -> Axes:
    """Draw all levels above the ground state against the linear momentum index l1 d2 + l2.

    Predicted states of the manifold are filled circles, the others dashes. Polarisations of two valleys are dashes of
    one colour each, side by side, with S_z in the legend.

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
    groups = list(dict.fromkeys(spectrum.polarisation.tolist())) if spectrum.carriers.shape[1] == 2 else []
    places = linear.astype(float)
    for i, polarisation in enumerate(groups):
        places[spectrum.polarisation == polarisation] += WIDTH * ((i + 0.5) / len(groups) - 0.5)
    for label, row in manifold_rows(spectrum).items():
        count = predicted.get(label, 0)
        levels = energies[row, :count].tolist()  # fewer were solved, perhaps
        marked_x += [places[row]] * len(levels)
        marked_y += levels
    for i, polarisation in enumerate(groups):
        rows = spectrum.polarisation == polarisation
        x, y = np.repeat(places[rows], energies.shape[1]), energies[rows].ravel()
        ax.plot(x, y, "_", color=f"C{i}", markersize=5, label=f"$S_z$ = {Fraction(polarisation, 2)}")
    if not groups:
        ax.plot(np.repeat(places, energies.shape[1]), energies.ravel(), "_", color="0.35", markersize=6)
    if marked_x:
        ax.plot(marked_x, marked_y, "o", color="C3", markersize=4.5, label="predicted manifold")
    if groups:
        ax.legend(frameon=False, fontsize="small")
    if manifold and manifold.gap > 0:
        ax.axhspan(manifold.splitting, manifold.splitting + manifold.gap, color="C0", alpha=0.12, linewidth=0)
    ax.set_xlim(-0.7, first * second - 0.3)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(rf"$k_1 \cdot {second} + k_2$")
    ax.set_ylabel(r"$E - E_0$ (meV)")
    ax.set_title(f"{spectrum.grid.name}, filling {spectrum.filling}", fontsize="medium")
    return ax
