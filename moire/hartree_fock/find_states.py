"""Search for further minima away from the states that are known."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from moire._arrays import ComplexArray
from moire._progress import counted
from moire._types import checked
from moire.errors import ConvergenceWarning, require
from moire.hartree_fock.deflation import STRENGTHS_MEV, partners, start_away
from moire.hartree_fock.ground_state import GroundState
from moire.hartree_fock.guesses import content_seed
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.result import SADDLE_MEV, HartreeFockResult
from moire.hartree_fock.settings import DEFAULTS, ScfSettings
from moire.hartree_fock.solve import solve_hartree_fock
from moire.hartree_fock.stability import minimize


@checked
def find_states(
    mean_field: MeanField,
    found: GroundState,
    n_searches: int = 4,
    settings: ScfSettings = DEFAULTS,
    seed: int | None = None,
) -> GroundState:
    """Search for further states away from those found, on purpose rather than by luck.

    Every state found is first relaxed to a minimum. Each search then solves under a penalty on the overlap with all
    minima known and their partners (:class:`moire.hartree_fock.deflation.Deflated`), from a random start; the penalty
    is removed, the state solved and relaxed, and its minimum counts as known in the next search. Three strengths of the
    penalty take turns.

    Parameters
    ----------
    mean_field
        The mean field that the states belong to.
    found
        States at zero temperature; one is enough.
    n_searches
        Number of searches.
    settings
        Settings of the loop; a search that does not converge is kept as such, without a warning.
    seed
        Seed of the random starts; by default a hash of the problem and the number of carriers.

    Returns
    -------
    GroundState
        All states, those found before included; those of a search are named ``"search <i>"``.

    Raises
    ------
    InputError
        If the states are not at zero temperature, or there is no search.
    """
    first = found.best
    require(n_searches >= 1, "n_searches", "be at least 1", n_searches)
    require(first.temperature_mev == 0, "found", "be at zero temperature", f"at {first.temperature_mev:g} meV")
    seed = content_seed(mean_field, "search", first.n_particles) if seed is None else int(seed)
    lenient = replace(settings, strict=False)

    solutions: list[HartreeFockResult] = []
    for group in counted(found.distinct, "distinct states"):
        tested = next((state for state in group if not np.isnan(state.curvature_mev)), group[0])
        solutions += [*_minimized(mean_field, tested, lenient), *(state for state in group if state is not tested)]
    known: list[HartreeFockResult] = []
    away_from: list[tuple[ComplexArray, ...]] = []
    for i in counted(range(n_searches), "searches"):
        for group in GroundState(tuple(filter(_is_minimum, [*known, *solutions]))).distinct:
            if group[0] not in known:
                known.append(group[0])
                away_from.append(partners(mean_field, group[0].density_matrix))
        strength = STRENGTHS_MEV[i % len(STRENGTHS_MEV)]
        start = start_away(mean_field, away_from, first.aufbau, strength, seed + i)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the result says so
            state = solve_hartree_fock(
                mean_field, first.filling, start, first.symmetry, settings=lenient, seed=seed + i
            )
        solutions += _minimized(mean_field, replace(state, guess=f"search {i + 1}"), lenient)
    return GroundState.of(mean_field, solutions, settings)


def _minimized(mean_field: MeanField, state: HartreeFockResult, settings: ScfSettings) -> list[HartreeFockResult]:
    """A converged state with its curvature, and the minimum that it relaxes to where it is none."""
    if not state.converged or not np.isnan(state.curvature_mev):
        return [state]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        first, last = minimize(mean_field, state, settings)
    return [first] if last is first else [first, last]


def _is_minimum(state: HartreeFockResult) -> bool:
    return state.converged and state.curvature_mev >= SADDLE_MEV and not state.move_mev < 0
