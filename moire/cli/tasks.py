"""A command for every task, with the options of the task, of the point, and of the output."""

from __future__ import annotations

import inspect
import logging
from pathlib import Path
from typing import Any

import click

from moire.cli.as_typed import OptionCommand
from moire.cli.options import FILE, point_options, result_options, taken_point, task_options
from moire.errors import InputError, writing
from moire.io import check_folder, check_target, write_record
from moire.tasks import TASKS, ModelPoint, Task
from moire.tasks.compute import compute
from moire.tasks.request import Request


def task_command(task: type[Task]) -> click.Command:
    """Return the command of a task."""
    resumes = "checkpoint" in task.takes
    checkpoint = click.Option(["--checkpoint"], type=FILE, help="Folder for finished parts, from which a run resumes.")

    def run(output: Path | None, figure: Path | None, checkpoint: Path | None = None, **options: Any) -> None:
        if resumes:
            logger = logging.getLogger("moire")
            logger.setLevel(min(logger.level, logging.INFO))  # the memory is printed for one point, not in a sweep
        point = taken_point(options)
        run_task(task(**options), point, output, figure, checkpoint)

    text = inspect.getdoc(task) or ""
    return OptionCommand(
        task.name,
        callback=run,
        help=text + (" Resumes from its checkpoint." if resumes else ""),
        params=[
            *point_options(task.of_one_valley),
            *task_options(task),
            *([checkpoint] if resumes else []),
            *result_options(),
        ],
    )


def run_task(
    task: Task, point: ModelPoint, output: Path | None, figure: Path | None, checkpoint: Path | None = None
) -> None:
    """Check and compute a task at one point; print the result, and write and draw it if requested."""
    if figure is not None:
        if output is None:
            raise InputError("`output` must be given with --figure, but is missing.")
        from moire.report.figures import check_figure_name, draw_file  # matplotlib only where something is drawn

        check_figure_name(figure)
        check_folder(figure, "figure")
    if output is not None:
        check_target(output, task.name)
    request = Request(point=point, task=task)
    request.check()
    if checkpoint is not None:
        _make_folder(checkpoint)
    outcome = compute(request, progress=True, checkpoint=checkpoint)
    click.echo(outcome.text)
    if output is not None:
        with writing(output):
            write_record(output, outcome.record)
        click.echo(f"Written to {output}.")
    if figure is not None and output is not None:
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
