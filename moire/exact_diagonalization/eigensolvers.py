"""Eigensolvers of one sector: dense, ARPACK, and block Lanczos."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from threadpoolctl import threadpool_limits

from moire._arrays import ComplexArray, FloatArray
from moire._shown import Shown
from moire._types import checked
from moire.errors import require
from moire.exact_diagonalization.hamiltonian import SectorHamiltonian
from moire.exact_diagonalization.pair_product import PairProduct
from moire.exact_diagonalization.pairs import PairHamiltonian
from moire.exact_diagonalization.sectors import Sector
from moire.exact_diagonalization.settings import EigensolverSettings
from moire.linalg.checkpoint import Checkpoint
from moire.linalg.lanczos import ROUNDING, LanczosSettings, block_lanczos
from moire.resources import fits_in_memory, reserve

DENSE_DIMENSION = 300
BLOCK_SIZE = 2  # finds pairs of degenerate levels at once; a larger block costs more products
LAYOUT = 3  # of the state in a checkpoint
MIN_KRYLOV = 60
WORKING_VECTORS = 4  # of each vector of a block: its copies on the way in and out of a product


@checked
@dataclass(frozen=True, eq=False)
class SectorSolution(Shown):
    """Lowest eigenpairs of one sector.

    Parameters
    ----------
    energies, vectors
        (level,) in meV and (level, dim), ascending.
    residuals
        (level,), |H v - E v| in meV, measured with the vectors.
    converged
        Whether these are the lowest levels, as many as requested, with every residual below the tolerance. Residuals
        alone do not decide: the dense solver finds all levels, the others search for further states of degenerate
        levels.
    stop_reason
        Reason for stopping.
    solver
        Name of the solver.
    n_products
        Matrix-vector products, those that measure residuals and search for missed levels included; 0 where the whole
        matrix was diagonalized.
    n_restarts
        Restarts of Lanczos.
    history
        (check, 2), blocks multiplied and the largest residual estimated; empty except for Lanczos.
    """

    energies: FloatArray
    vectors: ComplexArray = field(repr=False)
    residuals: FloatArray
    converged: bool
    stop_reason: str
    solver: str
    n_products: int = 0
    n_restarts: int = 0
    history: FloatArray = field(default_factory=lambda: np.zeros((0, 2)), repr=False)


def dense(hamiltonian: SectorHamiltonian, wanted: int, settings: EigensolverSettings) -> SectorSolution:
    """Diagonalize the full matrix, which finds every level."""
    reserve(
        f"Dense matrix of dimension {hamiltonian.shape[0]}",
        48.0 * hamiltonian.shape[0] ** 2,
        "solver 'lanczos' would fit",
    )
    with threadpool_limits(1, user_api="blas"):  # too small for BLAS threads
        matrix = hamiltonian.to_csr()
        energies, columns = eigh(matrix.toarray(), subset_by_index=[0, wanted - 1])
        residuals = np.linalg.norm(matrix @ columns - columns * energies, axis=0)
    converged = bool(np.all(residuals <= settings.tolerance_mev))
    reason = "dense solver" if converged else f"dense solver, {ROUNDING}"
    return SectorSolution(energies, np.ascontiguousarray(columns.T), residuals, converged, reason, "dense")


def is_dense(solver: str, dimension: int, wanted: int) -> bool:
    """Whether the full matrix is diagonalized: on request, if it is small, or if all levels are requested."""
    return solver == "dense" or (solver == "auto" and dimension <= DENSE_DIMENSION) or wanted + 1 >= dimension


def n_arpack_vectors(wanted: int, dimension: int) -> int:
    """Krylov vectors that ARPACK holds."""
    return min(dimension, max(8 * wanted, 32))


def arpack(hamiltonian: SectorHamiltonian, wanted: int, settings: EigensolverSettings) -> SectorSolution:
    """Implicitly restarted Lanczos of ARPACK, and a block Lanczos search for levels that it missed.

    ARPACK builds its space from one vector, which contains one state of each degenerate level, and converged levels
    need not be the lowest. The search takes about half as many products again, and adds the levels that it finds.
    """
    dimension, sector = hamiltonian.shape[0], hamiltonian.sector
    seed = words((sector.numbers, sector.momentum), settings)
    tolerance, max_restarts = settings.tolerance_mev, settings.max_restarts
    n_krylov = n_arpack_vectors(wanted, dimension)
    reserve(
        f"{n_krylov} Krylov vectors of dimension {dimension}", 16.0 * n_krylov * dimension, "fewer levels would fit"
    )
    rng = np.random.default_rng(list(seed))
    start = rng.standard_normal(dimension) + 1j * rng.standard_normal(dimension)
    # ARPACK's tolerance is relative: a level at zero never meets it and is missed unless the spectrum is shifted
    shift = float(hamiltonian.diagonal.max()) + 1.0
    shifted = LinearOperator(
        hamiltonian.shape, matvec=lambda x: hamiltonian.matvec(x) - shift * x.reshape(-1), dtype=hamiltonian.dtype
    )
    scale = float(np.abs(hamiltonian.diagonal - shift).max())
    try:
        with threadpool_limits(1, user_api="blas"):  # ARPACK's own steps are too small for BLAS threads
            moved, columns = eigsh(
                shifted,
                wanted,
                which="SA",
                v0=start.astype(hamiltonian.dtype),
                ncv=n_krylov,
                tol=0.1 * tolerance / scale,
                maxiter=max_restarts,
            )
    except ArpackNoConvergence as failure:
        energies = np.real(failure.eigenvalues) + shift  # complex in scipy
        order = np.argsort(energies)
        vectors = np.ascontiguousarray(failure.eigenvectors.T[order])
        residuals = np.array(
            [np.linalg.norm(hamiltonian.matvec(v) - e * v) for e, v in zip(energies[order], vectors, strict=True)]
        )
        reason = f"ARPACK stopped after {max_restarts} restarts with {len(energies)} of {wanted} levels"
        return SectorSolution(energies[order], vectors, residuals, False, reason, "arpack")
    block, held = plan_lanczos(hamiltonian, wanted, settings)
    search = LanczosSettings(wanted, block, held, tolerance, max_restarts, seed)
    known = np.ascontiguousarray(columns.T)
    result = block_lanczos(hamiltonian.matmat, dimension, search, dtype=hamiltonian.dtype, known=known)
    found = np.sort(moved)[: len(result.energies)] + shift
    known_to = max(tolerance, float(result.residuals.max(initial=0.0)))  # at rounding error the residuals are larger
    missed = bool(np.any(found - result.energies > 10 * known_to))
    reason = result.stop_reason + (", with levels that ARPACK missed" if missed else "")
    return SectorSolution(*(result.energies, result.vectors, result.residuals, result.converged, reason, "arpack"))


def lanczos(
    hamiltonian: SectorHamiltonian,
    wanted: int,
    settings: EigensolverSettings,
    checkpoint: Path | str | None = None,
    start: ComplexArray | None = None,
) -> SectorSolution:
    """Block Lanczos with as many Krylov vectors as fit, see :func:`moire.exact_diagonalization.block_lanczos`."""
    dimension, tolerance, sector = hamiltonian.shape[0], settings.tolerance_mev, hamiltonian.sector
    seed = words((sector.numbers, sector.momentum), settings)
    block, held = plan_lanczos(hamiltonian, wanted, settings)
    slots = None
    if checkpoint is not None:
        levels = (tolerance, *settings.looser_mev, start is not None)
        asked = (wanted, block, levels, seed, hamiltonian.dtype.name)
        key = content_key(hamiltonian.pair_hamiltonian, (sector.numbers, sector.momentum), asked)
        slots = Checkpoint(Path(checkpoint), key)
    how = LanczosSettings(wanted, block, held, tolerance, settings.max_restarts, seed, settings.looser_mev)
    result = block_lanczos(hamiltonian.matmat, dimension, how, slots, hamiltonian.dtype, start=start)
    return SectorSolution(
        *(result.energies, result.vectors, result.residuals, result.converged, result.stop_reason, "lanczos"),
        n_restarts=result.n_restarts,
        history=result.history,
    )


def words(sector: Sector, settings: EigensolverSettings) -> tuple[int, ...]:
    """Seed of the starting vectors of a sector."""
    numbers, momentum = sector
    return (settings.seed, *numbers, momentum)


def plan_lanczos(hamiltonian: SectorHamiltonian, wanted: int, settings: EigensolverSettings) -> tuple[int, int]:
    """Choose the block size and the number of Krylov vectors, and reserve their memory."""
    dimension, bytes_each = int(hamiltonian.shape[0]), hamiltonian.dtype.itemsize

    def n_bytes(block: int, held: int) -> float:
        return vector_bytes(dimension, bytes_each, hamiltonian.is_stored, wanted, block, held)

    block, held = choose_lanczos(dimension, wanted, settings.block_size, settings.n_krylov, n_bytes)
    needed = n_bytes(block, held)
    what = f"{held} Krylov vectors of dimension {dimension} in blocks of {block}"
    reserve(what, needed, "fewer levels or vectors in complex64 would fit")
    return block, held


def vector_bytes(dimension: int, bytes_each: int, is_stored: bool, wanted: int, block: int, held: int) -> float:
    """Bytes of the vectors of Lanczos with `held` Krylov vectors, those of products and of the result included."""
    products = 0.0 if is_stored else PairProduct.estimated_bytes(dimension, block)
    return products + float(bytes_each) * dimension * (held + WORKING_VECTORS * block + wanted)


def choose_lanczos(
    dimension: int,
    wanted: int,
    block_size: int | None,
    n_krylov: int | None,
    n_bytes: Callable[[int, int], float],
    taken: float = 0.0,
) -> tuple[int, int]:
    """Block size and number of Krylov vectors: as many as fit, or the fewest possible if not even these do.

    Parameters
    ----------
    dimension, wanted
        Of the sector, and levels.
    block_size, n_krylov
        What the user asks for; None to choose.
    n_bytes
        Bytes of all vectors for a block size and a number of Krylov vectors.
    taken
        Bytes in use besides.
    """

    def fits(block: int, held: int) -> bool:
        return fits_in_memory(taken + n_bytes(block, held))

    def smallest(block: int) -> int:
        return min(dimension, wanted + 4 * block)

    block = block_size or min(wanted, BLOCK_SIZE)
    held = n_krylov or min(dimension, MIN_KRYLOV)
    held = max(held, smallest(block), 0 if n_krylov else min(dimension, 2 * wanted + 20))
    require(n_krylov is None or held == n_krylov, "n_krylov", f"be at least {smallest(block)}", n_krylov)
    require(held <= dimension, "n_krylov", f"not exceed the dimension {dimension}", held)
    if block_size is None and not fits(block, max(smallest(block), min(held, 20))):
        block = 1
    while n_krylov is None and held > smallest(block) and not fits(block, held):
        held -= 1
    return block, held


def content_key(form: PairHamiltonian, sector: Sector, asked: tuple[object, ...]) -> str:
    """Hash of everything that determines a run, except the memory and the ranks that share it."""
    settings = (LAYOUT, *sector, *asked)
    digest = hashlib.sha256(repr((form.orbitals.grid.matrix.tolist(), settings)).encode())
    digest.update(form.one_body.tobytes() + form.blocks.tobytes())
    return digest.hexdigest()
