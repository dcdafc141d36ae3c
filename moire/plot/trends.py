"""Figures against one coordinate of a sweep: width and gap, Chern numbers, many-body gap and splitting."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from moire._types import checked

_ANGLE = "twist angle (deg)"


class Columns(Protocol):
    """A mapping from names to columns of numbers, such as the table of a summary."""

    def __getitem__(self, name: str, /) -> ArrayLike:
        """Return one column."""
        ...

    def __contains__(self, name: object, /) -> bool:
        """Whether there is a column of this name."""
        ...


@checked
def plot_band_trend(columns: Columns, ax: Axes, x: str = "theta", x_label: str = _ANGLE) -> Axes:
    """Draw the width of the top band and the indirect gap below it (meV), by default against the angle.

    Parameters
    ----------
    columns
        With ``x``, ``width_0`` and ``gap_0_1`` (meV).
    ax
        Where to draw.
    x, x_label
        Column along the axis, and its name and unit.
    """
    ax.plot(columns[x], columns["width_0"], "o-", label="width of the top band")
    ax.plot(columns[x], columns["gap_0_1"], "s-", label="gap to the next band")
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    ax.set_xlabel(x_label)
    ax.set_ylabel("energy (meV)")
    ax.legend(frameon=False, fontsize="small")
    return ax


@checked
def plot_chern_trend(columns: Columns, names: list[str], ax: Axes, x: str = "theta", x_label: str = _ANGLE) -> Axes:
    """Draw Chern numbers, by default against the angle.

    Parameters
    ----------
    columns
        With ``x`` and the columns named.
    names
        Columns such as ``"chern_0"``.
    ax
        Where to draw.
    x, x_label
        Column along the axis, and its name and unit.
    """
    markers = "os^vD*"
    for i, name in enumerate(names):
        bands = name.removeprefix("chern_").replace("_", ",")
        ax.plot(columns[x], columns[name], f"{markers[i % len(markers)]}-", label=f"band {bands}", alpha=0.8)
    values = np.concatenate([np.asarray(columns[name], dtype=float) for name in names])
    low, high = np.floor(np.nanmin(values)) - 0.5, np.ceil(np.nanmax(values)) + 0.5
    ax.set_ylim(low, high)
    ax.set_yticks(np.arange(np.ceil(low), np.floor(high) + 1))
    ax.grid(axis="y", color="0.9")
    ax.set_xlabel(x_label)
    ax.set_ylabel("Chern number")
    ax.legend(frameon=False, fontsize="small")
    return ax


@checked
def plot_fci_trend(
    columns: Columns, label: str, ax: Axes, color: str = "C0", x: str = "theta", x_label: str = _ANGLE
) -> Axes:
    """Draw the gap above the predicted manifold (full line) and its splitting (dashed), by default against the angle.

    Parameters
    ----------
    columns
        With ``x``, ``gap`` and ``splitting`` (meV).
    label
        Name of these points in the legend, such as cluster and filling; may be empty.
    ax
        Where to draw.
    color
        Colour of both lines.
    x, x_label
        Column along the axis, and its name and unit.
    """
    ax.plot(columns[x], columns["gap"], "o-", color=color, label=f"{label}: gap" if label else "gap")
    ax.plot(columns[x], columns["splitting"], "s--", color=color, markerfacecolor="none", label="splitting")
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    ax.set_xlabel(x_label)
    ax.set_ylabel("energy (meV)")
    ax.legend(frameon=False, fontsize="small")
    return ax
