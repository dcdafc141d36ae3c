"""Figure of a result of the task ``hf``."""

from __future__ import annotations

import json

import numpy as np
from matplotlib.figure import Figure

from moire._text import Number
from moire.io import Record, StoredMeanField, read_hartree_fock
from moire.plot import plot_bands, plot_moment_map, plot_zone_map


def state_figure(record: Record, title: str) -> Figure:
    """Show the lowest state at the first dielectric constant: bands, flux, densities and moments of both layers.

    The colours of the two layers share one scale, of at least a tenth of the largest density, so that noise of a state
    without out-of-plane moments stays pale. The flux is left out in a metal and in an enlarged cell.
    """
    stored = read_hartree_fock(record)
    flux = stored.flux[0]
    with_flux = flux.shape == stored.grid.moduli and not np.isnan(flux).any()
    widths = [1.3] * (stored.path is not None) + [1.6] * with_flux + [1.0, 1.0]
    figure = Figure(figsize=(3.6 * sum(widths), 4.6), layout="compressed")
    axes = list(figure.subplots(1, len(widths), width_ratios=widths))
    if stored.path is not None:
        ax = plot_bands(stored.path, axes.pop(0))
        level = fermi_level(stored, str(json.loads(record["problem/description"])["carrier"]))
        if level is not None:
            ax.axhline(level, color="k", linestyle="--", linewidth=0.8)
        ax.set_title("bands of the electrons", fontsize="medium")
    if with_flux:
        relative = flux * flux.size / (2 * np.pi)
        ax = plot_zone_map(relative, stored.grid.lattice, axes.pop(0), r"$\Omega A_{BZ} / 2\pi$", diverging=True)
        ax.set_title("Berry flux", fontsize="medium")
    limit = max(float(np.abs(stored.out_of_plane[0]).max()), 0.1 * float(stored.layer_density[0].max()))
    for layer, ax in enumerate(axes):
        plot_moment_map(
            stored.points,
            stored.layer_density[0, layer],
            stored.in_plane[0, layer],
            stored.out_of_plane[0, layer],
            ax,
            f"layer {'bt'[layer]}",
            limit,
        )
    state = rf"{stored.phases[0, 0]}, gap {Number(stored.gaps[0, 0]):.2f} meV, $\epsilon = {stored.epsilon_r[0]:g}$"
    figure.suptitle(f"{title}\n{state}")
    return figure


def fermi_level(stored: StoredMeanField, carrier: str) -> float | None:
    """Electron energy in the middle of the gap of the lowest state; None in a metal."""
    energies, filled = stored.quasiparticles[0], stored.weights[0] > 0.5
    counts = filled.sum(axis=1)
    if stored.gaps[0, 0] <= 0 or (counts != counts[0]).any() or filled.all():
        return None
    middle = float(energies[filled].max() + energies[~filled].min()) / 2
    return -middle if carrier == "hole" else middle  # a hole costs minus the energy of its electron
