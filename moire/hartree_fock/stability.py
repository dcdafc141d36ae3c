"""Stability of a state, and relaxation from a saddle point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from moire._types import checked
from moire.errors import require
from moire.hartree_fock.fermi_sea import rearranged
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.result import SADDLE_MEV, HartreeFockResult
from moire.hartree_fock.rotation import RotatedMeanField
from moire.hartree_fock.settings import DEFAULTS, ScfSettings
from moire.hartree_fock.solve import solve_hartree_fock
from moire.hartree_fock.tangent import Tangent

_ROUNDS = 5  # of rotations and moves in alternation


@checked
def lowest_curvature(mean_field: MeanField, result: HartreeFockResult) -> float:
    """Lowest curvature of the energy in meV under rotations of filled into empty orbitals.

    Negative at a saddle (the state is unstable); zero along a broken continuous symmetry, such as the relative
    phase of the valleys; infinite where nothing can rotate. Rotations keep the number of carriers at each momentum
    and the symmetry of the result.

    Raises
    ------
    InputError
        If the state is not one at zero temperature.
    """
    return _tangent(mean_field, result).softest(result.seed)[0]


@checked
def relax(
    mean_field: MeanField,
    result: HartreeFockResult,
    settings: ScfSettings = DEFAULTS,
    threshold_mev: float = SADDLE_MEV,
    max_saddles: int = 5,
) -> HartreeFockResult:
    """Relax from a saddle along its softest direction until the state is a minimum.

    Parameters
    ----------
    mean_field
        The mean field that the state belongs to.
    result
        A state at zero temperature; it is returned unchanged if it is stable.
    settings
        How the states on the way are solved; the solver is Newton's method.
    threshold_mev
        Curvature below which a state counts as a saddle.
    max_saddles
        Maximum number of saddles to leave.

    Raises
    ------
    InputError
        If the state is not one at zero temperature.
    """
    chain = _downhill(mean_field, result, settings, threshold_mev, max_saddles)
    return result if len(chain) == 1 else chain[-1]


@checked
def minimize(
    mean_field: MeanField, result: HartreeFockResult, settings: ScfSettings = DEFAULTS
) -> tuple[HartreeFockResult, HartreeFockResult]:
    """Relax a state to a minimum, by rotations of orbitals and moves of carriers in alternation.

    Parameters
    ----------
    mean_field
        The mean field that the state belongs to.
    result
        A state at zero temperature.
    settings
        How the states on the way are solved; the solver is Newton's method.

    Returns
    -------
    states
        The state with its curvature, and the minimum it relaxes to, tested for both; the same at a minimum.
    """
    chain = _downhill(mean_field, result, settings)
    last = chain[-1]
    moved = rearranged(mean_field, last, settings)
    if len(chain) == 1 and not _is_another(moved):
        return moved, moved
    for _ in range(_ROUNDS):
        if not _is_another(moved):
            return chain[0], moved
        last = _downhill(mean_field, moved, settings)[-1]
        moved = rearranged(mean_field, last, settings)
    return chain[0], moved


def _is_another(moved: HartreeFockResult) -> bool:
    return bool(np.isnan(moved.curvature_mev))  # only moves of carriers leave it untested


def _downhill(
    mean_field: MeanField,
    result: HartreeFockResult,
    settings: ScfSettings,
    threshold_mev: float = SADDLE_MEV,
    max_saddles: int = 5,
) -> list[HartreeFockResult]:
    """States along the relaxation through saddle points, each with its curvature."""
    settings = replace(settings, solvers=("newton",), level_shift_mev=0.0)
    states: list[HartreeFockResult] = []
    while True:
        tangent = _tangent(mean_field, result)
        curvature, direction = tangent.softest(result.seed)
        states.append(replace(result, curvature_mev=curvature))
        if curvature > threshold_mev or len(states) > max_saddles:
            return states
        # a tenth of a radian per momentum: far enough to leave, near enough to go down
        start = result.density_matrix + tangent.change(0.1 * np.sqrt(mean_field.shape[0]) * direction)
        start = (start + start.conj().swapaxes(1, 2)) / 2
        lower = solve_hartree_fock(
            mean_field, result.filling, start, result.symmetry, settings=settings, seed=result.seed
        )
        if lower.energy_per_cell >= result.energy_per_cell:
            return states
        result = replace(lower, guess=f"{result.guess.removesuffix(' relaxed')} relaxed")


def _tangent(mean_field: MeanField, result: HartreeFockResult) -> Tangent:
    require(result.temperature_mev == 0, "result", "be at zero temperature", f"at {result.temperature_mev:g} meV")
    if result.symmetry == "c3":
        mean_field = RotatedMeanField.of(mean_field, result.density_matrix)
    fock = mean_field(result.density_matrix)
    return Tangent(mean_field, result.density_matrix, fock, result.aufbau.n_sectors)
