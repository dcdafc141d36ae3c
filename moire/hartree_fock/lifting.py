"""States of all plane waves, found in a few bands and solved again in the full space."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

from moire._types import checked
from moire.bands import solve_bands
from moire.errors import CutoffWarning
from moire.filling import FillingLike, carriers_per_cell
from moire.hartree_fock.follow import transferred
from moire.hartree_fock.ground_state import GroundState, rank
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.settings import DEFAULTS, ScfSettings
from moire.hartree_fock.solve import solve_hartree_fock

LIFTED_MEV = 2.0
"""Energy per cell above the lowest state in bands up to which states are solved again: the bands left out by three
change the difference of two energies by up to 1.1 meV (at eps = 13)."""


@checked
def in_bands(mean_field: MeanField, n_bands: int) -> MeanField:
    """The same problem, cell and boost, projected onto the bands of each flavour that the carriers fill first.

    Raises
    ------
    InputError
        If the model has fewer bands, or the reference density is an array.
    MemoryRefusedError
        If the exchange of the bands does not fit in memory.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutoffWarning)  # the waves are those of the full space, chosen before
        bands = solve_bands(mean_field.problem.bands.models, mean_field.problem.grid, n_bands)
    return MeanField(mean_field.problem.on_bands(bands), mean_field.supercell, mean_field.boost)


def search_bands(filling: FillingLike, most: int) -> int:
    """Return the bands of each flavour in which states of holes are searched: three, or one more than hold all."""
    return min(max(3, math.ceil(carriers_per_cell(filling, "hole")) + 1), most)


@checked
def lift(
    found: GroundState,
    source: MeanField,
    target: MeanField,
    settings: ScfSettings = DEFAULTS,
) -> GroundState:
    """Solve states of a few bands again in more bands or in all plane waves, each starting from itself.

    Parameters
    ----------
    found
        States in bands; of those with equal energies and order one is taken, and none that lies more than 2 meV per
        cell above the lowest.
    source, target
        Mean field of the states, and that of the same model in more bands or in plane waves (:func:`in_bands`).
    settings
        Settings of the new solutions; they are applied with ``strict=False``, as a state may cease to exist, and
        without damping, as the start is close.

    Raises
    ------
    InputError
        If cluster, cell, boost or carriers of the two differ, or the target keeps fewer bands.
    """
    near = tuple(solver for solver in settings.solvers if solver != "oda") or settings.solvers
    lenient = replace(settings, strict=False, solvers=near)
    highest = found.best.free_energy_per_cell + LIFTED_MEV
    lifted = []
    for state, *_ in found.distinct:
        if state.free_energy_per_cell <= highest:
            start = transferred(state.density_matrix, source, target)
            asked = (state.filling, start, state.symmetry, state.temperature_mev, lenient, state.seed)
            lifted.append(replace(solve_hartree_fock(target, *asked), guess=state.guess))
    return GroundState(tuple(sorted(lifted, key=rank)))
