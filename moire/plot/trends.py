"""Figures against the twist angle: width and gap, Chern numbers, fractional-Chern-insulator gap and splitting."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike


class Columns(Protocol):
    """Anything that returns a column of numbers by its name, such as the table of a summary."""

    def __getitem__(self, name: str, /) -> ArrayLike:
        """Return one column."""
        ...


def plot_band_trend(columns: Columns, ax: Axes) -> Axes:
    """Draw the width of the top band and the indirect gap below it (meV) against the angle.

    Parameters
    ----------
    columns
        With ``theta`` (deg), ``width_0`` and ``gap_0_1`` (meV).
    ax
        Where to draw.
    """
    ax.plot(columns["theta"], columns["width_0"], "o-", label="width of the top band")
    ax.plot(columns["theta"], columns["gap_0_1"], "s-", label="gap to the next band")
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    ax.set_xlabel("twist angle (deg)")
    ax.set_ylabel("energy (meV)")
    ax.legend(frameon=False, fontsize="small")
    return ax


def plot_chern_trend(columns: Columns, names: list[str], ax: Axes) -> Axes:
    """Draw Chern numbers against the angle.

    Parameters
    ----------
    columns
        With ``theta`` (deg) and the columns named.
    names
        Columns such as ``"chern_0"``.
    ax
        Where to draw.
    """
    markers = "os^vD*"
    for i, name in enumerate(names):
        bands = name.removeprefix("chern_").replace("_", ",")
        ax.plot(columns["theta"], columns[name], f"{markers[i % len(markers)]}-", label=f"band {bands}", alpha=0.8)
    values = np.concatenate([np.asarray(columns[name], dtype=float) for name in names])
    low, high = np.floor(np.nanmin(values)) - 0.5, np.ceil(np.nanmax(values)) + 0.5
    ax.set_ylim(low, high)
    ax.set_yticks(np.arange(np.ceil(low), np.floor(high) + 1))
    ax.grid(axis="y", color="0.9")
    ax.set_xlabel("twist angle (deg)")
    ax.set_ylabel("Chern number")
    ax.legend(frameon=False, fontsize="small")
    return ax


def plot_fci_trend(columns: Columns, label: str, ax: Axes, color: str = "C0") -> Axes:
    """Draw the gap above the predicted manifold (full line) and its splitting (dashed) against the angle.

    Parameters
    ----------
    columns
        With ``theta`` (deg), ``gap`` and ``splitting`` (meV).
    label
        Name of this cluster and filling in the legend.
    ax
        Where to draw.
    color
        Colour of both lines.
    """
    ax.plot(columns["theta"], columns["gap"], "o-", color=color, label=f"{label}: gap")
    ax.plot(columns["theta"], columns["splitting"], "s--", color=color, markerfacecolor="none", label="splitting")
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    ax.set_xlabel("twist angle (deg)")
    ax.set_ylabel("energy (meV)")
    ax.legend(frameon=False, fontsize="small")
    return ax
