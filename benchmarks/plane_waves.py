"""Hartree-Fock in all plane waves beside a number of bands: one Fock build, and a converged state.

Both valleys at nu = -2, WANG_2023 at 3.89 degrees, D = 28 meV, eps = 20, |q| <= 2.5 |G_1|, the state AFMz. In plane
waves it is found in three bands and lifted, and the time of both is counted with that of the exchange of the bands. The
number of orbitals at a momentum is twice that of bands or plane waves. Times are given on the wall and on all cores
together; the second suffers less from a busy machine. At the end, how the time grows with momenta and waves, as
exponents of a least-squares fit. Six bands are solved on the first mesh alone: their exchange grows as the square of
momenta times bands squared.

Run: python -m benchmarks.plane_waves [sides of the mesh, 6 12 by default]
"""

import sys
import warnings

import numpy as np

import moire as mo
from benchmarks.hartree_fock import timed
from moire.hartree_fock import GroundState, MeanField, in_bands, lift, solve_hartree_fock
from moire.resources import threads

SHELLS = (3, 4)
BANDS = (3, 6)


def mean_field_of(shells, side, n_bands):
    wang = mo.parameters.WANG_2023
    lattice = mo.MoireLattice.from_twist(3.89, wang.lattice_constant_nm)
    basis = mo.PlaneWaveBasis(lattice, shells)
    models = [mo.ContinuumModel(wang, basis, valley, displacement_mev=28.0) for valley in (+1, -1)]
    grid = mo.MomentumGrid.regular(lattice, side, side)
    orbitals = mo.solve_bands(models, grid, n_bands) if n_bands else mo.plane_wave_orbitals(models, grid)
    coulomb = mo.ScreenedCoulomb(epsilon_r=20, layer_distance_nm=0.7)
    return MeanField(mo.project(orbitals, coulomb, "hole", 2.5, "exchange"))


def lifted(mean_field):
    """AFMz from three bands."""
    few = in_bands(mean_field, 3)
    return lift(GroundState((solve_hartree_fock(few, 2, "AFMz"),)), few, mean_field).best


def row(shells, side, n_bands):
    """Print one line; return the processor times of a build and of a state."""
    mean_field, *tables = timed(lambda: mean_field_of(shells, side, n_bands), 1)
    find = (lambda: solve_hartree_fock(mean_field, 2, "AFMz")) if n_bands else (lambda: lifted(mean_field))
    state, *solve = timed(find, 1)
    _, *build = timed(lambda: mean_field(state.density_matrix), 5)
    kind = f"{n_bands} bands" if n_bands else f"all {mean_field.n_bands} waves"
    times = "".join(f"{wall:9.3f} {cores:8.3f}" for wall, cores in (tables, build, solve))
    energy = f"{state.energy_per_cell:11.4f} {state.gap:8.3f}" if state.converged else "  not converged"
    print(f"{side:>4} {kind:>14} {times} {len(state.history):6} {energy}", flush=True)
    return build[1], solve[1]


def main():
    warnings.simplefilter("ignore")  # of the plane-wave cutoff: energies of equal cutoff are compared
    sides = [int(word) for word in sys.argv[1:]] or [6, 12]
    print(f"{threads()} threads; times in s, on the wall and on the cores")
    heads = f"{'tables':>18} {'build':>17} {'state':>17} {'steps':>6} {'E/cell':>11} {'gap':>8}"
    print(f"{'mesh':>4} {'orbitals':>14} {heads}")
    found = []
    for side in sides:
        for n_bands in BANDS if side == sides[0] else BANDS[:1]:
            row(3, side, n_bands)
        for shells in SHELLS:
            lattice = mo.MoireLattice.from_twist(3.89, mo.parameters.WANG_2023.lattice_constant_nm)
            found.append((side**2, mo.PlaneWaveBasis(lattice, shells).size, *row(shells, side, 0)))
    if len(sides) > 1:
        momenta, waves, *seconds = np.log(np.array(found)).T
        design = np.stack([momenta, waves, np.ones(len(found))], axis=1)
        for name, times in zip(("a build", "a state"), seconds, strict=True):
            exponents = np.linalg.lstsq(design, times, rcond=None)[0]
            print(f"{name} grows as momenta^{exponents[0]:.2f} waves^{exponents[1]:.2f}")


if __name__ == "__main__":
    main()
