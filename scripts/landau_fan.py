"""Landau fan of both valleys at one angle and field.

Run: python scripts/landau_fan.py [figure.png] [twist_deg] [displacement_mev] [largest q]
"""

import sys
from fractions import Fraction

from matplotlib.figure import Figure
from tqdm import tqdm

import moire as mo
from moire.magnetic import landau_fan
from moire.plot import plot_fan, styled


@styled()
def main() -> None:
    """Print the lines of the fan up to half a flux quantum per cell, and draw it."""
    given = [*sys.argv[1:], *("landau_fan.png", "3.7", "0", "10")[len(sys.argv) - 1 :]]
    target, twist_deg, displacement_mev, largest = given[0], float(given[1]), float(given[2]), int(given[3])
    wang = mo.parameters.WANG_2023
    lattice = mo.MoireLattice.from_twist(twist_deg, wang.lattice_constant_nm)
    models = [mo.ContinuumModel(wang, mo.PlaneWaveBasis(lattice, 5), v, displacement_mev) for v in (+1, -1)]
    fluxes = {Fraction(p, q) for q in range(2, largest + 1) for p in range(1, q) if 2 * p <= q}
    bar = tqdm(total=len(fluxes), unit="flux")
    fan = landau_fan(models, fluxes, threshold_mev=0.3, on_flux=lambda flux: bar.update())
    bar.close()
    print(fan)
    figure = Figure(figsize=(7.0, 4.5), layout="constrained")
    plot_fan(fan, figure.subplots()).set_title(f"{wang.name}, {twist_deg:g} degrees, D = {displacement_mev:g} meV")
    figure.savefig(target)


if __name__ == "__main__":
    main()
