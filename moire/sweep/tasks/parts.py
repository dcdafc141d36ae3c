"""What every task is and what it leaves: a record, columns of the summary, a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

from moire.io import Dataset, Record
from moire.sweep.point import ClusterShape, ModelPoint

Columns = dict[str, Dataset]
Parts = tuple[Record, Columns, str]


class Task(Protocol):
    """One kind of work at a point: a frozen dataclass whose fields are the options, so that it can be hashed."""

    name: ClassVar[str]
    takes: ClassVar[frozenset[str]]
    """Keywords of `compute`: ``"progress"`` shows bars, a killed task resumes from the folder ``"checkpoint"``."""

    def check(self, point: ModelPoint) -> None:
        """Raise InputError where the task cannot be done at this point."""

    def title(self) -> str:
        """What tells this task from others of its kind, for a line of progress."""

    def coordinates(self) -> Columns:
        """Columns of the summary that say what was asked."""

    def cost(self) -> float:
        """Rough cost in seconds, for scheduling and for the time that remains."""

    @property
    def compute(self) -> Callable[..., Parts]:
        """Do the work at one point, ``compute(point)``, with the keywords that the task takes."""


def cluster_name(shape: ClusterShape) -> str:
    """Short name of a cluster in a column, such as ``"3x5"``."""
    return "x".join(map(str, shape)) if isinstance(shape[0], int) else str([list(row) for row in shape])
