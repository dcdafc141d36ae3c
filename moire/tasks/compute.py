"""Computation of a request: record, warnings and provenance."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from moire._shown import Shown
from moire._types import checked
from moire.errors import require
from moire.io import Record, provenance
from moire.tasks.request import Request


@checked
@dataclass(frozen=True)
class Outcome(Shown):
    """A finished request.

    Parameters
    ----------
    record
        Content of its file: request, results, columns of the summary under ``summary/``, warnings, provenance.
    text
        The results as text.
    """

    record: Record
    text: str


@checked
def compute(
    request: Request, progress: bool = False, checkpoint: Path | None = None, communicator: Any | None = None
) -> Outcome:
    """Compute one request; warnings are collected in the outcome and not printed.

    Parameters
    ----------
    request
        A checked request.
    progress
        Show the loops of the task: as bars on a terminal, and as a line a minute otherwise.
    checkpoint
        Existing folder for finished parts, from which an interrupted run resumes; none by default.
    communicator
        MPI communicator whose ranks share the work, if the task can share it; all of them call this.

    Raises
    ------
    InputError
        If a checkpoint is given to a task that has none.
    """
    task = request.task
    resumes = checkpoint is None or "checkpoint" in task.takes
    require(resumes, "checkpoint", "be given to a task that resumes, such as ed", f"given to {task.name}")
    how = {"progress": progress, "checkpoint": checkpoint, "communicator": communicator}
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        record, columns, text = task.compute(request.point, **{name: how[name] for name in task.takes})
    messages = list(dict.fromkeys(str(warning.message) for warning in caught))
    attributes = {
        "request": request.canonical(),
        "key": request.key,
        "title": request.title,
        "warnings": messages,
        **provenance(time.perf_counter() - start),
    }
    columns = {**request.coordinates(), **columns}
    datasets = {**record.datasets, **{f"summary/{name}": column for name, column in columns.items()}}
    text = "\n".join([text, *(f"Warning: {message}" for message in messages)])
    return Outcome(replace(record, datasets=datasets, attributes=attributes), text)
