"""What the commands of one point share: options of the model, and the way of a result to the screen and to disk."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from moire.errors import InputError
from moire.io import check_folder, check_target, write_record
from moire.parameters import PUBLISHED, published
from moire.sweep import ModelPoint, Request, Task, compute

Command = TypeVar("Command", bound=Callable[..., Any])


def model_options(command: Command) -> Command:
    """Add the options of a model at one point, both valleys."""
    for decorate in reversed(
        [
            click.option("--set", "set_name", default="WANG_2023", help=f"Parameter set: {', '.join(PUBLISHED)}."),
            click.option("--twist", type=float, required=True, help="Twist angle in degrees."),
            click.option("--displacement", type=float, default=0.0, help="Displacement field D in meV."),
            click.option(
                "--shells",
                type=float,
                help="Plane-wave cutoff in units of |G_1|; by default 5, and more at small angles.",
            ),
        ]
    ):
        command = decorate(command)
    return command


def valley_option(command: Command) -> Command:
    """Add the choice of a valley."""
    return click.option("--valley", type=int, default=1, help="+1 for K, -1 for K'.")(command)


def result_options(command: Command) -> Command:
    """Add the options of where a result goes."""
    result = [
        click.option("--output", type=click.Path(path_type=Path), help="Write the result to this HDF5 file."),
        click.option("--figure", type=click.Path(path_type=Path), help="Draw it to this file (needs --output)."),
    ]
    for decorate in reversed(result):
        command = decorate(command)
    return command


def point_options(command: Command) -> Command:
    """Add the options of a model of one valley at one point, and where the result goes."""
    return model_options(valley_option(result_options(command)))


def run_single(
    task: Task,
    *,
    set_name: str,
    twist: float,
    displacement: float,
    shells: float | None,
    valley: int = +1,
    output: Path | None,
    figure: Path | None,
    checkpoint: Path | None = None,
) -> None:
    """Check a task at one point, do it, print it, and write and draw it where asked."""
    if figure is not None and output is None:
        raise InputError("`output` must be given with --figure, but is missing.")
    if figure is not None:
        from moire.report.figures import check_figure_name, draw_file  # matplotlib only where something is drawn

        check_figure_name(figure)
        check_folder(figure, "figure")
    if output is not None:
        check_target(output, task.name)
    point = ModelPoint(
        parameters=published(set_name),
        twist_deg=twist,
        displacement_mev=displacement,
        plane_wave_shells=shells,
        valley=valley,
    )
    request = Request(point=point, task=task)
    request.check()
    if checkpoint is not None:
        make_folder(checkpoint, "checkpoint")
    outcome = compute(request, sys.stderr.isatty(), checkpoint)
    click.echo(outcome.text)
    if output is not None:
        write_record(output, outcome.record)
        click.echo(f"Written to {output}.")
    if figure is not None and output is not None:
        click.echo(f"Drawn to {draw_file(output, figure)}.")


def make_folder(path: Path, name: str) -> None:
    """Make a folder, or raise InputError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"`{name}` must be a folder that can be written, but {path} is not: {error}.") from None


def read_mesh(text: str, name: str) -> tuple[int, int]:
    """Read ``N1xN2``."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise InputError(f"`{name}` must read N1xN2, such as 6x6, but is '{text}'.")
    return int(parts[0]), int(parts[1])


def read_matrix(text: str, name: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """Read an enlarged cell, ``S11,S12,S21,S22``."""
    try:
        a, b, c, d = (int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"`{name}` must be sqrt3 or four integers S11,S12,S21,S22, but is '{text}'.") from None
    return (a, b), (c, d)


def read_groups(text: str) -> tuple[tuple[int, ...], ...]:
    """Read groups of bands, ``0,1,0+1``."""
    try:
        return tuple(tuple(int(band) for band in group.split("+")) for group in text.split(","))
    except ValueError:
        raise InputError(f"`groups` must be groups of bands such as 0,1,0+1, but is '{text}'.") from None
