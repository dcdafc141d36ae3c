"""Dynamic distribution of jobs over ranks, one at a time."""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from moire.sweep.workers import Queue


class _AsGiven:
    """Jobs in the order in which they are given."""

    def __init__(self, jobs: Sequence[Any]) -> None:
        self._left = deque(range(len(jobs)))

    def take(self) -> int | None:
        """Index of the next job; None if there is none left."""
        return self._left.popleft() if self._left else None


Job = TypeVar("Job")
Report = TypeVar("Report")

POLL_SECONDS = 0.002


def dispatch(
    communicator: Any | None,
    jobs: Sequence[Job],
    work: Callable[[Job], Report],
    on_report: Callable[[Job, Report], None],
    queue: Queue | None = None,
) -> None:
    """Do all jobs; every rank takes the next one when it is free.

    On rank 0 a thread serves the other ranks while the main thread works too. Only rank 0 calls
    `on_report`, in the order in which jobs end. All ranks must call this with the same jobs.

    Parameters
    ----------
    communicator
        MPI communicator, or None to work alone.
    jobs
        The jobs.
    work
        Does one job; must not raise.
    on_report
        Called on rank 0 with each finished job and its report.
    queue
        Order of the jobs on rank 0; as given by default.
    """
    order = queue or _AsGiven(jobs)
    if communicator is None or communicator.size == 1:
        while (index := order.take()) is not None:
            on_report(jobs[index], work(jobs[index]))
    elif communicator.rank == 0:
        _lead(communicator, jobs, work, on_report, order)
    else:
        _follow(communicator, jobs, work)
    if communicator is not None:
        communicator.Barrier()


def _follow(communicator: Any, jobs: Sequence[Job], work: Callable[[Job], Any]) -> None:
    finished: tuple[int, Any] | None = None
    while True:
        communicator.send(finished, dest=0)
        index = communicator.recv(source=0)
        if index is None:
            return
        finished = (index, work(jobs[index]))


def _lead(
    communicator: Any,
    jobs: Sequence[Job],
    work: Callable[[Job], Report],
    on_report: Callable[[Job, Report], None],
    queue: Queue,
) -> None:
    from mpi4py import MPI

    busy = threading.Lock()  # reports change the order of what is left

    def take() -> int | None:
        with busy:
            return queue.take()

    def report(index: int, result: Report) -> None:
        with busy:
            on_report(jobs[index], result)

    def serve() -> None:
        active = communicator.size - 1
        status = MPI.Status()
        while active:
            if not communicator.Iprobe(source=MPI.ANY_SOURCE, status=status):
                time.sleep(POLL_SECONDS)
                continue
            source = status.Get_source()
            finished = communicator.recv(source=source)
            index = take()
            communicator.send(index, dest=source)
            active -= index is None
            if finished is not None:
                report(*finished)

    def serve_or_abort() -> None:
        try:
            serve()
        except BrokenPipeError:  # nobody reads the progress any more
            communicator.Abort(141)
        except BaseException:  # a silent thread would leave every other rank waiting forever
            traceback.print_exc()
            communicator.Abort(1)

    if MPI.Query_thread() < MPI.THREAD_SERIALIZED:  # then rank 0 only distributes jobs
        serve()
        while (index := take()) is not None:  # left over only if there are no other ranks
            report(index, work(jobs[index]))
        return
    server = threading.Thread(target=serve_or_abort, name="moire-dispatch", daemon=True)
    server.start()
    while (index := take()) is not None:
        report(index, work(jobs[index]))
    server.join()
