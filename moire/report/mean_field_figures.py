"""Figures of the Hartree-Fock points of a folder."""

from __future__ import annotations

from matplotlib.figure import Figure

from moire.plot import plot_gap_line, plot_phase_map, styled
from moire.sweep.collect import Table

_AXES = {
    "D": "displacement field D (meV)",
    "theta": "twist angle (deg)",
    "inverse_epsilon": r"$1/\epsilon$",
}


@styled()
def phase_figures(table: Table) -> dict[str, Figure]:
    """Phase diagrams in the planes that the points span, and gaps along the coordinate if only one varies."""
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
