"""Lowest levels of one sector by block Lanczos over ranks."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from moire._text import Number
from moire.exact_diagonalization.distributed.product import DistributedProduct
from moire.exact_diagonalization.distributed.rows import SectorRows
from moire.exact_diagonalization.eigensolvers import (
    WORKING_VECTORS,
    SectorSolution,
    choose_lanczos,
    content_key,
    words,
)
from moire.exact_diagonalization.pair_product import MAX_VECTORS
from moire.exact_diagonalization.pairs import PairHamiltonian
from moire.exact_diagonalization.sectors import Sector, sector_dimensions
from moire.exact_diagonalization.settings import EigensolverSettings
from moire.exact_diagonalization.solve import with_warning
from moire.exact_diagonalization.truncation import Truncation
from moire.linalg.checkpoint import Checkpoint
from moire.linalg.lanczos import LanczosSettings, block_lanczos
from moire.linalg.vectors import VectorSpace
from moire.ranks import finish, on_all, on_leader, ranks_here
from moire.resources import logger, reserve


def distributed_space(rows: SectorRows, communicator: Any, dtype: DTypeLike = np.complex128) -> VectorSpace:
    """Space of the vectors of which each rank holds its rows."""

    def add_up(sums: Any) -> Any:
        mine = np.asarray(sums, order="C")
        total = np.empty_like(mine)
        finish(communicator.Ireduce(mine, total))
        finish(communicator.Ibcast(total))  # where every rank added by itself, the orders might differ
        return total[()]

    return VectorSpace(rows.dimension, dtype, rows.held, add_up, partial(on_leader, communicator))


def solve_distributed(
    hamiltonian: PairHamiltonian,
    sector: Sector,
    n_eigenstates: int,
    settings: EigensolverSettings,
    communicator: Any,
    *,
    truncation: Truncation | None = None,
    checkpoint: Path | str | None = None,
) -> SectorSolution:
    """Lowest eigenpairs of one sector that is spread over ranks; all of them call it.

    Parameters
    ----------
    hamiltonian
        The Hamiltonian in pair form, the same bits on every rank.
    sector, truncation
        Particles of each flavour, at least two in all; total momentum; and which states are kept.
    n_eigenstates
        Levels wanted; capped by the dimension.
    settings
        Tolerance, seed and options of Lanczos; other solvers are not used.
    communicator
        MPI communicator.
    checkpoint
        Name, without ending, of the files in which the state is saved at every restart, on a file system that all
        ranks share. A run continues from them on any number of ranks.

    Returns
    -------
    SectorSolution
        Its vectors (level, row) are the rows held here.

    Raises
    ------
    MemoryRefusedError
        On every rank, if rows or vectors do not fit on one of them.
    """
    form = hamiltonian.with_diagonal_levels(sum(sector[0]))
    product = DistributedProduct(form, _rows(form, sector, truncation, communicator), communicator)
    rows = product.rows
    wanted = min(n_eigenstates, rows.dimension)
    block, held = _plan(product, wanted, settings, communicator)
    seed = words(sector, settings)
    slots = None
    if checkpoint is not None:
        asked = (wanted, block, settings.tolerance_mev, seed, np.dtype(np.complex128).name)
        key = content_key(form, sector, asked)
        slots = on_all(communicator, lambda: Checkpoint(Path(checkpoint), key))
    how = LanczosSettings(wanted, block, held, settings.tolerance_mev, settings.max_restarts, seed)
    space = distributed_space(rows, communicator)
    result = block_lanczos(product, rows.dimension, how, slots, space=space)
    if communicator.rank == 0:
        logger.info("Products of %d rows on %d ranks: %s.", rows.dimension, communicator.size, product.cost)
    solution = SectorSolution(
        *(result.energies, result.vectors, result.residuals, result.converged, result.stop_reason, "lanczos"),
        n_products=product.cost.n_vectors,
        n_restarts=result.n_restarts,
        history=result.history,
    )
    first, second = form.orbitals.grid.labels[sector[1]].tolist()
    return with_warning(solution, (first, second), settings)


def _rows(form: PairHamiltonian, sector: Sector, truncation: Truncation | None, communicator: Any) -> SectorRows:
    """Rows of this rank, once their states fit on all of them."""
    numbers, momentum = sector
    dimension, here = int(sector_dimensions(form.orbitals, numbers, truncation)[momentum]), ranks_here(communicator)
    share = dimension / communicator.size

    def build() -> SectorRows:
        reserve(
            f"States of {Number(share):.0f} rows on each of {here} ranks", 8.0 * share * here, "more machines would fit"
        )
        return SectorRows(form.orbitals, numbers, momentum, communicator.size, communicator.rank, truncation)

    return on_all(communicator, build)


def _plan(
    product: DistributedProduct, wanted: int, settings: EigensolverSettings, communicator: Any
) -> tuple[int, int]:
    """Block size and number of Krylov vectors, the same on all ranks; their memory is reserved."""
    dimension, held_here = product.rows.dimension, len(range(product.rows.dimension)[product.rows.held])
    received, given, parts = product.buffer_rows()
    here = ranks_here(communicator)  # their memory is one

    def n_bytes(block: int, held: int) -> float:
        vectors = 16.0 * held_here * (held + WORKING_VECTORS * block + wanted)
        buffers = 16.0 * (3 * received + 2 * given + parts) * min(block, MAX_VECTORS)
        return here * (vectors + buffers)

    found = choose_lanczos(dimension, wanted, settings.block_size, settings.n_krylov, n_bytes)
    every = communicator.allgather(found)
    block, held = (min(numbers) for numbers in zip(*every, strict=True))
    what = f"{held} Krylov vectors of {held_here} rows on each of {here} ranks"
    on_all(communicator, lambda: reserve(what, n_bytes(block, held), "more machines or fewer levels would fit"))
    return block, held
