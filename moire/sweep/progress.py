"""Progress of a sweep on its leader: lines, time left, journal, and the report at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from moire._shown import Shown
from moire._types import checked
from moire.sweep.claims import Claims
from moire.sweep.costs import CostModel, CostQueue
from moire.sweep.folder import ResultsFolder
from moire.sweep.journal import Entry
from moire.sweep.point import PointReport
from moire.tasks.request import Request


@checked
@dataclass(frozen=True)
class SweepReport(Shown):
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
    idle
        Share of the time of all processes in which none of their points was computed; 0 of one process.
    """

    computed: int
    skipped: int
    failures: tuple[tuple[str, str], ...]
    damaged: tuple[Path, ...]
    seconds: float
    missing: tuple[Path, ...] = ()
    idle: float = 0.0

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
            (self.idle * self.seconds + later.idle * later.seconds) / max(self.seconds + later.seconds, 1e-9),
        )

    def __str__(self) -> str:
        text = f"{self.computed} computed, {self.skipped} already finished, {len(self.failures)} failed"
        text += f", {len(self.missing)} missing" if self.missing else ""
        idle = f", processes idle for {self.idle:.0%} of the time" if self.idle else ""
        return f"{text}; {self.seconds:.1f} s{idle}."


class Progress:
    """What the leader of a sweep knows of its points.

    Parameters
    ----------
    folder
        The results folder.
    waiting
        Requests to be computed.
    say
        Called with each line.
    n_processes
        Processes that compute at once.
    """

    def __init__(
        self, folder: ResultsFolder, waiting: Sequence[Request], say: Callable[[str], None], n_processes: int
    ) -> None:
        self.model = CostModel()
        self._folder, self._waiting, self._say, self._n_processes = folder, waiting, say, n_processes
        self._start = time.perf_counter()
        self._queue = CostQueue((), (), self.model)
        self._failures: dict[Request, str] = {}
        self._elsewhere: list[Request] = []
        self._n_done, self._n_by_others = 0, 0
        self._busy = 0.0
        self._said_where = False

    def queue(self, pending: Sequence[Request]) -> CostQueue:
        """Order of the requests of a round."""
        self._queue = CostQueue.of(pending, self.model)
        return self._queue

    def on_report(self, request: Request, report: PointReport) -> None:
        """Take the report of a point."""
        if report.elsewhere:
            self._elsewhere.append(request)
            return
        self._n_done += 1
        self._busy += 0.0 if report.by_another else report.seconds
        if report.error:
            self._failures[request] = report.error
        if report.by_another:
            self._n_by_others += not report.error
        else:
            estimate = self._queue.estimate(request)
            if not report.error:
                self.model.learn(request.task.name, estimate, report.seconds)
            entry = Entry(request.file_name, request.task.name, estimate, report.seconds, report.error, time.time())
            self._folder.journal.note(entry)
        seconds = self._queue.seconds_left() / self._n_processes
        left = f"; about {tqdm.format_interval(seconds)} left" if self._n_done < len(self._waiting) else ""
        self._say(f"[{self._n_done}/{len(self._waiting)}] {request.title}: {report}{left}")
        for warning in report.warnings:
            self._say(f"    Warning: {warning}")

    def take_elsewhere(self) -> list[Request]:
        """Requests that other sweeps were computing when they were tried, once."""
        found, self._elsewhere = self._elsewhere, []
        return found

    def say_where(self, requests: Sequence[Request], claims: Claims) -> None:
        """Say once what the sweep waits for."""
        if not self._said_where:
            owner = claims.owner(requests[0])
            where = f", such as {requests[0].title} by process {owner.pid} on {owner.host}" if owner else ""
            count = f"{len(requests)} point{'s' * (len(requests) > 1)}"
            self._say(f"Waiting for {count} that other sweeps of this folder compute{where}.")
            self._said_where = True

    def report(self, requests: Sequence[Request], n_finished: int, damaged: tuple[Path, ...]) -> SweepReport:
        """Report on all requests, of which `n_finished` were finished before."""
        missing = [r for r in self._folder.absent(requests) if r not in self._failures]
        seconds = time.perf_counter() - self._start
        many = self._n_processes > 1 and self._n_done > self._n_by_others
        return SweepReport(
            self._n_done - self._n_by_others - len(self._failures),
            n_finished + self._n_by_others,
            tuple((request.title, error) for request, error in self._failures.items()),
            damaged,
            seconds,
            tuple(self._folder.file_of(request) for request in missing),
            max(0.0, 1 - self._busy / (self._n_processes * seconds)) if many else 0.0,
        )
