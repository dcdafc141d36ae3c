"""Figures of Hartree-Fock files and of the Hartree-Fock points of a folder."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moire.io import Record, StoredMeanField, read_hartree_fock
from moire.plot import plot_bands, plot_gap_line, plot_moment_map, plot_phase_map, plot_zone_map
from moire.sweep.collect import Table

_AXES = {
    "D": "displacement field D (meV)",
    "theta": "twist angle (deg)",
    "inverse_epsilon": r"$1/\epsilon$",
}


def state_figure(record: Record) -> Figure:
    """Show the lowest state of a file at its first dielectric constant: flux, densities and moments of both layers."""
    stored = read_hartree_fock(record)
    n_panels = 3 if stored.path is None else 4
    figure = Figure(figsize=(4.3 * n_panels, 3.8), layout="constrained")
    axes = list(figure.subplots(1, n_panels))
    if stored.path is not None:
        ax = plot_bands(stored.path, axes.pop(0))
        ax.set_title("Hartree-Fock bands of the electrons", fontsize="medium")
    _flux(stored, axes[0])
    for layer, ax in enumerate(axes[1:]):
        plot_moment_map(
            stored.points,
            stored.layer_density[0, layer],
            stored.in_plane[0, layer],
            stored.out_of_plane[0, layer],
            ax,
            f"layer {'bt'[layer]}",
        )
    return figure


def _flux(stored: StoredMeanField, ax: Axes) -> None:
    flux = stored.flux[0]
    name, gap = stored.phases[0, 0], stored.gaps[0, 0]
    if np.isnan(flux).any() or flux.shape != stored.grid.moduli:  # a metal, or an enlarged cell
        ax.set_axis_off()
    else:
        relative = flux * flux.size / (2 * np.pi)
        plot_zone_map(relative, stored.grid.lattice, ax, r"$\Omega A_{BZ} / 2\pi$", diverging=True)
    ax.set_title(rf"{name}, gap {gap:.2f} meV, $\epsilon = {stored.epsilon_r[0]:g}$", fontsize="medium")


def phase_figures(table: Table) -> dict[str, Figure]:
    """Phase diagrams in the planes that the points span, and gaps along the field where only that varies."""
    columns = {name: table[name] for name in table.columns} | {"inverse_epsilon": 1 / table["epsilon"].astype(float)}
    varying = [name for name in _AXES if len(set(columns[name])) > 1]
    common = f"{table['parameters'][0]}, {table['cluster'][0]}"
    title = rf"{common}, $\nu$ = {table['filling'][0]}"
    figures = {}
    if len(varying) == 1:
        figures["hf-gap"] = figure = Figure(figsize=(5.4, 4.0), layout="constrained")
        ax = plot_gap_line(columns, varying[0], figure.subplots())
        ax.set_xlabel(_AXES[varying[0]])
        ax.set_title(title, fontsize="medium")
    elif len(varying) == 2:
        figures["hf-phases"] = figure = Figure(figsize=(6.0, 4.2), layout="constrained")
        x, y = varying[::-1]
        ax = plot_phase_map(columns, x, y, figure.subplots())
        ax.set_xlabel(_AXES[x])
        ax.set_ylabel(_AXES[y])
        ax.set_title(title, fontsize="medium")
    return figures
