"""Stability of the fractional Chern insulator: gap minus splitting at nu = -2/3 over twist angle and 1/eps.

Runs alone or under `mpiexec -n N`; finished points are kept in the folder and skipped:

    python scripts/fci_window.py data/plans/fci_window.toml
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from moire.plot import styled
from moire.sweep import run_plan_file


@styled()
def main() -> None:
    """Run the sweep and draw gap minus splitting over the plane, with the best angle at each eps."""
    finished = run_plan_file(Path(sys.argv[1]))
    if finished is None:  # rank 0 draws
        return
    plan, folder = finished.plan, finished.folder
    table = finished.summary().tables["ed"]
    angles, inverse = np.unique(table["theta"]), np.unique(1 / table["epsilon"])
    robust = np.full((len(inverse), len(angles)), np.nan)
    rows, columns = np.searchsorted(inverse, 1 / table["epsilon"]), np.searchsorted(angles, table["theta"])
    robust[rows, columns] = table["gap"] - table["splitting"]
    for row, value in enumerate(inverse):
        best = int(np.nanargmax(robust[row]))
        print(f"eps = {1 / value:.4g}: best {robust[row, best]:.3g} meV at {angles[best]:.2f} deg")
    figure = Figure(figsize=(5, 3.6), layout="constrained")
    ax = figure.subplots()
    limit = np.nanmax(np.abs(robust))
    image = ax.pcolormesh(angles, inverse, robust, cmap="RdBu", vmin=-limit, vmax=limit, shading="nearest")
    ax.plot(angles[np.nanargmax(robust, axis=1)], inverse, "k.-", linewidth=0.8, label="best angle")
    ax.set_xlabel("twist angle (deg)")
    ax.set_ylabel(r"$1/\epsilon$")
    ax.set_title(
        rf"{plan.model.parameter_set}, $\nu = {table['filling'][0]}$, {table['cluster'][0]}", fontsize="medium"
    )
    ax.legend(frameon=False, fontsize="small")
    figure.colorbar(image, ax=ax, label="gap - splitting (meV)")
    figure.savefig(folder.path / "fci_window.png")
    print(f"Figure: {folder.path / 'fci_window.png'}")


if __name__ == "__main__":
    main()
