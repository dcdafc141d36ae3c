"""The tasks of a sweep: each is a frozen set of options that knows how to compute itself at a point."""

from moire.sweep.tasks.bands import BandsTask
from moire.sweep.tasks.chern import ChernTask
from moire.sweep.tasks.ed import EdTask
from moire.sweep.tasks.fci import FciTask
from moire.sweep.tasks.hf import HfTask
from moire.sweep.tasks.parts import Task
from moire.sweep.tasks.topology import TopologyTask

TASKS: dict[str, type[Task]] = {
    task.name: task for task in (BandsTask, ChernTask, TopologyTask, HfTask, EdTask, FciTask)
}
"""Every task by its name."""

__all__ = ["TASKS", "BandsTask", "ChernTask", "EdTask", "FciTask", "HfTask", "Task", "TopologyTask"]
