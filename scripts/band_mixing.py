"""Gap of the fractional Chern insulator and weights of the bands against the number of bands kept.

python scripts/band_mixing.py [figure.png [N1xN2 [largest number of bands]]]
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import moire as mo
from moire.plot import styled

TWIST_DEG, EPSILON = 3.7, 10.0
FILLINGS = ("-1/3", "-2/3")


def solve(shape: tuple[int, int], n_bands: int, filling: str) -> mo.Spectrum:
    """All sectors of the lowest bands of one valley."""
    wang = mo.parameters.WANG_2023
    lattice = mo.MoireLattice.from_twist(TWIST_DEG, wang.lattice_constant_nm)
    model = mo.ContinuumModel(wang, mo.PlaneWaveBasis(lattice, 5))
    bands = mo.solve_bands(model, mo.MomentumGrid.regular(lattice, *shape), n_bands)
    problem = mo.project(bands, mo.ScreenedCoulomb(epsilon_r=EPSILON), "hole")
    return mo.solve_all_sectors(problem, filling, 2, settings=mo.SpectrumSettings(progress=sys.stderr.isatty()))


@styled()
def main() -> None:
    """Solve both fillings with one band and more, print a table, and draw the gap above the predicted manifold."""
    target = sys.argv[1] if len(sys.argv) > 1 else "band_mixing.png"
    n1, n2 = (int(side) for side in sys.argv[2].split("x")) if len(sys.argv) > 2 else (3, 4)
    counts = range(1, 1 + (int(sys.argv[3]) if len(sys.argv) > 3 else 3))
    figure = Figure(figsize=(5, 3.6), layout="constrained")
    ax = figure.subplots()
    print("filling  bands  dimension  energy per hole (meV)  splitting (meV)  gap (meV)  verdict")
    for filling in FILLINGS:
        gaps = []
        for n_bands in counts:
            spectrum = solve((n1, n2), n_bands, filling)
            manifold = spectrum.manifold
            gaps.append(manifold.gap)
            print(
                f"{filling:>7}  {n_bands:>5}  {spectrum.dimensions.max():>9}  {spectrum.energy_per_carrier:21.5f}  "
                f"{manifold.splitting:15.4f}  {manifold.gap:9.4f}  {manifold.decision.head}",
                flush=True,
            )
        ax.plot(counts, gaps, "o-", label=rf"$\nu = {filling}$")
    ax.axhline(0, color="k", linewidth=0.8)
    ax.set_xticks(np.array(counts))
    ax.set_xlabel("bands kept")
    ax.set_ylabel("gap above the manifold (meV)")
    ax.set_title(rf"WANG_2023, {TWIST_DEG}$\degree$, {n1}x{n2}, $\epsilon$ = {EPSILON:g}", fontsize="medium")
    ax.legend(frameon=False)
    figure.savefig(target)


if __name__ == "__main__":
    main()
