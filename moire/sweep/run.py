"""Run of a sweep: finished points are skipped, the others distributed over ranks, failures recorded."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from moire.errors import OutputError, is_interrupt
from moire.io import FileStatus, Record, provenance
from moire.ranks import on_leader
from moire.sweep.dispatch import dispatch
from moire.sweep.folder import ResultsFolder
from moire.tasks.compute import compute
from moire.tasks.request import Request


@dataclass(frozen=True)
class PointReport:
    """Outcome of one request: its wall time, the number of warnings, and the error if it failed."""

    seconds: float
    n_warnings: int
    error: str

    def __str__(self) -> str:
        warned = f", {self.n_warnings} warning{'s' * (self.n_warnings > 1)}" if self.n_warnings else ""
        return self.error or f"{self.seconds:.1f} s{warned}"


@dataclass(frozen=True)
class SweepReport:
    """Summary of a finished run: points computed, skipped and failed.

    Parameters
    ----------
    computed, skipped
        Number of requests computed now, and of those already finished.
    failures
        Title and error of each failed request.
    damaged
        Files that were damaged and recomputed.
    seconds
        Wall time.
    missing
        Files that were there, or were written, and are gone at the end.
    """

    computed: int
    skipped: int
    failures: tuple[tuple[str, str], ...]
    damaged: tuple[Path, ...]
    seconds: float
    missing: tuple[Path, ...] = ()

    @property
    def n_unfinished(self) -> int:
        """Number of requests without a result: failed or missing."""
        return len(self.failures) + len(self.missing)

    def __add__(self, later: SweepReport) -> SweepReport:
        """Report of two sweeps done one after the other."""
        return SweepReport(
            self.computed + later.computed,
            self.skipped + later.skipped,
            self.failures + later.failures,
            self.damaged + later.damaged,
            self.seconds + later.seconds,
            self.missing + later.missing,
        )

    def __str__(self) -> str:
        text = f"{self.computed} computed, {self.skipped} already finished, {len(self.failures)} failed"
        text += f", {len(self.missing)} missing" if self.missing else ""
        return f"{text}; {self.seconds:.1f} s."


def run_point(request: Request, folder: ResultsFolder) -> PointReport:
    """Compute one request and write its file; a failure is written too, with its traceback.

    An interrupted or failed request resumes its spectra from checkpoints in the folder, which a finished one removes.
    """
    start = time.perf_counter()
    error, n_warnings = "", 0
    try:
        folder.check_present()
    except OutputError as failure:
        return PointReport(0.0, 0, str(failure))
    try:
        record = compute(request, checkpoint=folder.checkpoint_of(request)).record
        n_warnings = len(record.attributes["warnings"])
    except Exception as failure:  # one bad point must not end the sweep
        if is_interrupt(failure):
            raise KeyboardInterrupt from failure
        error = f"{type(failure).__name__}: {failure}"
        attributes = {
            "request": request.canonical(),
            "key": request.key,
            "title": request.title,
            "error": error,
            "traceback": traceback.format_exc(),
            **provenance(time.perf_counter() - start),
        }
        record = Record("failure", {}, attributes)
    try:
        folder.write(request, record)
    except OutputError as failure:  # only this point is lost; its checkpoint stays
        return PointReport(time.perf_counter() - start, n_warnings, f"{error} {failure}".lstrip())
    if not error:
        folder.forget_checkpoint(request)
    return PointReport(time.perf_counter() - start, n_warnings, error)


def run_sweep(
    requests: Sequence[Request],
    folder: ResultsFolder,
    communicator: Any | None = None,
    say: Callable[[str], None] = print,
) -> SweepReport:
    """Compute every request that has no finished file, over all ranks; call it on all of them.

    Parameters
    ----------
    requests
        Checked requests, the same on every rank.
    folder
        Opened results folder on a file system that all ranks share.
    communicator
        MPI communicator, or None to work alone.
    say
        Called on rank 0 with each line of progress.

    Returns
    -------
    SweepReport
        Complete on rank 0; on the others only the wall time is meaningful.
    """
    start = time.perf_counter()
    statuses = on_leader(communicator, lambda: folder.survey(requests))
    if communicator is None or communicator.rank == 0:
        for request in requests:
            if statuses[request] is FileStatus.FINISHED:
                folder.forget_checkpoint(request)  # left if interrupted between writing the file and the removal
    waiting = [request for request in requests if statuses[request] is not FileStatus.FINISHED]
    waiting.sort(key=lambda request: -request.task.cost())
    if waiting:
        folder.check_writable()
    damaged = tuple(folder.file_of(r) for r in requests if statuses[r] is FileStatus.DAMAGED)
    failures: dict[Request, str] = {}
    total_cost = sum(request.task.cost() for request in waiting)
    done_cost, n_done = 0.0, 0

    def on_report(request: Request, report: PointReport) -> None:
        nonlocal done_cost, n_done
        n_done, done_cost = n_done + 1, done_cost + request.task.cost()
        if report.error:
            failures[request] = report.error
        elapsed = time.perf_counter() - start
        left = elapsed * (total_cost - done_cost) / done_cost
        say(
            f"[{n_done}/{len(waiting)}] {request.title}: {report}"
            + (f"; about {tqdm.format_interval(left)} left" if n_done < len(waiting) else "")
        )

    if communicator is None or communicator.rank == 0:
        for path in damaged:
            say(f"{path} is damaged and will be recomputed.")
        if len(waiting) < len(requests):
            say(f"{len(requests) - len(waiting)} of {len(requests)} points are already finished.")
    dispatch(communicator, waiting, lambda request: run_point(request, folder), on_report)
    missing = [folder.file_of(request) for request in folder.absent(requests) if request not in failures]
    return SweepReport(
        n_done - len(failures),
        len(requests) - len(waiting),
        tuple((request.title, error) for request, error in failures.items()),
        damaged,
        time.perf_counter() - start,
        tuple(missing),
    )
