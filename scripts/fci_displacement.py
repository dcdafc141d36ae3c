"""The fractional Chern insulator in a displacement field: gap, splitting and trace condition.

Runs alone or under `mpiexec -n N`; finished points are kept in the folder and skipped:

    python scripts/fci_displacement.py data/plans/fci_displacement.toml
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure

from moire.plot import styled
from moire.sweep import run_plan_file


@styled()
def main() -> None:
    """Run the sweep and draw gap, splitting and the trace violation K - |C| against the field."""
    finished = run_plan_file(Path(sys.argv[1]))
    if finished is None:  # rank 0 draws
        return
    plan, folder = finished.plan, finished.folder
    summary = finished.summary()
    states, bands = summary.tables["ed"], summary.tables["topology"]
    print(summary)
    figure = Figure(figsize=(5.4, 5.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    upper.plot(states["D"], states["gap"], "o-", label="gap above the manifold")
    upper.plot(states["D"], states["splitting"], "s--", label="splitting")
    upper.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    upper.set_ylabel("energy (meV)")
    cluster, filling = states["cluster"][0], states["filling"][0]
    upper.set_title(rf"{plan.model.parameter_set}, $\nu = {filling}$, {cluster}", fontsize="medium")
    violation = bands["trace_0"] - abs(bands["chern_0"])
    lower.plot(bands["D"], violation, "o-", color="C2", label=r"$\frac{1}{2\pi}\int$ tr $g$ $- |C|$")
    lower.plot(bands["D"], bands["sigma_F_0"], "s--", color="C3", label="fluctuation of the curvature")
    lower.set_xlabel("displacement field D (meV)")
    lower.set_yscale("log")
    for ax in (upper, lower):
        ax.legend(frameon=False, fontsize="small")
    figure.savefig(folder.path / "fci_displacement.png")
    print(f"Figure: {folder.path / 'fci_displacement.png'}")


if __name__ == "__main__":
    main()
