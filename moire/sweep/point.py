"""One point of a sweep: computed and written, or recorded as failed, refused or too long."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass

from moire._progress import titled
from moire._types import checked
from moire.errors import MemoryRefusedError, OutputError, is_interrupt
from moire.interrupts import LimitReached, limits, was_stopped
from moire.io import Record, provenance
from moire.resources import human_bytes
from moire.sweep.folder import ResultsFolder
from moire.tasks.compute import compute
from moire.tasks.request import Request

_GIB = 2.0**30


@dataclass(frozen=True)
class PointReport:
    """Outcome of one request: its wall time, its warnings, and the error if it failed.

    `elsewhere`: another process is computing it; `by_another`: another process has.
    """

    seconds: float
    warnings: tuple[str, ...]
    error: str
    elsewhere: bool = False
    by_another: bool = False

    def __str__(self) -> str:
        if self.by_another and not self.error:
            return "computed by another sweep"
        return self.error or f"{self.seconds:.1f} s"


@checked
def run_point(
    request: Request, folder: ResultsFolder, limit_s: float | None = None, memory_gib: float | None = None
) -> PointReport:
    """Compute one request and write its file; a failure is written too, with its traceback.

    An interrupted or failed request resumes its spectra from checkpoints in the folder, which a finished one removes.

    Parameters
    ----------
    request
        A checked request.
    folder
        Opened results folder.
    limit_s
        Time in seconds after which the point is recorded as too long; none by default.
    memory_gib
        Memory of this process in GiB beyond which it is recorded as too large: before it is begun if the estimate of
        its task exceeds it, or once the process holds more; none by default.

    Raises
    ------
    KeyboardInterrupt
        If the process was interrupted or terminated; nothing is written then.
    """
    start = time.perf_counter()
    error, warnings = "", ()
    try:
        with titled(request.title), limits(limit_s, None if memory_gib is None else memory_gib * _GIB) as limit:
            _check_size(request, memory_gib)
            record = compute(request, progress=True, checkpoint=folder.checkpoint_of(request)).record
        warnings = tuple(record.attributes["warnings"])
    except (Exception, LimitReached) as failure:  # one bad point must not end the sweep
        if is_interrupt(failure) or was_stopped():
            raise KeyboardInterrupt from failure
        error = f"{type(failure).__name__}: {failure}"
        if limit.too_large:
            error = f"The point took more than its limit of {memory_gib:g} GiB."
        elif limit.too_long:
            resumes = "; a longer limit continues from its checkpoint" * ("checkpoint" in request.task.takes)
            error = f"The point took longer than its limit of {limit_s:g} s{resumes}."
        record = record_failure(request, error, traceback.format_exc(), time.perf_counter() - start)
    try:
        folder.write(request, record)
    except OutputError as failure:  # only this point is lost; its checkpoint stays
        return PointReport(time.perf_counter() - start, warnings, f"{error} {failure}".lstrip())
    if not error:
        folder.forget_checkpoint(request)
    return PointReport(time.perf_counter() - start, warnings, error)


def _check_size(request: Request, memory_gib: float | None) -> None:
    if memory_gib is not None and (needed := request.task.memory(request.point)) > memory_gib * _GIB:
        raise MemoryRefusedError(
            f"The point would take about {human_bytes(needed)}, more than its limit of {memory_gib:g} GiB."
        )


def record_failure(request: Request, error: str, trace: str, seconds: float) -> Record:
    """Record of a request that failed."""
    attributes = {
        "request": request.canonical(),
        "key": request.key,
        "title": request.title,
        "error": error,
        "traceback": trace,
        **provenance(seconds),
    }
    return Record("failure", {}, attributes)
