"""Distribution of jobs over local processes, where there is no MPI; one that dies costs its job only."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol, TypeVar

from moire.interrupts import stopping_signals

Job = TypeVar("Job")
Report = TypeVar("Report")

_PATIENCE_SECONDS = 10.0


class Queue(Protocol):
    """Gives the indices of jobs in the order in which they are begun."""

    def take(self) -> int | None:
        """Index of the next job; None if there is none left."""


class _Worker:
    """One process, and the job that it does."""

    def __init__(self, prepare: Callable[[], Callable[[Any], Any]]) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, prepare), daemon=True)
        with _interrupts_blocked():  # for good in the new process: Ctrl-C reaches it through its parent
            self.process.start()
        theirs.close()
        self.index: int | None = None

    def begin(self, index: int, job: Any) -> None:
        self.index = index
        with contextlib.suppress(OSError):  # its death is noticed as the answer fails to come
            self.connection.send(job)

    def dismiss(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.send(None)
        self.process.join(_PATIENCE_SECONDS)
        self.end()

    def end(self) -> None:
        """End the process, which releases what it holds if it can."""
        for stop in (self.process.terminate, self.process.kill):
            if self.process.is_alive():
                stop()
                self.process.join(_PATIENCE_SECONDS)
        self.connection.close()


def dispatch_to_workers(
    n_workers: int,
    jobs: Sequence[Job],
    queue: Queue,
    prepare: Callable[[], Callable[[Job], Report]],
    on_report: Callable[[Job, Report], None],
    on_death: Callable[[Job, int | None], Report],
) -> None:
    """Do all jobs in `n_workers` processes; each takes the next one when it is free.

    Parameters
    ----------
    n_workers
        Number of processes, started by ``spawn``.
    jobs, queue
        The jobs, and their order.
    prepare
        Called once in each process; returns what does a job. It must be picklable, as must jobs and reports.
    on_report
        Called here with each finished job and its report.
    on_death
        Called here with the job of a process that ended by itself, and its exit code; returns the report.
    """
    workers: list[_Worker] = []

    def give_work(worker: _Worker | None) -> None:
        index = queue.take()
        if index is None:
            if worker is not None:
                workers.remove(worker)
                worker.dismiss()
            return
        if worker is None:
            worker = _Worker(prepare)
            workers.append(worker)
        worker.begin(index, jobs[index])

    try:
        for _ in range(n_workers):
            give_work(None)
        while workers:
            ready = wait([worker.connection for worker in workers])
            for worker in [worker for worker in workers if worker.connection in ready]:
                job = jobs[worker.index]  # type: ignore[index]
                try:
                    report = worker.connection.recv()
                except (EOFError, OSError):
                    worker.process.join()
                    workers.remove(worker)
                    worker.end()
                    on_report(job, on_death(job, worker.process.exitcode))
                    give_work(None)
                else:
                    on_report(job, report)
                    give_work(worker)
    finally:
        for worker in workers:
            if worker.process.is_alive():
                worker.process.terminate()  # all at once, then each is waited for
        for worker in workers:
            worker.end()


def _serve(connection: Connection, prepare: Callable[[], Callable[[Any], Any]]) -> None:
    """Do jobs until there is none, or the parent is gone."""
    with stopping_signals():
        try:
            work = prepare()
            while (job := connection.recv()) is not None:
                connection.send(work(job))
        except (EOFError, OSError):
            return
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGTERM)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
