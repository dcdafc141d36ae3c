"""Eigenpairs of one sector and of all of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import ArpackNoConvergence, eigsh
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from moire._arrays import ComplexArray, FloatArray, read_only
from moire.errors import ConvergenceWarning, require
from moire.exact_diagonalization.filling import FillingLike, carriers_on, parse_filling
from moire.exact_diagonalization.hamiltonian import STORAGES, SectorHamiltonian, Storage
from moire.exact_diagonalization.pairs import PairHamiltonian
from moire.exact_diagonalization.sectors import MomentumSector, sector_dimensions
from moire.exact_diagonalization.spectrum import Spectrum
from moire.grids import MomentumGrid
from moire.projection import ProjectedHamiltonian
from moire.resources import human_bytes, logger, reserve

DENSE_DIMENSION = 300


@dataclass(frozen=True, eq=False)
class SectorSolution:
    """Eigenpairs of one sector: energies (level,), vectors (level, dim), residuals (level,), all in meV."""

    energies: FloatArray
    vectors: ComplexArray
    residuals: FloatArray
    n_products: int
    converged: bool
    stop_reason: str


def solve_sector(
    hamiltonian: SectorHamiltonian,
    n_eigenstates: int,
    *,
    tolerance_mev: float = 1e-6,
    max_restarts: int = 1000,
    seed: int = 0,
    strict: bool = False,
) -> SectorSolution:
    """Lowest eigenpairs of one sector, by a dense solver when it is small and by ARPACK otherwise.

    Parameters
    ----------
    hamiltonian
        The sector Hamiltonian.
    n_eigenstates
        Levels wanted; capped by the dimension.
    tolerance_mev
        Largest residual |H v - E v| that counts as converged.
    max_restarts
        Restarts of ARPACK.
    seed
        Seed of the starting vector, mixed with the number of particles and the momentum.
    strict
        Raise instead of warning when the solver does not converge.

    Raises
    ------
    InputError
        If a setting is out of range or the sector has no states.
    ConvergenceWarning
        Under `strict`, if a level does not converge.
    """
    _check_solver(n_eigenstates, tolerance_mev, seed)
    sector, dimension = hamiltonian.sector, hamiltonian.shape[0]
    require(dimension > 0, "hamiltonian", "act on a sector with states", f"empty at {sector.label}")
    wanted = min(n_eigenstates, dimension)
    hamiltonian.n_products = 0
    reason = "dense solver"
    if dimension <= max(DENSE_DIMENSION, wanted + 1):
        with threadpool_limits(1, user_api="blas"):  # too small for BLAS threads
            energies, columns = eigh(hamiltonian.to_csr().toarray(), subset_by_index=[0, wanted - 1])
    else:
        n_krylov = min(dimension, max(8 * wanted, 32))
        reserve(
            f"{n_krylov} Krylov vectors of dimension {dimension}", 16.0 * n_krylov * dimension, "fewer levels would fit"
        )
        rng = np.random.default_rng([seed, sector.n_particles, sector.momentum])
        start = rng.standard_normal(dimension) + 1j * rng.standard_normal(dimension)
        scale = float(np.abs(hamiltonian.diagonal).max()) + 1.0
        try:
            with threadpool_limits(1, user_api="blas"):  # ARPACK's own steps are too small for BLAS threads
                energies, columns = eigsh(
                    hamiltonian,
                    wanted,
                    which="SA",
                    v0=start,
                    ncv=n_krylov,
                    tol=0.1 * tolerance_mev / scale,
                    maxiter=max_restarts,
                )
            reason = "residual below tolerance"
        except ArpackNoConvergence as failure:
            energies, columns = np.real(failure.eigenvalues), failure.eigenvectors  # complex in scipy
            reason = f"ARPACK stopped after {max_restarts} restarts with {len(energies)} of {wanted} levels"
    order = np.argsort(energies)
    energies, vectors = np.asarray(energies)[order], np.ascontiguousarray(columns.T[order])
    n_products = hamiltonian.n_products
    residuals = np.array(
        [np.linalg.norm(hamiltonian.matvec(v) - e * v) for e, v in zip(energies, vectors, strict=True)]
    )
    converged = len(energies) == wanted and bool(np.all(residuals <= tolerance_mev))
    if not converged:
        worst = f"largest residual {residuals.max(initial=0.0):.1e} meV against {tolerance_mev:.1e}"
        message = f"Sector {sector.label}: {reason}; {worst}."
        if strict:
            raise ConvergenceWarning(message)
        warnings.warn(message, ConvergenceWarning, stacklevel=2)
    return SectorSolution(energies, vectors, residuals, n_products, converged, reason)


def _check_solver(n_eigenstates: int, tolerance_mev: float, seed: int) -> None:
    require(n_eigenstates >= 1 and n_eigenstates == int(n_eigenstates), "n_eigenstates", "be at least 1", n_eigenstates)
    require(tolerance_mev > 0, "tolerance_mev", "be positive (in meV)", tolerance_mev)
    require(seed >= 0, "seed", "not be negative", seed)


def _total_momentum(grid: MomentumGrid) -> int:
    total = 0
    for orbital in range(grid.n_points):
        total = int(grid.sum_index[total, orbital])
    return total


def solve_all_sectors(
    problem: ProjectedHamiltonian,
    filling: FillingLike,
    n_eigenstates: int = 4,
    *,
    momenta: Iterable[Sequence[int]] | None = None,
    particle_hole: bool | None = None,
    storage: Storage = "auto",
    tolerance_mev: float = 1e-6,
    seed: int = 0,
    keep_vectors: bool = False,
    progress: bool = False,
    strict: bool = False,
) -> Spectrum:
    """Lowest levels of every momentum sector of a one-band, one-valley problem.

    Parameters
    ----------
    problem
        The projected Hamiltonian on a cluster.
    filling
        Carriers per cell, ``"-2/3"``, ``(2, 3)`` or a Fraction; the sign does not matter.
    n_eigenstates
        Levels per sector.
    momenta
        Labels of the sectors wanted; all by default, because a Krylov space never leaves its sector.
    particle_hole
        Solve for the missing carriers; by default whichever species is in the minority.
    storage
        ``"auto"``, ``"csr"`` or ``"matrix-free"``.
    tolerance_mev
        Largest residual that counts as converged.
    seed
        Seed of the starting vectors.
    keep_vectors
        Keep the eigenvectors in the result.
    progress
        Show a progress bar over sectors.
    strict
        Raise when a sector does not converge.

    Raises
    ------
    InputError
        If a setting is out of range, the filling does not fit the cluster or a momentum lies outside the group.
    MemoryRefusedError
        If a sector does not fit in memory.
    """
    _check_solver(n_eigenstates, tolerance_mev, seed)
    grid = problem.grid
    fraction = abs(parse_filling(filling))
    n_carriers = carriers_on(grid, filling)
    require(storage in STORAGES, "storage", f"be one of {', '.join(STORAGES)}", repr(storage))
    wanted = range(grid.n_points) if momenta is None else [grid.index_of(label) for label in momenta]
    require(len(wanted) > 0, "momenta", "name at least one sector", "empty")

    transform = 2 * n_carriers > grid.n_points if particle_hole is None else particle_hole
    pair_hamiltonian = PairHamiltonian.from_problem(problem)
    n_particles = n_carriers
    if transform:
        pair_hamiltonian, n_particles = pair_hamiltonian.particle_hole_transformed(), grid.n_points - n_carriers
    dimensions = sector_dimensions(grid, n_particles)
    largest = int(dimensions.max())
    logger.info(
        "%d sectors of dimension up to %d, one at a time: about %s stored or %s matrix-free.",
        len(wanted),
        largest,
        human_bytes(SectorHamiltonian.estimated_bytes(grid.n_points, n_particles, largest)),
        human_bytes(24.0 * largest),
    )
    total = _total_momentum(grid)
    shape = (len(wanted), n_eigenstates)
    energies, residuals = np.full(shape, np.nan), np.full(shape, np.nan)
    rows: list[int] = []
    solutions: list[SectorSolution | None] = []
    storages = set()
    for row, carrier_momentum in enumerate(tqdm(wanted, desc="sectors", disable=not progress, leave=False)):
        momentum = int(grid.difference_index[total, carrier_momentum]) if transform else carrier_momentum
        rows.append(momentum)
        if dimensions[momentum] == 0:
            solutions.append(None)
            continue
        hamiltonian = SectorHamiltonian(pair_hamiltonian, MomentumSector(grid, n_particles, momentum), storage)
        storages.add("csr" if hamiltonian.is_stored else "matrix-free")
        solution = solve_sector(hamiltonian, n_eigenstates, tolerance_mev=tolerance_mev, seed=seed, strict=strict)
        energies[row, : len(solution.energies)] = solution.energies + pair_hamiltonian.constant
        residuals[row, : len(solution.energies)] = solution.residuals
        solutions.append(solution)
    empty = np.empty((0, 0), dtype=np.complex128)
    n_products = np.array([s.n_products if s else 0 for s in solutions])
    return Spectrum(
        grid=grid,
        filling=fraction,
        n_carriers=n_carriers,
        momenta=read_only(grid.labels[np.array(wanted)]),
        dimensions=read_only(dimensions[np.array(rows)]),
        energies=read_only(energies),
        residuals=read_only(residuals),
        n_products=read_only(n_products),
        converged=tuple(s.converged if s else True for s in solutions),
        stop_reason=tuple(s.stop_reason if s else "empty sector" for s in solutions),
        transformed=transform,
        storage=" and ".join(sorted(storages)),
        seed=seed,
        description=problem.describe(),
        vectors=tuple(s.vectors if s else empty for s in solutions) if keep_vectors else (),
    )
