"""The lowest of several self-consistent states, and whether it is a minimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

import numpy as np

from moire._arrays import ComplexArray
from moire.errors import require
from moire.filling import FillingLike
from moire.hartree_fock.folding import Folding
from moire.hartree_fock.guesses import content_seed
from moire.hartree_fock.guesses import possible_guesses as guesses_of
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.newton import Tangent
from moire.hartree_fock.result import HartreeFockResult, Symmetry
from moire.hartree_fock.rotation import RotatedMeanField
from moire.hartree_fock.scf import check_filling, solve_hartree_fock
from moire.projection import ProjectedHamiltonian


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

    @cached_property
    def distinct(self) -> tuple[tuple[HartreeFockResult, ...], ...]:
        """Solutions in groups of equal ones, lowest first.

        Two converged solutions are equal if their energies agree to 1e-4 meV per cell and their order parameters to
        0.005 (layer polarisation, moduli of valley polarisation and staggered moment, intervalley coherence, broken
        translation): partners under time reversal count as one.
        """
        groups: list[list[HartreeFockResult]] = []
        for solution in self.solutions:
            for group in groups:
                if _equal(group[0], solution):
                    group.append(solution)
                    break
            else:
                groups.append([solution])
        return tuple(tuple(group) for group in groups)

    @property
    def n_reached(self) -> int:
        """How many of the solutions are the lowest one: a state reached once may not be the lowest there is."""
        return len(self.distinct[0])

    def __str__(self) -> str:
        lines = [str(self.best), f"{'E - E_0 (meV/cell)':>19} {'gap':>9} {'residual':>9} {'converged':>10}  guesses"]
        for group in self.distinct:
            excess = group[0].free_energy_per_cell - self.best.free_energy_per_cell
            lines.append(
                f"{excess:19.5f} {group[0].gap:9.4f} {group[0].residual:9.1e} {group[0].converged!s:>10}  "
                + ", ".join(solution.guess for solution in group)
            )
        return "\n".join(lines)


def _equal(first: HartreeFockResult, second: HartreeFockResult) -> bool:
    if not (first.converged and second.converged):
        return False
    if abs(first.free_energy_per_cell - second.free_energy_per_cell) > 1e-4:
        return False
    a, b = (
        np.array(
            [
                moments.layer_polarisation,
                abs(moments.valley_polarisation),
                abs(moments.staggered_out_of_plane),
                moments.coherence,
                moments.broken_translation,
            ]
        )
        for moments in (first.moments, second.moments)
    )
    return bool(np.abs(a - b).max() < 5e-3)


def ground_state(
    problem: ProjectedHamiltonian | MeanField,
    filling: FillingLike,
    guesses: str | Sequence[str | ComplexArray] | None = None,
    symmetry: Symmetry = "free",
    temperature_mev: float = 0.0,
    tolerance: float = 1e-6,
    max_iterations: int = 300,
    n_random: int = 1,
) -> GroundState:
    """Solve from several guesses with one build of the exchange, and order what comes out by energy.

    The lowest state is tested for stability; from a saddle it goes on down (:func:`relax`), and the minimum is added.

    Parameters
    ----------
    problem, filling, symmetry, temperature_mev, tolerance, max_iterations
        As in :func:`solve_hartree_fock`.
    guesses
        Guesses to start from; by default all that the flavours, the cell and the symmetry allow.
    n_random
        Number of random starts for ``"random"``, with the content seed and the ones that follow it.

    Raises
    ------
    InputError
        As :func:`solve_hartree_fock`, and if there is no guess.
    """
    base = problem.problem if isinstance(problem, MeanField) else problem
    if guesses is None:
        guesses = possible_guesses(problem, symmetry)
    guesses = (guesses,) if isinstance(guesses, str) else guesses
    require(len(guesses) > 0, "guesses", "hold at least one guess", "empty")
    require(n_random >= 1, "n_random", "be at least 1", n_random)
    n_particles = check_filling(base, filling)
    mean_field = problem if isinstance(problem, MeanField) else MeanField(problem)
    starts: list[tuple[str | ComplexArray, int | None]] = []
    for guess in guesses:
        random = isinstance(guess, str) and guess == "random"
        first = content_seed(mean_field, "random", n_particles)
        starts += [(guess, first + i) for i in range(n_random)] if random else [(guess, None)]
    solutions = [
        solve_hartree_fock(mean_field, filling, guess, symmetry, temperature_mev, tolerance, max_iterations, seed=seed)
        for guess, seed in starts
    ]
    solutions.sort(key=_rank)
    if not temperature_mev and solutions[0].converged:
        lower = relax(mean_field, solutions[0])
        if lower is not solutions[0]:
            solutions = sorted([lower, *solutions], key=_rank)
    return GroundState(tuple(solutions))


def order_solutions(solutions: Sequence[HartreeFockResult]) -> GroundState:
    """Order solutions by energy, the unconverged ones last."""
    return GroundState(tuple(sorted(solutions, key=_rank)))


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
        filling = Fraction(result.n_particles, mean_field.n_cells)
        lower = solve_hartree_fock(mean_field, filling, start, result.symmetry, solvers=("newton",), seed=result.seed)
        if lower.energy_per_cell >= result.energy_per_cell:
            break
        result = replace(lower, guess=f"{result.guess.removesuffix(' relaxed')} relaxed")
    return result


def _tangent(mean_field: MeanField, result: HartreeFockResult) -> Tangent:
    require(result.temperature_mev == 0, "result", "be at zero temperature", f"at {result.temperature_mev:g} meV")
    if result.symmetry == "c3":
        mean_field = RotatedMeanField.of(mean_field, result.density_matrix)
    fock = mean_field(result.density_matrix)
    return Tangent(mean_field, result.density_matrix, fock, result.symmetry == "valley_diagonal")


def possible_guesses(problem: ProjectedHamiltonian | MeanField, symmetry: Symmetry = "free") -> tuple[str, ...]:
    """Return the guesses that these flavours, this cell and this symmetry allow; the random one is the last."""
    if isinstance(problem, MeanField):
        return guesses_of(problem.folding, symmetry)
    return guesses_of(Folding(problem.grid, problem.bands.n_flavours), symmetry)
