"""Adaptive refinement of boundaries: new points between neighbours on two sides of one, and the run of a plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_args

from moire._types import checked
from moire.errors import InputError, require
from moire.ranks import on_leader
from moire.sweep.boundary_points import families, midpoints
from moire.sweep.collect import collect
from moire.sweep.folder import ResultsFolder
from moire.sweep.plan import Plan
from moire.sweep.plan_tables import DECISIVE, Axis
from moire.sweep.progress import SweepReport
from moire.sweep.run import SweepSettings, run_sweep
from moire.tasks.request import Request

_DEFAULT = SweepSettings()


@checked
def refine_boundaries(
    requests: Sequence[Request],
    folder: ResultsFolder,
    axis: Axis = "displacement_mev",
    min_step: float = 1.0,
    communicator: Any | None = None,
    say: Callable[[str], None] = print,
    settings: SweepSettings = _DEFAULT,
    doing: Callable[[str], object] = str,
    *,
    column: str = "",
    level: float = 0.0,
    admits: Callable[[Request], Request | None] = lambda request: request,
) -> tuple[tuple[Request, ...], SweepReport]:
    """Run requests of one task, then halve the steps across its boundaries until they are below `min_step`.

    A boundary is where a name differs, such as the phase of Hartree-Fock, or a number changes its sign, such as the
    gap of exact diagonalization (:func:`midpoints`). Only the dielectric constants at which that happens are computed
    at a new point. Call it on all ranks; a second call continues where an interrupted one stopped.

    Parameters
    ----------
    requests
        Requests of one task at several points; its other options may differ too, and are refined apart.
    folder
        Opened results folder.
    axis
        ``"displacement_mev"`` or ``"twist_deg"``.
    min_step
        Distance at which a boundary counts as found, in the unit of the axis.
    communicator, say, settings, doing
        As in :func:`run_sweep`; each round of refinement begins with a line.
    column, level
        What decides, as in :func:`midpoints`.
    admits
        Returns the part of a new request that is computed, or None; all by default.

    Returns
    -------
    tuple of requests, SweepReport
        All requests that were run, those of the refinement last, and the report on them.

    Raises
    ------
    InputError
        If the requests are not of one task, the task has no such column, or the step is not positive.
    """
    require(axis in get_args(Axis), "axis", f"be one of {', '.join(get_args(Axis))}", repr(axis))
    require(min_step > 0, "min_step", "be positive", min_step)
    tasks = sorted({request.task.name for request in requests})
    if len(tasks) != 1:
        found = f"hold those of {', '.join(tasks)}" if tasks else "are empty"
        raise InputError(f"`requests` must be requests of one task, but {found}.")
    done = tuple(requests)
    report = run_sweep(done, folder, communicator, say, settings, doing)
    while True:

        def next_points(done: tuple[Request, ...] = done) -> tuple[Request, ...]:
            tables = [(collect(folder, [r.key for r in family]).tables, family[0]) for family in families(done)]
            finished = [(found[tasks[0]], template) for found, template in tables if tasks[0] in found]
            decided = [pair for pair in finished if (column or DECISIVE.get(tasks[0])) in pair[0].columns]
            points: list[Request] = []
            for table, template in decided or finished[:1]:  # which is refused where no table has the column
                points += midpoints(table, template, axis, min_step, column, level)
            return tuple(points)

        admitted = [admits(request) for request in on_leader(communicator, next_points)]
        pending = tuple(request for request in admitted if request is not None and request not in done)
        if not pending:
            return done, report
        if communicator is None or communicator.rank == 0:
            what = "phase boundaries" if tasks == ["hf"] and not column else "boundaries"
            say(f"Refining {what}: {len(pending)} points.")
        report += run_sweep(pending, folder, communicator, say, settings, doing)
        done += pending


@checked
def run_plan(
    plan: Plan,
    folder: ResultsFolder,
    communicator: Any | None = None,
    say: Callable[[str], None] = print,
    settings: SweepSettings = _DEFAULT,
    doing: Callable[[str], object] = str,
) -> tuple[tuple[Request, ...], SweepReport]:
    """Run every request of a plan, and its refinement; call it on all ranks, with arguments as in :func:`run_sweep`.

    Returns
    -------
    tuple of requests, SweepReport
        All requests that were run, and the report on them.
    """
    requests = plan.requests()
    if plan.refine is not None and settings.shard != (1, 1) and (communicator is None or communicator.rank == 0):
        say("Boundaries are refined by a run of the whole plan, without a shard.")
    refine = None if settings.shard != (1, 1) else plan.refine
    if refine is None or not any(request.task.name == refine.task for request in requests):
        return requests, run_sweep(requests, folder, communicator, say, settings, doing)
    others = [request for request in requests if request.task.name != refine.task]
    refined_ones = [request for request in requests if request.task.name == refine.task]
    report = run_sweep(others, folder, communicator, say, settings, doing) if others else None
    how: dict[str, Any] = {"column": refine.column, "level": refine.level, "admits": plan.admits}
    where = (refine.axis, refine.min_step, communicator, say, settings, doing)
    done, refined = refine_boundaries(refined_ones, folder, *where, **how)
    return (*others, *done), report + refined if report else refined
