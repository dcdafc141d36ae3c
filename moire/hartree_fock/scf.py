"""Self-consistent Hartree-Fock: from a guess to a state, and to the lowest of several."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from typing import Literal

import numpy as np

from moire._arrays import ComplexArray, check_shape, read_only
from moire.errors import ConvergenceWarning, require
from moire.hartree_fock.guesses import check_guess, content_seed, guess_fock
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.mixing import Fill, Iterate, Step, commutator, diis, optimal_damping
from moire.hartree_fock.newton import Tangent, newton
from moire.hartree_fock.occupation import occupy
from moire.hartree_fock.result import SYMMETRIES, HartreeFockResult, Symmetry
from moire.projection import ProjectedHamiltonian

Solver = Literal["oda", "diis", "newton"]
SOLVERS: tuple[Solver, ...] = ("oda", "diis", "newton")
DEFAULT_GUESSES = ("AFMxy", "AFMz", "non_magnetic", "layer_polarised", "valley_polarised", "random")

_ROUGH_MEV = 0.5  # residual at which damping hands over: DIIS converges from about there
_ROUNDS = 4  # times that a state filled against the aufbau order is filled anew
_ODA_STEPS, _DIIS_STEPS = 30, 40


@dataclass(frozen=True, eq=False)
class GroundState:
    """The lowest of several self-consistent states.

    Parameters
    ----------
    solutions
        All states found, lowest energy first (free energy at a temperature); states that did not converge come last.
    """

    solutions: tuple[HartreeFockResult, ...] = field(repr=False)

    @property
    def best(self) -> HartreeFockResult:
        """The lowest state."""
        return self.solutions[0]

    def __str__(self) -> str:
        lines = [
            str(self.best),
            f"{'guess':>18} {'E - E_0 (meV/cell)':>19} {'gap':>9} {'residual':>9} {'converged':>10}",
        ]
        for solution in self.solutions:
            excess = solution.free_energy_per_cell - self.best.free_energy_per_cell
            lines.append(
                f"{solution.guess:>18} {excess:19.5f} {solution.gap:9.4f} {solution.residual:9.1e} "
                f"{solution.converged!s:>10}"
            )
        return "\n".join(lines)


def solve_hartree_fock(
    problem: ProjectedHamiltonian | MeanField,
    filling: float | Fraction,
    guess: str | ComplexArray = "random",
    symmetry: Symmetry = "free",
    temperature_mev: float = 0.0,
    tolerance: float = 1e-6,
    max_iterations: int = 300,
    solvers: Sequence[Solver] = SOLVERS,
    seed: int | None = None,
    strict: bool = False,
) -> HartreeFockResult:
    """Solve F[P] = h + Hartree[P] + Fock[P], P = the lowest states of F filled, from one guess.

    Solvers are chained: optimal damping to a residual of 0.5 meV, DIIS while it helps, and a trust-region
    Newton method whose energy never rises. Newton keeps the number of carriers at each momentum; if
    the state then breaks the aufbau order, it is filled anew and the chain starts again.

    Parameters
    ----------
    problem
        The projected Hamiltonian, or a mean field built on it (to share one build among guesses).
    filling
        Carriers per moire cell: 2 for nu = -2 with holes. The cluster must hold a whole number of them.
    guess
        A key of ``GUESSES``, ``"random"``, or a density matrix P(k) of shape (k, orbital, orbital).
    symmetry
        ``"free"``, or ``"valley_diagonal"``: no order between flavours.
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
    n_particles = _particles(base, filling)
    require(symmetry in SYMMETRIES, "symmetry", f"be one of {', '.join(SYMMETRIES)}", repr(symmetry))
    require(tolerance > 0, "tolerance", "be positive (in meV)", tolerance)
    require(max_iterations >= 1, "max_iterations", "be at least 1", max_iterations)
    require(0 <= temperature_mev < np.inf, "temperature_mev", "be finite and not negative", temperature_mev)
    require(solvers and all(solver in SOLVERS for solver in solvers), "solvers", f"be among {SOLVERS}", tuple(solvers))
    name = guess if isinstance(guess, str) else "density_matrix"
    if isinstance(guess, str):
        check_guess(guess, base, symmetry)
    seed = content_seed(base, name, n_particles) if seed is None else int(seed)

    mean_field = problem if isinstance(problem, MeanField) else MeanField(problem)
    n_sectors = mean_field.n_flavours if symmetry == "valley_diagonal" else 1
    fill = partial(occupy, n_particles=n_particles, temperature_mev=temperature_mev, n_sectors=n_sectors)
    if isinstance(guess, str):
        start = fill(guess_fock(mean_field, guess, seed)).density_matrix
    else:
        start = _given(guess, mean_field, n_particles, n_sectors)
    if temperature_mev:
        state = _warm(mean_field, start, fill, tolerance, max_iterations, temperature_mev)
        aufbau = True
    else:
        state, aufbau = _chain(mean_field, start, fill, tolerance, max_iterations, tuple(solvers), n_sectors)

    converged = state.residual < tolerance and aufbau
    reason = "residual below tolerance" if converged else "iterations used up"
    if not aufbau:
        reason = "filled against the aufbau order"
    occupation = fill(state.fock)
    density_matrix = read_only(state.density_matrix)
    result = HartreeFockResult(
        problem=base,
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


def ground_state(
    problem: ProjectedHamiltonian | MeanField,
    filling: float | Fraction,
    guesses: Sequence[str | ComplexArray] | None = None,
    symmetry: Symmetry = "free",
    temperature_mev: float = 0.0,
    tolerance: float = 1e-6,
    max_iterations: int = 300,
) -> GroundState:
    """Solve from several guesses with one build of the exchange, and order what comes out by energy.

    The lowest state is tested for stability; from a saddle it goes on down (:func:`relax`), and the minimum is added.

    Parameters
    ----------
    problem, filling, symmetry, temperature_mev, tolerance, max_iterations
        As in :func:`solve_hartree_fock`.
    guesses
        Guesses to start from; by default all of ``DEFAULT_GUESSES`` that the symmetry and the flavours allow.

    Raises
    ------
    InputError
        As :func:`solve_hartree_fock`, and if there is no guess.
    """
    base = problem.problem if isinstance(problem, MeanField) else problem
    if guesses is None:
        guesses = possible_guesses(base, symmetry)
    require(len(guesses) > 0, "guesses", "hold at least one guess", "empty")
    _particles(base, filling)
    mean_field = problem if isinstance(problem, MeanField) else MeanField(problem)
    solutions = [
        solve_hartree_fock(mean_field, filling, guess, symmetry, temperature_mev, tolerance, max_iterations)
        for guess in guesses
    ]
    solutions.sort(key=_rank)
    if not temperature_mev:
        lower = relax(mean_field, solutions[0])
        if lower is not solutions[0]:
            solutions = sorted([lower, *solutions], key=_rank)
    return GroundState(tuple(solutions))


def _rank(solution: HartreeFockResult) -> tuple[bool, float]:
    return not solution.converged, solution.free_energy_per_cell


def lowest_curvature(mean_field: MeanField, result: HartreeFockResult) -> float:
    """Lowest curvature of the energy in meV under rotations of filled into empty orbitals.

    Negative at a saddle (the state is unstable); zero along a broken continuous symmetry, such as the relative
    phase of the valleys. Rotations keep the number of carriers at each momentum and the symmetry of the result.

    Raises
    ------
    InputError
        If the state is not one at zero temperature.
    """
    return _tangent(mean_field, result).softest(result.seed)[0]


def relax(
    mean_field: MeanField, result: HartreeFockResult, threshold_mev: float = -1e-2, max_saddles: int = 5
) -> HartreeFockResult:
    """Leave a saddle along its softest direction, downhill, until the state is a minimum.

    Parameters
    ----------
    mean_field
        The mean field that the state belongs to.
    result
        A state at zero temperature; it is returned itself if it is stable.
    threshold_mev
        Curvature below which a state counts as a saddle.
    max_saddles
        Saddles to leave before giving up.

    Raises
    ------
    InputError
        If the state is not one at zero temperature.
    """
    for _ in range(max_saddles):
        tangent = _tangent(mean_field, result)
        if not tangent.mask.any():
            break
        curvature, direction = tangent.softest(result.seed)
        if curvature > threshold_mev:
            break
        # a tenth of a radian per momentum: far enough to leave, near enough to go down
        start = result.density_matrix + tangent.change(0.1 * np.sqrt(mean_field.shape[0]) * direction)
        start = (start + start.conj().swapaxes(1, 2)) / 2
        filling = Fraction(result.n_particles, mean_field.shape[0])
        lower = solve_hartree_fock(mean_field, filling, start, result.symmetry, solvers=("newton",), seed=result.seed)
        if lower.energy_per_cell >= result.energy_per_cell:
            break
        result = replace(lower, guess=f"{result.guess.removesuffix(' relaxed')} relaxed")
    return result


def _tangent(mean_field: MeanField, result: HartreeFockResult) -> Tangent:
    require(result.temperature_mev == 0, "result", "be at zero temperature", f"at {result.temperature_mev:g} meV")
    fock = mean_field(result.density_matrix)
    return Tangent(mean_field, result.density_matrix, fock, result.symmetry == "valley_diagonal")


def possible_guesses(problem: ProjectedHamiltonian, symmetry: Symmetry = "free") -> tuple[str, ...]:
    """Return the default guesses that these flavours and this symmetry allow."""
    allowed = []
    for guess in DEFAULT_GUESSES:
        if problem.bands.n_flavours == 1 and guess in ("AFMxy", "AFMz", "valley_polarised"):
            continue
        if symmetry == "valley_diagonal" and guess == "AFMxy":
            continue
        allowed.append(guess)
    return tuple(allowed)


def _particles(problem: ProjectedHamiltonian, filling: float | Fraction) -> int:
    orbitals = problem.bands.n_flavours * problem.bands.n_bands
    require(0 <= filling <= orbitals, "filling", f"lie in 0..{orbitals}, the bands kept", filling)
    exact = Fraction(filling).limit_denominator(10_000) * problem.grid.n_points
    require(exact.denominator == 1, "filling", f"put a whole number of carriers on {problem.grid.name}", f"{filling}")
    return int(exact)


def _given(guess: ComplexArray, mean_field: MeanField, n_particles: int, n_sectors: int) -> ComplexArray:
    start = np.array(guess, dtype=np.complex128)
    check_shape("guess", start, mean_field.shape)
    trace = float(np.einsum("kii->", start).real)
    require(abs(trace - n_particles) < 1e-6, "guess", f"hold {n_particles} carriers", f"one of {trace:g}")
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
) -> tuple[Iterate, bool]:
    steps: tuple[Step, ...] = ()
    for _ in range(_ROUNDS):
        fock = mean_field(start)
        residual = float(np.abs(commutator(fock, start)).max())
        state = Iterate(start, fock, mean_field.energy(start, fock), residual, ())
        for solver in solvers:
            left = max_iterations - len(steps)
            if left <= 0 or (state.residual < tolerance and steps):
                break
            if solver == "oda":
                last = len(solvers) == 1
                goal, limit = (tolerance, left) if last else (max(tolerance, _ROUGH_MEV), min(left, _ODA_STEPS))
                found = optimal_damping(mean_field, state.density_matrix, fill, goal, limit)
            elif solver == "diis":
                limit = left if solvers[-1] == "diis" else min(left, _DIIS_STEPS)
                found = diis(mean_field, state, fill, tolerance, limit)
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
