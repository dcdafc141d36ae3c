"""The command that runs a plan."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from moire._text import printable
from moire.cli.as_typed import as_typed
from moire.cli.ranks import end_all
from moire.errors import InputError, MoireError, OutputError, on_one_line, require, writing
from moire.sweep import (
    ResultsFolder,
    Summary,
    SweepSettings,
    collect,
    estimate,
    find_communicator,
    limit_threads,
    on_leader,
    read_plan,
    run_plan,
    write_summary,
)
from moire.sweep.collect import SUMMARY
from moire.sweep.watch import Watcher


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="Results folder; results/NAME by default.")
@click.option("--plot", is_flag=True, help="Draw the figures afterwards.")
@click.option("--dry-run", is_flag=True, help="List the points with their time and memory, and stop.")
@click.option("--point-limit", type=float, help="Time in s after which a point is recorded as too long.")
@click.option("--memory-limit", type=float, help="Memory in GiB beyond which a point is recorded as too large.")
@click.option("--workers", type=int, default=0, help="Local processes, where there is no MPI.")
@click.option("--shard", default="1/1", help="Part i/n of the points, for one of n jobs.")
@click.option("--mpi/--no-mpi", default=None, help="Initialise MPI or not; by default where a launcher is found.")
def sweep(
    plan: Path,
    output: Path | None,
    plot: bool,
    dry_run: bool,
    point_limit: float | None,
    memory_limit: float | None,
    workers: int,
    shard: str,
    mpi: bool | None,
) -> None:
    """Run a PLAN (TOML), alone or under mpiexec -n N; finished points are skipped.

    Any number of these commands may share one folder.
    """
    watcher = Watcher() if mpi is not False and not dry_run else None
    communicator = None
    try:
        communicator, situation = find_communicator(mpi)
        settings = SweepSettings(
            point_limit_s=point_limit, memory_limit_gib=memory_limit, n_workers=workers, shard=_read_shard(shard)
        )
        n_failures = _sweep(plan, output, plot, dry_run, settings, communicator, situation, watcher)
    except MoireError as error:  # all ranks read the same plan and fail in the same way; only rank 0 prints the error
        if communicator is None or communicator.rank == 0:
            _complain(str(error))
        sys.exit(2)
    except BaseException as error:
        if communicator is not None:  # the other ranks would wait forever for one that leaves
            end_all(communicator, error, watcher)
        raise
    finally:
        if watcher is not None:
            watcher.done()
    if n_failures:
        sys.exit(1)


def _read_shard(text: str) -> tuple[int, int]:
    part, _, n_parts = text.partition("/")
    whole = part.isascii() and part.isdigit() and n_parts.isascii() and n_parts.isdigit()
    require(whole, "shard", "read i/n with 1 <= i <= n", f"'{text}'")
    return int(part), int(n_parts)


def _sweep(
    plan_path: Path,
    output: Path | None,
    plot: bool,
    dry_run: bool,
    settings: SweepSettings,
    communicator: Any | None,
    situation: str,
    watcher: Watcher | None,
) -> int:
    """Run a sweep on this rank; return the number of failures on rank 0 and 0 elsewhere."""
    leading = communicator is None or communicator.rank == 0
    plan = read_plan(plan_path)
    requests = plan.requests()
    folder = ResultsFolder(output or Path("results") / plan.name)
    if dry_run:
        if leading:
            click.echo(str(estimate(requests)))
        return 0
    on_leader(communicator, folder.open_for_writing)
    doing: Callable[[str], object] = str
    if watcher is not None:
        watcher.share(folder.path, communicator)
        doing = watcher.doing
    n_threads = limit_threads(communicator, max(1, settings.n_workers))
    if settings.n_workers:
        situation = f"{settings.n_workers} processes."
    if leading:
        each = " each" * (communicator is not None or settings.n_workers > 0)
        many = f"{n_threads} thread{'s' * (n_threads > 1)}{each}"
        click.echo(f"{plan.name}: {len(requests)} point{'s' * (len(requests) != 1)}. {situation} {many}.")
    requests, report = run_plan(plan, folder, communicator, _say, settings, doing)
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
                _say(f"Figure: {figure}")
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
    _say(f"Files: {folder.points}{written}")
    return bool(written) or bool(folder.read_only)


def _complain(sentence: str) -> None:
    click.echo(f"Error: {on_one_line(as_typed(sentence, sweep.params))}", err=True)


def _say(line: str) -> None:
    click.echo(printable(line))
