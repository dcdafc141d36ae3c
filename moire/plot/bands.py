"""Band energies along a path of momenta."""

from __future__ import annotations

from matplotlib.axes import Axes

from moire._types import checked
from moire.bands import BandEnergies
from moire.errors import InputError
from moire.grids import KPath

CORNER_TEXT = {"gamma": r"$\gamma$", "m": r"$m$", "kappa_+": r"$\kappa_+$", "kappa_-": r"$\kappa_-$"}


@checked
def plot_bands(bands: BandEnergies, ax: Axes, **style: object) -> Axes:
    """Draw the bands of every flavour along their path; the second flavour is dashed.

    Parameters
    ----------
    bands
        Energies solved on a :class:`KPath`.
    ax
        Where to draw.
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
    return ax
