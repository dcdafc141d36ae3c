"""Run of a sweep: finished points are skipped, the others distributed over ranks, failures recorded."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from moire._shown import Shown
from moire._text import printable
from moire._types import checked
from moire.errors import require
from moire.interrupts import check_signals
from moire.io import FileStatus
from moire.ranks import on_leader
from moire.sweep.costs import share
from moire.sweep.dispatch import dispatch
from moire.sweep.folder import ResultsFolder
from moire.sweep.progress import Progress, SweepReport
from moire.sweep.shared_work import prepare_worker, record_death, work_on
from moire.sweep.workers import dispatch_to_workers
from moire.tasks.request import Request


@checked
@dataclass(frozen=True, kw_only=True)
class SweepSettings(Shown):
    """How a sweep is run; its results do not depend on it.

    Parameters
    ----------
    point_limit_s
        Time in seconds after which a point is recorded as too long, and the sweep goes on; no limit if None.
    memory_limit_gib
        Memory in GiB of one process beyond which a point is recorded as too large, before it is begun if its estimate
        exceeds the limit, and otherwise once it takes more; no limit if None.
    n_workers
        Local processes that compute the points, where there is no MPI; this process alone if 0.
    shard
        Part i of n of the points, (i, n).
    """

    point_limit_s: float | None = None
    memory_limit_gib: float | None = None
    n_workers: int = 0
    shard: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        limit, (part, n_parts) = self.point_limit_s, self.shard
        require(limit is None or (limit > 0 and math.isfinite(limit)), "point_limit", "be positive seconds", limit)
        memory = self.memory_limit_gib
        require(memory is None or (memory > 0 and math.isfinite(memory)), "memory_limit", "be positive GiB", memory)
        require(self.n_workers >= 0, "workers", "be at least 0", self.n_workers)
        require(1 <= part <= n_parts, "shard", "read i/n with 1 <= i <= n", f"{part}/{n_parts}")


_DEFAULT = SweepSettings()


@checked
def run_sweep(
    requests: Sequence[Request],
    folder: ResultsFolder,
    communicator: Any | None = None,
    say: Callable[[str], None] = print,
    settings: SweepSettings = _DEFAULT,
    doing: Callable[[str], object] = str,
) -> SweepReport:
    """Compute every request that has no finished file, over all ranks; call it on all of them.

    Any number of sweeps may run in one folder at once: a point that another one computes is left to it, and this one
    ends when all its points are finished.

    Parameters
    ----------
    requests
        Checked requests, the same on every rank.
    folder
        Opened results folder on a file system that all ranks share.
    communicator
        MPI communicator, or None to work without MPI.
    say
        Called on rank 0 with each line of progress.
    settings
        Limits, processes, and the part of the requests.
    doing
        Called on every rank with the title of each point that it begins.

    Returns
    -------
    SweepReport
        Complete on rank 0; on the others only the wall time is meaningful.
    """
    require(not (communicator and settings.n_workers), "workers", "be 0 under mpiexec", settings.n_workers)
    leading = communicator is None or communicator.rank == 0
    requests = share(requests, settings.shard)
    stamps, statuses = on_leader(communicator, lambda: (folder.stamps(requests), folder.survey(requests)))
    finished = [request for request in requests if statuses[request] is FileStatus.FINISHED]
    waiting = [request for request in requests if statuses[request] is not FileStatus.FINISHED]
    damaged = tuple(folder.file_of(request) for request in requests if statuses[request] is FileStatus.DAMAGED)
    if waiting:
        folder.check_writable()
    progress = Progress(folder, waiting, say, settings.n_workers or (communicator.size if communicator else 1))
    if leading:
        for request in finished:
            folder.forget_checkpoint(request)  # left if interrupted between writing the file and the removal
        for path in damaged:
            say(f"{printable(str(path))} is damaged and will be recomputed.")
        if finished:
            say(f"{len(finished)} of {len(requests)} points are already finished.")
        if not folder.read_only:
            with folder.claims() as claims:  # removes their folder if nothing is left in it
                claims.clean(finished)
            folder.journal.ask(requests)
            folder.journal.teach(progress.model)
    pending = waiting
    while pending:
        queue = progress.queue(pending)
        with folder.claims() as claims:
            if settings.n_workers:
                prepare = partial(prepare_worker, folder.path, stamps, settings)
                died = partial(record_death, folder)
                dispatch_to_workers(settings.n_workers, pending, queue, prepare, progress.on_report, died)
            else:
                work = partial(work_on, folder, claims, stamps, settings, doing)
                dispatch(communicator, pending, work, progress.on_report, queue)
        check_signals()

        def wait_for_others() -> list[Request]:
            elsewhere = progress.take_elsewhere()
            if not elsewhere:
                return []
            claims = folder.claims()
            progress.say_where(elsewhere, claims)
            claims.wait(elsewhere, lambda request: folder.stamp(request) != stamps.get(request))
            return elsewhere

        pending = on_leader(communicator, wait_for_others)
    return progress.report(requests, len(finished), damaged)
