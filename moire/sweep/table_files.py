"""Tables of results in files for other programs: CSV, Parquet, HDF5."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from moire._types import checked
from moire.errors import EnvironmentMismatchError, InputError, require
from moire.io import check_folder, check_target, write_record
from moire.sweep.collect import Summary, Table

ENDINGS = (".csv", ".parquet", ".h5")


def check_table_file(path: Path) -> None:
    """Raise InputError or EnvironmentMismatchError unless a table may be written to `path`, of a known ending."""
    require(path.suffix in ENDINGS, "to", f"end in {', '.join(ENDINGS)}", f"'{path}'")
    if path.suffix == ".h5":
        check_target(path, "summary")
        return
    require(not path.exists(), "to", "be a new file", found=f"{path} exists")
    check_folder(path, "to")
    if path.suffix == ".parquet":
        _parquet()


@checked
def write_table(path: Path, summary: Summary, task: str = "") -> Path:
    """Write the tables of a summary, and return the path.

    In CSV and Parquet it is the table of one task, a row for each point. The head of a column of CSV is its name and
    unit, ``gap (meV)``, and a number that is missing is an empty cell; Parquet and HDF5 hold names, units and meanings
    apart. A file appears when it is complete.

    Parameters
    ----------
    path
        A new file that ends in ``.csv``, ``.parquet`` or ``.h5``; an earlier summary too for ``.h5``.
    summary
        The summary.
    task
        The only task; all by default, which CSV and Parquet allow for one.

    Raises
    ------
    InputError
        If the task has no finished points, or the path cannot be written.
    EnvironmentMismatchError
        If the package for the format is not installed.
    """
    path = Path(path)
    check_table_file(path)
    known = ", ".join(summary.tables) or "no task"
    rule = f"be one with finished points, of {known}"
    require(not task or task in summary.tables, "task", rule, f"'{task}'")
    chosen = {task: summary.tables[task]} if task else dict(summary.tables)
    if path.suffix != ".h5":
        rule = f"name one task for a table in {path.suffix}"
        require(len(chosen) == 1, "task", rule, found=f"the folder holds points of {known}")
    try:
        if path.suffix == ".h5":
            write_record(path, Summary(chosen, summary.failures).record())
        else:
            _write_whole(path, *chosen.values())
    except OSError as error:
        raise InputError(f"`to` must be a file that can be written, but {path} is not: {error}.") from None
    return path


def _write_whole(path: Path, table: Table) -> None:
    """Write a table to a temporary file beside `path` and move it into place."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".tmp", dir=path.parent)
    os.close(handle)
    try:
        if path.suffix == ".csv":
            with Path(temporary).open("w", newline="", encoding="utf-8") as file:
                _write_csv(file, table)
        else:
            _write_parquet(temporary, table)
        umask = os.umask(0)  # temporary files are private; a table gets the permissions of any other new file
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _write_csv(file: IO[str], table: Table) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([name + (f" ({c.unit})" if c.unit else "") for name, c in table.columns.items()])
    columns = [table[name].tolist() for name in table.columns]
    writer.writerows([_cell(value) for value in row] for row in zip(*columns, strict=True))


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if isinstance(value, float) and np.isnan(value) else value


def _write_parquet(path: str, table: Table) -> None:
    arrow, parquet = _parquet()
    fields, arrays = [], []
    for name, column in table.columns.items():
        values = arrow.array(table[name].tolist())
        described: Mapping[str, str] = {"unit": column.unit, "doc": column.doc}
        fields.append(arrow.field(name, values.type, metadata=described))
        arrays.append(values)
    parquet.write_table(arrow.Table.from_arrays(arrays, schema=arrow.schema(fields)), path)


def _parquet() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise EnvironmentMismatchError(
            "`to` must end in .csv or .h5 without pyarrow, but ends in .parquet: pip install 'moire-mote2[tables]'."
        ) from None
    return pyarrow, pyarrow.parquet
