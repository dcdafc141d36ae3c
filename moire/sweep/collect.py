"""Summary of a results folder: a table of values per task, rebuilt from the points at any time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moire._shown import Shown, optional
from moire._text import Number, printable
from moire._types import checked
from moire.errors import InputError, require, require_key
from moire.io import Dataset, Record, write_record
from moire.sweep.folder import ResultsFolder
from moire.sweep.index import update_index
from moire.sweep.points import COORDINATES
from moire.sweep.rows import sorted_columns

SUMMARY = "summary.h5"
_BREAK = "\n"


@checked
@dataclass(frozen=True)
class Table(Shown):
    """Values of all points of one task: a column for each quantity, a row for each point."""

    columns: Mapping[str, Dataset]

    @property
    def n_rows(self) -> int:
        """Number of points."""
        return len(next(iter(self.columns.values())).values)

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        require_key(name, self.columns, "column")
        return np.asarray(self.columns[name].values)

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def to_dataframe(self) -> Any:
        """Return a ``pandas.DataFrame`` with a row for each point; ``attrs["units"]`` holds the units."""
        frame = optional("pandas", "to_dataframe").DataFrame({name: self[name] for name in self.columns})
        frame.attrs["units"] = {name: column.unit for name, column in self.columns.items()}
        return frame

    def to_xarray(self) -> Any:
        """Return an ``xarray.Dataset`` along the points; :func:`load_sweep` gives one along the axes of the sweep."""
        described = {
            name: ("point", self[name], {"units": column.unit, "long_name": column.doc})
            for name, column in self.columns.items()
        }
        return optional("xarray", "to_xarray").Dataset(described)

    def __str__(self) -> str:
        """Return the columns that vary as a table, under one line of the coordinates that do not."""
        fixed = [name for name in COORDINATES if name in self.columns and len(set(self[name])) == 1 and name != "theta"]
        names = [name for name in self.columns if name not in fixed]
        rows = [[_cell(self[name][row]) for name in names] for row in range(self.n_rows)]
        units = {name: dataset.unit for name, dataset in self.columns.items()}
        heads = [printable(name + (f" ({units[name]})" if units[name] else "")) for name in names]
        widths = [max(len(head), *(len(row[i]) for row in rows)) for i, head in enumerate(heads)]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in [heads, *rows]
        ]
        common = ", ".join(f"{name} = {_cell(self[name][0])} {printable(units[name])}".rstrip() for name in fixed)
        return "\n".join([common, *lines] if common else lines)


def _cell(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if not isinstance(value, float | np.floating):
        return printable(value)
    if np.isnan(value):
        return "-"
    text = f"{Number(value):.4f}"
    return text.rstrip("0").rstrip(".") if text[-5:-4] == "." else text


@checked
@dataclass(frozen=True)
class Summary(Shown):
    """Tables by task, and the titles and errors of the points that failed or are damaged."""

    tables: Mapping[str, Table]
    failures: tuple[tuple[str, str], ...]

    def __getitem__(self, task: str) -> Table:
        require_key(task, self.tables, "task")
        return self.tables[task]

    def to_dataframe(self) -> Any:
        """Return the only table as a ``pandas.DataFrame``; of several tasks, one is named: ``summary["hf"]``."""
        return self._only("to_dataframe").to_dataframe()

    def to_xarray(self) -> Any:
        """Return the only table as an ``xarray.Dataset``; of several tasks, one is named: ``summary["hf"]``."""
        return self._only("to_xarray").to_xarray()

    def _only(self, method: str) -> Table:
        found = f"holds {', '.join(self.tables) or 'none'}: take one, as summary['hf']"
        require(len(self.tables) == 1, method, "be asked of a summary of one task", found=f"this one {found}")
        return next(iter(self.tables.values()))

    def __str__(self) -> str:
        parts = [f"{printable(task)}\n{table}" for task, table in self.tables.items()]
        parts += [f"failed: {printable(title)}: {printable(error, kept=_BREAK)}" for title, error in self.failures]
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


@checked
def collect(folder: ResultsFolder | Path | str, keys: Sequence[str] | None = None) -> Summary:
    """Points of a folder in tables, sorted by their coordinates; only files that changed since the last time are read.

    Parameters
    ----------
    folder
        The results folder, or its path.
    keys
        Only the requests with these keys; all by default.

    Raises
    ------
    InputError
        If there are no points in the folder.
    SchemaError
        If the folder or a file belongs to another schema.
    """
    folder = folder if isinstance(folder, ResultsFolder) else ResultsFolder(Path(folder))
    folder.check()
    wanted = None if keys is None else set(keys)
    files = [path.name for path in folder.files() if wanted is None or path.stem.rpartition("-")[2] in wanted]
    if not files and not folder.files():
        raise InputError(f"`folder` must hold results of a sweep, but {folder.path} has no point files.")
    index, damaged = update_index(folder.path, folder.points, files)
    blocks = defaultdict(list)
    for rows in index.rows:
        blocks[rows.task].append(rows)
    failures = dict(index.failures) | {name: (name, error) for name, error in damaged.items()}
    return Summary(
        {task: Table(sorted_columns(blocks[task])) for task in sorted(blocks)},
        tuple(failures[name] for name in sorted(failures)),
    )


@checked
def write_summary(folder: ResultsFolder, summary: Summary) -> Path:
    """Write the summary beside the points and return its path."""
    path = folder.path / SUMMARY
    write_record(path, summary.record())
    return path
