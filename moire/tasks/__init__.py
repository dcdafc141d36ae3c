"""Tasks: one computation at one point, each a frozen set of options that knows how to check and compute itself."""

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

__all__ = ["TASKS", "BandsTask", "ChernTask", "EdTask", "FciTask", "HfTask", "ModelPoint", "Task", "TopologyTask"]
