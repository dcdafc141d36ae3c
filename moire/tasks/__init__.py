"""Tasks: one computation at one point, each a frozen set of options with its checks and computation."""

from pathlib import Path
from typing import Any

from moire._types import checked
from moire.errors import require
from moire.io import read_record
from moire.tasks.bands import BandsTask
from moire.tasks.chern import ChernTask
from moire.tasks.ed import EdTask
from moire.tasks.fci import FciTask
from moire.tasks.hf import HfTask
from moire.tasks.parts import Task
from moire.tasks.point import ModelPoint
from moire.tasks.topology import TopologyTask

TASKS: dict[str, type[Task]] = {
    task.name: task for task in (BandsTask, ChernTask, TopologyTask, HfTask, EdTask, FciTask)
}
"""Every task by its name."""


@checked
def read_result(path: Path | str) -> Any:
    """Read the result in the file of a task: bands, a spectrum, a report.

    Raises
    ------
    FileFormatError
        If the file cannot be read.
    InputError
        If the file is not that of a task, such as a summary.
    """
    record = read_record(Path(path))
    require(record.kind in TASKS, "path", f"hold one of {', '.join(TASKS)}", found=f"holds '{record.kind}'")
    return TASKS[record.kind].read(record)


__all__ = [
    "TASKS",
    "BandsTask",
    "ChernTask",
    "EdTask",
    "FciTask",
    "HfTask",
    "ModelPoint",
    "Task",
    "TopologyTask",
    "read_result",
]
