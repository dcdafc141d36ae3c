"""Levels against the inserted flux, and the flux of a manifold over the torus of boundary phases."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from moire._text import Number
from moire._types import checked
from moire.observables import ManyBodyChern, SpectralFlow


@checked
def plot_spectral_flow(flow: SpectralFlow, ax: Axes) -> Axes:
    """Draw all levels solved (grey) and the states of the manifold (colours) against the inserted flux.

    Energies are measured from the lowest one at each flux; the states of the manifold are named by
    their momenta at the start, with open markers of growing size, so that coinciding levels stay visible.

    Parameters
    ----------
    flow
        Levels along one flux quantum.
    ax
        Where to draw.
    """
    lowest = np.nanmin(flow.energies, axis=(1, 2))
    levels = flow.energies.reshape(len(flow.phases), -1) - lowest[:, None]
    ax.plot(flow.phases, levels, "-", color="0.75", linewidth=0.7, zorder=1)
    for state, label in enumerate(flow.momenta):
        energies = flow.tracked[:, state] - lowest
        size = 3.0 + 2.5 * state
        ax.plot(flow.phases, energies, "o-", markersize=size, markerfacecolor="none", label=f"{label}", zorder=2)
    ax.set_xlim(0, 1)
    ax.set_xlabel(rf"flux $\phi_{flow.direction} / 2\pi$")
    ax.set_ylabel(r"$E - E_0(\phi)$ (meV)")
    ax.set_title(f"{flow.grid.name}, filling {flow.filling}: flux along $L_{flow.direction}$", fontsize="medium")
    ax.legend(frameon=False, fontsize="small")
    return ax


@checked
def plot_phase_flux(chern: ManyBodyChern, ax: Axes) -> Axes:
    """Draw the flux of every plaquette of boundary phases, scaled so that the mean is the Chern number.

    A uniform map means that the Hall response does not depend on the boundary conditions.

    Parameters
    ----------
    chern
        Many-body Chern number.
    ax
        Where to draw.
    """
    n1, n2 = chern.mesh
    density = chern.flux.T * n1 * n2 / (2 * np.pi)
    image = ax.imshow(density, origin="lower", extent=(0, 1, 0, 1), cmap="viridis")
    ax.figure.colorbar(image, ax=ax, label="flux density (its mean is C)")
    ax.set_xlabel(r"$\phi_1 / 2\pi$")
    ax.set_ylabel(r"$\phi_2 / 2\pi$")
    ax.set_title(f"{chern.cluster}, filling {chern.filling}: C = {Number(chern.value):+.3f}", fontsize="medium")
    return ax
