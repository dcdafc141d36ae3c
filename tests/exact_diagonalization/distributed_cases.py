"""Run by mpiexec: each case on one to four of the ranks; rank 0 prints what it found as JSON.

Arguments: a folder for checkpoints.
"""

import itertools
import json
import sys
import warnings
from pathlib import Path

import numpy as np
from mpi4py import MPI

from moire.exact_diagonalization import (
    EigensolverSettings,
    MomentumSector,
    PairHamiltonian,
    SectorHamiltonian,
    SpectrumSettings,
    Truncation,
    sector_work,
    solve_all_sectors,
)
from moire.exact_diagonalization.distributed import DistributedProduct, SectorRows
from moire.exact_diagonalization.distributed.solve import solve_distributed
from moire.ranks import finish
from tests.flavour_cases import flavour_problem
from tests.fractional_cases import problem_on

PRODUCTS = {
    "one band": ((3, 5), 1, (+1,), (5,), None),
    "two bands": ((2, 4), 2, (+1,), (5,), None),
    "both valleys": ((2, 4), 1, (+1, -1), (3, 2), None),
    "bands of both valleys, truncated": ((1, 4), 2, (+1, -1), (3, 2), Truncation(2)),
}
SPECTRA = {
    "one band": lambda: (problem_on((3, 5)), "-2/3", {"momenta": [(0, 0), (0, 1)]}),
    "two bands": lambda: (flavour_problem((2, 3), 2, (+1,)), "-2/3", {"momenta": [(0, 1)]}),
    "both valleys": lambda: (flavour_problem((2, 3), 1), "-4/3", {"momenta": [(0, 0)], "polarisation": (2, 0)}),
}


def products(communicator):
    """Largest difference of a product from the serial one, relative to it, for vectors of both precisions."""
    found = {}
    for name, (shape, n_bands, valleys, numbers, truncation) in PRODUCTS.items():
        problem = problem_on(shape) if n_bands == len(valleys) == 1 else flavour_problem(shape, n_bands, valleys)
        form = PairHamiltonian.from_problem(problem).with_diagonal_levels(sum(numbers))
        serial = SectorHamiltonian(form, MomentumSector(form.orbitals, numbers, 1, truncation), "auto")
        rows = SectorRows(form.orbitals, numbers, 1, communicator.size, communicator.rank, truncation)
        x = np.random.default_rng(3).standard_normal((rows.dimension, 10)).view(complex)
        expected = (serial.to_csr() @ x)[rows.held]
        worst = 0.0
        for n_rounds in (None, 3):
            product = DistributedProduct(form, rows, communicator, n_rounds)
            worst = max(worst, np.abs(product(x[rows.held]) - expected).max(initial=0))
            single = product(x[rows.held].astype(np.complex64))
            worst = max(worst, 1e-9 * np.abs(single - expected).max(initial=0) / 1e-3)
        scale = np.abs(serial.to_csr() @ x).max()
        sent = communicator.allreduce(product.cost.bytes_sent)
        found[name] = [communicator.allreduce(worst, MPI.MAX) / scale, rows.dimension, sent]
    return found


def spectra(communicator):
    """Levels of some sectors, spread over the ranks."""
    found = {}
    for name, case in SPECTRA.items():
        problem, filling, options = case()
        settings = SpectrumSettings(tolerance_mev=1e-6, communicator=communicator)
        spectrum = solve_all_sectors(problem, filling, 3, settings=settings, **options)
        found[name] = [spectrum.energies.tolist(), spectrum.storage, float(np.nanmax(spectrum.residuals))]
    return found


def resumed(world, folder):
    """Products, levels and files of a run that is stopped on some ranks and continued on others."""
    form = PairHamiltonian.from_problem(problem_on((3, 5))).particle_hole_transformed()
    found = {}
    for first, second in [(3, 2), (2, 4), (4, 1), (1, 3)]:
        state = folder / f"{first}-{second}"
        for size, most in ((first, 3), (second, 1000)):
            communicator = world.Split(world.rank < size, world.rank)
            settings = EigensolverSettings(tolerance_mev=1e-8, n_krylov=20, max_restarts=most)
            if world.rank < size:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore" if most == 3 else "error")
                    solution = solve_distributed(form, ((5,), 0), 3, settings, communicator, checkpoint=state)
                files = sorted(path.name for path in folder.iterdir() if path.name.startswith(state.name))
            finish(world.Ibarrier())
        if world.rank == 0:
            found[state.name] = [solution.n_products, solution.energies.tolist(), files]
    fresh = solve_distributed(form, ((5,), 0), 3, settings, world)
    return found | {"fresh": [fresh.n_products, fresh.energies.tolist(), []]}


def main():
    world = MPI.COMM_WORLD
    sector_work.STORED_DIMENSION = 20  # so that small sectors are spread
    found = {"products": {}, "spectra": {}}
    for size, part in itertools.product(range(1, world.size + 1), (products, spectra)):
        communicator = world.Split(world.rank < size, world.rank)
        if world.rank < size:
            found[part.__name__][size] = part(communicator)
        finish(world.Ibarrier())
    found["resumed"] = resumed(world, Path(sys.argv[1]))
    if world.rank == 0:
        print(json.dumps(found))


main()
