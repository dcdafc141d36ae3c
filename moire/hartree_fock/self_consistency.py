"""The self-consistency loop: stages one after the other, until a state is stationary and filled in aufbau order."""

from __future__ import annotations

from functools import partial

from moire._arrays import ComplexArray
from moire.hartree_fock.diis import Diis
from moire.hartree_fock.mean_field import MeanField
from moire.hartree_fock.newton import Newton
from moire.hartree_fock.occupation import Aufbau, Occupation
from moire.hartree_fock.optimal_damping import OptimalDamping
from moire.hartree_fock.resume import Position, Progress
from moire.hartree_fock.settings import ScfSettings, Solver
from moire.hartree_fock.stages import Iterate, Stage, forget, largest

_ROUGH_MEV = 0.5  # residual at which damping ends: DIIS converges from about there
_ROUNDS = 4  # rounds in which a state filled against the aufbau order is refilled
_ODA_STEPS, _DIIS_STEPS = 30, 40


def run_stages(
    mean_field: MeanField,
    density_matrix: ComplexArray,
    fill: Aufbau,
    settings: ScfSettings,
    progress: Progress | None = None,
) -> tuple[Iterate, Occupation, bool]:
    """Run the self-consistency loop from a density matrix, or from where `progress` says that it was interrupted.

    Each stage starts from the last iterate of the one before. A state then filled against the aufbau order of its
    Fock matrix, as Newton may leave it, is refilled for another round.

    Returns
    -------
    state
        The last iterate.
    refilled
        The lowest eigenstates of its Fock matrix.
    is_aufbau
        Whether it is filled in the aufbau order.
    """
    at = Position(1, 0, density_matrix)
    if progress is not None and (saved := progress.load()) is not None:
        if not isinstance(saved, Position):
            return saved[0], fill.lowest(saved[0].fock), saved[1]
        at = saved
    density_matrix, steps = at.density_matrix, at.steps
    for attempt in range(at.attempt, _ROUNDS + 1):
        state = Iterate.of(mean_field, density_matrix, steps)
        first = at.stage if attempt == at.attempt else 0
        for number, stage in enumerate(stages(settings, fill.temperature_mev, attempt)[first:], first):
            keep = forget if progress is None else partial(progress.keep, attempt, number)
            left = settings.max_iterations - len(state.steps)
            state = stage(mean_field, state, fill, left, keep) if left > 0 else state
            if state.residual < settings.tolerance_mev or len(state.steps) >= settings.max_iterations:
                break
        refilled, steps = fill.lowest(state.fock), state.steps
        density_matrix = refilled.density_matrix
        warm = fill.temperature_mev > 0
        is_aufbau = warm or largest(density_matrix - state.density_matrix) < 1e-3
        done = state.residual < settings.tolerance_mev if warm else is_aufbau
        if done or len(steps) >= settings.max_iterations:
            break
    if progress is not None:
        progress.finish(state, is_aufbau)
    return state, refilled, is_aufbau


def stages(settings: ScfSettings, temperature_mev: float = 0.0, attempt: int = 1) -> tuple[Stage, ...]:
    """Return the stages of the loop: the last one runs to the tolerance, the earlier ones stop before.

    Damping stops at a rough residual, with more steps at each attempt; DIIS after some steps, and it returns its start
    if it diverged. At a temperature states are not determinants, and Newton's method does not apply: damping reaches a
    smaller residual at each attempt, and DIIS tries from there.
    """
    goal, most, shift = settings.tolerance_mev, settings.max_iterations, settings.level_shift_mev
    if temperature_mev:
        if "oda" not in settings.solvers:
            return (Diis(goal, most, patience=most),)
        rough = max(goal, _ROUGH_MEV / 10 ** (attempt - 1))
        return OptimalDamping(rough, most), Diis(goal, _DIIS_STEPS, rejected_above_mev=rough)
    handing_over: dict[Solver, Stage] = {
        "oda": OptimalDamping(max(goal, _ROUGH_MEV), _ODA_STEPS * attempt),
        "diis": Diis(goal, _DIIS_STEPS, level_shift_mev=shift, rejected_above_mev=_ROUGH_MEV),
        "newton": Newton(goal),
    }
    finishing: dict[Solver, Stage] = {
        "oda": OptimalDamping(goal, most),
        "diis": Diis(goal, most, level_shift_mev=shift),
        "newton": Newton(goal),
    }
    *before, last = settings.solvers
    return (*(handing_over[solver] for solver in before), finishing[last])
