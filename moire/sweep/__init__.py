"""Sweeps: a plan becomes requests, ranks take them, each leaves one file, a summary gathers them."""

from moire.sweep.collect import Summary, Table, collect, write_summary
from moire.sweep.communicator import find_communicator, limit_threads, on_leader
from moire.sweep.folder import ResultsFolder
from moire.sweep.plan import Plan, parse_plan, read_plan
from moire.sweep.request import TASKS, BandsTask, ChernTask, EdTask, ModelPoint, Request, Task, TopologyTask
from moire.sweep.run import SweepReport, run_point, run_sweep
from moire.sweep.tasks import Outcome, compute

__all__ = [
    "TASKS",
    "BandsTask",
    "ChernTask",
    "EdTask",
    "ModelPoint",
    "Outcome",
    "Plan",
    "Request",
    "ResultsFolder",
    "Summary",
    "SweepReport",
    "Table",
    "Task",
    "TopologyTask",
    "collect",
    "compute",
    "find_communicator",
    "limit_threads",
    "on_leader",
    "parse_plan",
    "read_plan",
    "run_point",
    "run_sweep",
    "write_summary",
]
