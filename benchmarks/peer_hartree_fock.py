"""One hole per cell in one valley, all plane waves: moire beside cpp_hf (extra `peers`), energies first.

WANG_2023 at 3.89 degrees, eps = 10, gates at 30 nm, layer-blind, 19 waves a layer, every momentum transfer. Both start
from the lowest states of H(k) and stop at their own residual: 1e-6 meV in the elements of [F, P] here, 1e-6 in the
norm of cpp_hf. Times are of processors, of the solution alone, the best of three; each program uses the threads asked
for.

Run: python -m benchmarks.peer_hartree_fock [sides of the mesh, 12 by default]
"""

import sys
import warnings
from functools import partial
from importlib.util import find_spec

import numpy as np

import moire as mo
from benchmarks.hartree_fock import timed
from moire.hartree_fock import MeanField, ScfSettings, solve_hartree_fock
from moire.resources import threads


def problem_of(side, shells=2):
    """One valley of holes in plane waves, layer-blind, all transfers."""
    wang = mo.parameters.WANG_2023
    lattice = mo.MoireLattice.from_twist(3.89, wang.lattice_constant_nm)
    basis = mo.PlaneWaveBasis(lattice, shells)
    waves = mo.plane_wave_orbitals(mo.ContinuumModel(wang, basis), mo.MomentumGrid.regular(lattice, side, side))
    coulomb = mo.ScreenedCoulomb(epsilon_r=10, gate_distance_nm=30)
    return mo.project(waves, coulomb, "hole", 2 * shells + 2, "exchange")


def peer_kernel(problem):
    """The same problem for cpp_hf, whose orbitals are (G, layer) at p = k - G, and whose energies are per cell."""
    from cpp_hf.superlattice import SuperlatticeHartreeFockKernel, build_extended_layout  # optional

    grid, lattice = problem.grid, problem.grid.lattice
    basis = problem.bands.models[0].basis
    sides, n_g = grid.moduli, basis.size

    def coulomb(q):
        return problem.interaction(np.ravel(q))[:, 0, 0].reshape(np.shape(q)) / lattice.cell_area_nm2

    one_body = problem.one_body_matrix[0].reshape(-1, 2, n_g, 2, n_g).transpose(0, 2, 1, 4, 3)
    layout = build_extended_layout(-basis.vectors, lattice.reciprocal.T, *sides, coulomb, 1 / grid.n_points)
    return SuperlatticeHartreeFockKernel(
        np.full(sides, 1 / grid.n_points),
        one_body.reshape(*sides, 2 * n_g, 2 * n_g),
        layout,
        coulomb_V=coulomb,
        g_cart=basis.vectors @ lattice.reciprocal,
        T=1e-3,
    )


def peer_energy(kernel):
    """Energy per cell of the solution of cpp_hf, in meV."""
    from cpp_hf import SCFConfig, solve_scf

    lowest = np.linalg.eigh(kernel.h)[1][..., :1]
    how = SCFConfig(acceleration="diis", comm_tol=1e-6, density_tol=1e-6)
    found = solve_scf(kernel, lowest @ lowest.conj().swapaxes(-1, -2), 1.0, config=how)
    return float(found.energy), found.iterations


def main():
    if find_spec("cpp_hf") is None:
        print("cpp_hf is not installed: pip install -e '.[peers]'")
        return
    warnings.simplefilter("ignore")  # of the plane-wave cutoff: energies of equal cutoff are compared
    print(f"{threads()} threads\n{'mesh':>4} {'program':>8} {'E/cell':>12} {'steps':>6} {'wall s':>8} {'cores s':>8}")
    how = ScfSettings(solvers=("diis",))
    for side in [int(word) for word in sys.argv[1:]] or [12]:
        problem = problem_of(side)
        mean_field, kernel = MeanField(problem), peer_kernel(problem)
        ours, *own = timed(partial(solve_hartree_fock, mean_field, 1, "non_magnetic", settings=how))
        (energy, steps), *peer = timed(partial(peer_energy, kernel))
        for name, value, count, times in (
            ("moire", ours.energy_per_cell, len(ours.history), own),
            ("cpp_hf", energy, steps, peer),
        ):
            print(f"{side:>4} {name:>8} {value:12.5f} {count:6} {times[0]:8.3f} {times[1]:8.3f}", flush=True)
        print(f"{side:>4} ratio: {peer[0] / own[0]:.1f} on the wall, {peer[1] / own[1]:.1f} on the cores")


if __name__ == "__main__":
    main()
