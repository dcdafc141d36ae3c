"""Exact diagonalization: products, their memory and their share of the limit, and eigenstates.

In the same run, for sectors of dimension 30,709 (4x6), 173,613 (27 sites) and 1,001,402 (5x6):
matrix-free products of one vector and of four on one thread and two, against (a) the plain kernel over
occupied pairs, (b) the stored matrix with scipy, (c) QuSpin's operator without storage, where it is installed.
Then Lanczos against ARPACK, and 4x6 at -2/3 from the parameters to the verdict.

The limit of one thread is the sum of two: the gathers of a state, N(N-1)/2 at 80 million random reads a second, and
the flops of the small products, pairs free in the intermediate state only, at the speed of a large zgemm measured
here. Reads that stay in the cache may be faster than the first.

Run: python -m benchmarks.ed
"""

import statistics
import time

import numba
import numpy as np
from threadpoolctl import threadpool_limits

import moire as mo
from moire.exact_diagonalization import MomentumSector, PairHamiltonian, SectorHamiltonian, solve_sector
from moire.orbitals import Orbitals
from moire.resources import available_cores, fits_in_memory, human_bytes
from tests.reference import occupied_pairs

GATHERS_PER_SECOND = 80e6
SECTORS = (([4, 6], 8), ([[3, -3], [3, 6]], 9), ([5, 6], 10))


def seconds(action, repeats=5):
    """Median of the processor time of one call; of the wall time where several threads work."""
    clock = time.perf_counter if numba.get_num_threads() > 1 else time.process_time
    action()
    times = []
    for _ in range(repeats):
        start = clock()
        action()
        times.append(clock() - start)
    return statistics.median(times)


def problem_on(shape):
    wang = mo.parameters.WANG_2023
    lattice = mo.MoireLattice.from_twist(3.7, wang.lattice_constant_nm)
    model = mo.ContinuumModel(wang, mo.PlaneWaveBasis(lattice, 5))
    bands = mo.solve_bands(model, mo.MomentumGrid.cluster(lattice, shape), n_bands=1)
    return mo.project(bands, mo.ScreenedCoulomb(epsilon_r=10, gate_distance_nm=30))


def zgemm_flops():
    """Flops a second of a large complex matrix product on one thread."""
    a = np.ones((600, 600), dtype=complex)
    with threadpool_limits(1):
        return 8 * 600**3 / seconds(lambda: a @ a)


def limit(pairs, sector, peak):
    """Seconds of one thread at the limit, gathers and flops counted."""
    n, n_sites = sector.n_particles, sector.grid.n_points
    gathers = sector.dimension * n * (n - 1) / 2
    counts = sector_counts(sector.grid, n - 2)
    width = np.bincount(pairs.momentum, minlength=n_sites)
    blocked = 1 - (n - 2) / n_sites
    free = width * blocked * (n_sites - n + 1) / (n_sites - 1)
    flops = sum(8 * counts[sector.grid.difference_index[sector.momentum, q]] * free[q] ** 2 for q in range(n_sites))
    return gathers / GATHERS_PER_SECOND, flops / peak


def sector_counts(grid, n_particles):
    return mo.exact_diagonalization.sector_dimensions(Orbitals(grid), n_particles)


def quspin_seconds(problem, n_carriers):
    """One product without storage over all momenta, divided by their number; None where QuSpin is not installed."""
    try:
        from quspin.basis import spinless_fermion_basis_general
        from quspin.operators import quantum_LinearOperator
    except ImportError:
        return None
    grid, pairs = problem.grid, PairHamiltonian.from_problem(problem).particle_hole_transformed()
    table = pairs.pairs
    terms = [
        [pairs.blocks[table.block_start[a] + b - table.range[a, 0]], *(int(k) for k in (a2, a1, *table.members[b]))]
        for a, (a1, a2) in enumerate(table.members)
        for b in range(*table.range[a])
    ]
    static = [["n", [[e, k] for k, e in enumerate(pairs.levels)]], ["++--", terms]]
    basis = spinless_fermion_basis_general(grid.n_points, Nf=n_carriers)
    unchecked = {"check_symm": False, "check_herm": False, "check_pcon": False}
    operator = quantum_LinearOperator(static, basis=basis, dtype=np.complex128, **unchecked)
    vector = np.random.default_rng(0).standard_normal(basis.Ns) + 0j
    return seconds(lambda: operator.dot(vector), repeats=1) / grid.n_points


def row(label, value, baseline, n_bytes=0.0):
    memory = f"{human_bytes(n_bytes):>10}" if n_bytes else ""
    print(f"{label:>34} {value * 1e3:10.1f} ms {value / baseline:8.2f} {memory}", flush=True)


def products(shape, n_particles, peak):
    problem = problem_on(shape)
    pairs = PairHamiltonian.from_problem(problem).particle_hole_transformed()
    sector = MomentumSector(problem.orbitals, n_particles, 0)
    numba.set_num_threads(1)
    free = SectorHamiltonian(pairs, sector, "matrix-free")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((sector.dimension, 8)).view(complex)
    vector = np.ascontiguousarray(x[:, 0])
    baseline = seconds(lambda: free.matvec(vector))
    gathers, flops = limit(pairs.pairs, sector, peak)
    print(f"\n{problem.grid.name}, {n_particles} minority carriers: dimension {sector.dimension}")
    row("matrix-free, 1 thread", baseline, baseline, free.n_bytes)
    row("a vector of four, 1 thread", seconds(lambda: free.matmat(x)) / 4, baseline)
    row("limit: gathers", gathers, baseline)
    row("limit: gathers and flops", gathers + flops, baseline)
    row("(a) occupied pairs", seconds(lambda: occupied_pairs.product(free, vector), 1), baseline)
    stored_bytes = SectorHamiltonian.estimated_bytes(problem.grid.n_points, n_particles, sector.dimension)
    if fits_in_memory(2 * stored_bytes):
        matrix = free.to_csr()
        row("(b) stored, scipy csr", seconds(lambda: matrix @ vector), baseline, 20.0 * matrix.nnz)
        del matrix
    if sector.dimension < 50000:
        theirs = quspin_seconds(problem, n_particles)
        if theirs is not None:
            row("(c) QuSpin, a 1/N_s of all sectors", theirs, baseline)
    if available_cores() > 1 and numba.config.NUMBA_NUM_THREADS > 1:
        numba.set_num_threads(1)
        start = time.perf_counter()
        free.matvec(vector)
        one = time.perf_counter() - start
        numba.set_num_threads(2)
        two = seconds(lambda: free.matvec(vector))
        numba.set_num_threads(1)
        row("wall time, 1 thread", one, baseline)
        row("wall time, 2 threads", two, baseline)


def eigenstates():
    problem = problem_on([4, 6])
    pairs = PairHamiltonian.from_problem(problem).particle_hole_transformed()
    h = SectorHamiltonian(pairs, MomentumSector(problem.orbitals, 8, 0))
    print("\n4 levels of 4x6 at -2/3, sector (0, 0), to 1e-6 meV, 1 thread")
    for label, options in (
        ("ARPACK", {"solver": "arpack"}),
        ("Lanczos, block 2", {"solver": "lanczos"}),
        ("Lanczos, block 1", {"solver": "lanczos", "block_size": 1}),
        ("Lanczos, block 4", {"solver": "lanczos", "block_size": 4}),
    ):
        start = time.process_time()
        solution = solve_sector(h, 4, mo.EigensolverSettings(**options))
        print(f"{label:>34} {solution.n_products:6} products {time.process_time() - start:8.2f} s")
    numba.set_num_threads(min(2, available_cores(), numba.config.NUMBA_NUM_THREADS))
    for use_symmetry in (True, False):
        start, cpu = time.perf_counter(), time.process_time()
        settings = mo.SpectrumSettings(use_symmetry=use_symmetry)
        spectrum = mo.solve_all_sectors(problem_on([4, 6]), (2, 3), 4, settings=settings)
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        print(f"all sectors, symmetry {use_symmetry}: {wall:.1f} s on the wall, {cpu:.1f} s of processors")
    print(spectrum.manifold.verdict)


def main():
    peak = zgemm_flops()
    print(f"zgemm {peak * 1e-9:.0f} GFLOP/s on one thread; medians, and ratios to one matrix-free product")
    for shape, n_particles in SECTORS:
        products(shape, n_particles, peak)
    eigenstates()


if __name__ == "__main__":
    main()
