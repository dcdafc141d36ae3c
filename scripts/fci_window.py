"""Where the fractional Chern insulator lives: gap and splitting at nu = -2/3 over angle and dielectric constant.

Run it alone or under `mpiexec -n N`; finished points are kept in the folder and skipped:

    python scripts/fci_window.py results/fci_window
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from moire.sweep import ResultsFolder, collect, find_communicator, limit_threads, on_leader, parse_plan, run_sweep

PLAN = {
    "name": "fci_window",
    "tasks": ["ed"],
    "model": {"parameter_set": "WANG_2023", "twist_deg": {"start": 2.5, "stop": 4.5, "step": 0.2}},
    "interaction": {"epsilon_r": [5, 7, 10, 14, 20]},
    "ed": [{"cluster": [3, 5], "filling": "-2/3"}],
}


def main() -> None:
    """Run the sweep and draw gap minus splitting over the plane."""
    folder = ResultsFolder(Path(sys.argv[1] if len(sys.argv) > 1 else "results/fci_window"))
    communicator, situation = find_communicator()
    requests = parse_plan(PLAN).requests()
    on_leader(communicator, folder.open_for_writing)
    limit_threads(communicator)
    run_sweep(requests, folder, communicator)
    if communicator is not None and communicator.rank:
        return
    print(situation)
    table = collect(folder, [request.key for request in requests]).tables["ed"]
    angles, constants = np.unique(table["theta"]), np.unique(table["epsilon"])
    robust = np.full((len(constants), len(angles)), np.nan)
    rows, columns = np.searchsorted(constants, table["epsilon"]), np.searchsorted(angles, table["theta"])
    robust[rows, columns] = table["gap"] - table["splitting"]
    figure = Figure(figsize=(5, 3.6), layout="constrained")
    ax = figure.subplots()
    limit = np.nanmax(np.abs(robust))
    image = ax.pcolormesh(angles, constants, robust, cmap="RdBu", vmin=-limit, vmax=limit, shading="nearest")
    ax.set_xlabel("twist angle (deg)")
    ax.set_ylabel(r"$\epsilon$")
    ax.set_title(r"WANG_2023, $\nu = -2/3$, 3x5", fontsize="medium")
    figure.colorbar(image, ax=ax, label="gap - splitting (meV)")
    figure.savefig(folder.path / "fci_window.png", dpi=150)
    print(f"Figure: {folder.path / 'fci_window.png'}")


if __name__ == "__main__":
    main()
