"""Work on one point of a folder that other processes may work in: claim it, look at its file, compute it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from moire.errors import FileFormatError, MoireError, OutputError
from moire.interrupts import check_signals
from moire.io import FileStatus, read_record
from moire.ranks import limit_threads
from moire.sweep.claims import Claims
from moire.sweep.folder import ResultsFolder, Stamp
from moire.sweep.point import PointReport, record_failure, run_point
from moire.tasks.request import Request

if TYPE_CHECKING:
    from moire.sweep.run import SweepSettings


def work_on(
    folder: ResultsFolder,
    claims: Claims,
    stamps: Mapping[Request, Stamp],
    settings: SweepSettings,
    doing: Callable[[str], object],
    request: Request,
) -> PointReport:
    """Compute a point unless another process does, or has done since `stamps` were taken."""
    check_signals()
    doing(request.title)
    try:
        folder.check_present()
        with claims.held(request) as mine:
            if not mine:
                return PointReport(0.0, (), "", elsewhere=True)
            if folder.stamp(request) != stamps.get(request):
                found = _by_another(folder, request)
                if found is not None:
                    return found
            return run_point(request, folder, settings.point_limit_s, settings.memory_limit_gib)
    except OutputError as failure:
        return PointReport(0.0, (), str(failure))


def _by_another(folder: ResultsFolder, request: Request) -> PointReport | None:
    """Report on the file that another process has written; None if it holds no result of the request."""
    try:
        status = folder.survey([request])[request]
        if status is FileStatus.FINISHED:
            return PointReport(0.0, (), "", by_another=True)
        if status is FileStatus.FAILED:
            error = str(read_record(folder.file_of(request)).attributes.get("error", "failed"))
            return PointReport(0.0, (), error, by_another=True)
    except FileFormatError as error:
        return PointReport(0.0, (), str(error), by_another=True)
    return None


def prepare_worker(
    path: Path, stamps: Mapping[Request, Stamp], settings: SweepSettings
) -> Callable[[Request], PointReport]:
    """In a process of its own: return what works on a point."""
    limit_threads(None, settings.n_workers)
    folder = ResultsFolder(path)
    claims = folder.claims().__enter__()  # until the process ends

    def work(request: Request) -> PointReport:
        return work_on(folder, claims, stamps, settings, str, request)

    return work


def record_death(folder: ResultsFolder, request: Request, exit_code: int | None) -> PointReport:
    """Record a point whose process ended by itself, as the kernel does with one that takes too much memory."""
    how = f"exit code {exit_code}"
    if exit_code is not None and exit_code < 0:
        how = f"signal {-exit_code} ({signal.Signals(-exit_code).name})"
    error = f"The process that computed the point died: {how}."
    try:
        folder.write(request, record_failure(request, error, "", 0.0))
    except MoireError as failure:
        error = f"{error} {failure}"
    return PointReport(0.0, (), error)
