"""Spin gap and charge gap at -2/3 against the twist angle, with one carrier of the other valley.

python scripts/spin_gaps.py [figure.png [N1xN2 [bands]]]
"""

import sys

from matplotlib.figure import Figure

import moire as mo
from moire.observables import valley_polarisation
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


def main() -> None:
    """Solve the two largest polarisations at every angle, print a table, and draw both gaps in kelvin."""
    target = sys.argv[1] if len(sys.argv) > 1 else "spin_gaps.png"
    n1, n2 = (int(side) for side in sys.argv[2].split("x")) if len(sys.argv) > 2 else (3, 4)
    n_bands = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    settings = mo.SpectrumSettings(progress=sys.stderr.isatty())
    n_carriers = 2 * n1 * n2 // 3
    figure = Figure(figsize=(5, 3.6), layout="constrained")
    ax = figure.subplots()
    spins, neutral = [], []
    print("theta (deg)  spin gap (meV)  (K)  neutral gap (meV)  (K)")
    for twist_deg in ANGLES_DEG:
        both = [n_carriers, n_carriers - 2]
        spectrum = mo.solve_all_sectors(
            problem(twist_deg, (n1, n2), n_bands), FILLING, 2, polarisation=both, settings=settings
        )
        spin = valley_polarisation(spectrum).spin_gap_mev
        polarised = mo.solve_all_sectors(
            problem(twist_deg, (n1, n2), n_bands), FILLING, 2, polarisation=n_carriers, settings=settings
        )
        spins.append(spin / KELVIN)
        neutral.append(polarised.manifold.gap / KELVIN)
        print(
            f"{twist_deg:11.2f}  {spin:14.4f} {spins[-1]:5.1f}  {polarised.manifold.gap:17.4f} {neutral[-1]:5.1f}",
            flush=True,
        )
    ax.plot(ANGLES_DEG, spins, "o-", label="one carrier flipped")
    ax.plot(ANGLES_DEG, neutral, "s-", label="above the manifold, polarised")
    ax.axhline(55, color="C0", linestyle=":", label="measured (arXiv:2503.10989)")
    ax.axhline(20, color="C1", linestyle=":")
    ax.set_xlabel("twist angle (deg)")
    ax.set_ylabel("gap (K)")
    ax.set_title(rf"WANG_2023, {n1}x{n2}, {n_bands} bands a valley, $\nu$ = {FILLING}, $\epsilon$ = {EPSILON:g}")
    ax.legend(frameon=False)
    figure.savefig(target, dpi=150)


if __name__ == "__main__":
    main()
