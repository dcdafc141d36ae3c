"""A Haldane ribbon and a domain wall of AB bilayer graphene, with the modes that the indices predict.

python scripts/edges_and_kinks.py figure.png
"""

import sys

import numpy as np
from matplotlib.figure import Figure

from moire.models import HaldaneModel, RhombohedralMultilayer
from moire.plot import plot_index_versus_radius, plot_strip, styled
from moire.topology import DomainWalls, Ribbon, in_gap_modes, index_versus_radius, strip_spectrum


@styled()
def main() -> None:
    """Draw both strips and the interband index that counts the kink modes."""
    ribbon = Ribbon(HaldaneModel(0.25, 1000.0, 150.0), "zigzag", 24)
    bilayer = RhombohedralMultilayer(2, 600.0, 380.0, 30.0)
    walls = DomainWalls(bilayer, 10.0, 400.0, 41)
    for strip in (ribbon, walls):
        print(in_gap_modes(strip, 0.0))
    figure = Figure(figsize=(13, 3.8), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    period = 2 * np.pi / ribbon.model.lattice.period_nm
    plot_strip(strip_spectrum(ribbon, np.linspace(0, period, 121)), left).set_title(ribbon.name, fontsize="x-small")
    plot_strip(strip_spectrum(walls, np.linspace(-0.25, 0.25, 81)), middle).set_ylim(-40, 40)
    middle.set_title(walls.name, fontsize="x-small")
    scan = index_versus_radius(bilayer, (0.0, 0.0), np.linspace(0.05, 0.6, 12), 1, 2)
    plot_index_versus_radius(scan, right).set_title("AB bilayer, bands 1 and 2 around K", fontsize="x-small")
    figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "edges_and_kinks.png")


if __name__ == "__main__":
    main()
