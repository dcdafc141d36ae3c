"""Hartree-Fock states: phase diagrams, gaps along a field, densities and moments in the moire cell."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.interpolate import NearestNDInterpolator
from scipy.ndimage import distance_transform_edt
from scipy.ndimage import label as numbered_regions

from moire._arrays import ComplexArray, FloatArray
from moire._types import checked
from moire.hartree_fock import BANDS_MOVE_MEV
from moire.plot.trends import Columns

PHASE_COLOURS = {
    "QSH": "#4477aa",
    "AFMxy": "#66ccee",
    "AFMz": "#ee6677",
    "BI": "#ccbb44",
    "QAH": "#aa3377",
    "VP": "#bb88bb",
    "IVC": "#228833",
    "metal": "#bbbbbb",
}
"""Colour of each phase; others take those that remain of the colour cycle."""
_SMALLEST_REGION = 0.01  # share of a map in which a Chern number is written
_LABEL: dict[str, Any] = {
    "ha": "center", "va": "center", "fontsize": "small",
    "bbox": {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.5},
}  # fmt: skip
_BEYOND = 1000  # no Chern number of a mean-field state is as large


def _colours(phases: np.ndarray) -> dict[str, str]:
    unknown = [str(name) for name in dict.fromkeys(phases) if name not in PHASE_COLOURS]
    return PHASE_COLOURS | {name: f"C{i % 10}" for i, name in enumerate(unknown)}


def _frame(values: FloatArray) -> tuple[float, float]:
    """Range of an axis: from the first to the last point, beyond which nothing is known."""
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _write_chern_numbers(ax: Axes, image: FloatArray, x: FloatArray, y: FloatArray) -> None:
    """Write |C| into each region of equal values of an image (y, x), where it is widest; NaN is unknown."""
    for chern in np.unique(image[~np.isnan(image)]):
        regions, n_regions = numbered_regions(image == chern)
        for number in range(1, n_regions + 1):
            inside = regions == number
            if inside.sum() < _SMALLEST_REGION * image.size:
                continue
            room = distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
            row, column = np.unravel_index(int(room.argmax()), room.shape)
            ax.text(x[column], y[row], f"|C| = {int(chern) % _BEYOND}", **_LABEL)


@checked
def plot_phase_map(
    columns: Columns,
    x: str,
    y: str,
    ax: Axes,
    *,
    undecided_mev: float = BANDS_MOVE_MEV,
    resolution: int = 400,
) -> Axes:
    """Phase map of a plane: the points as dots, and each position in the colour of its nearest point.

    The colours end at the outermost points. The area of a point whose next phase is close is hatched, because the
    cutoffs decide there. The modulus of the total Chern number stands in each region of one phase and number; its sign
    is that of one of two states that time reversal relates.

    Parameters
    ----------
    columns
        With the coordinates, ``phase`` and ``margin`` (energy of the next phase above the lowest in meV per cell, NaN
        without one), one row per point; points may lie anywhere. With ``chern``, NaN where there is none, its modulus
        is written.
    x, y
        Columns along the axes.
    ax
        Where to draw.
    undecided_mev
        Margin below which a point is hatched; by default 0.25 meV per cell, the relative shift of two phases due to
        bands left out (``moire.hartree_fock.BANDS_MOVE_MEV``). 0 hatches nothing.
    resolution
        Pixels each way.
    """
    phases = np.asarray(columns["phase"]).astype(str)
    across, up = (np.asarray(columns[name], dtype=float) for name in (x, y))
    colours = _colours(phases)
    names = [name for name in colours if name in phases]
    codes = np.array([names.index(name) for name in phases])
    size = [float(np.ptp(values)) or 1.0 for values in (across, up)]
    nearest = NearestNDInterpolator(np.stack([across / size[0], up / size[1]], axis=1), codes)
    grid_x, grid_y = (np.linspace(*_frame(values), resolution) for values in (across, up))
    where = grid_x[None, :] / size[0], grid_y[:, None] / size[1]
    image = nearest(*where)
    palette = np.array([to_rgb(colours[name]) for name in names])
    extent = (grid_x[0], grid_x[-1], grid_y[0], grid_y[-1])
    ax.imshow(palette[image.astype(int)], origin="lower", aspect="auto", extent=extent, interpolation="nearest")
    ax.plot(across, up, ".", color="k", markersize=1.5, alpha=0.5, clip_on=False)
    if "chern" in columns:
        charges = np.abs(np.round(np.asarray(columns["chern"], dtype=float)))
        region = np.where(np.isnan(charges), np.nan, charges + _BEYOND * codes)  # one number for each phase and charge
        regions = NearestNDInterpolator(nearest.points, region)(*where)
        _write_chern_numbers(ax, regions, grid_x, grid_y)
    handles: list[Artist] = [
        Line2D([], [], marker="s", linestyle="", color=colours[name], label=name) for name in names
    ]
    close = np.asarray(columns["margin"], dtype=float) < undecided_mev if undecided_mev else np.zeros(len(codes), bool)
    if close.any():
        hatched = NearestNDInterpolator(nearest.points, close.astype(float))(*where)
        ax.contourf(grid_x, grid_y, hatched, levels=[0.5, 1.5], colors="none", hatches=["////"])
        label = f"next phase within\n{undecided_mev:g} meV per cell"
        handles.append(Patch(facecolor="none", edgecolor="k", hatch="////", label=label))
    ax.legend(handles=handles, fontsize="small", loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)
    return ax


@checked
def plot_gap_line(columns: Columns, x: str, ax: Axes, label: str = "this work") -> Axes:
    """Draw the charge gap along a line, each point in the colour of its phase.

    Parameters
    ----------
    columns
        With ``x``, ``gap`` (meV) and ``phase``.
    x
        Column along the axis.
    ax
        Where to draw.
    label
        Name of the line in the legend.
    """
    order = np.argsort(np.asarray(columns[x], dtype=float))
    across, gaps = (np.asarray(columns[name], dtype=float)[order] for name in (x, "gap"))
    phases = np.asarray(columns["phase"]).astype(str)[order]
    colours = _colours(phases)
    ax.plot(across, gaps, "-", color="0.6", linewidth=1, zorder=1)
    for name in dict.fromkeys(phases):
        own = phases == name
        ax.plot(across[own], gaps[own], "o", color=colours[name], markersize=4, label=f"{label}: {name}")
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    ax.set_ylabel("charge gap (meV)")
    ax.legend(frameon=False, fontsize="small")
    return ax


@checked
def plot_moment_map(
    points: FloatArray,
    density: FloatArray,
    in_plane: ComplexArray,
    out_of_plane: FloatArray,
    ax: Axes,
    title: str,
    limit: float | None = None,
) -> Axes:
    """Draw the carriers of one layer in 2 x 2 moire cells, with their moments: arrows in plane, colour out of plane.

    Parameters
    ----------
    points
        Points of one cell in nm, (n, n, 2).
    density, in_plane, out_of_plane
        In 1/nm^2, (n, n); the density as contours.
    ax
        Where to draw; it gets a colour bar.
    title
        Title of the panel.
    limit
        End of the colour scale in 1/nm^2, to compare layers; the largest value by default.
    """
    n = len(points)
    along = points[1, 0], points[0, 1]
    index = np.arange(2 * n)
    places = index[:, None, None] * along[0] + index[None, :, None] * along[1]
    carriers, out, arrows = (np.tile(values, (2, 2)) for values in (density, out_of_plane, in_plane))
    limit = limit or float(np.abs(out).max()) or float(density.max()) or 1.0
    image = ax.pcolormesh(
        places[..., 0], places[..., 1], out, cmap="RdBu_r", vmin=-limit, vmax=limit, shading="gouraud"
    )
    ax.contour(places[..., 0], places[..., 1], carriers, levels=4, colors="0.65", linewidths=0.6)
    length = float(np.abs(arrows).max())
    if length > 0.02 * density.max():
        every = (slice(None, None, max(1, n // 8)),) * 2
        seen = np.abs(arrows[every]) > 0.1 * length
        where, turned = places[every][seen], arrows[every][seen]
        x, y = where.T
        ax.quiver(x, y, turned.real, turned.imag, pivot="mid", scale=9 * length, width=0.009, color="k")
    ax.set_aspect("equal")
    ax.set_xlabel("x (nm)")
    ax.set_ylabel("y (nm)")
    ax.set_title(title, fontsize="medium")
    ax.figure.colorbar(image, ax=ax, label=r"$n_K - n_{K'}$ (1/nm$^2$)", shrink=0.7)
    return ax
