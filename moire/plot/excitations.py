"""Dispersion of magnons and excitons along a path of momenta."""

from __future__ import annotations

from matplotlib.axes import Axes

from moire._types import checked
from moire.errors import require
from moire.grids import KPath
from moire.hartree_fock import Excitations
from moire.plot.bands import CORNER_TEXT


@checked
def plot_excitations(excitations: Excitations, path: KPath, ax: Axes) -> Axes:
    """Draw the modes at the momenta of the grid on a path, joined by lines, and the particle-hole continuum.

    Unstable modes are crosses at their (real) energy.

    Parameters
    ----------
    excitations
        Modes of a Hartree-Fock state.
    path
        Path on the same lattice.
    ax
        Where to draw.

    Raises
    ------
    InputError
        If fewer than two of the momenta solved lie on the path.
    """
    distances, rows = excitations.on_path(path)
    require(len(rows) > 1, "path", "hold at least two of the momenta solved", found=f"holds {len(rows)}")
    energies, growth = excitations.energies[rows], excitations.growth[rows]
    for mode in range(energies.shape[1]):
        ax.plot(distances, energies[:, mode], "o-", color=f"C{mode}", markersize=3, linewidth=0.8)
        grows = growth[:, mode] > 0
        ax.plot(distances[grows], energies[grows, mode], "x", color="C3", markersize=7)
    edge = excitations.continuum[rows]
    ax.fill_between(distances, edge, max(edge.max(), ax.get_ylim()[1]) * 1.05, color="0.85", linewidth=0, zorder=0)
    ticks = path.distances[list(path.tick_indices)]
    for tick in ticks:
        ax.axvline(tick, color="0.8", linewidth=0.6, zorder=0)
    ax.set_xticks(ticks, [CORNER_TEXT.get(label, label) for label in path.tick_labels])
    ax.set_xlim(ticks[0], ticks[-1])
    ax.set_ylabel("energy (meV)")
    ax.set_title(f"{excitations.channel}, {excitations.approximation.upper()}", fontsize="medium")
    return ax
