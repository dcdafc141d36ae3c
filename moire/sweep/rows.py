"""Rows of the summary in arrays: a block for each set of columns, put together into one table per task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moire.io import Dataset
from moire.sweep.points import COORDINATES, TEXT_COORDINATES, StoredPoint

_FLUSH = 2000
Array = NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """Rows of one task that have the same columns of the same types.

    Parameters
    ----------
    task
        Name of the task.
    names
        Name of the file of each row, in an object array.
    columns
        Arrays with an entry for each row, without gaps.
    """

    task: str
    names: Array
    columns: Mapping[str, Dataset]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.names)

    @property
    def layout(self) -> tuple[Any, ...]:
        """What rows of one block share: the task, and name, unit and type of every column."""
        return self.task, *((n, c.unit, c.values.dtype.kind) for n, c in sorted(self.columns.items()))

    def of(self, wanted: Collection[str]) -> Rows:
        """Rows of some files."""
        chosen = np.array([name in wanted for name in self.names], dtype=bool)
        columns = {name: replace(column, values=column.values[chosen]) for name, column in self.columns.items()}
        return Rows(self.task, self.names[chosen], columns)


def joined(parts: Sequence[Rows]) -> tuple[Rows, ...]:
    """Put blocks of the same columns together."""
    alike: dict[tuple[Any, ...], list[Rows]] = defaultdict(list)
    for part in parts:
        if part.n_rows:
            alike[part.layout].append(part)
    return tuple(
        Rows(
            group[0].task,
            np.concatenate([part.names for part in group]),
            {
                name: replace(column, values=np.concatenate([part.columns[name].values for part in group]))
                for name, column in group[0].columns.items()
            },
        )
        for group in alike.values()
    )


def rows_of(name: str, point: StoredPoint) -> Rows:
    """Rows of one point: one of single values, or one per entry if columns run along an axis such as epsilon."""
    n = point.n_rows
    columns = {}
    for column, dataset in point.columns.items():
        values = dataset.values if dataset.dims else np.repeat(np.asarray(dataset.values), n)
        columns[column] = Dataset(as_texts(values), dataset.unit, ("point",), dataset.doc)
    return Rows(point.task, np.array([name] * n, dtype=object), columns)


def as_texts(values: Any) -> Array:
    """Return an array in which texts, which HDF5 gives as objects, are of the type of texts."""
    array = np.asarray(values)
    return array.astype(np.str_) if array.dtype.kind == "O" else array


class RowsBuilder:
    """Rows of many points, added one at a time and kept in arrays."""

    def __init__(self) -> None:
        self._kept: tuple[Rows, ...] = ()
        self._new: list[Rows] = []

    def add(self, name: str, point: StoredPoint) -> None:
        """Add the rows of a finished point."""
        self._new.append(rows_of(name, point))
        if len(self._new) >= _FLUSH:
            self.rows()

    def rows(self) -> tuple[Rows, ...]:
        """Every row so far."""
        self._kept, self._new = joined([*self._kept, *self._new]), []
        return self._kept


def sorted_columns(blocks: Sequence[Rows]) -> dict[str, Dataset]:
    """Columns of all rows of one task, sorted by their coordinates; NaN where a row lacks a column."""
    found = {name for block in blocks for name in block.columns}
    names = np.concatenate([block.names for block in blocks])
    keys = [np.unique(names.astype(np.str_), return_inverse=True)[1]]  # rows of equal coordinates by file
    keys += [_order(blocks, name) for name in reversed(COORDINATES) if name in found]
    order = np.lexsort(keys)
    source = np.repeat(np.arange(len(blocks)), [block.n_rows for block in blocks])[order]
    _, first = np.unique(source, return_index=True)
    by_appearance = [blocks[source[place]] for place in np.sort(first)]
    listed = dict.fromkeys(name for block in by_appearance for name in block.columns)
    columns = {}
    for name in [*(n for n in COORDINATES if n in listed), *(n for n in listed if n not in COORDINATES)]:
        example = next(block.columns[name] for block in by_appearance if name in block.columns)
        columns[name] = Dataset(_column(blocks, name)[order], example.unit, ("point",), example.doc)
    return columns


def _column(blocks: Sequence[Rows], name: str) -> Array:
    text = any(block.columns[name].values.dtype.kind == "U" for block in blocks if name in block.columns)
    parts = [block.columns[name].values if name in block.columns else np.full(block.n_rows, np.nan) for block in blocks]
    return np.concatenate([part.astype(np.str_) for part in parts] if text else parts)


def _order(blocks: Sequence[Rows], name: str) -> Array:
    """Numbers by which rows are sorted along one coordinate; those without it come first."""
    absent = np.concatenate([np.full(block.n_rows, name not in block.columns) for block in blocks])
    values = _column(blocks, name)
    if name in TEXT_COORDINATES:
        values = np.unique(values, return_inverse=True)[1]
    return np.where(absent, -np.inf, values.astype(np.float64))
