"""One point file, compared with its own name: what it adds to the summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moire.errors import FileFormatError
from moire.io import Dataset, Record, read_record
from moire.tasks.request import coordinates_of, file_name_of, key_of

TEXT_COORDINATES = frozenset({"parameters", "cluster", "filling", "valleys"})
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
"""Columns that name a point, in the order by which the rows of a summary are sorted."""


@dataclass(frozen=True)
class StoredPoint:
    """A point as the summary needs it.

    Parameters
    ----------
    task, title
        Name of the task, and title of the point.
    error
        Why it failed; empty for a finished one.
    columns
        Columns of the summary: single values, or arrays of one length with the name of their axis in ``dims``.
    """

    task: str
    title: str
    error: str
    columns: Mapping[str, Dataset]

    @property
    def n_rows(self) -> int:
        """Rows of the summary."""
        if self.error:
            return 0
        return next((len(column.values) for column in self.columns.values() if column.dims), 1)


def read_point(path: Path) -> StoredPoint:
    """Read a point and compare it with its name.

    The digest is compared, and so are task, request, the key computed from the request, and the columns of the summary
    that name the request.

    Raises
    ------
    FileFormatError
        If the file is damaged, or holds anything else than the point of its name.
    SchemaError
        If it was written by another schema.
    """
    record = read_record(path, "summary")
    try:
        return _checked(path, record)
    except FileFormatError:
        raise
    except Exception as error:  # of a file that no sweep wrote anything may be missing
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise FileFormatError(f"`{path}` must hold a point of a sweep, but is damaged: {reason}.") from error


def _checked(path: Path, record: Record) -> StoredPoint:
    request = record.attributes["request"]
    name = file_name_of(request)
    if record.attributes["key"] != key_of(request) or path.name != name:
        raise FileFormatError(f"`{path}` must hold the point of its name, but is damaged: it holds {name}.")
    title, task = str(record.attributes["title"]), str(request["task"])
    if record.kind == "failure":
        return StoredPoint(task, title, str(record.attributes["error"]) or "unknown", {})
    if record.kind != task:
        raise FileFormatError(f"`{path}` must be of kind '{task}', but is damaged: it is of kind '{record.kind}'.")
    columns = {column.removeprefix("summary/"): dataset for column, dataset in record.datasets.items()}
    _check_columns(path, columns, coordinates_of(request))
    return StoredPoint(task, title, "", columns)


def _check_columns(path: Path, columns: Mapping[str, Dataset], expected: Mapping[str, Dataset]) -> None:
    for name, dataset in expected.items():
        found: Any = columns[name].values if name in columns else None
        if not np.array_equal(np.asarray(found), np.asarray(dataset.values)):
            raise FileFormatError(
                f"`{path}` must have {name} = {dataset.values} in its summary, but is damaged: it has {found}."
            )
    for name, dataset in columns.items():
        if np.ndim(dataset.values) != len(dataset.dims) or len(dataset.dims) > 1:
            raise FileFormatError(f"`{path}` must have columns in its summary, but is damaged: {name} is none.")
        if name in COORDINATES and (np.asarray(dataset.values).dtype.kind in "OU") != (name in TEXT_COORDINATES):
            wanted = "a text" if name in TEXT_COORDINATES else "a number"
            raise FileFormatError(f"`{path}` must have {wanted} as {name} in its summary, but is damaged.")
    lengths = {len(dataset.values) for dataset in columns.values() if dataset.dims}
    if len(lengths) > 1 or lengths == {0}:
        raise FileFormatError(f"`{path}` must have columns of one length, but is damaged: they have {sorted(lengths)}.")
