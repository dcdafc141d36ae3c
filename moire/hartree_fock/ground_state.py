"""Ground state: the lowest of several self-consistent states, tested for stability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from moire._arrays import ComplexArray
from moire._progress import counted
from moire._shown import Shown
from moire._text import Number
from moire._types import checked
from moire.errors import require
from moire.filling import FillingLike
from moire.hartree_fock.folding import Folding
from moire.hartree_fock.guesses import content_seed
from moire.hartree_fock.guesses import possible_guesses as guesses_of
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.result import HartreeFockResult, Symmetry
from moire.hartree_fock.settings import DEFAULTS, ScfSettings
from moire.hartree_fock.solve import count_carriers, solve_hartree_fock
from moire.hartree_fock.stability import minimize
from moire.projection import ProjectedHamiltonian

_METALS_MEV = 2.0  # per cell: metals this close to the lowest state get their Fermi sea optimised; on 2x6 one gains 1.6
_MOST_MINIMIZED = 50


BANDS_MOVE_MEV = 0.25
"""Change of the energy difference of two states by bands left out, as observed, in meV per moire cell: from three
bands per valley to six, AFMxy and AFMz of WANG_2023 at 3.89 degrees, D = 28 meV, eps = 20, on 6x6, 9x9 and 12x12 alike.
It is no bound: the change is 0.4 at D = 24 meV, eps = 12."""


@checked
def bands_move_mev(problem: ProjectedHamiltonian) -> float:
    """Error of the energy difference of two states by the bands left out, in meV per cell: 0 with all plane waves."""
    return 0.0 if problem.basis == "plane waves" else BANDS_MOVE_MEV


def undecided(name: str, margin_mev: float) -> str:
    """Sentence on a competitor whose energy difference is below the error of the bands kept."""
    return (
        f"Undecided: {name} lies {Number(margin_mev):.4f} meV per cell higher, and bands left "
        f"out can move such a difference "
        f"by {BANDS_MOVE_MEV:g} (three against six bands at eps = 20); `band_margin` repeats both with more bands."
    )


@checked
@dataclass(frozen=True, eq=False)
class GroundState(Shown):
    """The lowest of several self-consistent states.

    Parameters
    ----------
    solutions
        All states found, lowest energy first (free energy at a temperature); states that did not converge come last.
    """

    solutions: tuple[HartreeFockResult, ...] = field(repr=False)

    @classmethod
    def of(
        cls, mean_field: MeanField, solutions: Sequence[HartreeFockResult], settings: ScfSettings = DEFAULTS
    ) -> GroundState:
        """Order solutions by energy, and relax the lowest to a minimum (:func:`minimize`).

        Metals close to the lowest state are relaxed too: their first Fermi sea is rarely the best one.
        """
        found = sorted(solutions, key=rank)
        for _ in counted(range(_MOST_MINIMIZED), "relaxations, at most"):
            pending = _untested(found, settings.tolerance_mev)
            if pending is None:
                break
            equal = next((other for other in found if _is_tested(other) and are_equal(other, found[pending])), None)
            if equal is not None:
                found[pending] = replace(found[pending], curvature_mev=equal.curvature_mev, move_mev=equal.move_mev)
                continue
            first, last = minimize(mean_field, found[pending], settings)
            found[pending] = first
            found = sorted(found if last is first else [last, *found], key=rank)
        return cls(tuple(found))

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
                if are_equal(group[0], solution):
                    group.append(solution)
                    break
            else:
                groups.append([solution])
        return tuple(tuple(group) for group in groups)

    @property
    def n_reached(self) -> int:
        """Number of solutions equal to the lowest one; a state reached only once may not be the ground state."""
        return len(self.distinct[0])

    @property
    def competitor(self) -> HartreeFockResult | None:
        """The next converged state with different order parameters; None if there is none."""
        others = (group[0] for group in self.distinct[1:])
        return next((state for state in others if state.converged and not same_order(self.best, state)), None)

    @property
    def margin_mev(self) -> float:
        """Energy of the competitor above the lowest state, in meV per cell; NaN without one."""
        other = self.competitor
        return float("nan") if other is None else other.free_energy_per_cell - self.best.free_energy_per_cell

    def __str__(self) -> str:
        lines = [str(self.best), f"{'E - E_0 (meV/cell)':>19} {'gap':>9} {'residual':>9} {'converged':>10}  guesses"]
        for group in self.distinct:
            excess = group[0].free_energy_per_cell - self.best.free_energy_per_cell
            lines.append(
                f"{Number(excess):19.5f} {Number(group[0].gap):9.4f} {group[0].residual:9.1e} "
                f"{group[0].converged!s:>10}  " + ", ".join(solution.guess for solution in group)
            )
        if self.competitor is not None and self.margin_mev < bands_move_mev(self.best.problem):
            lines.append(undecided(f"the state from {self.competitor.guess}", self.margin_mev))
        return "\n".join(lines)


def are_equal(first: HartreeFockResult, second: HartreeFockResult) -> bool:
    """Whether two converged solutions count as one (:attr:`GroundState.distinct`)."""
    if not (first.converged and second.converged):
        return False
    close = abs(first.free_energy_per_cell - second.free_energy_per_cell) <= 1e-4
    return close and same_order(first, second)


def same_order(first: HartreeFockResult, second: HartreeFockResult) -> bool:
    """Whether the order parameters of two states agree to 0.005, up to time reversal."""
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


@checked
def ground_state(
    problem: ProjectedHamiltonian | MeanField,
    filling: FillingLike,
    guesses: str | Sequence[str | ComplexArray] | None = None,
    symmetry: Symmetry = "free",
    temperature_mev: float = 0.0,
    n_random: int = 1,
    settings: ScfSettings = DEFAULTS,
) -> GroundState:
    """Solve from several guesses with one build of the exchange, and order the solutions by energy.

    The lowest state is tested for stability; from a saddle the energy is lowered further (:func:`relax`), and the
    minimum is added. In a metal single carriers are moved until no move lowers the energy (:func:`rearranged`); that
    state is added too.

    Parameters
    ----------
    problem, filling, symmetry, temperature_mev, settings
        As in :func:`solve_hartree_fock`.
    guesses
        Guesses to start from; by default all that the flavours, the cell and the symmetry allow.
    n_random
        Number of random starts for ``"random"``, with the content seed and the seeds that follow it.

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
    n_particles = count_carriers(filling, base.orbitals, base.carrier)
    mean_field = problem if isinstance(problem, MeanField) else MeanField(problem)
    starts: list[tuple[str | ComplexArray, int | None]] = []
    for guess in guesses:
        random = isinstance(guess, str) and guess == "random"
        first = content_seed(mean_field, "random", n_particles)
        starts += [(guess, first + i) for i in range(n_random)] if random else [(guess, None)]
    solutions = [
        solve_hartree_fock(mean_field, filling, guess, symmetry, temperature_mev, settings, seed)
        for guess, seed in counted(starts, "guesses")
    ]
    return GroundState.of(mean_field, solutions, settings)


def _untested(found: Sequence[HartreeFockResult], tolerance_mev: float) -> int | None:
    """Index of the next state to relax to a minimum; None if there is none."""
    for place, state in enumerate(found):
        close = state.energy_per_cell - found[0].energy_per_cell < _METALS_MEV
        wanted = place == 0 or (state.is_metal and close)
        # filled against the aufbau order is stationary too; a rotation broken by a partly filled level is not
        stationary = state.converged or (state.residual < tolerance_mev and state.symmetry != "c3")
        if wanted and stationary and not state.temperature_mev and not _is_tested(state):
            return place
    return None


def _is_tested(state: HartreeFockResult) -> bool:
    return not np.isnan(state.curvature_mev)


def rank(solution: HartreeFockResult) -> tuple[bool, float]:
    """Key that orders solutions: converged ones first, then by (free) energy."""
    return not solution.converged, solution.free_energy_per_cell


@checked
def possible_guesses(problem: ProjectedHamiltonian | MeanField, symmetry: Symmetry = "free") -> tuple[str, ...]:
    """Return the guesses that these flavours, this cell and this symmetry allow; the random one is the last."""
    if isinstance(problem, MeanField):
        return guesses_of(problem.folding, symmetry)
    return guesses_of(Folding(problem.grid, problem.bands.n_flavours), symmetry)
