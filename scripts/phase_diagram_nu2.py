"""Hartree-Fock phase diagrams at nu = -2: field against 1/eps at one angle, or angle against field at eps = 20.

Runs alone or under `mpiexec -n N`; finished points are skipped, and phase boundaries are refined by bisection:

    python scripts/phase_diagram_nu2.py data/plans/hf_nu2_field_epsilon.toml
    python scripts/phase_diagram_nu2.py data/plans/hf_nu2_angle_field.toml
"""

import sys
import tomllib
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from moire.plot import plot_gap_line, styled
from moire.report.figures import draw_folder
from moire.sweep import run_plan_file

LITERATURE = Path(__file__).parents[1] / "data" / "literature" / "hartree_fock_nu2.toml"


@styled()
def main() -> None:
    """Run a plan with refined boundaries, draw the phases, and the gaps at eps = 20 with the published ones."""
    finished = run_plan_file(Path(sys.argv[1]))
    if finished is None:  # rank 0 draws
        return
    folder = finished.folder
    summary = finished.summary()
    figures = draw_folder(folder, summary, folder.path / "figures", finished.keys)
    table = summary.tables["hf"]
    line = np.isclose(table["epsilon"], 20) & np.isclose(table["theta"], 3.89)
    if line.any():
        published = tomllib.loads(LITERATURE.read_text())["gap_at_eps20"]
        figure = Figure(figsize=(5.4, 4.0), layout="constrained")
        ax = plot_gap_line({name: table[name][line] for name in table.columns}, "D", figure.subplots())
        ax.plot(published["D"], published["gap"], "kx", label="arXiv:2308.07488, digitised")
        ax.set_xlabel("displacement field D (meV)")
        ax.legend(frameon=False, fontsize="small")
        figures.append(folder.path / "figures" / "gap-at-eps20.png")
        figure.savefig(figures[-1])
    print("\n".join(f"Written: {path}" for path in figures))


if __name__ == "__main__":
    main()
