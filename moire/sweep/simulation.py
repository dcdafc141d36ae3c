"""Simulation of a sweep on many ranks: the order of its points and its dispatcher, with recorded times."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from moire._shown import Shown
from moire._types import checked
from moire.errors import require
from moire.sweep.costs import CostModel, CostQueue
from moire.sweep.dispatch import POLL_SECONDS
from moire.sweep.journal import Entry

SERVICE_S = 5e-4
"""Time that rank 0 takes for one report and the next point; 0.23 ms without the messages, with 40,000 points left."""


@checked
@dataclass(frozen=True)
class Simulation(Shown):
    """A simulated sweep.

    Parameters
    ----------
    n_ranks
        Ranks that compute.
    makespan_s
        Time until the last point is finished.
    bound_s
        What no order can be below: the longest point, or all points divided by the ranks.
    idle
        Share of the time of all ranks in which they wait, at the end or for rank 0.
    """

    n_ranks: int
    makespan_s: float
    bound_s: float
    idle: float

    def __str__(self) -> str:
        over = 100 * (self.makespan_s / self.bound_s - 1)
        return (
            f"{self.n_ranks} ranks: {self.makespan_s:.4g} s, {over:.2g} % above the bound of {self.bound_s:.4g} s; "
            f"ranks wait {100 * self.idle:.2g} % of the time"
        )


@checked
def simulate(
    points: Sequence[Entry],
    n_ranks: int,
    *,
    service_s: float = SERVICE_S,
    poll_s: float = POLL_SECONDS,
    known: Sequence[Entry] = (),
) -> Simulation:
    """Simulate the sweep of some points, each with its estimate and the seconds that it takes.

    The queue and the model of costs are those of a sweep, which learns from finished points alone; rank 0 serves one
    rank at a time, and looks for messages every 2 ms where none waits.

    Parameters
    ----------
    points
        The points.
    n_ranks
        Ranks that compute.
    service_s
        Time of rank 0 for one request of a rank.
    poll_s
        Longest time until rank 0 notices a request.
    known
        Points of earlier runs in the folder.
    """
    require(n_ranks >= 1, "n_ranks", "be at least 1", n_ranks)
    require(len(points) >= 1, "points", "hold at least one point", len(points))
    model = CostModel()
    for entry in known:
        model.learn(entry.task, entry.estimate, entry.seconds)
    queue = CostQueue([entry.task for entry in points], [entry.estimate for entry in points], model)
    asking: list[tuple[float, int, int | None]] = [(0.0, rank, None) for rank in range(n_ranks)]
    served, makespan = 0.0, 0.0
    while asking:
        now, rank, finished = heapq.heappop(asking)
        if finished is not None:
            done = points[finished]
            model.learn(done.task, done.estimate, done.seconds)
            makespan = max(makespan, now)
        served = (served if now <= served else now + poll_s) + service_s
        following = queue.take()
        if following is not None:
            heapq.heappush(asking, (served + points[following].seconds, rank, following))
    total = sum(entry.seconds for entry in points)
    bound = max(total / n_ranks, max(entry.seconds for entry in points))
    return Simulation(n_ranks, makespan, bound, 1 - total / (n_ranks * makespan))
