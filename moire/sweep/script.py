"""Run of a plan file from a script, alone or under mpiexec."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from moire._shown import Shown
from moire._types import checked
from moire.ranks import find_communicator, limit_threads, on_leader
from moire.sweep.boundaries import run_plan
from moire.sweep.collect import Summary, collect
from moire.sweep.folder import ResultsFolder
from moire.sweep.plan import Plan, read_plan
from moire.sweep.progress import SweepReport
from moire.sweep.watch import Watcher
from moire.tasks.request import Request


@checked
@dataclass(frozen=True)
class FinishedPlan(Shown):
    """A plan whose requests have been run: the plan, its folder, all requests, and the report on them."""

    plan: Plan
    folder: ResultsFolder
    requests: tuple[Request, ...]
    report: SweepReport

    @property
    def keys(self) -> list[str]:
        """Keys of the requests."""
        return [request.key for request in self.requests]

    def summary(self) -> Summary:
        """Tables of the finished points by task."""
        return collect(self.folder, self.keys)


@checked
def run_plan_file(path: Path, output: Path | None = None) -> FinishedPlan | None:
    """Run a plan with its refinement over all ranks; finished points are skipped.

    Parameters
    ----------
    path
        Plan in TOML.
    output
        Results folder; ``results/NAME`` by default.

    Returns
    -------
    FinishedPlan
        On rank 0; None on the other ranks.

    Raises
    ------
    InputError
        If the plan cannot be read, or a request of it cannot be computed.
    """
    plan = read_plan(path)
    plan.requests()  # raises before a folder is created
    folder = ResultsFolder(output or Path("results") / plan.name)
    watcher = Watcher()
    communicator, situation = find_communicator()
    on_leader(communicator, folder.open_for_writing)
    watcher.share(folder.path, communicator)
    limit_threads(communicator)
    if communicator is None or communicator.rank == 0:
        print(situation)
    requests, report = run_plan(plan, folder, communicator, doing=watcher.doing)
    watcher.done()
    if communicator is not None and communicator.rank:
        return None
    print(report)
    return FinishedPlan(plan, folder, requests, report)
