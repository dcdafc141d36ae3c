"""The command that tells how far a results folder is."""

from __future__ import annotations

from pathlib import Path

import click

from moire.cli.as_typed import OptionCommand
from moire.sweep import ResultsFolder, folder_status, read_plan


@click.command(cls=OptionCommand)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="Results folder of a plan; results/NAME by default.")
def status(path: Path, output: Path | None) -> None:
    """Points of a results folder, or of a PLAN (TOML), that are done, failed, running and waiting.

    While sweeps run, their machines, rate and time left are printed. No result is opened.
    """
    if path.suffix == ".toml":
        plan = read_plan(path)
        folder = ResultsFolder(output or Path("results") / plan.name)
        click.echo(f"{folder.path}: {folder_status(folder, plan.requests())}")
        return
    click.echo(f"{path}: {folder_status(ResultsFolder(path))}")
