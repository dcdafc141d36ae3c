"""Time per momentum of solve_bands at 5 shells, one thread and two.

The baseline in the same run is numpy.linalg.eigh of the same matrices, which computes all bands.
Run: python benchmarks/bands.py
"""

import statistics
import time

import numpy as np
from threadpoolctl import threadpool_limits

import moire as mo
from moire.resources import available_cores


def main():
    wang = mo.parameters.WANG_2023
    lattice = mo.MoireLattice.from_twist(3.89, wang.lattice_constant_nm)
    model = mo.ContinuumModel(wang, mo.PlaneWaveBasis(lattice, 5))
    grid = mo.MomentumGrid.regular(lattice, 12, 12)

    def per_point(action):
        times = []
        for _ in range(5):
            start = time.perf_counter()
            action()
            times.append((time.perf_counter() - start) / grid.n_points)
        return statistics.median(times)

    with threadpool_limits(1):
        baseline = per_point(lambda: [np.linalg.eigh(model.hamiltonian(k)) for k in grid.points])
    print(f"dimension {2 * model.basis.size}, 3 bands at {grid.n_points} momenta, median of 5 runs, per momentum")
    print(f"{'numpy eigh, 1 thread':>24} {baseline * 1e3:8.2f} ms   1.00")
    for threads in range(1, min(2, available_cores()) + 1):
        seconds = per_point(lambda: mo.solve_bands(model, grid, 3, n_threads=threads))  # noqa: B023
        label = f"solve_bands, {threads} thread{'s' * (threads > 1)}"
        print(f"{label:>24} {seconds * 1e3:8.2f} ms {seconds / baseline:6.2f}")


if __name__ == "__main__":
    main()
