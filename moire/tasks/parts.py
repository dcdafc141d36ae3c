"""What every task is and what it leaves: a record, columns of the summary, a text."""

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
    """One kind of work at a point: a frozen dataclass whose fields are the options, so that it can be hashed.

    A new task is one file: its options, from which plans, the command line and the tables of the documentation are
    derived; its work; the reader of its files and their figure.
    """

    name: ClassVar[str]
    read: ClassVar[Callable[[Record], Any]]
    """Read what a file of this task holds."""
    of_one_valley: ClassVar[bool]
    """Whether the valley of the point matters; else both are taken."""
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

    @staticmethod
    def figure(record: Record, title: str) -> Figure:
        """Draw what a file of this task holds."""

    @property
    def compute(self) -> Callable[..., Parts]:
        """Do the work at one point, ``compute(point)``, with the keywords that the task takes."""


def cluster_name(shape: ClusterShape) -> str:
    """Short name of a cluster in a column, such as ``"3x5"``."""
    return "x".join(map(str, shape)) if isinstance(shape[0], int) else str([list(row) for row in shape])
