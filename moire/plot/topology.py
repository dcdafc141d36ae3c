"""Wannier flow, index against radius, strips with their in-gap modes, phase diagrams, Streda fans."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from moire._text import Number
from moire._types import checked
from moire.topology import RadiusScan, StredaFan, StripSpectrum, WilsonLoops


@checked
def plot_wannier_flow(loops: WilsonLoops, ax: Axes) -> Axes:
    """Draw the hybrid Wannier centres (in units of the primitive vector) over the zone.

    Parameters
    ----------
    loops
        Wilson loops of a group of bands.
    ax
        Where to draw.
    """
    transverse = np.append(loops.transverse, loops.transverse[0] + 1)
    centres = np.concatenate([loops.centres, loops.centres[:1]])
    for shift in (-1, 0, 1):
        ax.plot(transverse, centres + shift, ".", color="C0", markersize=7)
    ax.set_ylim(0, 1)
    ax.set_xlim(transverse[0], transverse[-1])
    across, along = ("2", "1") if loops.axis == 0 else ("1", "2")
    ax.set_xlabel(rf"$k_{across}$ ($b_{across}$)")
    ax.set_ylabel(rf"Wannier centre ($a_{along}$)")
    bands = ",".join(map(str, loops.band_indices))
    ax.set_title(f"band {bands}, winding C = {Number(loops.chern):+.3f}", fontsize="medium")
    return ax


@checked
def plot_index_versus_radius(scan: RadiusScan, ax: Axes) -> Axes:
    """Draw the interband index on concentric disks; radii without an index are marked on the axis.

    Parameters
    ----------
    scan
        Index against radius.
    ax
        Where to draw.
    """
    ax.plot(scan.radii, scan.values, "o-")
    refused = np.isnan(scan.values)
    if refused.any():
        low = np.nanmin(scan.values) if not refused.all() else 0.0
        ax.plot(scan.radii[refused], np.full(refused.sum(), low), "x", color="C3", label="refused")
        ax.legend(frameon=False, fontsize="small")
    if not refused.all():
        ax.set_ylim(np.floor(np.nanmin(scan.values)) - 1.5, np.ceil(np.nanmax(scan.values)) + 1.5)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("radius (1/nm)")
    ax.set_ylabel(rf"$\Theta_{{{scan.n}{scan.m}}}$")
    return ax


@checked
def plot_strip(spectrum: StripSpectrum, ax: Axes) -> Axes:
    """Draw the levels of a ribbon or of two domain walls; the colour shows the side to which a state is bound.

    Parameters
    ----------
    spectrum
        Energies and weights on the two sides.
    ax
        Where to draw.
    """
    balance = spectrum.weights[1] - spectrum.weights[0]
    momenta = np.broadcast_to(spectrum.momenta[:, None], spectrum.energies.shape)
    points = ax.scatter(
        momenta.ravel(), spectrum.energies.ravel(), c=balance.ravel(), s=4, cmap="coolwarm", vmin=-1, vmax=1
    )
    first, second = spectrum.side_names
    ax.figure.colorbar(points, ax=ax, label=f"{first} (-1) to {second} (+1)")
    ax.set_xlabel(r"$k_\parallel$ (1/nm)")
    ax.set_ylabel("energy (meV)")
    return ax


@checked
def plot_phase_diagram(x: ArrayLike, y: ArrayLike, integers: ArrayLike, ax: Axes, label: str = "Chern number") -> Axes:
    """Draw an integer over a plane of two parameters, one colour each.

    Parameters
    ----------
    x, y
        Parameter values, (x,) and (y,).
    integers
        Values before rounding, (y, x); NaN is left blank.
    ax
        Where to draw; it gets a colour bar. Label its axes with names and units.
    label
        Name of the integer.
    """
    values = np.round(np.asarray(integers, dtype=float))
    low, high = int(np.nanmin(values)), int(np.nanmax(values))
    levels = np.arange(low, high + 2) - 0.5
    reach = max(abs(low), abs(high), 1)
    colours = ListedColormap([_colour(value / reach) for value in range(low, high + 1)])
    image = ax.pcolormesh(
        np.asarray(x), np.asarray(y), values, cmap=colours, norm=BoundaryNorm(levels, colours.N), shading="nearest"
    )
    ax.figure.colorbar(image, ax=ax, label=label, ticks=range(low, high + 1))
    return ax


def _colour(share: float) -> tuple[float, float, float]:
    """Blue for negative, white for zero, red for positive, by share of the largest."""
    fade = 1 - 0.75 * abs(share)
    return (1.0, fade, fade) if share > 0 else (fade, fade, 1.0)


@checked
def plot_streda(fan: StredaFan, ax: Axes) -> Axes:
    """Draw the fillings of gapped states against the magnetic field; C = phi_0 dn/dB of the electrons.

    Parameters
    ----------
    fan
        Fillings of the lines of a Streda fan.
    ax
        Where to draw.
    """
    for line, filling in zip(fan.lines, fan.fillings, strict=True):
        ax.plot(filling, fan.field_tesla, label=rf"$\nu = {line.filling}$, $C = {line.chern}$")
    ax.set_xlabel(r"electrons per cell $\nu$, $C = \phi_0\, dn/dB$")
    ax.set_ylabel("magnetic field (T)")
    ax.legend(frameon=False, fontsize="small")
    return ax
