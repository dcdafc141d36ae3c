"""The lowest level of many sectors: all are bounded, and only those that could be the lowest are solved further."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from moire._arrays import ComplexArray, FloatArray, IntArray, read_only
from moire.exact_diagonalization import Spectrum
from moire.grids import Label

BOUNDED_MEV = 0.01  # residual of a level that is not the lowest: an error of 1e-4 meV where the next is 1 meV away
Start = Callable[[Label], ComplexArray | None]


def undecided(levels: Sequence[tuple[Spectrum, Sequence[int]]], tolerance_mev: float) -> list[IntArray]:
    """Rows of each spectrum that could hold the lowest level of all, (row,), and are not solved to the tolerance.

    Parameters
    ----------
    levels
        Spectra, and for each of their rows the level that counts.
    tolerance_mev
        Residual of a level that is solved.
    """
    floors = [_floors(spectrum, np.asarray(level)) for spectrum, level in levels]
    lowest = min(float(energies.min(initial=np.inf)) for energies, _ in floors)
    return [
        np.flatnonzero((energies - residuals <= lowest) & (residuals > tolerance_mev)) for energies, residuals in floors
    ]


def finished(spectrum: Spectrum, rows: IntArray, solve: Callable[[list[Label], Start], Spectrum]) -> Spectrum:
    """The spectrum with some rows replaced by what `solve` returns for their labels, started from their vectors."""
    if not rows.size:
        return spectrum
    known = {spectrum.labels[row]: spectrum.vectors[row] for row in rows}
    finer = solve(list(known), known.get)
    place = {int(row): each for each, row in enumerate(rows)}
    both: dict[str, Any] = {}
    for name in ("converged", "stop_reason", "vectors"):
        before, after = getattr(spectrum, name), getattr(finer, name)
        both[name] = tuple(after[place[row]] if row in place else found for row, found in enumerate(before))
    for name in ("energies", "residuals"):
        values = np.array(getattr(spectrum, name))
        values[rows] = getattr(finer, name)
        both[name] = read_only(values)
    n_products = np.array(spectrum.n_products)
    n_products[rows] += finer.n_products
    return replace(spectrum, n_products=read_only(n_products), **both)


def _floors(spectrum: Spectrum, level: IntArray) -> tuple[FloatArray, FloatArray]:
    """Energy and residual of one level of each row, (row,) each; infinite and zero where there is none."""
    rows, held = np.arange(len(level)), level < spectrum.energies.shape[1]
    index = np.where(held, level, 0)
    energies, residuals = spectrum.energies[rows, index], spectrum.residuals[rows, index]
    known = held & np.isfinite(energies)
    return np.where(known, energies, np.inf), np.where(known, residuals, 0.0)
