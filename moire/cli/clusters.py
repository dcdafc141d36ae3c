"""Commands for clusters, and for exports of the Hamiltonian to other codes."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from moire.cli.as_typed import OptionCommand
from moire.cli.options import FILE, point_options, taken_point, task_options
from moire.errors import InputError, require, writing
from moire.exact_diagonalization import PairHamiltonian, carriers_on, suggest_clusters
from moire.io import check_folder, check_target, hamiltonian_record, write_diagham, write_fcidump, write_record
from moire.tasks import EdTask
from moire.tasks.interaction import ProjectionOptions
from moire.tasks.request import Request


@click.command(cls=OptionCommand)
@click.option("--filling", required=True, help="Holes per cell, such as -2/3.")
@click.option("--max-sites", type=int, default=36, help="Largest number of cells.")
@click.option("--min-sites", type=int, default=6, help="Smallest number of cells.")
@click.option("--rows", type=int, default=20, help="Rows of the table.")
def clusters(filling: str, max_sites: int, min_sites: int, rows: int) -> None:
    """Clusters commensurate with a filling, roundest first, with symmetry, momenta, dimension and memory."""
    require(rows >= 1, "rows", "be at least 1", rows)
    click.echo(suggest_clusters(filling, max_sites, min_sites).table(rows))


_PROJECTION = ("cluster", "epsilon_r", *(field.name for field in fields(ProjectionOptions)))
_FILLING = "Such as -2/3: an FCIDUMP needs it for its number of carriers; only with this format."
_LAYOUTS = click.Choice(["hdf5", "fcidump", "diagham"])


def _export(layout: str, output: Path, filling: str, **options: Any) -> None:
    """Hamiltonian of bands of one valley or of both for other codes; diagham takes one band of one valley."""
    named = filling and layout != "fcidump"
    require(not named, "filling", "be left out of all formats except fcidump, which names it", f"'{filling}'")
    missing = not filling and layout == "fcidump"
    require(not missing, "filling", "be given for fcidump, which names the number of carriers", found="is missing")
    point = taken_point(options)
    task = EdTask(filling=filling or "1", **options)
    Request(point=point, task=task).check()
    single = task.n_bands == 1 and task.valleys == "one"
    found = f"keep {task.n_bands} of {task.valleys} valley{'s' if task.valleys == 'both' else ''}"
    require(single or layout != "diagham", "n_bands", "be one band of one valley for diagham", found=found)
    one_body = output.with_name(output.name + ".onebody")
    if layout == "hdf5":
        check_target(output, "hamiltonian")
    else:
        for path in (output, one_body) if layout == "diagham" else (output,):
            if path.exists():
                raise InputError(f"`output` must be a new file, but {path} exists.")
        check_folder(output, "output")
    problem = task.problem(point)
    hamiltonian = PairHamiltonian.from_problem(problem)
    if layout == "hdf5":
        with writing(output):
            write_record(output, hamiltonian_record(hamiltonian))
    elif layout == "fcidump":
        n_bands = problem.orbitals.n_flavours * problem.orbitals.n_bands
        write_fcidump(hamiltonian, output, carriers_on(problem.grid, filling, n_bands))
    else:
        write_diagham(hamiltonian, output, one_body)
    click.echo(f"{problem}\nWritten to {output}.")


export = OptionCommand(
    "export",
    callback=_export,
    help=_export.__doc__,
    params=[
        *point_options(one_valley=True),
        *task_options(EdTask, only=_PROJECTION),
        click.Option(["--filling"], default="", help=_FILLING),
        click.Option(["--format", "layout"], type=_LAYOUTS, default="hdf5", help="Layout."),
        click.Option(["--output"], type=FILE, required=True, help="File; diagham adds .onebody beside it."),
    ],
)
