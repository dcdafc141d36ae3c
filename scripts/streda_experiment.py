"""Streda fan and Hall plateaus of the states observed in transport at zero field (arXiv:2308.02657).

C = phi_0 dn/dB of the electrons, R_xy = E_x/J_y = h/(C e^2), sigma_xy = J_x/E_y = -C e^2/h.

python scripts/streda_experiment.py figure.png
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import moire as mo
from moire.plot import plot_streda, styled
from moire.topology import StredaLine, streda_fan

STATES = (("-1", "-1"), ("-2/3", "-2/3"), ("-3/5", "-3/5"))


@styled()
def main() -> None:
    """Print sigma_xy, R_xy and slopes of the fan at 3.7 degrees and draw it."""
    cell = mo.MoireLattice.from_twist(3.7, mo.parameters.WANG_2023.lattice_constant_nm).cell_area_nm2
    fan = streda_fan([StredaLine.of(filling, chern) for filling, chern in STATES], np.linspace(0, 3, 31), cell)
    print(fan)
    figure = Figure(figsize=(5, 3.8), layout="constrained")
    plot_streda(fan, figure.subplots())
    figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "streda.png")


if __name__ == "__main__":
    main()
