"""State of a results folder, while sweeps run in it or not, without opening a result."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from moire._shown import Shown
from moire._types import checked
from moire.errors import InputError
from moire.sweep.claims import Owner
from moire.sweep.costs import CostModel, estimates
from moire.sweep.folder import ResultsFolder
from moire.sweep.journal import Asked, Entry
from moire.tasks.request import Request

_RECENT_SECONDS = 3600.0
_SHOWN = 5


@checked
@dataclass(frozen=True)
class FolderStatus(Shown):
    """State of the points that were asked for.

    Parameters
    ----------
    n_asked
        Number of points.
    n_done
        Points with a file that is not that of a failure.
    n_unknown
        Those among them that the journal does not know, such as the points of earlier versions: they may be failures.
    failures
        File and error of each failed point.
    running
        Owners of the points that are being computed.
    per_hour
        Points that ended per hour, of the last hour; 0 if there were none.
    seconds_left
        Expected time until all points are finished by the processes that run now; NaN if none does.
    """

    n_asked: int
    n_done: int
    n_unknown: int
    failures: tuple[tuple[str, str], ...]
    running: tuple[Owner, ...]
    per_hour: float
    seconds_left: float

    @property
    def n_waiting(self) -> int:
        """Points that are neither finished, failed nor being computed."""
        return max(0, self.n_asked - self.n_done - len(self.failures) - len(self.running))

    def __str__(self) -> str:
        unknown = f" ({self.n_unknown} of them not in the journal)" if self.n_unknown else ""
        points = f"{self.n_asked} point{'s' * (self.n_asked != 1)}"
        lines = [
            f"{points}: {self.n_done} done{unknown}, {len(self.failures)} failed, "
            f"{len(self.running)} running, {self.n_waiting} waiting."
        ]
        for owner in self.running[:_SHOWN]:
            since = tqdm.format_interval(max(0.0, time.time() - owner.since))
            lines.append(f"  running for {since} on {owner.host} (process {owner.pid}): {owner.title}")
        lines += [f"  ... and {len(self.running) - _SHOWN} more"] * (len(self.running) > _SHOWN)
        lines += [f"  failed: {file}: {error}" for file, error in self.failures[:_SHOWN]]
        lines += [f"  ... and {len(self.failures) - _SHOWN} more"] * (len(self.failures) > _SHOWN)
        if self.per_hour:
            lines.append(f"{self.per_hour:.3g} points per hour in the last hour.")
        if np.isfinite(self.seconds_left) and self.n_asked > self.n_done:
            lines.append(f"About {tqdm.format_interval(self.seconds_left)} left.")
        return "\n".join(lines)


@checked
def folder_status(folder: ResultsFolder, requests: Sequence[Request] | None = None) -> FolderStatus:
    """State of a folder, from its list of files, its journal and its claims.

    Parameters
    ----------
    folder
        The results folder; nothing is written to it.
    requests
        The points; by default all that any sweep of the folder was asked for.

    Raises
    ------
    InputError
        If there is no results folder.
    """
    folder.check()
    try:
        with os.scandir(folder.points) as found:
            there = {entry.name for entry in found if entry.name.endswith(".h5") and not entry.name.startswith(".")}
    except OSError:
        raise InputError(f"`folder` must hold results of a sweep, but {folder.path} has no points.") from None
    if requests is None:
        asked = folder.journal.asked()
        asked |= {name: Asked(name, "", 0.0) for name in there - asked.keys()}
    else:
        asked = {
            request.file_name: Asked(request.file_name, request.task.name, estimate)
            for request, estimate in zip(requests, estimates(requests), strict=True)
        }
    last: dict[str, Entry] = {}
    recent: list[Entry] = []
    model, now = CostModel(), time.time()
    for entry in folder.journal.entries():
        if not entry.error:
            model.learn(entry.task, entry.estimate, entry.seconds)
        if now - _RECENT_SECONDS <= entry.at <= now:
            recent.append(entry)
        if entry.file in asked and (entry.file not in last or last[entry.file].at <= entry.at):
            last[entry.file] = entry
    failures = [(name, entry.error) for name, entry in last.items() if entry.error]
    failed = {name for name, _ in failures}
    done = (there & asked.keys()) - failed
    running = folder.claims().owners()
    left = [asked[name] for name in asked.keys() - done - failed]
    return FolderStatus(
        n_asked=len(asked),
        n_done=len(done),
        n_unknown=len(done - last.keys()),
        failures=tuple(sorted(failures)),
        running=tuple(running),
        per_hour=_per_hour(recent, now),
        seconds_left=_seconds(left, model) / len(running) if running else np.nan,
    )


def _per_hour(recent: Sequence[Entry], now: float) -> float:
    """Points per hour since the first of these was begun, an hour ago at most."""
    if not recent:
        return 0.0
    begun = max(now - _RECENT_SECONDS, min(entry.at - entry.seconds for entry in recent))
    return 3600.0 * len(recent) / max(now - begun, 1e-3)


def _seconds(points: Sequence[Asked], model: CostModel) -> float:
    by_task: dict[str, list[float]] = {}
    for point in points:
        by_task.setdefault(point.task, []).append(point.estimate)
    return sum(float(model.seconds(task, np.array(known)).sum()) for task, known in by_task.items())
