"""One matrix-vector product of the 4x6, 16-hole sector: matrix-free and stored, one thread and two.

The baseline in the same run is scipy's own product with the same stored matrix.
Run: python benchmarks/products.py
"""

import statistics
import time

import numba
import numpy as np

import moire as mo
from moire.exact_diagonalization import MomentumSector, PairHamiltonian, SectorHamiltonian
from moire.resources import available_cores


def median_seconds(action, repeats=11):
    action()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main():
    wang = mo.parameters.WANG_2023
    lattice = mo.MoireLattice.from_twist(3.7, wang.lattice_constant_nm)
    model = mo.ContinuumModel.build(wang, mo.PlaneWaveBasis.shells(lattice, 5))
    bands = mo.solve_bands(model, mo.MomentumGrid.regular(lattice, 4, 6), n_bands=1)
    problem = mo.project(bands, mo.ScreenedCoulomb(epsilon_r=10, gate_distance_nm=30))
    holes = PairHamiltonian.from_problem(problem)
    sector = MomentumSector(problem.grid, 8, 0)
    electrons = holes.particle_hole_transformed()
    free, stored = (SectorHamiltonian(electrons, sector, storage) for storage in ("matrix-free", "csr"))
    matrix = stored.to_csr()
    vector = np.random.default_rng(0).standard_normal(sector.dimension) + 0j
    baseline = median_seconds(lambda: matrix @ vector)
    print(f"4x6, 16 holes: dimension {sector.dimension}, {matrix.nnz} elements, median of 11 products")
    print(f"{'scipy csr, 1 thread':>24} {baseline * 1e3:8.1f} ms   1.00")
    for threads in range(1, min(2, available_cores()) + 1):
        numba.set_num_threads(threads)
        for name, hamiltonian in (("stored", stored), ("matrix-free", free)):
            seconds = median_seconds(lambda: hamiltonian.matvec(vector))  # noqa: B023
            label = f"{name}, {threads} thread{'s' * (threads > 1)}"
            print(f"{label:>24} {seconds * 1e3:8.1f} ms {seconds / baseline:6.2f}")


if __name__ == "__main__":
    main()
