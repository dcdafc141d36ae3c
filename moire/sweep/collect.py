"""Summary of a results folder: a table of values per task, rebuilt from the points at any time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moire._text import Number
from moire.errors import FileFormatError, InputError, SchemaError
from moire.io import Dataset, Record, read_record, write_record
from moire.sweep.folder import ResultsFolder

SUMMARY = "summary.h5"
COORDINATES = (
    "parameters",
    "cluster",
    "filling",
    "bands",
    "valleys",
    "epsilon",
    "boundary_phase_1",
    "boundary_phase_2",
    "D",
    "theta",
)


@dataclass(frozen=True)
class Table:
    """Values of all points of one task: a column for each quantity, a row for each point."""

    columns: Mapping[str, Dataset]

    @property
    def n_rows(self) -> int:
        """Number of points."""
        return len(next(iter(self.columns.values())).values)

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        return np.asarray(self.columns[name].values)

    def __str__(self) -> str:
        """Return the columns that vary as a table, under one line of the coordinates that do not."""
        fixed = [name for name in COORDINATES if name in self.columns and len(set(self[name])) == 1 and name != "theta"]
        names = [name for name in self.columns if name not in fixed]
        rows = [[_cell(self[name][row]) for name in names] for row in range(self.n_rows)]
        units = {name: dataset.unit for name, dataset in self.columns.items()}
        heads = [name + (f" ({units[name]})" if units[name] else "") for name in names]
        widths = [max(len(head), *(len(row[i]) for row in rows)) for i, head in enumerate(heads)]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in [heads, *rows]
        ]
        common = ", ".join(f"{name} = {_cell(self[name][0])} {units[name]}".rstrip() for name in fixed)
        return "\n".join([common, *lines] if common else lines)


def _cell(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if not isinstance(value, float | np.floating):
        return str(value)
    if np.isnan(value):
        return "-"
    text = f"{Number(value):.4f}"
    return text.rstrip("0").rstrip(".") if text[-5:-4] == "." else text


@dataclass(frozen=True)
class Summary:
    """Tables by task, and the titles and errors of the points that failed or are damaged."""

    tables: Mapping[str, Table]
    failures: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        parts = [f"{task}\n{table}" for task, table in self.tables.items()]
        parts += [f"failed: {title}: {error}" for title, error in self.failures]
        return "\n\n".join(parts) or "No finished points."

    def record(self) -> Record:
        """Record of the summary; every column is a dataset ``task/column``."""
        datasets: dict[str, Dataset] = {}
        for task, table in self.tables.items():
            for name, column in table.columns.items():
                values = np.asarray(column.values)
                stored = values.astype(object) if values.dtype.kind == "U" else values
                datasets[f"{task}/{name}"] = Dataset(stored, column.unit, ("point",), column.doc)
        return Record("summary", datasets, {"failures": [list(failure) for failure in self.failures]})


def collect(folder: ResultsFolder, keys: Sequence[str] | None = None) -> Summary:
    """Read every point of a folder into tables, sorted by their coordinates.

    Parameters
    ----------
    folder
        The results folder.
    keys
        Only the requests with these keys; all by default.

    Raises
    ------
    InputError
        If there are no points in the folder.
    SchemaError
        If the folder or a file belongs to another schema.
    """
    folder.check()
    files = folder.files()
    if not files:
        raise InputError(f"`folder` must hold results of a sweep, but {folder.path} has no point files.")
    rows: dict[str, list[dict[str, Dataset]]] = defaultdict(list)
    failures = []
    for path in files:
        try:
            record = read_record(path)
        except SchemaError:
            raise
        except FileFormatError as error:
            failures.append((path.name, str(error)))
            continue
        if keys is not None and record.attributes["key"] not in keys:
            continue
        if record.kind == "failure":
            failures.append((record.attributes["title"], record.attributes["error"]))
            continue
        columns = {
            name.removeprefix("summary/"): dataset
            for name, dataset in record.datasets.items()
            if name.startswith("summary/")
        }
        rows[record.attributes["request"]["task"]] += _expanded(columns)
    tables = {task: _table(rows[task]) for task in sorted(rows)}
    return Summary(tables, tuple(failures))


def _expanded(columns: Mapping[str, Dataset]) -> list[dict[str, Dataset]]:
    """One row of single values, or one per entry if columns run along an axis, such as the dielectric constant."""
    lengths = {len(np.asarray(column.values)) for column in columns.values() if column.dims}
    if not lengths:
        return [dict(columns)]
    (length,) = lengths
    return [
        {
            name: Dataset(np.asarray(column.values)[i] if column.dims else column.values, column.unit, (), column.doc)
            for name, column in columns.items()
        }
        for i in range(length)
    ]


def _table(rows: list[dict[str, Dataset]]) -> Table:
    rows = sorted(
        rows,
        key=lambda row: tuple(
            str(row[n].values) if n in {"parameters", "cluster", "filling", "valleys"} else float(row[n].values)
            for n in COORDINATES
            if n in row
        ),
    )
    found = dict.fromkeys(name for row in rows for name in row)
    names = [name for name in COORDINATES if name in found] + [name for name in found if name not in COORDINATES]
    columns = {}
    for name in names:
        example = next(row[name] for row in rows if name in row)
        values = [row[name].values if name in row else np.nan for row in rows]
        columns[name] = Dataset(np.array(values), example.unit, ("point",), example.doc)
    return Table(columns)


def write_summary(folder: ResultsFolder, summary: Summary) -> Path:
    """Write the summary beside the points and return its path."""
    path = folder.path / SUMMARY
    write_record(path, summary.record())
    return path
