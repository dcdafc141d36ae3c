"""Adaptive refinement of phase boundaries: new points between neighbours of different phase."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from moire.errors import InputError, require
from moire.ranks import on_leader
from moire.sweep.collect import Table, collect
from moire.sweep.folder import ResultsFolder
from moire.sweep.plan import Plan
from moire.sweep.plan_tables import Axis
from moire.sweep.progress import SweepReport
from moire.sweep.run import SweepSettings, run_sweep
from moire.tasks import HfTask
from moire.tasks.request import Request

_DEFAULT = SweepSettings()
_COLUMNS = {"displacement_mev": "D", "twist_deg": "theta"}


def midpoints(table: Table, template: Request, axis: Axis, min_step: float) -> tuple[Request, ...]:
    """Requests halfway between neighbours of different phase that lie more than `min_step` apart.

    Parameters
    ----------
    table
        Finished points of Hartree-Fock tasks.
    template
        A request of the sweep, from which everything except point and dielectric constants is taken.
    axis
        Field of the model along which neighbours are compared.
    min_step
        Distance at which a boundary counts as found, in the unit of the axis.
    """
    along = _COLUMNS[axis]
    others = [name for name in ("theta", "D", "epsilon") if name != along]
    lines: dict[tuple[float, ...], list[tuple[float, str]]] = defaultdict(list)
    for row in range(table.n_rows):
        place = tuple(float(table[name][row]) for name in others)
        lines[place].append((float(table[along][row]), str(table["phase"][row])))
    wanted: dict[tuple[float, float], set[float]] = defaultdict(set)
    for (first, epsilon_r), points in lines.items():
        for (low, before), (high, after) in pairwise(sorted(points)):
            if before != after and high - low > min_step * (1 + 1e-9):
                wanted[first, round((low + high) / 2, 10)].add(epsilon_r)
    requests = []
    for (first, middle), constants in sorted(wanted.items()):
        twist_deg, field = (first, middle) if axis == "displacement_mev" else (middle, first)
        point = replace(template.point, twist_deg=twist_deg, displacement_mev=field)
        task: Any = replace(template.task, epsilon_r=tuple(sorted(constants)))  # type: ignore[type-var]
        requests.append(Request(point=point, task=task))
    return tuple(requests)


def refine_boundaries(
    requests: Sequence[Request],
    folder: ResultsFolder,
    axis: Axis = "displacement_mev",
    min_step: float = 1.0,
    communicator: Any | None = None,
    say: Callable[[str], None] = print,
    settings: SweepSettings = _DEFAULT,
    doing: Callable[[str], object] = str,
) -> tuple[tuple[Request, ...], SweepReport]:
    """Run Hartree-Fock requests, then halve the steps across phase boundaries until they are below `min_step`.

    Only the dielectric constants at which the phase changes are computed at a new point. Call it on all ranks; a
    second call continues where an interrupted one stopped.

    Parameters
    ----------
    requests
        Requests of one Hartree-Fock task at several points.
    folder
        Opened results folder.
    axis
        ``"displacement_mev"`` or ``"twist_deg"``.
    min_step
        Distance at which a boundary counts as found, in the unit of the axis.
    communicator, say, settings, doing
        As in :func:`run_sweep`; each round of refinement begins with a line.

    Returns
    -------
    tuple of requests, SweepReport
        All requests that were run, those of the refinement last, and the report on them.

    Raises
    ------
    InputError
        If a request is not of the task hf, or the step is not positive.
    """
    require(axis in _COLUMNS, "axis", f"be one of {', '.join(_COLUMNS)}", repr(axis))
    require(min_step > 0, "min_step", "be positive", min_step)
    if not requests or not all(isinstance(request.task, HfTask) for request in requests):
        others = sorted({request.task.name for request in requests} - {"hf"})
        found = f"hold those of {', '.join(others)}" if others else "are empty"
        raise InputError(f"`requests` must be requests of the task hf, but {found}.")
    done = tuple(requests)
    report = run_sweep(done, folder, communicator, say, settings, doing)
    while True:

        def next_points(done: tuple[Request, ...] = done) -> tuple[Request, ...]:
            tables = collect(folder, [request.key for request in done]).tables
            return midpoints(tables["hf"], done[0], axis, min_step) if "hf" in tables else ()

        pending = tuple(request for request in on_leader(communicator, next_points) if request not in done)
        if not pending:
            return done, report
        if communicator is None or communicator.rank == 0:
            say(f"Refining phase boundaries: {len(pending)} points.")
        report += run_sweep(pending, folder, communicator, say, settings, doing)
        done += pending


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
    if plan.refine is None or settings.shard != (1, 1):
        return requests, run_sweep(requests, folder, communicator, say, settings, doing)
    others = [request for request in requests if not isinstance(request.task, HfTask)]
    states = [request for request in requests if isinstance(request.task, HfTask)]
    report = run_sweep(others, folder, communicator, say, settings, doing) if others else None
    axis, step = plan.refine.axis, plan.refine.min_step
    done, refined = refine_boundaries(states, folder, axis, step, communicator, say, settings, doing)
    return (*others, *done), report + refined if report else refined
