"""What a page of a results folder shows: the tables of the summary, and the panels of every point."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from moire import __version__
from moire.errors import FileFormatError, InputError, MoireError
from moire.hartree_fock import BANDS_MOVE_MEV
from moire.io import Record, read_record
from moire.plot.mean_field import PHASE_COLOURS
from moire.report.panels import numbers, panels_of
from moire.sweep import folder_status
from moire.sweep.folder import ResultsFolder
from moire.sweep.index import PointIndex, update_index
from moire.sweep.points import COORDINATES
from moire.sweep.rows import Rows
from moire.tasks import TASKS

_PROVENANCE = ("written", "wall_seconds", "threads", "cores", "python", "git", "versions")


def page_data(folder: ResultsFolder, keys: Sequence[str] | None = None, *, progress: bool = False) -> dict[str, Any]:
    """Tables by task and details by file, as JSON can hold them.

    The details of a point are compressed (gzip, base64), because most of them are never looked at.

    Parameters
    ----------
    folder
        A results folder, of a sweep that may still run.
    keys
        Only the requests with these keys; all by default.
    progress
        Show a progress bar.

    Raises
    ------
    InputError
        If there are no points.
    SchemaError
        If the folder or a file belongs to another schema.
    """
    folder.check()
    wanted = None if keys is None else set(keys)
    files = [path.name for path in folder.files() if wanted is None or path.stem.rpartition("-")[2] in wanted]
    if not files:
        raise InputError(f"`folder` must hold results of a sweep, but {folder.path} has no such point files.")
    index, damaged = update_index(folder.path, folder.points, files)
    points = {}
    for name in tqdm(index.files, desc="Points", unit="point", disable=None if progress else True):
        try:
            points[name] = _packed(_details(read_record(folder.points / name)))
        except (FileFormatError, KeyError, ValueError) as error:  # changed while the page was made
            damaged[name] = str(error)
    return {
        "name": folder.path.resolve().name,
        "version": __version__,
        "status": _state(folder) if keys is None else "",
        "coordinates": COORDINATES,
        "phases": PHASE_COLOURS,
        "undecided": BANDS_MOVE_MEV,
        "tables": [_table(task, index) for task in TASKS if any(rows.task == task for rows in index.rows)],
        "points": points,
        "failures": [
            *([title, error, name] for name, (title, error) in index.failures.items()),
            *([name, error, ""] for name, error in damaged.items()),
        ],
    }


def _state(folder: ResultsFolder) -> str:
    status = folder_status(folder)
    done = f"{status.n_done} of {status.n_asked} points finished"
    return done + f", {len(status.failures)} failed" * bool(status.failures)


def _table(task: str, index: PointIndex) -> dict[str, Any]:
    """Columns of one task, coordinates first; None where a point has no such column."""
    blocks = [rows for rows in index.rows if rows.task == task]
    every = {name: column for rows in blocks for name, column in rows.columns.items()}
    names = [name for name in COORDINATES if name in every] + [name for name in every if name not in COORDINATES]
    columns = [
        {
            "name": name,
            "unit": every[name].unit,
            "doc": every[name].doc,
            "values": [value for rows in blocks for value in _column(rows, name)],
        }
        for name in names
    ]
    return {"task": task, "columns": columns, "files": [str(name) for rows in blocks for name in rows.names]}


def _column(rows: Rows, name: str) -> list[Any]:
    if name not in rows.columns:
        return [None] * rows.n_rows
    values = np.asarray(rows.columns[name].values)
    if values.dtype.kind == "b":
        return [bool(value) for value in values]
    return [str(value) for value in values] if values.dtype.kind in "OU" else numbers(values, 8)


def _details(record: Record) -> dict[str, Any]:
    """Title, warnings, request, provenance and panels of one point; an error in place of the panels of a failure."""
    attributes = record.attributes
    failed = record.kind == "failure"
    return {
        "title": str(attributes["title"]),
        "warnings": [str(warning) for warning in attributes.get("warnings", ())],
        "error": str(attributes["error"]) if failed else "",
        "request": attributes["request"],
        "provenance": {name: attributes[name] for name in _PROVENANCE if name in attributes},
        "panels": [] if failed else list(_panels(record)),
    }


def _panels(record: Record) -> Iterator[dict[str, Any]]:
    try:
        yield from panels_of(record)
    except (MoireError, KeyError) as error:  # a point of an earlier version is listed without panels
        yield {"kind": "table", "title": "no figures", "head": ["why"], "rows": [[str(error)]]}


def _packed(details: dict[str, Any]) -> str:
    text = json.dumps(details, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
