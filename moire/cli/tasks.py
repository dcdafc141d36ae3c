"""A command for every task, with the options of the task, of the point, and of the output."""

from __future__ import annotations

import inspect
import logging
from pathlib import Path
from typing import Any

import click

from moire.cli.as_typed import OptionCommand
from moire.cli.options import FILE, point_options, result_options, taken_point, task_options
from moire.cli.ranks import leader_alone, together
from moire.errors import InputError, require, writing
from moire.io import check_folder, check_target, write_record
from moire.ranks import find_communicator, limit_threads, on_leader
from moire.resources import fits_in_memory, human_bytes, logger
from moire.tasks import TASKS, ModelPoint, Task
from moire.tasks.compute import Outcome, compute
from moire.tasks.request import Request


def task_command(task: type[Task]) -> click.Command:
    """Return the command of a task."""
    resumes = "checkpoint" in task.takes
    checkpoint = click.Option(["--checkpoint"], type=FILE, help="Folder for finished parts, from which a run resumes.")

    shares = "communicator" in task.takes
    distribute = click.Option(
        ["--distribute/--no-distribute"],
        default=None,
        help="Spread each sector over the ranks of mpiexec; by default where one rank cannot hold it.",
    )

    def run(
        output: Path | None,
        figure: Path | None,
        checkpoint: Path | None = None,
        distribute: bool | None = None,
        **options: Any,
    ) -> None:
        if resumes:
            logger = logging.getLogger("moire")
            logger.setLevel(min(logger.level, logging.INFO))  # the memory is printed for one point, not in a sweep
        point = taken_point(options)
        run_task(task(**options), point, output, figure, checkpoint, distribute)

    text = inspect.getdoc(task) or ""
    return OptionCommand(
        task.name,
        callback=run,
        help=text + (" Resumes from its checkpoint." if resumes else ""),
        params=[
            *point_options(task.of_one_valley),
            *task_options(task),
            *([checkpoint] if resumes else []),
            *([distribute] if shares else []),
            *result_options(),
        ],
    )


def run_task(
    task: Task,
    point: ModelPoint,
    output: Path | None,
    figure: Path | None,
    checkpoint: Path | None = None,
    distribute: bool | None = None,
) -> None:
    """Check and compute a task at one point; print the result, and write and draw it if requested.

    Under mpiexec a task that ranks can share is computed by all of them, or by rank 0 while the others wait.
    """
    communicator = find_communicator()[0] if "communicator" in task.takes else None
    many = communicator is not None or not distribute
    require(many, "distribute", "be given to several ranks, as by `mpiexec -n 4`", found="is given to one process")
    request = Request(point=point, task=task)
    with together(communicator):
        on_leader(communicator, lambda: _check(request, output, figure, checkpoint))
        if communicator is not None and on_leader(communicator, lambda: _is_shared(request, distribute)):
            limit_threads(communicator)
            outcome = compute(request, communicator.rank == 0, checkpoint, communicator)
            if communicator.rank == 0:
                _tell(outcome, output, figure)
            return
        with leader_alone(communicator) as leading:
            if leading:
                _tell(compute(request, progress=True, checkpoint=checkpoint), output, figure)


def _check(request: Request, output: Path | None, figure: Path | None, checkpoint: Path | None) -> None:
    if figure is not None:
        if output is None:
            raise InputError("`output` must be given with --figure, but is missing.")
        from moire.report.figures import check_figure_name  # matplotlib only where something is drawn

        check_figure_name(figure)
        check_folder(figure, "figure")
    if output is not None:
        check_target(output, request.task.name)
    request.check()
    if checkpoint is not None:
        _make_folder(checkpoint)


def _is_shared(request: Request, distribute: bool | None) -> bool:
    """Whether ranks share the sectors: on request, or because one rank cannot hold the largest."""
    needed = request.task.memory(request.point)
    fits = fits_in_memory(needed)
    shared = not fits if distribute is None else distribute
    if not shared:
        logger.info("Rank 0 works alone and needs about %s; --distribute spreads its sectors.", human_bytes(needed))
    return shared


def _tell(outcome: Outcome, output: Path | None, figure: Path | None) -> None:
    click.echo(outcome.text)
    if output is not None:
        with writing(output):
            write_record(output, outcome.record)
        click.echo(f"Written to {output}.")
    if figure is not None and output is not None:
        from moire.report.figures import draw_file

        click.echo(f"Drawn to {draw_file(output, figure)}.")


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"`checkpoint` must be a folder that can be written, but {path} is not: {error}.") from None


def __getattr__(name: str) -> click.Command:
    if name not in TASKS:
        raise AttributeError(name)
    return task_command(TASKS[name])
