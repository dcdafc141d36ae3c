"""Costs of points: what tasks estimate, corrected by what finished points took; and the order of a sweep."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from moire._arrays import FloatArray
from moire.errors import require
from moire.tasks import Task
from moire.tasks.request import Request

# ln(seconds) = offset + power ln(estimate) for each task: before any point of it is finished an estimate is right
# within a factor of e^2, its power within 0.3; times of equal points scatter by 30 %
_OFFSET_SPREAD, _POWER_SPREAD, _SCATTER = 2.0, 0.3, 0.3
_SMALLEST_POWER = 0.1


class CostModel:
    """Seconds that a point takes, from the estimate of its task and the points of the task that are finished.

    A linear law between the logarithms, fitted for each task to its finished points with a prior.
    """

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, float, float, float, float]] = {}
        self._law: dict[str, tuple[float, float]] = {}

    def learn(self, task: str, estimate: float, seconds: float) -> None:
        """Add a finished point."""
        if estimate > 0 and seconds > 0:
            x, y = math.log(estimate), math.log(seconds)
            sums = self._sums.get(task, (0.0, 0.0, 0.0, 0.0, 0.0))
            self._sums[task] = (sums[0] + 1, sums[1] + x, sums[2] + x * x, sums[3] + y, sums[4] + x * y)
            self._law.pop(task, None)

    def seconds(self, task: str, estimates: FloatArray) -> FloatArray:
        """Expected seconds of points with these estimates."""
        if task not in self._law:
            self._law[task] = self._fit(task)
        offset, power = self._law[task]
        return np.asarray(np.exp(offset) * np.maximum(estimates, 1e-9) ** power)

    def _fit(self, task: str) -> tuple[float, float]:
        """Offset and power of the law."""
        number, x, xx, y, xy = self._sums.get(task, (0.0, 0.0, 0.0, 0.0, 0.0))
        prior = np.array([_OFFSET_SPREAD, _POWER_SPREAD]) ** -2.0
        normal = np.array([[number, x], [x, xx]]) / _SCATTER**2 + np.diag(prior)
        right = np.array([y, xy]) / _SCATTER**2 + prior * [0.0, 1.0]
        offset, power = np.linalg.solve(normal, right)
        return float(offset), max(float(power), _SMALLEST_POWER)


def estimates(requests: Sequence[Request]) -> list[float]:
    """Estimate of every request in seconds; equal tasks are asked once."""
    known: dict[Task, float] = {}
    for request in requests:
        if request.task not in known:
            known[request.task] = request.task.cost()
    return [known[request.task] for request in requests]


class CostQueue:
    """Points in the order in which they are begun: always the one that is expected to take longest.

    Parameters
    ----------
    tasks, estimate
        Name of the task of each point, and its estimate in seconds.
    model
        Learns while the queue is emptied: tasks move against each other, and points of one task keep their order.
    """

    def __init__(self, tasks: Sequence[str], estimate: Sequence[float], model: CostModel) -> None:
        self._model = model
        self._index: dict[Request, int] = {}
        self._estimate = list(estimate)
        members: dict[str, list[int]] = defaultdict(list)
        for index, task in enumerate(tasks):
            members[task].append(index)
        self._order = {
            task: np.array(sorted(indices, key=lambda index: -self._estimate[index]))
            for task, indices in members.items()
        }
        self._sorted = {task: np.array(self._estimate)[order] for task, order in self._order.items()}
        self._begun = dict.fromkeys(self._order, 0)

    @classmethod
    def of(cls, requests: Sequence[Request], model: CostModel) -> CostQueue:
        """Order of requests."""
        queue = cls([request.task.name for request in requests], estimates(requests), model)
        queue._index = {request: index for index, request in enumerate(requests)}
        return queue

    def take(self) -> int | None:
        """Index of the next point; None if there is none left."""
        heads = {
            task: float(self._model.seconds(task, self._sorted[task][begun : begun + 1])[0])
            for task, begun in self._begun.items()
            if begun < len(self._order[task])
        }
        if not heads:
            return None
        task = max(heads, key=lambda name: heads[name])
        self._begun[task] += 1
        return int(self._order[task][self._begun[task] - 1])

    def estimate(self, request: Request) -> float:
        """Estimate of a request in seconds."""
        return self._estimate[self._index[request]]

    def seconds_left(self) -> float:
        """Expected seconds of all points that were not begun, one after the other."""
        return sum(
            float(self._model.seconds(task, self._sorted[task][begun:]).sum()) for task, begun in self._begun.items()
        )


def share(requests: Sequence[Request], shard: tuple[int, int]) -> tuple[Request, ...]:
    """Return part i of n of the requests: about equal in cost, and the same in every process.

    They are dealt out from the costliest to the cheapest, back and forth; what is finished does not matter.
    """
    part, n_parts = shard
    require(1 <= part <= n_parts, "shard", "read i/n with 1 <= i <= n", f"{part}/{n_parts}")
    cost = dict(zip(requests, estimates(requests), strict=True))
    order = sorted(cost, key=lambda request: (-cost[request], request.key))
    mine = set()
    for start in range(0, len(order), n_parts):
        row = order[start : start + n_parts]
        place = part - 1 if (start // n_parts) % 2 == 0 else n_parts - part
        mine.update(row[place : place + 1])
    return tuple(request for request in requests if request in mine)
