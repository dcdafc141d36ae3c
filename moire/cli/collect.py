"""The command that writes the results of a folder as a table."""

from __future__ import annotations

from pathlib import Path

import click

from moire.cli.as_typed import OptionCommand
from moire.cli.options import FILE
from moire.errors import require
from moire.sweep import ResultsFolder, read_plan, write_table
from moire.sweep import collect as collected
from moire.sweep.table_files import check_table_file


@click.command(cls=OptionCommand)
@click.argument("folder", type=FILE)
@click.option("--to", type=FILE, required=True, help="New file: .csv, .parquet (needs pyarrow), or .h5 for all tasks.")
@click.option("--task", default="", help="The only task; needed where the folder holds several, except in .h5.")
@click.option("--plan", type=FILE, help="Only the points of this plan; by default all of the folder.")
def collect(folder: Path, to: Path, task: str, plan: Path | None) -> None:
    """Write the results in a FOLDER as a table, a row for each finished point."""
    require(folder.is_dir(), "folder", "be a results folder", f"{folder}")
    check_table_file(to)
    keys = None if plan is None else [request.key for request in read_plan(plan).requests()]
    summary = collected(ResultsFolder(folder), keys)
    write_table(to, summary, task)
    n_rows = sum(table.n_rows for name, table in summary.tables.items() if task in ("", name))
    failed = f"; {len(summary.failures)} points failed" if summary.failures else ""
    click.echo(f"Written to {to}: {n_rows} row{'s' * (n_rows != 1)}{failed}.")
