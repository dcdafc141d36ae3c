"""Spin gap and gap above the manifold at -2/3 against the twist angle.

python scripts/spin_gaps.py [figure.png [N1xN2 [bands of each valley]]]
"""

import sys

from matplotlib.figure import Figure

import moire as mo
from moire.observables import valley_polarisation
from moire.plot import styled
from moire.units import KELVIN

ANGLES_DEG = (3.3, 3.5, 3.7, 3.9)
FILLING, EPSILON = "-2/3", 10.0


def problem(twist_deg: float, shape: tuple[int, int], n_bands: int) -> mo.ProjectedHamiltonian:
    """The lowest bands of both valleys."""
    wang = mo.parameters.WANG_2023
    lattice = mo.MoireLattice.from_twist(twist_deg, wang.lattice_constant_nm)
    models = [mo.ContinuumModel(wang, mo.PlaneWaveBasis(lattice, 5), valley) for valley in (+1, -1)]
    bands = mo.solve_bands(models, mo.MomentumGrid.regular(lattice, *shape), n_bands)
    return mo.project(bands, mo.ScreenedCoulomb(epsilon_r=EPSILON), "hole")


@styled()
def main() -> None:
    """Solve the two largest polarisations at every angle, print a table, and draw both gaps in kelvin."""
    target = sys.argv[1] if len(sys.argv) > 1 else "spin_gaps.png"
    n1, n2 = (int(side) for side in sys.argv[2].split("x")) if len(sys.argv) > 2 else (3, 4)
    n_bands, n_carriers = int(sys.argv[3]) if len(sys.argv) > 3 else 1, 2 * n1 * n2 // 3
    spins, neutral = [], []
    print("theta (deg)  spin gap (meV)    (K)  gap above the manifold (meV)    (K)")
    for twist_deg in ANGLES_DEG:
        given = problem(twist_deg, (n1, n2), n_bands)
        both = mo.solve_all_sectors(given, FILLING, 1, polarisation=[n_carriers, n_carriers - 2])
        spin = valley_polarisation(both).spin_gap_mev
        gap = mo.solve_all_sectors(given, FILLING, 2, polarisation=n_carriers).manifold.gap
        print(f"{twist_deg:11.2f}  {spin:14.4f} {spin / KELVIN:6.1f}  {gap:28.4f} {gap / KELVIN:6.1f}", flush=True)
        spins.append(spin / KELVIN)
        neutral.append(gap / KELVIN)
    figure = Figure(figsize=(5, 3.6), layout="constrained")
    ax = figure.subplots()
    ax.plot(ANGLES_DEG, spins, "o-", label="one carrier flipped")
    ax.plot(ANGLES_DEG, neutral, "s-", label="above the manifold, polarised")
    ax.axhline(55, color="C0", linestyle=":", label="measured, arXiv:2503.10989")
    ax.axhline(20, color="C1", linestyle=":")
    ax.set(xlabel="twist angle (deg)", ylabel="gap (K)", ylim=(0, 1.5 * max(spins)))
    ax.set_title(
        rf"WANG_2023, {n1}x{n2}, bands: {n_bands}, $\nu$ = {FILLING}, $\epsilon$ = {EPSILON:g}", fontsize="medium"
    )
    ax.legend(frameon=False, loc="upper left", fontsize="small")
    figure.savefig(target)


if __name__ == "__main__":
    main()
