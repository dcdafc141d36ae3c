"""Self-consistent Hartree-Fock: from one guess to a state."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np

from moire._arrays import ComplexArray, check_shape, read_only
from moire.errors import ConvergenceWarning, require
from moire.filling import FillingLike, carriers_per_cell
from moire.grids import MomentumGrid
from moire.hartree_fock.diis import diis
from moire.hartree_fock.folding import Folding
from moire.hartree_fock.guesses import check_guess, content_seed, guess_fock
from moire.hartree_fock.iterate import Fill, Iterate, Step, commutator
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.newton import newton
from moire.hartree_fock.occupation import occupy
from moire.hartree_fock.optimal_damping import optimal_damping
from moire.hartree_fock.result import HartreeFockResult, Symmetry
from moire.hartree_fock.rotation import RotatedMeanField, check_symmetry
from moire.projection import Carrier, ProjectedHamiltonian

Solver = Literal["oda", "diis", "newton"]
SOLVERS: tuple[Solver, ...] = ("oda", "diis", "newton")

_ROUGH_MEV = 0.5  # residual at which damping hands over: DIIS converges from about there
_ROUNDS = 4  # times that a state filled against the aufbau order is filled anew
_ODA_STEPS, _DIIS_STEPS = 30, 40


def solve_hartree_fock(
    problem: ProjectedHamiltonian | MeanField,
    filling: FillingLike,
    guess: str | ComplexArray = "random",
    symmetry: Symmetry = "free",
    temperature_mev: float = 0.0,
    tolerance: float = 1e-6,
    max_iterations: int = 300,
    solvers: Sequence[Solver] = SOLVERS,
    seed: int | None = None,
    strict: bool = False,
    level_shift_mev: float = 0.0,
) -> HartreeFockResult:
    """Solve F[P] = h + Hartree[P] + Fock[P], P = the lowest states of F filled, from one guess.

    The result is one stationary state; a lower one may exist, and whether it is a minimum is not tested
    (:func:`ground_state` tests, and compares several guesses).

    Solvers are chained: optimal damping to a residual of 0.5 meV, DIIS while it helps, and a trust-region
    Newton method whose energy never rises. Newton keeps the number of carriers at each momentum; if
    the state then breaks the aufbau order, it is filled anew and the chain starts again.

    Parameters
    ----------
    problem
        The projected Hamiltonian, or a mean field built on it (to share one build among guesses). Its q = 0 rule
        should be ``"exchange"``: ``"drop"`` lowers the gap by V(0)/A, and on small clusters no state is then filled
        in the aufbau order.
    filling
        Carriers per moire cell, see :func:`moire.filling.carriers_per_cell`: 2 or -2 for nu = -2 of holes. The
        cluster must hold a whole number of them.
    guess
        A key of ``GUESSES`` or ``FINITE_WAVE_VECTOR``, ``"random"``, or a density matrix of the shape of the mean
        field, (r, orbital, orbital).
    symmetry
        ``"free"``; ``"valley_diagonal"``: no order between flavours; or ``"c3"``: states that keep the threefold
        rotation of the unit cell, up to a rotation of the valleys against each other that is read from the guess.
    temperature_mev
        k_B T of a Fermi-Dirac occupation; only DIIS is used at a temperature.
    tolerance
        Residual in meV at which the state counts as converged.
    max_iterations
        Iterations of all solvers together.
    solvers
        Which to use, in this order.
    seed
        Seed of the random guess; by default a hash of what is solved.
    level_shift_mev
        Energy by which DIIS raises the empty states of the last iterate, so that fillings change less from one
        iteration to the next; the solution does not depend on it.
    strict
        Raise the warning of non-convergence as an error.

    Raises
    ------
    InputError
        If the filling does not fit in the bands kept or the cluster, or a choice is unknown or impossible.
    MemoryRefusedError
        If the exchange does not fit in memory.

    Warns
    -----
    ConvergenceWarning
        If the residual stays above the tolerance.
    """
    base = problem.problem if isinstance(problem, MeanField) else problem
    n_particles = check_filling(base, filling)
    require(tolerance > 0, "tolerance", "be positive (in meV)", tolerance)
    require(max_iterations >= 1, "max_iterations", "be at least 1", max_iterations)
    require(0 <= temperature_mev < np.inf, "temperature_mev", "be finite and not negative", temperature_mev)
    require(
        solvers and all(solver in SOLVERS for solver in solvers),
        "solvers",
        f"be one or more of {', '.join(SOLVERS)}",
        found=f"are {tuple(solvers)}",
    )
    require(0 <= level_shift_mev < np.inf, "level_shift_mev", "be finite and not negative", level_shift_mev)
    require(
        not (level_shift_mev and temperature_mev),
        "level_shift_mev",
        "be zero at a nonzero temperature, where it would change the occupations",
        level_shift_mev,
    )
    shifts = not level_shift_mev or "diis" in solvers
    require(shifts, "level_shift_mev", "be zero without the solver 'diis', which alone uses it", level_shift_mev)
    warm = not temperature_mev or "diis" in solvers
    require(warm, "solvers", "include 'diis' at a temperature, where it alone is used", tuple(solvers))
    name = guess if isinstance(guess, str) else "density_matrix"
    folding = problem.folding if isinstance(problem, MeanField) else Folding(base.grid, base.bands.n_flavours)
    check_symmetry(symmetry, folding)
    if isinstance(guess, str):
        check_guess(guess, folding, symmetry)

    mean_field = problem if isinstance(problem, MeanField) else MeanField(problem)
    seed = content_seed(mean_field, name, n_particles) if seed is None else int(seed)
    n_sectors = mean_field.n_flavours if symmetry == "valley_diagonal" else 1
    fill = partial(occupy, n_particles=n_particles, temperature_mev=temperature_mev, n_sectors=n_sectors)
    named = isinstance(guess, str)
    matrix = (
        guess_fock(mean_field, guess, seed)
        if isinstance(guess, str)
        else _given(guess, mean_field, n_particles, n_sectors)
    )
    if symmetry == "c3":
        mean_field = RotatedMeanField.of(mean_field, matrix)
        matrix = mean_field.rotation.project(matrix)
    start = fill(matrix).density_matrix if named else matrix
    if temperature_mev:
        state = _warm(mean_field, start, fill, tolerance, max_iterations, temperature_mev)
        aufbau = True
    else:
        state, aufbau = _chain(
            mean_field, start, fill, tolerance, max_iterations, tuple(solvers), n_sectors, level_shift_mev
        )

    symmetric = not isinstance(mean_field, RotatedMeanField) or mean_field.keeps(state.density_matrix)
    converged = state.residual < tolerance and aufbau and symmetric
    if converged:
        reason = "residual below tolerance"
    elif not symmetric:
        reason = "a level at the Fermi energy is filled in part, against the symmetry"
    elif not aufbau:
        reason = "filled against the aufbau order"
    else:
        reason = "iterations used up" if len(state.steps) >= max_iterations else "no further descent"
    occupation = fill(state.fock)
    density_matrix = read_only(state.density_matrix)
    result = HartreeFockResult(
        problem=mean_field.problem,
        folding=mean_field.folding,
        n_particles=n_particles,
        guess=name,
        symmetry=symmetry,
        seed=seed,
        temperature_mev=temperature_mev,
        density_matrix=density_matrix,
        occupation=occupation,
        energy=mean_field.energy_parts(density_matrix),
        converged=converged,
        stop_reason=reason,
        residual=state.residual,
        history=state.steps,
    )
    if not converged:
        message = f"Hartree-Fock from '{name}' stopped at a residual of {state.residual:.1e} meV ({reason})."
        if strict:
            raise ConvergenceWarning(message)
        warnings.warn(message, ConvergenceWarning, stacklevel=2)
    return result


def check_filling(problem: ProjectedHamiltonian, filling: FillingLike) -> int:
    """Return the number of carriers in the cluster; raise InputError unless it is whole and fits in the bands."""
    n_orbitals = problem.bands.n_flavours * problem.bands.n_bands
    return count_carriers(filling, n_orbitals, problem.grid, problem.carrier)


def count_carriers(filling: FillingLike, n_orbitals: int, grid: MomentumGrid, carrier: Carrier = "hole") -> int:
    """Return the number of carriers on a grid with `n_orbitals` per momentum.

    Raises
    ------
    InputError
        Unless it is whole and fits in the orbitals.
    """
    per_cell = carriers_per_cell(filling, carrier)
    require(
        per_cell <= n_orbitals,
        "filling",
        f"lie in [-{n_orbitals}, {n_orbitals}], what the bands kept hold per cell",
        filling,
    )
    count = per_cell * grid.n_points
    require(count.denominator == 1, "filling", f"put a whole number of carriers on {grid.name}", f"{filling}")
    return int(count)


def _given(guess: ComplexArray, mean_field: MeanField, n_particles: int, n_sectors: int) -> ComplexArray:
    start = np.array(guess, dtype=np.complex128)
    check_shape("guess", start, mean_field.shape)
    trace = float(np.einsum("kii->", start).real)
    require(abs(trace - n_particles) < 1e-6, "guess", f"hold {n_particles} carriers", found=f"holds {trace:g}")
    require(np.allclose(start, start.conj().swapaxes(1, 2), atol=1e-9), "guess", "be Hermitian", "not")
    size = mean_field.dimension // n_sectors
    sector = np.arange(mean_field.dimension) // size
    start[:, sector[:, None] != sector[None, :]] = 0.0
    return start


def _warm(
    mean_field: MeanField, start: ComplexArray, fill: Fill, tolerance: float, max_iterations: int, temperature: float
) -> Iterate:
    first = Iterate(start, mean_field(start), 0.0, np.inf, ())
    return diis(mean_field, first, fill, tolerance, max_iterations, temperature, patience=max_iterations)


def _chain(
    mean_field: MeanField,
    start: ComplexArray,
    fill: Fill,
    tolerance: float,
    max_iterations: int,
    solvers: tuple[Solver, ...],
    n_sectors: int,
    level_shift_mev: float,
) -> tuple[Iterate, bool]:
    steps: tuple[Step, ...] = ()
    if solvers[0] == "newton" and np.abs(start @ start - start).max() > 1e-8:
        start = fill(mean_field(start)).density_matrix  # rotations act on determinants only
    for attempt in range(1, _ROUNDS + 1):
        fock = mean_field(start)
        residual = float(np.abs(commutator(fock, start)).max())
        state = Iterate(start, fock, mean_field.energy(start, fock), residual, ())
        for index, solver in enumerate(solvers):
            left = max_iterations - len(steps)
            if left <= 0 or (index > 0 and state.residual < tolerance):
                break
            if solver == "oda":
                last = len(solvers) == 1
                goal, limit = (
                    (tolerance, left) if last else (max(tolerance, _ROUGH_MEV), min(left, attempt * _ODA_STEPS))
                )
                found = optimal_damping(mean_field, state.density_matrix, fill, goal, limit)
            elif solver == "diis":
                limit = left if solvers[-1] == "diis" else min(left, _DIIS_STEPS)
                found = diis(mean_field, state, fill, tolerance, limit, level_shift_mev=level_shift_mev)
                if found.residual > _ROUGH_MEV and found.energy > state.energy and solvers[-1] == "newton":
                    found = Iterate(state.density_matrix, state.fock, state.energy, state.residual, found.steps)
            else:
                found = newton(mean_field, state, tolerance, left, n_sectors > 1)
            steps += found.steps
            state = found
        refilled = fill(state.fock).density_matrix
        aufbau = bool(np.abs(refilled - state.density_matrix).max() < 1e-3)
        if aufbau or len(steps) >= max_iterations:
            break
        start = refilled
    return Iterate(state.density_matrix, state.fock, state.energy, state.residual, steps), aufbau
