"""The command that runs a plan."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any

import click

from moire.cli.as_typed import as_typed
from moire.errors import InputError, MoireError, OutputError, writing
from moire.sweep import (
    ResultsFolder,
    Summary,
    collect,
    find_communicator,
    limit_threads,
    on_leader,
    read_plan,
    run_plan,
    write_summary,
)
from moire.sweep.collect import SUMMARY


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="Results folder; results/NAME by default.")
@click.option("--plot", is_flag=True, help="Draw the figures afterwards.")
@click.option("--dry-run", is_flag=True, help="List the points and stop.")
def sweep(plan: Path, output: Path | None, plot: bool, dry_run: bool) -> None:
    """Run a PLAN (TOML), alone or under mpiexec -n N; finished points are skipped."""
    communicator, situation = find_communicator()
    leading = communicator is None or communicator.rank == 0
    try:
        n_failures = _sweep(plan, output, plot, dry_run, communicator, situation if leading else "")
    except MoireError as error:  # all ranks read the same plan and fail in the same way; only rank 0 prints the error
        if leading:
            _complain(str(error))
        sys.exit(2)
    except BaseException as error:
        if communicator is not None:  # the other ranks would wait forever for one that leaves
            if not isinstance(error, KeyboardInterrupt | SystemExit):
                traceback.print_exc()
            communicator.Abort(130 if isinstance(error, KeyboardInterrupt) else 1)
        raise
    if n_failures:
        sys.exit(1)


def _sweep(
    plan_path: Path, output: Path | None, plot: bool, dry_run: bool, communicator: Any | None, situation: str
) -> int:
    """Run a sweep on this rank; return the number of failures on rank 0 and 0 elsewhere."""
    leading = communicator is None or communicator.rank == 0
    plan = read_plan(plan_path)
    requests = plan.requests()
    folder = ResultsFolder(output or Path("results") / plan.name)
    if dry_run:
        if leading:
            click.echo("\n".join(f"{request.key}  {request.title}" for request in requests))
        return 0
    on_leader(communicator, folder.open_for_writing)
    n_threads = limit_threads(communicator)
    if leading:
        click.echo(f"{plan.name}: {len(requests)} points. {situation} {n_threads} threads each.")
    requests, report = run_plan(plan, folder, communicator, say=click.echo)
    keys = [request.key for request in requests]
    n_problems = report.n_unfinished
    if leading:
        click.echo(f"{report}\n")
        for path in report.missing:
            _complain(f"`{path}` must be there after the sweep, but is missing; the same command computes it.")
    try:
        summary = on_leader(communicator, lambda: collect(folder, keys))
        if leading:
            click.echo(f"{summary}\n")
            n_problems += not _write_summary(folder, summary)
        if plot:
            from moire.report.figures import draw_folder  # matplotlib only where something is drawn

            for figure in draw_folder(folder, summary, folder.path / "figures", keys, communicator):
                click.echo(f"Figure: {figure}")
    except (InputError, OutputError) as error:  # nothing to show, or no place for figures: the points are kept
        if leading:
            _complain(str(error))
        n_problems += 1
    return n_problems if leading else 0


def _write_summary(folder: ResultsFolder, summary: Summary) -> bool:
    """Write the summary, unless the folder is read-only, and print the line of files; False if it failed."""
    path = folder.path / SUMMARY
    written = ""
    try:
        if not folder.read_only:
            with writing(path):
                folder.path.stat()  # a folder that was removed is not made again
                written = f", summary: {write_summary(folder, summary)}"
    except OutputError as error:
        _complain(str(error))
    click.echo(f"Files: {folder.points}{written}")
    return bool(written) or bool(folder.read_only)


def _complain(sentence: str) -> None:
    click.echo(f"Error: {as_typed(sentence, sweep.params)}", err=True)
