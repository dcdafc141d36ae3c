"""The command that writes a page of a results folder."""

from __future__ import annotations

from pathlib import Path

import click

from moire._text import Number
from moire.cli.as_typed import OptionCommand
from moire.cli.options import FILE
from moire.errors import require


@click.command(cls=OptionCommand)
@click.argument("folder", type=FILE)
@click.option("--output", type=FILE, help="Page to write; FOLDER/report.html by default.")
@click.option("--plan", type=FILE, help="Only the points of this plan; by default all of the folder.")
def report(folder: Path, output: Path | None, plan: Path | None) -> None:
    """Write one self-contained HTML page of a FOLDER: phase diagram, bands, spectra, failures, provenance."""
    from moire.report.html_page import check_page_name, write_page
    from moire.report.page_data import page_data
    from moire.sweep import ResultsFolder, read_plan

    target = output or folder / "report.html"
    check_page_name(target)
    require(folder.is_dir(), "folder", "be a results folder", f"{folder}")
    keys = None if plan is None else [request.key for request in read_plan(plan).requests()]
    data = page_data(ResultsFolder(folder), keys, progress=True)
    write_page(target, data)
    failed = f"; {len(data['failures'])} failed" if data["failures"] else ""
    size = target.stat().st_size / 2**20
    click.echo(f"Report: {target} ({len(data['points'])} points{failed}; {Number(size):.1f} MB)")
