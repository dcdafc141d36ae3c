"""Band energies along a path of momenta."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from moire._types import checked
from moire.bands import BandEnergies
from moire.errors import InputError
from moire.grids import KPath

CORNER_TEXT = {"gamma": r"$\gamma$", "m": r"$m$", "kappa_+": r"$\kappa_+$", "kappa_-": r"$\kappa_-$"}


@checked
def plot_bands(bands: BandEnergies, ax: Axes, *, zone: bool = False, **style: object) -> Axes:
    """Draw the bands of every flavour along their path; the second flavour is dashed.

    Parameters
    ----------
    bands
        Energies solved on a :class:`KPath`.
    ax
        Where to draw.
    zone
        Draw the Brillouin zone with the path too, right of the bands.
    style
        Passed on to ``ax.plot``.

    Raises
    ------
    InputError
        If the bands are not on a path.
    """
    path = bands.momenta
    if not isinstance(path, KPath):
        raise InputError("`bands` must be solved on a KPath to be drawn as lines, but are on a grid.")
    for flavour in range(len(bands.names)):
        for band in range(bands.n_bands):
            look = {"color": f"C{band}", "linestyle": "-" if flavour == 0 else "--", **style}
            ax.plot(path.distances, bands.energies[flavour, :, band], **look)  # type: ignore[arg-type]
    ticks = path.distances[list(path.tick_indices)]
    for tick in ticks:
        ax.axvline(tick, color="0.8", linewidth=0.6, zorder=0)
    ax.set_xticks(ticks, [CORNER_TEXT.get(label, label) for label in path.tick_labels])
    ax.set_xlim(ticks[0], ticks[-1])
    ax.set_ylabel("energy (meV)")
    if zone:
        _plot_zone(path, ax.inset_axes((1.02, 0.72, 0.28, 0.28)))
    return ax


def _plot_zone(path: KPath, ax: Axes) -> None:
    """Draw the hexagon about gamma, the path, and the names of its corners outside of it."""
    angles = np.radians(30 + 60 * np.arange(7))
    hexagon = path.lattice.reciprocal_length / np.sqrt(3) * np.stack([np.cos(angles), np.sin(angles)])
    ax.plot(*hexagon, color="0.5", linewidth=0.8)
    ax.plot(*path.points.T, "-", color="C0", linewidth=1)
    for label, point in zip(path.tick_labels, path.points[list(path.tick_indices)], strict=True):
        away = 0.2 * path.lattice.reciprocal_length * np.array([np.sign(point[0]) or -1, 1.2 * np.sign(point[1])])
        ax.plot(*point, ".", color="C0", markersize=3)
        x, y = point + away
        ax.text(x, y, CORNER_TEXT.get(label, label), ha="center", va="center", fontsize="x-small")
    ax.set_aspect("equal")
    ax.margins(0.15)
    ax.axis("off")
