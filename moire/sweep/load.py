"""Results of a sweep as arrays along the axes of its plan, with units, and NaN where points are unfinished."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moire._shown import Shown, optional
from moire._types import checked
from moire.errors import InputError, nearest
from moire.io import Dataset
from moire.resources import reserve
from moire.sweep.collect import Table, collect
from moire.sweep.folder import ResultsFolder
from moire.sweep.plan import Plan, read_plan
from moire.sweep.points import COORDINATES
from moire.tasks.request import Request

Array = NDArray[Any]


@checked
@dataclass(frozen=True, eq=False)
class TaskArrays(Shown):
    """Results of one task along the coordinates that vary.

    ``arrays["gap"]`` is an array with an axis for each of ``arrays.axes``, in their order: numbers and truth values as
    floats, NaN where a point is unfinished, failed or excluded by a condition; texts, empty there.

    Parameters
    ----------
    task
        Name of the task.
    table
        The finished points, a row each.
    asked
        Coordinates of further points, which may be unfinished.
    """

    task: str
    table: Table = field(repr=False)
    asked: Sequence[Mapping[str, Any]] = field(default=(), repr=False)

    @cached_property
    def axes(self) -> dict[str, Array]:
        """Values of every coordinate that takes more than one, ascending, in the order of the axes."""
        found = {}
        for name in COORDINATES:
            if name in self.table.columns:
                values = np.unique(np.array([*self.table[name].tolist(), *(row[name] for row in self.asked)]))
                if len(values) > 1:
                    found[name] = values
        return found

    @cached_property
    def fixed(self) -> dict[str, Any]:
        """The one value of every other coordinate."""
        names = [name for name in COORDINATES if name in self.table.columns and name not in self.axes]
        return {name: self.table[name][0].item() for name in names}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the results."""
        return tuple(name for name in self.table.columns if name not in COORDINATES)

    @property
    def units(self) -> dict[str, str]:
        """Unit of every result and coordinate; empty for a pure number."""
        return {name: column.unit for name, column in self.table.columns.items()}

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values along every axis."""
        return tuple(map(len, self.axes.values()))

    @cached_property
    def finished(self) -> NDArray[np.bool_]:
        """Whether the point of every element of an array is finished."""
        self._reserve(1)
        mask = np.zeros(self.shape, dtype=bool)
        mask[self._places] = True
        return mask

    def __getitem__(self, name: str) -> Array:
        """Array of a result, or the values of an axis.

        Raises
        ------
        InputError
            If there is no result of this name, or several have the same coordinates.
        """
        if name in self.axes:
            return self.axes[name]
        if name not in self.table.columns:
            raise InputError(f"`name` must be a result of {self.task}, but is {name!r}{nearest(name, self.names)}")
        values = self.table[name]
        is_text = values.dtype.kind in "UO"
        self._reserve(values.dtype.itemsize)
        array = np.full(self.shape, "" if is_text else np.nan, dtype=values.dtype if is_text else float)
        places = self._places
        array[places] = values if places else values[0]
        array.setflags(write=False)
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __str__(self) -> str:
        axes = ", ".join(f"{name} ({len(values)})" for name, values in self.axes.items()) or "one point"
        n_points = int(np.prod(self.shape))
        return f"{self.task}: {axes}; {self.table.n_rows} of {n_points} points finished; {', '.join(self.names)}"

    def rows(self) -> dict[str, Array]:
        """Columns of the finished points with their coordinates; ``pandas.DataFrame(arrays.rows())`` is their table."""
        return {name: self.table[name] for name in self.table.columns}

    def to_dataframe(self) -> Any:
        """Return the finished points as a ``pandas.DataFrame``, a row for each."""
        return self.table.to_dataframe()

    def to_xarray(self) -> Any:
        """Return an ``xarray.Dataset``: results by axis, coordinates, units and meanings.

        Raises
        ------
        EnvironmentMismatchError
            If xarray is not installed.
        """
        xarray = optional("xarray", "to_xarray")
        self._reserve(8 * len(self.names))
        dims, columns = tuple(self.axes), self.table.columns

        def described(name: str) -> dict[str, str]:
            return {"units": columns[name].unit, "long_name": columns[name].doc}

        return xarray.Dataset(
            {name: (dims, self[name], described(name)) for name in self.names},
            {name: ((name,), values, described(name)) for name, values in self.axes.items()},
            {"task": self.task, **self.fixed},
        )

    @cached_property
    def _places(self) -> tuple[Array, ...]:
        """Index along every axis of each row of the table."""
        places = tuple(np.searchsorted(values, self.table[name]) for name, values in self.axes.items())
        rows = np.stack(places, axis=1) if places else np.zeros((self.table.n_rows, 1), dtype=np.intp)
        first, counts = np.unique(rows, axis=0, return_counts=True)
        if np.max(counts) > 1:
            row = first[int(np.argmax(counts))]
            where = ", ".join(
                f"{name} = {values[i]}" for (name, values), i in zip(self.axes.items(), row, strict=False)
            )
            raise InputError(
                f"`folder` must hold one result of {self.task} at each point, but has {np.max(counts)} with different "
                f"options{' at ' if where else ''}{where}; the plan of one of them, or `rows`, tells them apart."
            )
        return places

    def _reserve(self, bytes_each: int) -> None:
        what = f"An array of {self.task} over {' x '.join(self.axes)}"
        reserve(what, float(bytes_each) * float(np.prod(self.shape, dtype=float)), "`rows` would fit")


@checked
def load_sweep(folder: Path | str, plan: Plan | Path | str | None = None) -> dict[str, TaskArrays]:
    """Results of a sweep by task, as arrays along its axes.

    Parameters
    ----------
    folder
        The results folder, of a sweep that may still run.
    plan
        A plan, or its file: only its points are taken, and its unfinished points count in the axes. By default the
        axes are those of the finished points of the folder.

    Returns
    -------
    dict of TaskArrays
        ``load_sweep("results/demo")["ed"]["gap"]``.

    Raises
    ------
    InputError
        If there are no points in the folder, or the plan cannot be read.
    """
    asked: Sequence[Request] | None = None
    if plan is not None:
        asked = (plan if isinstance(plan, Plan) else read_plan(Path(plan))).requests()
    summary = collect(ResultsFolder(Path(folder)), None if asked is None else [request.key for request in asked])
    found = {}
    for task, table in summary.tables.items():
        rows = [row for request in asked or () if request.task.name == task for row in _coordinates(request)]
        found[task] = TaskArrays(task, table, rows)
    return found


def _coordinates(request: Request) -> list[dict[str, Any]]:
    """Coordinates of a request, or of each dielectric constant of one."""
    point = request.point
    columns: dict[str, Dataset] = {
        "parameters": Dataset(point.parameters.name),
        "theta": Dataset(float(point.twist_deg)),
        "D": Dataset(float(point.displacement_mev)),
        **request.task.coordinates(),
    }
    lengths = {len(column.values) for column in columns.values() if column.dims} or {1}
    return [
        {name: column.values[i] if column.dims else column.values for name, column in columns.items()}
        for i in range(*lengths)
    ]
