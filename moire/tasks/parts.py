"""Protocol of a task, and its result: record, columns of the summary, text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from moire.io import Dataset, Record
from moire.tasks.point import ModelPoint
from moire.tasks.values import ClusterShape

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # only where something is drawn

Columns = dict[str, Dataset]
Parts = tuple[Record, Columns, str]


class Task(Protocol):
    """One kind of computation at a point: a frozen dataclass whose fields are the options, so that it can be hashed.

    A new task is one file: its options, from which plans, the command line and the tables of the documentation are
    derived; its computation; the reader of its files and their figure.
    """

    name: ClassVar[str]
    read: ClassVar[Callable[[Record], Any]]
    """Read the result in a file of this task."""
    of_one_valley: ClassVar[bool]
    """Whether the valley of the point is computed; otherwise both valleys are."""
    takes: ClassVar[frozenset[str]]
    """Keywords of `compute`: ``"progress"``, to show bars, and ``"checkpoint"``, a folder from which it resumes."""

    def check(self, point: ModelPoint) -> None:
        """Raise InputError if the task cannot be computed at this point, whatever its displacement field is."""

    def title(self) -> str:
        """Label of the task among others of its kind, for progress lines."""

    def coordinates(self) -> Columns:
        """Columns of the summary that name the options of the task."""

    def cost(self) -> float:
        """Rough cost in seconds, for scheduling and for the remaining time."""

    def memory(self, point: ModelPoint) -> float:
        """Rough memory in bytes at a point, for a dry run."""

    @staticmethod
    def figure(record: Record, title: str) -> Figure:
        """Draw the result in a file of this task."""

    @property
    def compute(self) -> Callable[..., Parts]:
        """Compute the task at one point, ``compute(point)``, with the keywords that it takes."""


def cluster_name(shape: ClusterShape) -> str:
    """Short name of a cluster in a column, such as ``"3x5"``."""
    return "x".join(map(str, shape)) if isinstance(shape[0], int) else str([list(row) for row in shape])
