"""Commands that show and plot stored results."""

from __future__ import annotations

from pathlib import Path

import click

from moire._text import printable
from moire.cli.as_typed import OptionCommand
from moire.io.hdf5 import check_folder, read_record


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
def show(path: Path) -> None:
    """Print the contents of a FILE or a results folder."""
    if path.is_dir():
        from moire.sweep import ResultsFolder, collect  # not needed for a file

        click.echo(str(collect(ResultsFolder(path))))
        return
    record = read_record(path)
    click.echo(printable(f"{record.kind}: {record.attributes.get('title', path.name)}"))
    for name, value in record.attributes.items():
        click.echo(printable(f"  {name:>14}  {value}", kept="\n"))  # a traceback has many lines
    for name, dataset in record.datasets.items():
        values = dataset.values
        size = f"{values.shape} {values.dtype}" if getattr(values, "shape", ()) else f"= {values}"
        click.echo(printable(f"  {name:<28} {size} {dataset.unit}  {' '.join(dataset.dims)}  {dataset.doc}"))


@click.command(cls=OptionCommand)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="Figure file, or folder for a results folder.")
def plot(path: Path, output: Path | None) -> None:
    """Draw a FILE or a results folder."""
    from moire.report.figures import draw_file, draw_folder
    from moire.sweep import ResultsFolder, collect

    if path.is_dir():
        folder = ResultsFolder(path)
        for figure in draw_folder(folder, collect(folder), output or path / "figures"):
            click.echo(f"Figure: {figure}")
    else:
        target = output or path.with_suffix(".png")
        check_folder(target, "output")
        click.echo(f"Figure: {draw_file(path, target)}")
