"""Eigenpairs of one sector and of all of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from moire._arrays import ComplexArray, FloatArray, read_only
from moire.errors import ConvergenceWarning, InputError, is_whole, require
from moire.exact_diagonalization.carriers import carriers_on, one_band_filling
from moire.exact_diagonalization.eigensolvers import (
    SOLVERS,
    Solver,
    arpack,
    dense,
    is_dense,
    lanczos,
)
from moire.exact_diagonalization.hamiltonian import STORAGES, SectorHamiltonian, Storage
from moire.exact_diagonalization.memory import reserve_sectors
from moire.exact_diagonalization.pairs import PairHamiltonian
from moire.exact_diagonalization.resume import SpectrumCheckpoint
from moire.exact_diagonalization.sectors import MomentumSector, sector_dimensions
from moire.exact_diagonalization.spectrum import Spectrum
from moire.exact_diagonalization.symmetry import OrbitalSymmetry, accepted_symmetries, representatives
from moire.filling import FillingLike
from moire.orbitals import Species
from moire.projection import ProjectedHamiltonian


@dataclass(frozen=True, eq=False)
class SectorSolution:
    """Eigenpairs of one sector.

    Parameters
    ----------
    energies, vectors
        (level,) in meV and (level, dim), ascending.
    residuals
        (level,), |H v - E v| in meV, measured with the vectors.
    n_products
        Matrix-vector products, those that measure residuals and search for missed levels included; 0 where the whole
        matrix was diagonalized.
    converged
        Whether these are the lowest levels, all that were wanted, with every residual below the tolerance. No solver
        rests it on residuals alone: the dense one sees all levels, the others search for copies of degenerate levels.
    stop_reason
        The same in words.
    solver, seed, n_restarts
        Which solver, its seed, and restarts of Lanczos.
    history
        (check, 2), blocks multiplied and the largest residual estimated; empty except for Lanczos.
    """

    energies: FloatArray
    vectors: ComplexArray
    residuals: FloatArray
    n_products: int
    converged: bool
    stop_reason: str
    solver: str = "dense"
    seed: int = 0
    n_restarts: int = 0
    history: FloatArray = field(default_factory=lambda: np.zeros((0, 2)), repr=False)


def solve_sector(
    hamiltonian: SectorHamiltonian,
    n_eigenstates: int,
    *,
    tolerance_mev: float = 1e-6,
    max_restarts: int = 1000,
    seed: int = 0,
    strict: bool = False,
    solver: Solver = "auto",
    block_size: int | None = None,
    n_krylov: int | None = None,
    checkpoint: Path | str | None = None,
) -> SectorSolution:
    """Lowest eigenpairs of one sector.

    Parameters
    ----------
    hamiltonian
        The sector Hamiltonian.
    n_eigenstates
        Levels wanted; capped by the dimension.
    tolerance_mev
        Largest residual |H v - E v| that counts as converged.
    max_restarts
        Restarts of the iterative solvers.
    seed
        Seed of the starting vectors, mixed with the number of particles and the momentum.
    strict
        Raise instead of warning when the solver does not converge.
    solver
        ``"lanczos"`` (thick-restart block Lanczos), ``"arpack"`` (with a search by block Lanczos for levels that it
        missed) or ``"dense"``; ``"auto"`` is dense up to dimension 300 and Lanczos above.
    block_size
        Vectors that Lanczos multiplies at once, 2 by default.
    n_krylov
        Krylov vectors that Lanczos holds; by default about 60, or as many as fit.
    checkpoint
        Name, without ending, of the two files in which Lanczos keeps its state at every restart; it resumes from
        them. A sector that is diagonalized densely needs none.

    Raises
    ------
    InputError
        If a setting is out of range, the sector has no states, or the checkpoint is of another problem.
    MemoryRefusedError
        If the vectors do not fit.
    ConvergenceWarning
        Under `strict`, if a level does not converge.
    """
    _check_solver(n_eigenstates, tolerance_mev, seed, solver)
    for name, value in (("block_size", block_size), ("n_krylov", n_krylov)):
        require(value is None or value >= 1, name, "be at least 1", value)
    for name, given in (("block_size", block_size), ("n_krylov", n_krylov), ("checkpoint", checkpoint)):
        used = given is None or solver in ("auto", "lanczos")
        require(used, name, "be left out with a solver other than 'lanczos', which alone uses it", given)
    sector, dimension = hamiltonian.sector, hamiltonian.shape[0]
    require(dimension > 0, "hamiltonian", "act on a sector with states", found=f"sector {sector.label} has none")
    wanted = min(n_eigenstates, dimension)
    words = (seed, sector.n_particles, sector.momentum)
    hamiltonian.n_products = 0
    if is_dense(solver, dimension, wanted):
        pairs = dense(hamiltonian, wanted, tolerance_mev)
    elif solver == "arpack":
        pairs = arpack(hamiltonian, wanted, tolerance_mev, max_restarts, words)
    else:
        pairs = lanczos(
            *(hamiltonian, wanted, tolerance_mev, max_restarts, words),
            block_size=block_size,
            n_krylov=n_krylov,
            checkpoint=checkpoint,
        )
    if not pairs.converged:
        worst = f"largest residual {pairs.residuals.max(initial=0.0):.1e} meV against {tolerance_mev:.1e}"
        message = f"Sector {sector.label}: {pairs.reason}; {worst}."
        if strict:
            raise ConvergenceWarning(message)
        warnings.warn(message, ConvergenceWarning, stacklevel=2)
    return SectorSolution(
        *(pairs.energies, pairs.vectors, pairs.residuals, hamiltonian.n_products),
        *(pairs.converged, pairs.reason, pairs.solver, seed),
        n_restarts=pairs.n_restarts,
        history=pairs.history,
    )


def _check_solver(n_eigenstates: int, tolerance_mev: float, seed: int, solver: str) -> None:
    require(
        n_eigenstates >= 1 and is_whole(n_eigenstates), "n_eigenstates", "be an integer of at least 1", n_eigenstates
    )
    require(tolerance_mev > 0, "tolerance_mev", "be positive (in meV)", tolerance_mev)
    require(seed >= 0, "seed", "be at least 0", seed)
    require(solver in SOLVERS, "solver", f"be one of {', '.join(SOLVERS)}", repr(solver))


def _related(
    solution: SectorSolution,
    symmetry: OrbitalSymmetry,
    pair_hamiltonian: PairHamiltonian,
    n_particles: int,
    solved: int,
    wanted: int,
    keep_vectors: bool,
) -> SectorSolution:
    """The solution of a sector from that of the sector it is rotated from."""
    orbitals = pair_hamiltonian.orbitals
    source = MomentumSector(orbitals, (n_particles,), solved) if keep_vectors else None
    reason = f"rotated by {symmetry.angle_deg} degrees from the sector of index {solved}"
    residuals = solution.residuals + symmetry.energy_bound(n_particles)
    vectors = solution.vectors
    if source is not None:
        vectors = symmetry.map_vectors(vectors, source, MomentumSector(orbitals, (n_particles,), wanted))
    return replace(solution, vectors=vectors, residuals=residuals, n_products=0, stop_reason=reason)


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
    solver: Solver = "auto",
    use_symmetry: bool = True,
    checkpoint: Path | str | None = None,
) -> Spectrum:
    """Lowest levels of every momentum sector of a one-band, one-valley problem.

    Parameters
    ----------
    problem
        The projected Hamiltonian on a cluster.
    filling
        Carriers per cell, ``"-2/3"``, ``(2, 3)``, a Fraction or a decimal: see :func:`moire.filling.carriers_per_cell`.
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
    solver
        ``"auto"``, ``"lanczos"``, ``"arpack"`` or ``"dense"``, see :func:`solve_sector`.
    use_symmetry
        Solve one sector of those related by rotations of the cluster, where the matrix elements show that H is
        invariant to half the tolerance.
    checkpoint
        Folder that keeps every sector solved iteratively, when it is finished and, above 4000 states, while it is at
        work: the same call resumes from there, to the same bits. Any number of spectra may share it.

    Raises
    ------
    InputError
        If a setting is out of range, the filling does not fit the cluster or a momentum lies outside the group.
    MemoryRefusedError
        If the largest sector, with the vectors kept of all, does not fit in memory; nothing is enumerated before.
    """
    _check_solver(n_eigenstates, tolerance_mev, seed, solver)
    grid = problem.grid
    fraction = one_band_filling(filling, problem.carrier)
    n_carriers = carriers_on(grid, filling)
    require(storage in STORAGES, "storage", f"be one of {', '.join(STORAGES)}", repr(storage))
    wanted = range(grid.n_points) if momenta is None else [grid.index_of(label) for label in momenta]
    require(len(wanted) > 0, "momenta", "name at least one sector", "empty")

    orbitals = problem.orbitals
    if orbitals.size > grid.n_points:
        raise InputError(
            f"`problem` must have one flavour and one band, but has {orbitals.n_flavours} and {orbitals.n_bands}."
        )
    species = Species(orbitals, 2 * n_carriers > orbitals.size if particle_hole is None else particle_hole)
    (n_particles,) = species.numbers((n_carriers,))
    dimensions = sector_dimensions(orbitals, n_particles)
    asked = [int(dimensions[species.momentum(k)]) for k in wanted]
    reserve_sectors(
        *(orbitals, n_particles, asked, n_eigenstates, storage, solver),
        keep_vectors=keep_vectors,
    )
    pair_hamiltonian = PairHamiltonian.from_problem(problem)
    if species.missing:
        pair_hamiltonian = pair_hamiltonian.particle_hole_transformed()
    shape = (len(wanted), n_eigenstates)
    energies, residuals = np.full(shape, np.nan), np.full(shape, np.nan)
    symmetries = accepted_symmetries(pair_hamiltonian, n_particles, tolerance_mev / 2) if use_symmetry else ()
    orbits = representatives(symmetries, grid, n_particles)
    bound = max((symmetry.energy_bound(n_particles) for symmetry in symmetries), default=0.0)
    settings = (n_particles, n_eigenstates, tolerance_mev - bound, seed, solver, storage, keep_vectors)
    by_name = solver in ("dense", "arpack")  # these keep no state
    kept = None if checkpoint is None else SpectrumCheckpoint.of(checkpoint, pair_hamiltonian, settings)
    rows: list[int] = []
    solutions: list[SectorSolution | None] = []
    storages, solved = set(), {}
    empty = np.empty((0, 0), dtype=np.complex128)
    for row, carrier_momentum in enumerate(tqdm(wanted, desc="sectors", disable=not progress, leave=False)):
        momentum = species.momentum(carrier_momentum)
        rows.append(momentum)
        if dimensions[momentum] == 0:
            solutions.append(None)
            continue
        chosen, symmetry = orbits[momentum]
        if chosen not in solved:
            found = kept.load(chosen) if kept else None
            if found is None:
                sector = MomentumSector(orbitals, (n_particles,), chosen)
                hamiltonian = SectorHamiltonian(pair_hamiltonian, sector, storage)
                held = "csr" if hamiltonian.is_stored else "matrix-free"
                solution = solve_sector(
                    hamiltonian,
                    n_eigenstates,
                    tolerance_mev=tolerance_mev - bound,
                    seed=seed,
                    strict=strict,
                    solver=solver,
                    checkpoint=kept.state(chosen, hamiltonian.shape[0]) if kept and not by_name else None,
                )
                if kept and solution.converged and solution.solver != "dense":
                    spared = {} if keep_vectors else {"vectors": empty}
                    kept.finish(chosen, {**vars(solution), **spared, "storage": held})
            else:
                held = found.pop("storage")
                solution = SectorSolution(**found | {"n_products": 0})
            storages.add(held)
            solved[chosen] = solution
        solution = solved[chosen]
        if symmetry is not None:
            solution = _related(solution, symmetry, pair_hamiltonian, n_particles, chosen, momentum, keep_vectors)
        energies[row, : len(solution.energies)] = solution.energies + pair_hamiltonian.constant
        residuals[row, : len(solution.energies)] = solution.residuals
        if not keep_vectors:
            solution = replace(solution, vectors=empty)
            solved[chosen] = replace(solved[chosen], vectors=empty)
        solutions.append(solution)
    n_products = np.array([s.n_products if s else 0 for s in solutions])
    return Spectrum(
        species=species,
        filling=fraction,
        carriers=read_only(np.full((len(wanted), 1), n_carriers)),
        momenta=read_only(grid.labels[np.array(wanted)]),
        dimensions=read_only(dimensions[np.array(rows)]),
        energies=read_only(energies),
        residuals=read_only(residuals),
        n_products=read_only(n_products),
        converged=tuple(s.converged if s else True for s in solutions),
        stop_reason=tuple(s.stop_reason if s else "empty sector" for s in solutions),
        storage=" and ".join(sorted(storages)),
        seed=seed,
        description=problem.describe(),
        vectors=tuple(s.vectors if s else empty for s in solutions) if keep_vectors else (),
        rotations_deg=tuple(symmetry.angle_deg for symmetry in symmetries),
        symmetry_bound_mev=bound,
    )
