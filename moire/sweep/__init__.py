"""Sweeps: plans, requests distributed over ranks, one file per point, and a summary."""

from moire.ranks import find_communicator, limit_threads, on_leader
from moire.sweep.boundaries import refine_boundaries, run_plan
from moire.sweep.boundary_points import midpoints
from moire.sweep.collect import Summary, Table, collect, write_summary
from moire.sweep.estimate import Estimate, Estimates, estimate
from moire.sweep.folder import ResultsFolder
from moire.sweep.load import TaskArrays, load_sweep
from moire.sweep.parameter_file import read_parameters
from moire.sweep.plan import Plan, parse_plan, read_plan
from moire.sweep.point import run_point
from moire.sweep.progress import SweepReport
from moire.sweep.run import SweepSettings, run_sweep
from moire.sweep.script import FinishedPlan, run_plan_file
from moire.sweep.simulation import Simulation, simulate
from moire.sweep.status import FolderStatus, folder_status
from moire.sweep.table_files import write_table
from moire.tasks import TASKS, BandsTask, ChernTask, EdTask, FciTask, HfTask, Task, TopologyTask
from moire.tasks.compute import Outcome, compute
from moire.tasks.point import ModelPoint
from moire.tasks.request import Request

__all__ = [
    "TASKS",
    "BandsTask",
    "ChernTask",
    "EdTask",
    "Estimate",
    "Estimates",
    "FciTask",
    "FinishedPlan",
    "FolderStatus",
    "HfTask",
    "ModelPoint",
    "Outcome",
    "Plan",
    "Request",
    "ResultsFolder",
    "Simulation",
    "Summary",
    "SweepReport",
    "SweepSettings",
    "Table",
    "Task",
    "TaskArrays",
    "TopologyTask",
    "collect",
    "compute",
    "estimate",
    "find_communicator",
    "folder_status",
    "limit_threads",
    "load_sweep",
    "midpoints",
    "on_leader",
    "parse_plan",
    "read_parameters",
    "read_plan",
    "refine_boundaries",
    "run_plan",
    "run_plan_file",
    "run_point",
    "run_sweep",
    "simulate",
    "write_summary",
    "write_table",
]
