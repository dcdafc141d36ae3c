"""Estimates of a dry run: time and memory of every request, from the models of its task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tqdm import tqdm

from moire._shown import Shown
from moire._types import checked
from moire.resources import available_bytes, fits_in_memory, human_bytes
from moire.tasks.request import Request


@checked
@dataclass(frozen=True)
class Estimate(Shown):
    """Rough time in seconds of one core, and rough memory in bytes, of a request."""

    request: Request
    seconds: float
    n_bytes: float

    def __str__(self) -> str:
        request = self.request
        return f"{request.key}  {duration(self.seconds):>9}  {human_bytes(self.n_bytes):>9}  {request.title}"


@checked
@dataclass(frozen=True)
class Estimates(Shown):
    """Estimates of all requests of a plan, in its order."""

    each: tuple[Estimate, ...]

    @property
    def seconds(self) -> float:
        """Time of one core for all requests."""
        return sum(estimate.seconds for estimate in self.each)

    @property
    def longest(self) -> Estimate:
        """The request that takes the most time."""
        return max(self.each, key=lambda estimate: estimate.seconds)

    @property
    def largest(self) -> Estimate:
        """The request that takes the most memory."""
        return max(self.each, key=lambda estimate: estimate.n_bytes)

    def __str__(self) -> str:
        longest, largest, count = self.longest, self.largest, len(self.each)
        too_large = sum(not fits_in_memory(estimate.n_bytes) for estimate in self.each)
        lines = [
            f"{'key':<12}  {'time':>9}  {'memory':>9}  computation",
            *map(str, self.each),
            f"{count} computation{'s' * (count > 1)}, about {duration(self.seconds)} of one core in all.",
            f"Longest: {longest.request.title}, about {duration(longest.seconds)}.",
            f"Most memory: {largest.request.title}, about {human_bytes(largest.n_bytes)}; "
            f"{human_bytes(available_bytes())} are available here.",
        ]
        if too_large:
            lines.append(f"{too_large} of them would not fit in the memory available here.")
            spread = getattr(largest.request.task, "spread", None)
            if spread is not None and (found := spread(largest.request.point)) is not None:
                lines.append(f"`moire {largest.request.task.name}` under mpiexec could compute the largest: {found}.")
        return "\n".join(lines)


@checked
def estimate(requests: Sequence[Request]) -> Estimates:
    """Estimate time and memory of checked requests; nothing large is built.

    Time is that of one core, without the compilation of kernels, and right within a factor of a few; memory is that
    of one process.
    """
    seconds: dict[object, float] = {}
    n_bytes: dict[object, float] = {}
    found = []
    for request in requests:
        task, point = request.task, request.point
        like = replace(point, displacement_mev=0.0, twist_deg=1.0)  # memory depends on the cutoff alone
        if task not in seconds:
            seconds[task] = task.cost()
        if (task, like) not in n_bytes:
            n_bytes[task, like] = task.memory(point)
        found.append(Estimate(request, seconds[task], n_bytes[task, like]))
    return Estimates(tuple(found))


def duration(seconds: float) -> str:
    """Return a time as a short text, ``"3.2 s"`` or ``"2:05:00"``."""
    if seconds < 100:
        return f"{seconds:.2g} s"
    days, rest = divmod(seconds, 86400)
    clock = str(tqdm.format_interval(rest))
    return f"{int(days)} d {clock}" if days else clock
