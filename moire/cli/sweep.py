"""The command that runs a plan."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any

import click

from moire.cli.as_typed import as_typed
from moire.errors import MoireError, on_one_line
from moire.sweep import (
    ResultsFolder,
    collect,
    estimate,
    find_communicator,
    limit_threads,
    on_leader,
    read_plan,
    run_plan,
    write_summary,
)


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="Results folder; results/NAME by default.")
@click.option("--plot", is_flag=True, help="Draw the figures afterwards.")
@click.option("--dry-run", is_flag=True, help="List the points with their time and memory, and stop.")
def sweep(plan: Path, output: Path | None, plot: bool, dry_run: bool) -> None:
    """Run a PLAN (TOML), alone or under mpiexec -n N; finished points are skipped."""
    communicator, situation = find_communicator()
    leading = communicator is None or communicator.rank == 0
    try:
        n_failed = _sweep(plan, output, plot, dry_run, communicator, situation if leading else "")
    except MoireError as error:  # all ranks read the same plan and fail in the same way; only rank 0 prints the error
        if leading:
            click.echo(f"Error: {on_one_line(as_typed(str(error), sweep.params))}", err=True)
        sys.exit(2)
    except BaseException as error:
        if communicator is not None:  # the other ranks would wait forever for one that leaves
            if not isinstance(error, KeyboardInterrupt | SystemExit):
                traceback.print_exc()
            communicator.Abort(130 if isinstance(error, KeyboardInterrupt) else 1)
        raise
    if n_failed:
        sys.exit(1)


def _sweep(
    plan_path: Path, output: Path | None, plot: bool, dry_run: bool, communicator: Any | None, situation: str
) -> int:
    """Run a sweep on this rank; return the number of failed points on rank 0 and 0 elsewhere."""
    leading = communicator is None or communicator.rank == 0
    plan = read_plan(plan_path)
    requests = plan.requests()
    folder = ResultsFolder(output or Path("results") / plan.name)
    if dry_run:
        if leading:
            click.echo(str(estimate(requests)))
        return 0
    on_leader(communicator, folder.open_for_writing)
    n_threads = limit_threads(communicator)
    if leading:
        click.echo(f"{plan.name}: {len(requests)} points. {situation} {n_threads} threads each.")
    requests, report = run_plan(plan, folder, communicator, say=click.echo)
    keys = [request.key for request in requests]
    summary = on_leader(communicator, lambda: collect(folder, keys))
    if leading:
        click.echo(f"{report}\n\n{summary}\n")
        click.echo(f"Files: {folder.points}, summary: {write_summary(folder, summary)}")
    if plot:
        from moire.report.figures import draw_folder  # matplotlib only where something is drawn

        for figure in draw_folder(folder, summary, folder.path / "figures", keys, communicator):
            click.echo(f"Figure: {figure}")
    return len(report.failures) if leading else 0
