"""Half-filled second band above a full first one: are the lowest states at the momenta of Moore-Read states.

python scripts/moore_read.py [cluster [parameter set [angle (deg) [epsilon [bare]]]]], such as 4,0,2,4 XU_2024 2.0 10
"""

import sys
from dataclasses import replace

import numpy as np

import moire as mo
from moire import hartree_fock as hf
from moire.predictions import moore_read_momenta, stripe_momenta


def both_valleys(cluster: str, name: str, twist_deg: float, epsilon_r: float) -> mo.ProjectedHamiltonian:
    """Four bands of both valleys; a cluster is N1xN2 or T11,T12,T21,T22."""
    parameters, sides = mo.parameters.PUBLISHED[name], [int(side) for side in cluster.replace("x", ",").split(",")]
    lattice = mo.MoireLattice.from_twist(twist_deg, parameters.lattice_constant_nm)
    models = [mo.ContinuumModel(parameters, mo.PlaneWaveBasis(lattice, 5), valley) for valley in (+1, -1)]
    grid = mo.MomentumGrid.cluster(lattice, np.diag(sides) if len(sides) == 2 else np.reshape(sides, (2, 2)))
    coulomb = mo.ScreenedCoulomb(epsilon_r=epsilon_r, gate_distance_nm=30)
    return mo.project(mo.solve_bands(models, grid, n_bands=4), coulomb, "hole", zero_momentum="exchange")


def second_band(problem: mo.ProjectedHamiltonian, bare: bool) -> mo.ProjectedHamiltonian:
    """The second band of valley K: that of a Hartree-Fock insulator at -1, or else the bare one."""
    if not bare:
        state = hf.solve_hartree_fock(problem, "-1", "valley_polarised")
        try:
            active = hf.active_bands(state, flavours=[0], bands=[1])
            print(f"Hartree-Fock at -1: gap {state.gap:.3f} meV", active, sep="\n")
            return problem.on_bands(active.bands, reference="vacuum")
        except mo.InputError as error:
            print(f"Bare band: {error}")
    bands = problem.bands
    arrays = {"energies": bands.energies[:1, :, 1:2], "states": bands.states[:1, :, 1:2]}
    return problem.on_bands(replace(bands, names=bands.names[:1], models=bands.models[:1], **arrays))


def main() -> None:
    """Print the lowest states and compare their momenta with those predicted."""
    given = sys.argv[1:] + ["4x4", "XU_2024", "2.0", "10", "Hartree-Fock"][len(sys.argv) - 1 :]
    problem = second_band(both_valleys(*given[:2], *map(float, given[2:4])), given[4] == "bare")
    spectrum = mo.solve_all_sectors(problem, "-1/2", 7)
    print(*given, spectrum.table(7), sep="\n")
    rows, levels = np.nonzero(np.isfinite(spectrum.energies))
    order = np.argsort(spectrum.energies[rows, levels])
    energies = spectrum.energies[rows, levels][order]
    for kind, momenta in (("Moore-Read", moore_read_momenta), ("stripes", stripe_momenta)):
        n = len(predicted := momenta(problem.grid))
        same = sorted(spectrum.labels[row] for row in rows[order[:n]]) == sorted(predicted)
        print(f"{kind}: predicted {predicted}; the lowest {n} are there: {'yes' if same else 'no'}")
        print(
            f"  they spread over {energies[n - 1] - energies[0]:.4f} meV, the next is {np.diff(energies)[n - 1]:.4f} up"
        )


if __name__ == "__main__":
    main()
