"""Sectors of exact diagonalization on 1 to N ranks: levels, products, bytes and memory of each rank.

    mpiexec -n 4 python benchmarks/ed_ranks.py [SECTOR ...] [--levels 3] [--ranks 1,2,4] [--slepc]

Times are processor times of a rank, for other processes may use the cores; without levels one product is measured.
"""

import argparse
import resource

import numpy as np
from mpi4py import MPI

import moire as mo
from moire.exact_diagonalization import (
    EigensolverSettings,
    MomentumSector,
    PairHamiltonian,
    SectorHamiltonian,
    solve_sector,
)
from moire.exact_diagonalization.distributed import DistributedProduct, SectorRows
from moire.exact_diagonalization.distributed.slepc import solve_with_slepc
from moire.exact_diagonalization.distributed.solve import distributed_space, solve_distributed
from moire.ranks import finish, limit_threads, on_leader

SECTORS = {
    "4x6": ((4, 6), 1, (+1,), (16,), True),
    "27": (((6, 3), (-3, 3)), 1, (+1,), (18,), True),
    "3x4, 2 bands": ((3, 4), 2, (+1,), (8,), False),
    "3x4, both valleys": ((3, 4), 1, (+1, -1), (5, 3), False),
    "6x6": ((6, 6), 1, (+1,), (24,), True),
}
"""Cluster, bands, valleys, holes of each valley, and whether missing holes are diagonalized."""


def pair_form(name):
    """The Hamiltonian of WANG_2023 at 3.7 degrees and eps = 10, and the sector of zero momentum."""
    shape, n_bands, valleys, holes, missing = SECTORS[name]
    wang = mo.parameters.WANG_2023
    lattice = mo.MoireLattice.from_twist(3.7, wang.lattice_constant_nm)
    models = [mo.ContinuumModel(wang, mo.PlaneWaveBasis(lattice, 5), valley) for valley in valleys]
    grid = mo.MomentumGrid.cluster(lattice, np.array(shape))
    bands = mo.solve_bands(models, grid, n_bands)
    form = PairHamiltonian.from_problem(
        mo.project(bands, mo.ScreenedCoulomb(epsilon_r=10, gate_distance_nm=30), "hole")
    )
    if missing:
        return form.particle_hole_transformed(), (tuple(grid.n_points - n for n in holes), 0)
    return form.with_diagonal_levels(sum(holes)), (holes, 0)


def measure(name, form, sector, n_levels, communicator):
    """Print a row of the table on rank 0, and return the levels."""
    rows = SectorRows(form.orbitals, *sector, communicator.size, communicator.rank)
    product = DistributedProduct(form, rows, communicator)
    x = np.random.default_rng(rows.rank).standard_normal((rows.held.stop - rows.held.start, 4)).view(complex)
    if rows.dimension < 1e6:
        product(x)
    product.cost = type(product.cost)()
    for _ in range(1 if rows.dimension > 1e6 else 5):
        y = product(x)
    elements = communicator.allreduce(x.conj().T @ y)  # of a Hermitian matrix
    assert np.abs(elements - elements.conj().T).max() < 1e-9 * np.abs(elements).max()
    cost = product.cost
    each = [cost.working_s, cost.moving_s, cost.bytes_sent / 2**20]
    mine = [value / cost.n_vectors for value in each] + [product.n_bytes / 2**20, x.nbytes / 2 / 2**20]
    worst = np.max(communicator.allgather(mine), axis=0)
    peak = max(communicator.allgather(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)) / 2**10
    del x, y, product
    levels = []
    if n_levels:
        levels = solve_distributed(form, sector, n_levels, EigensolverSettings(), communicator).energies
    if rows.rank == 0:
        work, copies, sent, held, vector = worst
        found = " ".join(f"{level:.10f}" for level in levels)
        print(
            f"| {name} | {rows.dimension:,} | {rows.n_ranks} | {work * 1e3:.0f} ms | {copies * 1e3:.0f} ms | "
            f"{sent:.2f} MiB | {held:.0f} MiB | {vector:.1f} MiB | {peak:.0f} MiB | {found} |",
            flush=True,
        )
    return levels


def by_slepc(form, sector, n_levels, communicator):
    """Levels by the other solver."""
    product = DistributedProduct(
        form, SectorRows(form.orbitals, *sector, communicator.size, communicator.rank), communicator
    )
    space = distributed_space(product.rows, communicator)
    return solve_with_slepc(product, space, n_levels, EigensolverSettings(tolerance_mev=1e-6), communicator)


def main():
    world = MPI.COMM_WORLD
    parser = argparse.ArgumentParser()
    parser.add_argument("sectors", nargs="*", default=["4x6", "27", "3x4, 2 bands", "3x4, both valleys"])
    parser.add_argument("--levels", type=int, default=3)
    parser.add_argument("--ranks", default=",".join(str(n + 1) for n in range(world.size)))
    parser.add_argument("--slepc", action="store_true")
    given = parser.parse_args()
    limit_threads(world)
    if world.rank == 0:
        print(
            "| sector | dimension | ranks | work | copies | sent | tables and buffers | vector | peak | levels (meV) |"
        )
        print("| --- " * 10 + "|", flush=True)
    for name in given.sectors:
        form, sector = on_leader(world, lambda name=name: pair_form(name))
        expected = None
        if world.rank == 0 and given.levels:
            alone = SectorHamiltonian(form, MomentumSector(form.orbitals, *sector), "matrix-free")
            expected = solve_sector(alone, given.levels).energies
        for size in map(int, given.ranks.split(",")):
            part = world.Split(world.rank < size, world.rank)
            if world.rank < size:
                levels = measure(name, form, sector, given.levels, part)
                if given.slepc:
                    other = by_slepc(form, sector, given.levels, part)
                    if world.rank == 0:
                        apart = np.abs(levels - other.energies).max()
                        print(
                            f"{other.stop_reason}, {other.n_products} products; difference {apart:.1e} meV", flush=True
                        )
                if world.rank == 0 and given.levels:
                    print(f"largest difference from one process: {np.abs(levels - expected).max():.1e} meV", flush=True)
            finish(world.Ibarrier())


main()
