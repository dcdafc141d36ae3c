"""Continuation of solutions along a line of problems, in both directions."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from moire._arrays import ComplexArray
from moire._progress import counted
from moire._types import checked
from moire.errors import ConvergenceWarning, require
from moire.hartree_fock.ground_state import GroundState
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.result import HartreeFockResult
from moire.hartree_fock.settings import DEFAULTS, ScfSettings
from moire.hartree_fock.solve import solve_hartree_fock


@checked
def transferred(density_matrix: ComplexArray, source: MeanField, target: MeanField) -> ComplexArray:
    """Density matrix in the bands of another problem on the same cluster and cell.

    The bands of both are compared by W_mn(k) = <u_m(k)| v_n(k)>, made unitary, or isometric where the target
    keeps more bands, whose additional ones stay empty: the trace and P^2 = P stay exact.

    Raises
    ------
    InputError
        If cluster, cell, boost, carriers or shape of the states differ, or the target keeps fewer bands.
    """
    first, second = source.problem, target.problem
    same = (
        first.carrier == second.carrier
        and first.bands.models[0].state_shape == second.bands.models[0].state_shape
        and first.bands.n_flavours == second.bands.n_flavours
        and first.bands.n_bands <= second.bands.n_bands
        and np.array_equal(first.grid.matrix, second.grid.matrix)
        and first.grid.boundary_phase == second.grid.boundary_phase
        and np.array_equal(source.folding.index, target.folding.index)
    )
    require(same, "mean_fields", "share cluster, cell, boost, carriers and bands kept", found="differ")
    if first.bands is second.bands or first.basis == second.basis == "plane waves":
        return density_matrix
    overlaps = np.einsum("fkmlg,fknlg->fkmn", second.bands.states.conj(), first.bands.states, optimize=True)
    left, _, right = np.linalg.svd(overlaps, full_matrices=False)
    turn = left @ right
    if first.carrier == "hole":
        turn = turn.conj()
    local = np.stack([turn[f][index] for f, index in enumerate(target.folding.index)])  # (flavour, r, a, m, n)
    blocks = source.orbitals.split(density_matrix)
    moved = np.einsum("framn,rfangbp,grbqp->rfamgbq", local, blocks, local.conj(), optimize=True)
    return target.orbitals.join(moved)


@checked
def follow(
    mean_fields: Sequence[MeanField],
    found: Sequence[GroundState],
    n_carried: int = 2,
    settings: ScfSettings = DEFAULTS,
    progress: bool = False,
) -> tuple[GroundState, ...]:
    """Use the states found at each point of a line of problems as guesses at its neighbours, back and forth.

    Beyond a first-order transition a state remains a solution, so that a state found at one point serves the
    others as a guess. At each point all are kept, and the lowest is relaxed to a minimum as in :func:`ground_state`.

    Parameters
    ----------
    mean_fields
        In the order of the line; all are kept in memory (those of :meth:`MeanField.rescaled` share their matrices).
    found
        Results of :func:`ground_state` at each of them, at one filling, symmetry and temperature.
    n_carried
        Number of distinct states used as guesses at the next point, the lowest first.
    settings
        Settings of these solutions; they are applied with ``strict=False``, as a state may cease to exist.
    progress
        Show a progress bar over the steps between points.

    Returns
    -------
    states
        One per problem. A state that came from a neighbour is named ``"<guess> from point <i>"``.

    Raises
    ------
    InputError
        If the problems do not share cluster, cell, boost, carriers and bands kept, or the states do not share filling,
            symmetry and temperature.
    """
    require(len(mean_fields) > 0, "mean_fields", "hold at least one mean field", found="are empty")
    require(n_carried >= 1, "n_carried", "be at least 1", n_carried)
    require(
        len(found) == len(mean_fields),
        "found",
        f"hold one ground state per mean field, {len(mean_fields)} in all",
        found=f"holds {len(found)}",
    )
    first = mean_fields[0]
    for mean_field in mean_fields[1:]:
        require(
            mean_field.n_bands == first.n_bands,
            "mean_fields",
            f"keep {first.n_bands} bands each, as the first does",
            found=f"keep {mean_field.n_bands} in another",
        )
        transferred(np.zeros(first.shape, dtype=np.complex128), first, mean_field)
    asked = {(point.best.filling, point.best.symmetry, point.best.temperature_mev) for point in found}
    require(len(asked) == 1, "found", "be at one filling, symmetry and temperature", found="differs in them")
    last = len(mean_fields) - 1
    pairs = [(i, i - 1) for i in range(1, last + 1)] + [(i, i + 1) for i in range(last - 1, -1, -1)]
    states, lenient = list(found), replace(settings, strict=False)
    for point, neighbour in counted(pairs, "neighbours", progress):
        source, target = mean_fields[neighbour], mean_fields[point]
        groups = states[neighbour].distinct[:n_carried]
        carried = [_carried(group[0], neighbour, source, target, lenient) for group in groups]
        states[point] = GroundState.of(target, [*states[point].solutions, *carried], settings)
    return tuple(states)


def _carried(
    state: HartreeFockResult, index: int, source: MeanField, target: MeanField, settings: ScfSettings
) -> HartreeFockResult:
    start = transferred(state.density_matrix, source, target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a state may cease to exist; the result says so
        solution = solve_hartree_fock(target, state.filling, start, state.symmetry, state.temperature_mev, settings)
    origin = state.guess.split(" from point ")[0]
    return replace(solution, guess=f"{origin} from point {index}")
