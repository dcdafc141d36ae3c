"""Chern number of the top band over twist angle and displacement field, with the band inversions.

python scripts/topology_phase_diagram.py figure.png
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import moire as mo
from moire.plot import plot_phase_diagram, styled
from moire.topology import converged_chern, displacement_family, find_inversion

ANGLES_DEG = np.arange(2.6, 4.41, 0.2)
FIELDS_MEV = np.arange(0.0, 37.0, 3.0)
SHELLS = 4


@styled()
def main() -> None:
    """Map C with refined meshes, then draw the field at which the bands exchange C3 eigenvalues at kappa_-."""
    wang = mo.parameters.WANG_2023
    chern = np.full((len(FIELDS_MEV), len(ANGLES_DEG)), np.nan)
    closings = []
    for column, twist_deg in enumerate(ANGLES_DEG):
        family = displacement_family(wang, float(twist_deg), SHELLS)
        for row, field in enumerate(FIELDS_MEV):
            try:
                chern[row, column] = converged_chern(family(float(field)), [0]).value
            except mo.InputError as refusal:  # the bands touch here: leave the point blank
                print(f"{twist_deg:.2f} deg, {field:g} meV: {refusal}")
        closing = find_inversion(family, (0.5, 45.0), 0, "kappa_-")
        closings.append(closing.value if closing.converged else np.nan)
        print(f"{twist_deg:.2f} deg: C = {chern[:, column].round().tolist()}, inversion at D = {closings[-1]:.3f} meV")
    figure = Figure(figsize=(5, 3.8), layout="constrained")
    ax = figure.subplots()
    plot_phase_diagram(ANGLES_DEG, FIELDS_MEV, chern, ax)
    ax.plot(ANGLES_DEG, closings, "k.-", label=r"inversion at $\kappa_-$")
    ax.set_xlabel("twist angle (deg)")
    ax.set_ylabel("displacement field D (meV)")
    ax.set_ylim(FIELDS_MEV[0], FIELDS_MEV[-1])
    ax.legend(fontsize="small")
    figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "topology_phase_diagram.png")


if __name__ == "__main__":
    main()
