"""Tables of band energies as other programs write them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from moire._arrays import FloatArray
from moire._types import checked
from moire.errors import FileFormatError, InputError, require
from moire.lattice import MoireLattice

UNITS = {"meV": 1.0, "eV": 1000.0}
_CARTESIAN, _REDUCED = ("kx", "ky"), ("k1", "k2")


@checked
def read_band_table(
    path: Path | str, lattice: MoireLattice, *, unit: str = "meV", n_bands: int | None = None
) -> tuple[FloatArray, FloatArray]:
    """Energies and momenta from a text file of comma-separated values.

    The first line names the columns: ``kx, ky`` in 1/nm, or ``k1, k2`` in units of b_1 and b_2, and then one column
    for each band, in any order. Lines that begin with # are comments, and an empty cell is an unknown energy.

    Parameters
    ----------
    path
        The file.
    lattice
        Moire lattice, for reduced momenta.
    unit
        Unit of the energies, meV or eV.
    n_bands
        Bands to keep from the top; all by default.

    Returns
    -------
    energies, momenta
        (k, band) in meV, the top band first and unknown energies (NaN) last; (k, 2) in 1/nm.

    Raises
    ------
    FileFormatError
        If the file cannot be read as such a table.
    InputError
        If the unit is unknown, or fewer bands are there than are asked for.
    """
    require(unit in UNITS, "unit", f"be one of {', '.join(UNITS)}", unit)
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8") as text:
            lines = [line for line in text if line.strip() and not line.lstrip().startswith("#")]
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"`{path}` must be a table of energies, but cannot be read: {error}.") from None
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines)]
    head = [name.lower() for name in rows[0]] if rows else []
    if len(rows) < 2:
        raise FileFormatError(f"`{path}` must hold a table of energies, but is empty.")
    if len(head) < 3 or tuple(head[:2]) not in (_CARTESIAN, _REDUCED):
        raise FileFormatError(
            f"`{path}` must have the columns kx,ky or k1,k2 and one for each band, but has {','.join(rows[0])!r}."
        )
    values = np.array([_numbers(path, i, row, len(head)) for i, row in enumerate(rows[1:], start=1)])
    momenta, energies = values[:, :2], UNITS[unit] * values[:, 2:]
    if not np.isfinite(momenta).all():
        raise FileFormatError(f"`{path}` must have momenta in every line, but lacks some.")
    energies = -np.sort(-energies, axis=1)  # NaN last
    if n_bands is not None:
        if not 1 <= n_bands <= energies.shape[1]:
            raise InputError(f"`n_bands` must lie in 1..{energies.shape[1]}, the columns of {path}, but is {n_bands}.")
        energies = energies[:, :n_bands]
    return energies, momenta if tuple(head[:2]) == _CARTESIAN else momenta @ lattice.reciprocal


def _numbers(path: Path, i: int, row: list[str], width: int) -> list[float]:
    """Numbers of a line of the table; NaN for an empty cell."""
    if len(row) != width:
        raise FileFormatError(f"`{path}` must have {width} cells in every line, but line {i} has {len(row)}.")
    try:
        numbers = [float(cell) if cell else np.nan for cell in row]
    except ValueError as error:
        raise FileFormatError(f"`{path}` must hold numbers, but line {i} does not: {error}.") from None
    if np.isinf(numbers).any():
        raise FileFormatError(f"`{path}` must hold finite numbers, but line {i} does not.")
    return numbers
