"""Points halfway across boundaries: neighbours that differ in a name, or between which a number changes its sign."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from moire._types import checked
from moire.errors import InputError, nearest
from moire.sweep.collect import Table
from moire.sweep.plan_tables import DECISIVE, Axis
from moire.tasks import HfTask
from moire.tasks.request import Request

_COLUMNS = {"displacement_mev": "D", "twist_deg": "theta"}


@checked
def midpoints(
    table: Table, template: Request, axis: Axis, min_step: float, column: str = "", level: float = 0.0
) -> tuple[Request, ...]:
    """Requests halfway between neighbours on two sides of a boundary that lie more than `min_step` apart.

    Parameters
    ----------
    table
        Finished points of one task whose options differ in nothing but the dielectric constant.
    template
        A request of the sweep, from which everything except point and dielectric constants is taken.
    axis
        Field of the model along which neighbours are compared.
    min_step
        Distance at which a boundary counts as found, in the unit of the axis.
    column
        Column of the summary that decides. Texts and truth values have a boundary where they differ, numbers where
        they pass `level`; NaN has none. By default the phase for Hartree-Fock, and the gap above the predicted
        manifold for exact diagonalization.
    level
        Value that a number passes, in the unit of the column.

    Raises
    ------
    InputError
        If the task has no such column.
    """
    column = column or DECISIVE.get(template.task.name, "")
    if column not in table.columns:
        found = nearest(column, table.columns)
        raise InputError(f"`column` must be a column of the summary of {template.task.name}, but is {column!r}{found}")
    along = _COLUMNS[axis]
    others = [name for name in ("theta", "D", "epsilon") if name != along]
    lines: dict[tuple[float, ...], list[tuple[float, Any]]] = defaultdict(list)
    for row in range(table.n_rows):
        place = tuple(float(table[name][row]) if name in table.columns else np.nan for name in others)
        lines[place].append((float(table[along][row]), _side(table[column][row], level)))
    wanted: dict[tuple[float, float], set[float]] = defaultdict(set)
    for (first, epsilon_r), points in lines.items():
        for (low, before), (high, after) in pairwise(sorted(points, key=lambda point: point[0])):
            known = before is not None and after is not None
            if known and before != after and high - low > min_step * (1 + 1e-9):
                wanted[first, round((low + high) / 2, 10)].add(epsilon_r)
    requests: list[Request] = []
    for (first, middle), constants in sorted(wanted.items()):
        twist_deg, field = (first, middle) if axis == "displacement_mev" else (middle, first)
        point = replace(template.point, twist_deg=twist_deg, displacement_mev=field)
        requests += [Request(point=point, task=task) for task in _tasks(template.task, sorted(constants))]
    return tuple(requests)


def _side(value: Any, level: float) -> str | bool | None:
    """Which side of a boundary a value is on; None where it is not known."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    return None if np.isnan(value) else bool(value > level)


def _tasks(task: Any, constants: Sequence[float]) -> list[Any]:
    """The task at some dielectric constants; itself if it has none."""
    if isinstance(task, HfTask):
        return [replace(task, epsilon_r=tuple(constants))]
    if not hasattr(task, "epsilon_r"):
        return [task]
    return [replace(task, epsilon_r=epsilon_r) for epsilon_r in constants]


def families(requests: Sequence[Request]) -> list[list[Request]]:
    """Requests whose tasks differ in nothing but the dielectric constant, together."""
    found: dict[Any, list[Request]] = defaultdict(list)
    for request in requests:
        (alike,) = _tasks(request.task, [1.0])
        found[alike].append(request)
    return list(found.values())
