"""Hartree-Fock at nu = -1: energies of the competing states against the displacement field.

Runs alone, or draws what `mpiexec -n N moire sweep data/plans/hf_nu1.toml` has computed; finished points are skipped:

    python scripts/phase_diagram_nu1.py data/plans/hf_nu1.toml
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from moire.io import read_hartree_fock, read_record
from moire.plot import PHASE_COLOURS, styled
from moire.sweep import run_plan_file


@styled()
def main() -> None:
    """Run a plan with refined boundaries, and draw every state found at the middle dielectric constant."""
    finished = run_plan_file(Path(sys.argv[1]))
    if finished is None:  # rank 0 draws
        return
    plan, folder = finished.plan, finished.folder
    constants = plan.hf[0].epsilon_r
    constant = constants[len(constants) // 2]
    figure = Figure(figsize=(5.4, 4.0), layout="constrained")
    ax = figure.subplots()
    labelled = set()
    for request in finished.requests:
        if constant not in request.task.epsilon_r:
            continue
        stored = read_hartree_fock(read_record(folder.file_of(request)))
        row = int(np.flatnonzero(stored.epsilon_r == constant)[0])
        for phase, energy in zip(stored.phases[row], stored.energies[row] - stored.energies[row, 0], strict=True):
            if phase:
                label = None if phase in labelled else phase
                labelled.add(phase)
                ax.plot(request.point.displacement_mev, energy, "o", color=PHASE_COLOURS.get(phase), label=label)
    ax.set_xlabel("displacement field D (meV)")
    ax.set_yscale("symlog", linthresh=0.01)
    ax.set_ylabel(r"$E - E_0$ (meV per cell)")
    ax.set_title(
        rf"{plan.model.parameter_set}, $\nu$ = {plan.hf[0].filling}, $\epsilon$ = {constant:g}", fontsize="medium"
    )
    ax.legend(frameon=False, fontsize="small")
    target = folder.path / "competing-states.png"
    figure.savefig(target)
    print(f"Figure: {target}")


if __name__ == "__main__":
    main()
