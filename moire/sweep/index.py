"""Index of a results folder: what each point adds to the summary, so that only changed files are read again.

An entry holds as long as the name, the size, the time of the last change and the digest behind the file are the same.
The index is a cache beside the points: without it, or if it is damaged, every file is read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from stat import S_ISREG

import numpy as np

from moire._digest import read_digest
from moire.errors import FileFormatError, SchemaError
from moire.io import Dataset, Record, read_record, write_record
from moire.io.hdf5 import text_array
from moire.sweep.points import read_point
from moire.sweep.rows import Rows, RowsBuilder, as_texts, joined

INDEX = "index.h5"
Fingerprint = tuple[int, int, str]
"""Size in bytes, time of the last change in ns, digest."""


@dataclass(frozen=True)
class PointIndex:
    """Readable points of a folder.

    Parameters
    ----------
    files
        For each name the size, the time of the last change, and the digest.
    rows
        Rows of the summary of the finished points, by task and columns.
    failures
        Title and error of the points that failed, by name.
    """

    files: Mapping[str, Fingerprint] = field(default_factory=dict)
    rows: tuple[Rows, ...] = ()
    failures: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def only(self, names: Collection[str]) -> PointIndex:
        """Part of the index on these files."""
        return PointIndex(
            {name: entry for name, entry in self.files.items() if name in names},
            joined([rows.of(names) for rows in self.rows]),
            {name: failure for name, failure in self.failures.items() if name in names},
        )


def fingerprint(path: Path) -> Fingerprint | None:
    """What shows that a file is the same as before; None if it is absent or no ordinary file."""
    try:
        status = path.stat()
        return (status.st_size, status.st_mtime_ns, read_digest(path)) if S_ISREG(status.st_mode) else None
    except OSError:
        return None


def _listed(points: Path) -> set[str]:
    """Names of everything in a folder; none if it is absent."""
    try:
        return {path.name for path in points.iterdir()}
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise FileFormatError(f"`{points}` must be a folder that can be read, but is not: {error}.") from None


def update_index(folder: Path, points: Path, names: Sequence[str]) -> tuple[PointIndex, dict[str, str]]:
    """Index of these points: unchanged files as they were found before, the others read now and kept for next time.

    Parameters
    ----------
    folder
        Where the index lies.
    points
        Where the files lie.
    names
        Their names; absent ones are left out.

    Returns
    -------
    PointIndex, dict
        The index of these points, and the error of each damaged one by name.

    Raises
    ------
    SchemaError
        If a file was written by another schema.
    FileFormatError
        If `points` cannot be listed.
    """
    known = load_index(folder / INDEX)
    present = _listed(points)
    wanted = present.intersection(names)
    unchanged = known.files.keys() & present
    files: dict[str, Fingerprint] = {}
    failures: dict[str, tuple[str, str]] = {}
    damaged: dict[str, str] = {}
    builder = RowsBuilder()
    for name in sorted(wanted):
        now = fingerprint(points / name)
        if now is not None and known.files.get(name) == now:
            continue
        unchanged.discard(name)
        try:
            point = read_point(points / name)
        except SchemaError:
            raise
        except FileFormatError as error:
            damaged[name] = str(error)
            continue
        if now is None:  # the file has come since it was looked at
            continue
        files[name] = now
        if point.error:
            failures[name] = (point.title, point.error)
        else:
            builder.add(name, point)
    if files or len(unchanged) < len(known.files):
        known = known.only(unchanged)
        rows = joined([*known.rows, *builder.rows()])
        known = PointIndex({**known.files, **files}, rows, {**known.failures, **failures})
        with contextlib.suppress(OSError, RuntimeError, ValueError):  # what cannot be kept is read again next time
            write_record(folder / INDEX, _record(known))
    return (known if wanted >= known.files.keys() else known.only(wanted)), damaged


def _record(index: PointIndex) -> Record:
    names, entries = list(index.files), list(index.files.values())
    facts = {
        "files/name": (text_array(names), "", "name in points/"),
        "files/size": (np.array([size for size, _, _ in entries], dtype=np.int64), "byte", "size"),
        "files/time": (np.array([time for _, time, _ in entries], dtype=np.int64), "ns", "time of the last change"),
        "files/digest": (text_array([digest for _, _, digest in entries]), "", "SHA-256 behind it; empty if none"),
        "failures/name": (text_array(list(index.failures)), "", "name in points/"),
        "failures/title": (text_array([title for title, _ in index.failures.values()]), "", "title"),
        "failures/error": (text_array([error for _, error in index.failures.values()]), "", "error"),
    }
    datasets = {name: Dataset(values, unit, ("file",), doc) for name, (values, unit, doc) in facts.items()}
    for number, rows in enumerate(index.rows):
        datasets[f"rows/{number}/name"] = Dataset(rows.names, "", ("point",), "name of the file of each row")
        datasets |= {f"rows/{number}/columns/{name}": column for name, column in rows.columns.items()}
    return Record("index", datasets, {"tasks": [rows.task for rows in index.rows]})


def load_index(path: Path) -> PointIndex:
    """Read an index; an empty one if there is none that can be read."""
    try:
        record = read_record(path)
        facts = (record[f"files/{name}"] for name in ("name", "size", "time", "digest"))
        files = {n: (int(size), int(time), digest) for n, size, time, digest in zip(*facts, strict=True)}
        failed = (record[f"failures/{name}"] for name in ("name", "title", "error"))
        failures = {name: (title, error) for name, title, error in zip(*failed, strict=True)}
        rows = tuple(_rows(record, number, task) for number, task in enumerate(record.attributes["tasks"]))
        return PointIndex(files, rows, failures)
    except (FileFormatError, KeyError, TypeError, ValueError):  # absent, damaged, or of another version
        return PointIndex()


def _rows(record: Record, number: int, task: str) -> Rows:
    start = f"rows/{number}/columns/"
    columns = {
        name.removeprefix(start): replace(dataset, values=as_texts(dataset.values))
        for name, dataset in record.datasets.items()
        if name.startswith(start)
    }
    rows = Rows(task, record[f"rows/{number}/name"], columns)
    if any(np.shape(column.values) != (rows.n_rows,) for column in columns.values()):
        raise ValueError("columns of different lengths")
    return rows
