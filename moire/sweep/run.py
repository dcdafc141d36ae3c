"""Run of a sweep: finished points are skipped, the others distributed over ranks, failures recorded."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from moire.errors import require
from moire.interrupts import check_signals
from moire.io import FileStatus
from moire.ranks import on_leader
from moire.sweep.dispatch import dispatch
from moire.sweep.folder import ResultsFolder
from moire.sweep.point import PointReport, run_point
from moire.tasks.request import Request


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


@dataclass(frozen=True, kw_only=True)
class SweepSettings:
    """How a sweep is run; its results do not depend on it.

    Parameters
    ----------
    point_limit_s
        Time in seconds after which a point is recorded as too long, and the sweep goes on; no limit if None.
    """

    point_limit_s: float | None = None

    def __post_init__(self) -> None:
        limit = self.point_limit_s
        require(limit is None or (limit > 0 and math.isfinite(limit)), "point_limit", "be positive seconds", limit)


_DEFAULT = SweepSettings()


def run_sweep(
    requests: Sequence[Request],
    folder: ResultsFolder,
    communicator: Any | None = None,
    say: Callable[[str], None] = print,
    settings: SweepSettings = _DEFAULT,
    doing: Callable[[str], None] = str,
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
    settings
        Limits.
    doing
        Called on every rank with the title of each point that it begins.

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

    def work(request: Request) -> PointReport:
        check_signals()
        doing(request.title)
        return run_point(request, folder, settings.point_limit_s)

    dispatch(communicator, waiting, work, on_report)
    check_signals()
    missing = [folder.file_of(request) for request in folder.absent(requests) if request not in failures]
    return SweepReport(
        n_done - len(failures),
        len(requests) - len(waiting),
        tuple((request.title, error) for request, error in failures.items()),
        damaged,
        time.perf_counter() - start,
        tuple(missing),
    )
