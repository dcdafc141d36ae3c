"""Gap below the top band and its Chern number against the displacement field, at three twist angles.

python scripts/chern_vs_displacement.py figure.png
"""

import sys
import warnings

import numpy as np
from matplotlib.figure import Figure

import moire as mo
from moire.plot import styled

ANGLES_DEG = (3.0, 3.5, 3.89)
FIELDS_MEV = np.arange(0.0, 31.0, 2.0)


@styled()
def main() -> None:
    """Scan the field and draw the direct gap; filled markers where C = -1, open ones where C = 0."""
    warnings.simplefilter("ignore", mo.MeshWarning)  # at the closing the mesh is too coarse: the gap shows where
    figure = Figure(figsize=(5, 3.6), layout="constrained")
    ax = figure.subplots()
    wang = mo.parameters.WANG_2023
    for color, twist_deg in enumerate(ANGLES_DEG):
        lattice = mo.MoireLattice.from_twist(twist_deg, wang.lattice_constant_nm)
        basis, grid = mo.PlaneWaveBasis(lattice, 5), mo.MomentumGrid.regular(lattice, 18, 18)
        for field in FIELDS_MEV:
            bands = mo.solve_bands(mo.ContinuumModel(wang, basis, displacement_mev=field), grid, 2)
            chern, gap = mo.topology.chern_number(bands, [0]), bands.direct_gap(0)
            print(f"{twist_deg:.2f} deg, D = {field:4.1f} meV: direct gap {gap:7.3g} meV, {chern}")
            face = f"C{color}" if chern.rounded else "none"
            label = f"{twist_deg:g} deg" if field == 0 else None
            ax.plot(field, gap, "o", color=f"C{color}", markerfacecolor=face, label=label)
    ax.set_xlabel("displacement field D (meV)")
    ax.set_ylabel("direct gap (meV)")
    ax.legend(frameon=False, title="filled: C = -1, open: C = 0")
    figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "chern_vs_displacement.png")


if __name__ == "__main__":
    main()
