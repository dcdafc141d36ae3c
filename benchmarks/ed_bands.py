"""Exact diagonalization of several bands and both valleys: products of sectors with many orbitals.

In the same run, for two bands on 3x4 with 8 holes, both valleys on 3x4 with 4 + 4 holes, five bands on 3x3 with
6 holes (dimension 905,100), and two bands on 3x5 with 10 holes (dimension 2,003,005): matrix-free products of one
vector and of two, on one thread and two, against (a) the plain kernel over occupied pairs and (b) the stored matrix
with scipy, where it fits. Then what of a product are its small matrix products, and what its gathers and scatters:
either is timed alone, with the tables of the other emptied.

GFLOP/s count what a product needs, 8 flops for every two pairs that are free in an intermediate state; the kernel
multiplies more, because the columns of a register share their pairs. The last column is the fraction of a large zgemm
on as many threads.

Run: python -m benchmarks.ed_bands
"""

import time

import numba
import numpy as np
from threadpoolctl import threadpool_limits

import moire as mo
from benchmarks.ed import seconds
from moire.exact_diagonalization import MomentumSector, PairHamiltonian, SectorHamiltonian
from moire.kernels import fock, pair_product
from moire.resources import available_cores, fits_in_memory, human_bytes
from tests.reference import occupied_pairs

FREE_COLUMNS, LIST_START = 5, 6  # places among the arguments of the kernel
CASES = (
    ("2 bands, 3x4, 8 holes", [3, 4], 2, (+1,), (8,)),
    ("both valleys, 3x4, 4 + 4 holes", [3, 4], 1, (+1, -1), (4, 4)),
    ("5 bands, 3x3, 6 holes", [3, 3], 5, (+1,), (6,)),
    ("2 bands, 3x5, 10 holes", [3, 5], 2, (+1,), (10,)),
)


def problem_on(shape, n_bands, valleys):
    wang = mo.parameters.WANG_2023
    lattice = mo.MoireLattice.from_twist(3.7, wang.lattice_constant_nm)
    models = tuple(mo.ContinuumModel(wang, mo.PlaneWaveBasis(lattice, 4), valley) for valley in valleys)
    bands = mo.solve_bands(models, mo.MomentumGrid.cluster(lattice, shape), n_bands)
    return mo.project(bands, mo.ScreenedCoulomb(epsilon_r=10, gate_distance_nm=30), q_cutoff=1.5)


def zgemm_rate(n_threads):
    a = np.ones((800, 800), dtype=complex)
    with threadpool_limits(n_threads):
        return 8 * 800**3 / seconds(lambda: a @ a)


def needed_flops(h):
    """Flops of the small products: every two pairs that are free in an intermediate state, once."""
    pairs, n, entries = h.pair_hamiltonian.pairs, h.sector.n_particles, np.empty(h.shape[0], dtype=np.int64)
    fock.count_row_entries(h.sector.states, pairs.index, pairs.range, pairs.mask, entries)
    return 8.0 * (entries.sum() - h.shape[0] + h.shape[0] * n * (n - 1) / 2)


def row(label, value, baseline, flops=0.0, peak=1.0, n_bytes=0.0):
    rate = f"{flops / value * 1e-9:8.1f} GFLOP/s {flops / value / peak:6.2f}" if flops else " " * 23
    memory = f"{human_bytes(n_bytes):>10}" if n_bytes else ""
    print(f"{label:>36} {value * 1e3:10.1f} ms {value / baseline:8.2f} {rate} {memory}", flush=True)


def emptied(h, index):
    """The kernel of a sector, with one of its tables set to zero."""
    arguments = list(h._product._kernel_arguments)
    arguments[index] = np.zeros_like(arguments[index])
    return arguments


def products(label, shape, n_bands, valleys, numbers, peaks):
    problem = problem_on(shape, n_bands, valleys)
    pairs = PairHamiltonian.from_problem(problem)
    start = time.perf_counter()
    h = SectorHamiltonian(pairs, MomentumSector(problem.orbitals, numbers, 0), "matrix-free")
    built = time.perf_counter() - start
    flops = needed_flops(h)
    widest = np.diff(pairs.pairs.group_start).max()
    print(f"\n{label}: {problem.orbitals.size} orbitals, dimension {h.shape[0]}, blocks up to {widest} wide")
    print(f"{flops * 1e-9:.2f} GFLOP a product; tables in {built:.1f} s")
    x = np.random.default_rng(0).standard_normal((h.shape[0], 4)).view(complex)
    one, baseline = np.ascontiguousarray(x[:, :1]), 0.0
    for n_threads, peak in peaks.items():
        numba.set_num_threads(n_threads)
        single = seconds(lambda: h.matmat(one))
        baseline = baseline or single
        row(f"matrix-free, threads: {n_threads}", single, baseline, flops, peak, h.n_bytes)
        row("a vector of two", seconds(lambda: h.matmat(x)) / 2, baseline, flops, peak)
    numba.set_num_threads(1)
    h.matmat(one)  # accumulators of one vector
    reals = one.view(float)
    for name, index, counted in (("small products", LIST_START, flops), ("gathers and scatters", FREE_COLUMNS, 0.0)):
        arguments = emptied(h, index)
        value = seconds(lambda a=arguments: pair_product.pair_product(*a, reals, h._product._accumulators))
        row(f"{name} alone, 1 thread", value, baseline, counted, peaks[1])
    row("(a) occupied pairs", seconds(lambda: occupied_pairs.product(h, one[:, 0].copy()), 1), baseline)
    stored = SectorHamiltonian.estimated_bytes(problem.orbitals.size, numbers, h.shape[0], problem.grid.n_points)
    if fits_in_memory(2 * stored):
        matrix = h.to_csr()
        row("(b) stored, scipy csr", seconds(lambda: matrix @ one[:, 0]), baseline, 0.0, 1.0, 20.0 * matrix.nnz)
    else:
        print(f"{'(b) stored, scipy csr':>36} does not fit: {human_bytes(stored)}")


def main():
    two = available_cores() > 1 and numba.config.NUMBA_NUM_THREADS > 1
    peaks = {}
    for n_threads in (1, 2) if two else (1,):
        numba.set_num_threads(n_threads)
        peaks[n_threads] = zgemm_rate(n_threads)
        print(f"zgemm {peaks[n_threads] * 1e-9:.0f} GFLOP/s, threads: {n_threads}")
    print("processor time on one thread, wall time on two; medians, and ratios to one matrix-free product on one")
    for case in CASES:
        products(*case, peaks)


if __name__ == "__main__":
    main()
